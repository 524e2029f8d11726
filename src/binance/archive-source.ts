// The archives as a source of rows: what is published, and a file's rows once it was compared with its
// checksum. A file that is no good is an error of its own, so that the caller can take the rows from
// elsewhere.
import type { ArchiveFile, ArchivePiece, ArchiveSource, OpenArchive } from '../core/archive.ts'
import type { ArchiveShape, Dataset } from '../core/dataset.ts'
import type { Tell } from '../core/events.ts'
import type { DatasetName, Market, Series } from '../core/series.ts'
import type { Span } from '../core/span.ts'
import { MalformedError, RefusedError } from '../errors.ts'
import type { World } from '../world.ts'
import { ArchiveClient, type ArchiveUrls } from './archive-client.ts'
import { Downloads, type HeldZip } from './archive-download.ts'
import { listFiles, listFolders } from './archive-listing.ts'
import * as paths from './archive-paths.ts'
import { CsvScanner } from './csv.ts'
import { judgedPiece, type PieceForm, pieceForm } from './csv-pieces.ts'
import { memberBytes } from './inflate.ts'
import { Turns } from './turns.ts'
import { type ZipMember, zipMember } from './zip.ts'

/** A checksum has some 100 bytes. */
const CHECKSUM_BYTES = 4_096

/**
 * So many bytes of CSV make garbage that is worth tidying up: left to itself, the collector lets several
 * times as much pile up. It costs a tenth of the time that it takes to read them.
 */
const TIDY_BYTES = 8 * 1024 * 1024

/**
 * Files that are read at once, each with a block of bytes and rows in hand. One is inflated while another is
 * looked at; more would only take memory, since one thread looks at all of them.
 */
const READ_AT_ONCE = 2

/** How often a file is downloaded that is not what its checksum says. */
const CHECKSUM_TRIES = 2

export type ArchiveOptions = {
  readonly urls: ArchiveUrls
  readonly tell: Tell
  /** The dataset of that name. */
  readonly dataset: (name: DatasetName) => Dataset
  /** Whether others have the rows too, so that a host that has never answered is given up soon. */
  readonly optional?: boolean
}

/** The archives of the exchange. */
export function archiveSource(world: World, options: ArchiveOptions): ArchiveSource {
  const { urls, tell, dataset, optional = false } = options
  const client = new ArchiveClient(world, { urls, tell, optional })
  const downloads = new Downloads(world, client, tell)
  const tidy = tidyEvery(TIDY_BYTES, world)
  const readers = new Turns(READ_AT_ONCE)
  const shapeOf = (market: Market, name: DatasetName): ArchiveShape | null =>
    dataset(name).archive?.(market) ?? null

  async function checksum(file: ArchiveFile): Promise<string> {
    return client.text(paths.checksumKey(file.key), CHECKSUM_BYTES, (text) => readChecksum(text, file.key))
  }

  return {
    name: 'archive',
    checksum,
    async list(series, span) {
      const shape = shapeOf(series.market, series.dataset)
      if (!shape || span.startMs >= span.endMs) return []
      const units = shape.daily(series.period) ? (['day', 'month'] as const) : (['month'] as const)
      const found = await Promise.all(units.map((unit) => listUnit(client, series, shape, unit, span)))
      return found.flat()
    },
    async open(series, file) {
      const shape = shapeOf(series.market, series.dataset)
      if (!shape) throw new Error(`no archives hold ${series.dataset} of ${series.market}`)
      const form = pieceForm(dataset(series.dataset), dataset(series.dataset).table(series), shape)
      for (let tries = 1; ; tries += 1) {
        const due = await checksum(file)
        const zip = await downloads.take(file)
        if (zip.sha256 === due) return opened({ world, form, file, zip, tidy, readers })
        await zip.close()
        const reason = `the sha256 of ${file.key} is ${zip.sha256}, and its .CHECKSUM says ${due}`
        if (tries === CHECKSUM_TRIES) throw new RefusedError(`${reason}, ${tries} times`)
        tell({ type: 'page-retried', host: new URL(urls.files).host, attempt: tries, pauseMs: 0, reason })
      }
    },
    async symbols(market, name) {
      const shape = shapeOf(market, name)
      if (!shape) return []
      // The newest symbols have days and no month yet; funding rates have months only.
      const units = shape.daily('1m') ? (['month', 'day'] as const) : (['month'] as const)
      const found = await Promise.all(
        units.map((unit) => listFolders(client, paths.symbolsPrefix(market, shape.folder, unit))),
      )
      return [...new Set(found.flat())].sort()
    },
    spent: () => ({ requests: client.requests, ...downloads.spent }),
  }
}

