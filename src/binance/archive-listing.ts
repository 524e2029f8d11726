// What is published: pages of the listing, from just before the first name that is wanted until past the last
// one, so that the last days of a series do not cost the listing of its years.
import { MalformedError, UnavailableError } from '../errors.ts'
import type { ArchiveClient } from './archive-client.ts'
import { compareKeys, type ListedFile, type ListingPage, readListingPage } from './listing-page.ts'

/** A page has 1000 entries, some 350 bytes each. */
const LISTING_BYTES = 4 * 1024 ** 2

/** Pages of one listing: ten years of days have 8, all symbols of a market about as many. */
export const MOST_LISTING_PAGES = 100

/** The files whose keys begin with `prefix` and lie behind `after`, at least as far as `until`, by key. */
export async function listFiles(
  client: ArchiveClient,
  prefix: string,
  { after, until }: { readonly after: string; readonly until: string },
): Promise<readonly ListedFile[]> {
  const files: ListedFile[] = []
  for await (const page of pages(client, prefix, after)) {
    files.push(...page.files)
    if ((page.files.at(-1)?.key ?? '') > until) break
  }
  return files
}

/** The names of the folders that lie in `prefix`, which ends with a slash. */
export async function listFolders(client: ArchiveClient, prefix: string): Promise<readonly string[]> {
  const names: string[] = []
  for await (const page of pages(client, prefix, '')) {
    names.push(...page.folders.map((folder) => folder.slice(prefix.length).replace(/\/$/, '')))
  }
  return names
}

async function* pages(client: ArchiveClient, prefix: string, after: string): AsyncGenerator<ListingPage> {
  let marker = after
  for (let count = 0; count < MOST_LISTING_PAGES; count += 1) {
    const query = { delimiter: '/', prefix, ...(marker && { marker }) }
    const page = await client.listing(query, LISTING_BYTES, (xml) => {
      const read = readListingPage(xml, prefix)
      if (read.nextMarker !== null && compareKeys(read.nextMarker, marker) <= 0)
        throw new MalformedError(`the listing goes back from ${marker} to ${read.nextMarker}`)
      return read
    })
    yield page
    if (page.nextMarker === null) return
    marker = page.nextMarker
  }
  throw new UnavailableError(
    `the listing of ${prefix} has more than ${MOST_LISTING_PAGES} pages`,
    'use --source rest, and please report it',
  )
}
