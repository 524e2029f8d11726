// Which symbols the user means: by what the exchange lists now and, for delisted ones, by what its archives
// have. Where the API is out of reach the archives have to do.
import {
  archivedListing,
  chooseSymbols,
  fetchListings,
  isPattern,
  namedOnly,
  pairListings,
  type SymbolChoice,
} from '../binance/symbols.ts'
import type { ArchiveSource } from '../core/archive.ts'
import type { DatasetName, Market } from '../core/series.ts'
import type { Listing } from '../core/source.ts'
import { UnavailableError } from '../errors.ts'
import type { Exchange } from './exchange.ts'

/**
 * The symbols of a choice. Throws UserError where one is known neither to the exchange's list nor, with
 * archives in reach, to their listing.
 */
export async function resolveSymbols(
  { client, archives }: Pick<Exchange, 'client' | 'archives'>,
  market: Market,
  dataset: DatasetName,
  choice: SymbolChoice,
): Promise<Listing[]> {
  const isPair = dataset === 'index-price-klines'
  const listed = client
    ? await fetchListings(client, market, isPair ? null : namedOnly(choice))
    : new Map<string, Listing>()
  const listings = new Map(isPair ? pairListings(listed) : listed)
  const unknown = choice.symbols.some((name) => !isPattern(name) && !listings.has(name))
  const all = choice.status === 'all' && choice.symbols.some(isPattern)
  if (archives && (!client || unknown || all)) {
    for (const symbol of (await archivedSymbols(archives, market, dataset, client !== null)) ?? []) {
      // Without the exchange's list nobody knows who trades: every archive counts as one that goes on.
      if (!listings.has(symbol)) listings.set(symbol, archivedListing(symbol, client === null))
    }
  }
  return chooseSymbols(choice, market, listings)
}

/** The symbols of the archives; null where they are out of reach and the exchange's list is not. */
export async function archivedSymbols(
  archives: ArchiveSource,
  market: Market,
  dataset: DatasetName,
  hasList: boolean,
): Promise<readonly string[] | null> {
  try {
    return await archives.symbols(market, dataset)
  } catch (error) {
    if (!hasList || !(error instanceof UnavailableError)) throw error
    return null
  }
}
