// Reads a page of the listing: ListObjects, version 1, of S3 (reference 8.1). A scanner of its own, a hundred
// times as fast as a library and stricter: a page that is cut or garbled is no shorter list of files.
import { MalformedError } from '../errors.ts'

export type ListedFile = { readonly key: string; readonly bytes: number }

export type ListingPage = {
  readonly files: readonly ListedFile[]
  /** What the keys begin with that have the delimiter further on: folders. */
  readonly folders: readonly string[]
  /** What the next page begins behind; null after the last one. */
  readonly nextMarker: string | null
}

const ROOT = 'ListBucketResult'

/** The page that `xml` is, which was asked for with `prefix`. Throws MalformedError. */
export function readListingPage(xml: string, prefix: string): ListingPage {
  const [root, ...others] = [...elements(xml.replace(/^\uFEFF?<\?xml[^>]*\?>/, ''))]
  if (root?.name !== ROOT || others.length > 0) throw new MalformedError(`the listing has no ${ROOT}`)
  const files: ListedFile[] = []
  const folders: string[] = []
  const facts = new Map<string, string>()
  for (const { name, inner } of elements(root.inner)) {
    if (name === 'Contents') files.push(readFile(inner, prefix))
    else if (name === 'CommonPrefixes') folders.push(checkedKey(fieldsOf(inner).get('Prefix'), prefix))
    else facts.set(name, plainText(inner))
  }
  if (facts.has('Prefix') && facts.get('Prefix') !== prefix)
    throw new MalformedError(`the listing is of ${facts.get('Prefix')}, not of ${prefix}`)
  return { files, folders, nextMarker: nextMarkerOf(facts, files, folders) }
}

function nextMarkerOf(
  facts: ReadonlyMap<string, string>,
  files: readonly ListedFile[],
  folders: readonly string[],
): string | null {
  const truncated = facts.get('IsTruncated')
  if (truncated === 'false') return null
  if (truncated !== 'true') throw new MalformedError('the listing does not say whether it goes on')
  const told = facts.get('NextMarker')
  if (told) return told
  const ends = [files.at(-1)?.key ?? '', folders.at(-1) ?? ''].sort(compareKeys)
  const last = ends.at(-1)
  if (!last) throw new MalformedError('the listing is empty and goes on')
  return last
}

/** Compares keys in the order of the listing, which is that of their bytes. */
export function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

function readFile(inner: string, prefix: string): ListedFile {
  const fields = fieldsOf(inner)
  const size = fields.get('Size') ?? ''
  if (!/^\d{1,15}$/.test(size)) throw new MalformedError(`the listing has a file of ${size || 'no'} bytes`)
  return { key: checkedKey(fields.get('Key'), prefix), bytes: Number(size) }
}

function checkedKey(key: string | undefined, prefix: string): string {
  if (!key?.startsWith(prefix))
    throw new MalformedError(`the listing has ${JSON.stringify(key ?? '')} below ${prefix}`)
  return key
}

function fieldsOf(inner: string): ReadonlyMap<string, string> {
  return new Map([...elements(inner)].map((element) => [element.name, plainText(element.inner)]))
}

type Element = { readonly name: string; readonly inner: string }

const opening = /\s*(?:<([A-Za-z][\w.-]*)(?:\s[^<>]*?)?(\/)?>|$)/y

/** The elements of `xml` side by side; none holds another of its own name in a listing. */
function* elements(xml: string): Generator<Element> {
  for (let at = 0; at < xml.length; ) {
    opening.lastIndex = at
    const match = opening.exec(xml)
    if (!match)
      throw new MalformedError(`the listing is garbled near ${JSON.stringify(xml.slice(at, at + 40))}`)
    const [whole, name, closed] = match
    at += whole.length
    if (name === undefined) return
    const end = closed ? at : xml.indexOf(`</${name}>`, at)
    if (end < 0) throw new MalformedError(`the listing is cut within ${name}`)
    yield { name, inner: xml.slice(at, end) }
    at = closed ? end : end + name.length + 3
  }
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

/** Text without markup, its entities replaced. */
function plainText(inner: string): string {
  if (inner.includes('<')) return inner
  return inner.replace(/&(?:#(\d{1,7})|#[xX]([\da-fA-F]{1,6})|(\w+));?/g, (all, decimal, hex, name) => {
    if (name !== undefined) return entities[name] ?? badEntity(all)
    const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal)
    return code <= 0x10ffff ? String.fromCodePoint(code) : badEntity(all)
  })
}

function badEntity(text: string): never {
  throw new MalformedError(`the listing has an unknown entity ${text}`)
}
