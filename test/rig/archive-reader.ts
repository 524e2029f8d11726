// Asks an exchange for its archives and listings, as plainly as can be: for the tests of the local exchange,
// and for those that must know what a program should have found there.
import { type ReadMember, readZip } from './zip-reader.ts'

/** One page of the listing; what stands for itself is as it was sent. */
export type ListedPage = {
  readonly keys: readonly string[]
  readonly sizes: readonly number[]
  readonly modified: readonly string[]
  readonly etags: readonly string[]
  readonly folders: readonly string[]
  readonly nextMarker: string | null
  readonly isTruncated: boolean
}

export type ArchiveReader = {
  /** The address of a key. */
  address(key: string): string
  get(key: string): Promise<Response>
  status(key: string): Promise<number>
  bytes(key: string): Promise<Uint8Array>
  members(key: string): Promise<readonly ReadMember[]>
  /** The text of the only member. Throws where there are others, or it is stored, or named amiss. */
  csv(key: string): Promise<string>
  /** The digest in the CHECKSUM of a zip. */
  checksum(key: string): Promise<string>
  list(query: Readonly<Record<string, string>>): Promise<ListedPage>
  /** The keys of all pages, by their markers. */
  listAll(prefix: string, query?: Readonly<Record<string, string>>): Promise<readonly string[]>
}

/** A reader of the exchange at `url`. */
export function archiveReader(url: string): ArchiveReader {
  const address = (key: string): string => `${url}/archive/${encodeURI(key)}`
  const get = (key: string): Promise<Response> => fetch(address(key))
  const bytes = async (key: string): Promise<Uint8Array> => (await get(key)).bytes()
  const members = async (key: string): Promise<readonly ReadMember[]> => readZip(await bytes(key))
  const list = async (query: Readonly<Record<string, string>>): Promise<ListedPage> => {
    const response = await fetch(`${url}/listing?${new URLSearchParams(query)}`)
    if (response.status !== 200) throw new Error(`the listing answered ${response.status}`)
    return listedPage(await response.text())
  }
  return {
    address,
    get,
    bytes,
    members,
    list,
    async status(key) {
      const response = await get(key)
      await response.arrayBuffer()
      return response.status
    },
    async csv(key) {
      const [member, ...others] = await members(key)
      const name = key.slice(key.lastIndexOf('/') + 1).replace(/\.zip$/, '.csv')
      if (!member || others.length > 0 || member.name !== name || member.method !== 8)
        throw new Error(`${key} holds ${member?.name} (${member?.method}) and ${others.length} more`)
      return member.text
    },
    async checksum(key) {
      const text = await (await get(`${key}.CHECKSUM`)).text()
      return text.split('  ')[0] ?? ''
    },
    async listAll(prefix, query = { delimiter: '/' }) {
      const keys: string[] = []
      for (let marker = ''; ; ) {
        const page = await list({ ...query, prefix, marker })
        keys.push(...page.keys)
        if (!page.isTruncated) return keys
        marker = page.nextMarker ?? page.keys.at(-1) ?? ''
      }
    },
  }
}

const NAMESPACE = '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'

function listedPage(xml: string): ListedPage {
  if (!xml.includes(NAMESPACE)) throw new Error(`no listing: ${xml}`)
  const all = (pattern: RegExp): string[] => [...xml.matchAll(pattern)].map((match) => match[1] ?? '')
  return {
    keys: all(/<Contents><Key>([^<]*)</g),
    sizes: all(/<Size>(\d+)</g).map(Number),
    modified: all(/<LastModified>([^<]*)</g),
    etags: all(/<ETag>([^<]*)</g),
    folders: all(/<CommonPrefixes><Prefix>([^<]*)</g),
    nextMarker: all(/<NextMarker>([^<]*)</g)[0] ?? null,
    isTruncated: xml.includes('<IsTruncated>true<'),
  }
}
