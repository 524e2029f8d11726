// The archives of an exchange: which files are published at a time, and their zips, made when they are first
// asked for and kept.

import { DAY_MS, HOUR_MS } from '../../src/core/calendar.ts'
import type { DatasetName } from '../../src/core/series.ts'
import { type Edition, knownZipBytes, zipParts } from './archive-content.ts'
import { csvRenderers, type Headers } from './archive-csv.ts'
import {
  type ArchiveFile,
  type ArchiveFolder,
  archiveFolders,
  fileOf,
  filesOf,
  finishedRows,
  hasRows,
} from './archive-files.ts'
import { type ArchiveFaults, type ArchiveRule, publicationOf } from './archive-rules.ts'
import { lengthOf } from './archive-zip.ts'
import type { SymbolSpec } from './symbol-spec.ts'

export type ArchiveOptions = {
  /** How long after the end of its day a file is published; nine hours. */
  readonly dailyDelayMs?: number
  /** How long after the end of its month; three days. */
  readonly monthlyDelayMs?: number
  /** As the real ones have them, where it is not given. */
  readonly headers?: Headers
}

/** A file that is there, as it is published at a time. */
export type PublishedFile = {
  readonly file: ArchiveFile
  readonly publishedAtMs: number
  /** Later than that where it was published anew. */
  readonly modifiedAtMs: number
}

export type Zip = {
  readonly parts: readonly Uint8Array[]
  readonly bytes: number
  readonly sha256: string
}

export type Shelf = {
  /** Every folder that may hold files, in the order of a listing. */
  readonly folders: readonly ArchiveFolder[]
  /** The published files of a folder, oldest first. */
  published(folder: ArchiveFolder, faults: ArchiveFaults, nowMs: number): Generator<PublishedFile>
  /** The published file with this key. */
  find(key: string, faults: ArchiveFaults, nowMs: number): PublishedFile | null
  /** The zip with these changes in it. */
  zip(published: PublishedFile, changes: readonly ArchiveRule[]): Promise<Zip>
  /** The size of that zip, which is made only where it must be. */
  bytes(published: PublishedFile, changes: readonly ArchiveRule[]): Promise<number>
}

const DAILY_DELAY_MS = 9 * HOUR_MS
const MONTHLY_DELAY_MS = 3 * DAY_MS
/** Bytes of zips that are kept; the ones kept longest go first. */
const ZIPS_KEPT_BYTES = 512 * 1024 * 1024

/** The archives of these symbols. */
export function startShelf(specs: readonly SymbolSpec[], options: ArchiveOptions = {}): Shelf {
  const delays = {
    daily: options.dailyDelayMs ?? DAILY_DELAY_MS,
    monthly: options.monthlyDelayMs ?? MONTHLY_DELAY_MS,
  }
  const folders = archiveFolders(specs, Object.keys(csvRenderers) as DatasetName[])
  const byPath = new Map(folders.map((folder) => [folder.path, folder]))
  const zips = startZips(options.headers ?? 'real')
  const asPublished = (file: ArchiveFile, faults: ArchiveFaults, nowMs: number): PublishedFile | null => {
    const { folder } = file
    const publication = publicationOf(faults, file.key, delays[folder.frequency], nowMs)
    if (publication === null) return null
    const publishedAtMs = file.span.endMs + publication.delayMs
    if (publishedAtMs > nowMs || !hasRows(folder, finishedRows(file, publishedAtMs))) return null
    return { file, publishedAtMs, modifiedAtMs: Math.max(publishedAtMs, publication.renewedAtMs) }
  }
  return {
    folders,
    *published(folder, faults, nowMs) {
      for (const file of filesOf(folder, nowMs)) {
        const published = asPublished(file, faults, nowMs)
        if (published) yield published
      }
    },
    find(key, faults, nowMs) {
      const folder = byPath.get(key.slice(0, key.lastIndexOf('/') + 1))
      const file = folder && fileOf(folder, key)
      return file ? asPublished(file, faults, nowMs) : null
    },
    ...zips,
  }
}

function startZips(headers: Headers): Pick<Shelf, 'zip' | 'bytes'> {
  const kept = new Map<string, Promise<Zip>>()
  const sizes = new Map<string, number>()
  let keptBytes = 0
  const forgetOldest = async (): Promise<void> => {
    for (const [key, zip] of kept) {
      if (keptBytes <= ZIPS_KEPT_BYTES || kept.size === 1) return
      if (kept.delete(key)) keptBytes -= (await zip).bytes
    }
  }
  const keep = async (key: string, making: Promise<Zip>): Promise<Zip> => {
    kept.set(key, making)
    making.catch(() => kept.delete(key))
    const made = await making
    sizes.set(key, made.bytes)
    keptBytes += made.bytes
    await forgetOldest()
    return made
  }
  const zip: Shelf['zip'] = (published, changes) => {
    const key = editionKey(published, changes)
    return kept.get(key) ?? keep(key, makeZip({ ...published, headers, changes }))
  }
  const bytes: Shelf['bytes'] = async (published, changes) =>
    knownZipBytes({ ...published, headers, changes }) ??
    sizes.get(editionKey(published, changes)) ??
    (await zip(published, changes)).bytes
  return { zip, bytes }
}

async function makeZip(edition: Edition): Promise<Zip> {
  const parts = await zipParts(edition)
  const hasher = new Bun.CryptoHasher('sha256')
  for (const part of parts) hasher.update(part)
  return { parts, bytes: lengthOf(parts), sha256: hasher.digest('hex') }
}

/** Says which version of a file this is: equal only for equal contents. */
export function editionKey(published: PublishedFile, changes: readonly ArchiveRule[]): string {
  const { file, publishedAtMs, modifiedAtMs } = published
  return `${file.key} ${publishedAtMs} ${modifiedAtMs} ${JSON.stringify(changes)}`
}
