// The listing of the archives: S3's ListObjects in its first version, with 1,000 entries a page, in the order
// of the bytes of their keys (reference 8.1).
import { compareKeys } from './archive-files.ts'
import { type ArchiveFaults, type ArchiveRule, isFor, isOn, signedChanges } from './archive-rules.ts'
import { editionKey, type PublishedFile, type Shelf } from './archive-shelf.ts'

export const MAX_KEYS = 1_000
export const CHECKSUM_SUFFIX = '.CHECKSUM'

export type ListingQuery = {
  readonly prefix: string
  readonly delimiter: '/' | ''
  readonly marker: string
  readonly maxKeys: number
}

/** A key with its file, or a folder. A page counts both alike. */
type Entry = { readonly name: string; readonly published: PublishedFile | null }

/** One page of the listing as XML. */
export async function listingXml(
  shelf: Shelf,
  query: ListingQuery,
  faults: ArchiveFaults,
  nowMs: number,
): Promise<string> {
  const entries: Entry[] = []
  let isTruncated = false
  for (const entry of entriesOf(shelf, query, faults, nowMs)) {
    isTruncated = entries.length === query.maxKeys
    if (isTruncated) break
    entries.push(entry)
  }
  const contents: string[] = []
  for (const { name, published } of entries) {
    if (published === null) continue
    const changes = signedChanges(faults, published.file.key, nowMs)
    const bytes = name === published.file.key ? await shelf.bytes(published, changes) : checksumBytes(name)
    contents.push(contentXml(name, published, bytes, etagOf(name, published, changes)))
  }
  const folders = entries
    .filter((entry) => entry.published === null)
    .map((entry) => `<CommonPrefixes>${element('Prefix', entry.name)}</CommonPrefixes>`)
  return [
    '<?xml version="1.0" encoding="UTF-8"?>\n',
    '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">',
    element('Name', 'data.binance.vision'),
    element('Prefix', query.prefix),
    element('Marker', query.marker),
    // S3 gives the next marker only to those who group by a delimiter.
    isTruncated && query.delimiter !== '' ? element('NextMarker', entries.at(-1)?.name ?? '') : '',
    element('MaxKeys', String(query.maxKeys)),
    query.delimiter === '' ? '' : element('Delimiter', query.delimiter),
    element('IsTruncated', String(isTruncated)),
    ...contents,
    ...folders,
    '</ListBucketResult>',
  ].join('')
}

/** What comes after the marker, in order. Folders of folders count as one, if anything is in them. */
function* entriesOf(
  shelf: Shelf,
  { prefix, delimiter, marker }: ListingQuery,
  faults: ArchiveFaults,
  nowMs: number,
): Generator<Entry> {
  const isAfter = (name: string): boolean => marker === '' || compareKeys(name, marker) > 0
  let lastFolder = ''
  for (const folder of shelf.folders) {
    if (!folder.path.startsWith(prefix) && !prefix.startsWith(folder.path)) continue
    // Everything in a folder comes before a marker that is behind it and not in it.
    if (!isAfter(folder.path) && !marker.startsWith(folder.path)) continue
    const slash = delimiter === '' ? -1 : folder.path.indexOf('/', prefix.length)
    if (slash >= 0) {
      const name = folder.path.slice(0, slash + 1)
      if (name === lastFolder || !isAfter(name)) continue
      if (shelf.published(folder, faults, nowMs).next().done) continue
      lastFolder = name
      yield { name, published: null }
      continue
    }
    for (const published of shelf.published(folder, faults, nowMs)) {
      for (const name of namesOf(published, faults, nowMs)) {
        if (name.startsWith(prefix) && isAfter(name)) yield { name, published }
      }
    }
  }
}

function namesOf({ file }: PublishedFile, faults: ArchiveFaults, nowMs: number): readonly string[] {
  const checksum = `${file.key}${CHECKSUM_SUFFIX}`
  return isChecksumHidden(checksum, faults, nowMs) ? [file.key] : [file.key, checksum]
}

/** Whether the CHECKSUM of a file is not there though the file is. */
export function isChecksumHidden(key: string, faults: ArchiveFaults, nowMs: number): boolean {
  return (faults.rules ?? []).some((rule) => rule.kind === 'hidden' && isOn(rule, nowMs) && isFor(rule, key))
}

/** The content of a CHECKSUM file: no line feed at its end (reference 8.4). */
export const checksumText = (sha256: string, key: string): string =>
  `${sha256}  ${key.slice(key.lastIndexOf('/') + 1)}`

const SHA256 = '0'.repeat(64)
const checksumBytes = (name: string): number =>
  Buffer.byteLength(checksumText(SHA256, name.slice(0, -CHECKSUM_SUFFIX.length)))

/** An ETag, which says nothing but whether a content is still the same. */
export function etagOf(name: string, published: PublishedFile, changes: readonly ArchiveRule[]): string {
  const hasher = new Bun.CryptoHasher('md5')
  return `"${hasher.update(`${name} ${editionKey(published, changes)}`).digest('hex')}"`
}

function contentXml(name: string, { modifiedAtMs }: PublishedFile, bytes: number, etag: string): string {
  const modified = `${new Date(modifiedAtMs).toISOString().slice(0, 19)}.000Z`
  return [
    '<Contents>',
    element('Key', name),
    element('LastModified', modified),
    element('ETag', etag),
    element('Size', String(bytes)),
    '<StorageClass>STANDARD</StorageClass></Contents>',
  ].join('')
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
}

function element(name: string, text: string): string {
  return `<${name}>${text.replace(/[&<>"]/g, (character) => entities[character] ?? '')}</${name}>`
}