/**
 * Whether the archives and their listing answer. Throws UnavailableError where one of them does not,
 * UserError where the listing is none.
 */
export async function reachArchives(
  world: World,
  options: Pick<ArchiveOptions, 'urls' | 'tell'>,
): Promise<void> {
  const client = new ArchiveClient(world, { ...options, optional: true })
  await listFolders(client, 'data/')
  await client.probe()
}

/** The files of one unit, of those that have their checksum too: without it a file is not published yet. */
async function listUnit(
  client: ArchiveClient,
  series: Series,
  { folder }: ArchiveShape,
  unit: paths.ArchiveUnit,
  span: Span,
): Promise<ArchiveFile[]> {
  const prefix = paths.filePrefix(series, folder, unit)
  const last = paths.archiveKey(series, folder, unit, span.endMs - 1)
  const listed = await listFiles(client, paths.folderOf(prefix), {
    // Without its ending a key lies just before the key itself.
    after: `${prefix}${paths.dateText(unit, span.startMs)}`,
    until: paths.checksumKey(last),
  })
  const keys = new Set(listed.map(({ key }) => key))
  return listed.flatMap(({ key, bytes }) => {
    const own = paths.parseKey(key, prefix, unit)
    if (!own || own.startMs >= span.endMs || own.endMs <= span.startMs) return []
    return keys.has(paths.checksumKey(key)) ? [{ key, unit, span: own, bytes }] : []
  })
}

/** The sha256 in a .CHECKSUM: 64 digits, blanks, and the name of the zip (reference 8.4). */
function readChecksum(text: string, key: string): string {
  const [, sha256, name] = /^([\da-f]{64}) [ *](\S+)\s*$/.exec(text) ?? []
  if (sha256 === undefined || name !== paths.fileName(key))
    throw new MalformedError(`the .CHECKSUM reads ${JSON.stringify(text.slice(0, 120))}`)
  return sha256
}

/** A file in hand; `tidy` hears of its bytes as they are read. */
type Reading = {
  readonly world: World
  readonly form: PieceForm
  readonly file: ArchiveFile
  readonly zip: HeldZip
  readonly tidy: (bytes: number) => void
  readonly readers: Turns
}

/** Has memory tidied up every so many bytes, of all files together. */
function tidyEvery(mostBytes: number, world: World): (bytes: number) => void {
  let sinceBytes = 0
  return (bytes) => {
    sinceBytes += bytes
    if (sinceBytes < mostBytes) return
    sinceBytes = 0
    world.tidyMemory()
  }
}

async function opened(given: Reading): Promise<OpenArchive> {
  const { file, zip } = given
  const name = paths.fileName(file.key).replace(/\.zip$/, '.csv')
  const member = await zipMember(zip, name).catch(async (error: unknown) => {
    await zip.close()
    throw named(file, error)
  })
  let reading: AsyncGenerator<ArchivePiece, void, undefined> | null = null
  return {
    file,
    sha256: zip.sha256,
    pieces() {
      if (reading) throw new Error(`${file.key} is read twice`)
      reading = readPieces(given, member)
      return reading
    },
    async close() {
      await reading?.return()
      await zip.close()
    },
  }
}

async function* readPieces(
  { world, form, file, zip, tidy, readers }: Reading,
  member: ZipMember,
): AsyncGenerator<ArchivePiece, void, undefined> {
  await readers.take(world.signal)
  const scanner = new CsvScanner(form.columns)
  try {
    for await (const chunk of memberBytes(zip, member)) {
      world.signal.throwIfAborted()
      tidy(chunk.length)
      for (const piece of scanner.push(chunk)) yield judgedPiece(form, file.span, piece)
    }
    // All of it is inflated, and it is read once.
    zip.free?.()
    for (const piece of scanner.end()) yield judgedPiece(form, file.span, piece)
  } catch (error) {
    throw named(file, error)
  } finally {
    scanner.close()
    readers.give()
  }
}

/** A MalformedError that says which file it is about; any other error as it is. */
function named(file: ArchiveFile, error: unknown): unknown {
  if (!(error instanceof MalformedError)) return error
  return new MalformedError(`${file.key}: ${error.message}`, error.advice, { cause: error })
}
