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
import { errorLine, exitCodes, UnavailableError, UserError, worstExitCode } from '../errors.ts'
import type { CommandContext, CommandResult } from './command.ts'
import type { Exchange } from './exchange.ts'

/** The symbols of a choice, and what keeps it from being whole. */
export type ResolvedSymbols = {
  readonly listings: readonly Listing[]
  /** Why delisted symbols that were asked for may be missing: the listing is out of reach; else null. */
  readonly missing: UnavailableError | null
}

/**
 * The symbols of a choice. Throws UserError where one is known neither to the exchange's list nor, with
 * archives in reach, to their listing.
 */
export async function resolveSymbols(
  { client, archives }: Pick<Exchange, 'client' | 'archives'>,
  market: Market,
  dataset: DatasetName,
  choice: SymbolChoice,
): Promise<ResolvedSymbols> {
  const isPair = dataset === 'index-price-klines'
  const listed = client
    ? await fetchListings(client, market, isPair ? null : namedOnly(choice))
    : new Map<string, Listing>()
  const listings = new Map(isPair ? pairListings(listed) : listed)
  if (isPair) refuseContracts(choice.symbols, market, listings, listed)
  const unknown = choice.symbols.some((name) => !isPattern(name) && !listings.has(name))
  const all = choice.status === 'all' && choice.symbols.some(isPattern)
  let missing: UnavailableError | null = null
  if (archives && (!client || unknown || all)) {
    const found = await archivedSymbols(archives, market, dataset, client !== null)
    if (found instanceof UnavailableError) missing = all ? found : null
    else
      for (const symbol of found) {
        // Without the exchange's list nobody knows who trades: every archive counts as one that goes on.
        if (!listings.has(symbol)) listings.set(symbol, archivedListing(symbol, client === null))
      }
  }
  return { listings: chooseSymbols(choice, market, listings), missing }
}

/** Throws UserError where a contract is named and its pair is meant. */
function refuseContracts(
  asked: readonly string[],
  market: Market,
  pairs: ReadonlyMap<string, Listing>,
  listed: ReadonlyMap<string, Listing>,
): void {
  const found = asked.flatMap((name) => (pairs.has(name) ? [] : (listed.get(name) ?? [])))
  const [first] = found
  if (!first?.pair) return
  const names = found.map(({ symbol }) => symbol).join(', ')
  throw new UserError(
    `index prices belong to pairs, and on ${market} ${names} is a contract`,
    `say --symbols ${[...new Set(found.map(({ pair }) => pair))].join()}`,
  )
}

/** The symbols of the archives; why there are none where the exchange's list has to do without them. */
export async function archivedSymbols(
  archives: ArchiveSource,
  market: Market,
  dataset: DatasetName,
  hasList: boolean,
): Promise<readonly string[] | UnavailableError> {
  try {
    return await archives.symbols(market, dataset)
  } catch (error) {
    if (!hasList || !(error instanceof UnavailableError)) throw error
    return error
  }
}

/** A result that says, in its errors and by 75, where symbols that were asked for may be missing from it. */
export function withMissing(
  { tell }: Pick<CommandContext, 'tell'>,
  result: CommandResult,
  missing: UnavailableError | null,
): CommandResult {
  if (missing === null) return result
  const message = `delisted symbols may be missing, without the list of the archives: ${errorLine(missing)}`
  tell({ type: 'warning', message })
  const exitCode = worstExitCode([result.exitCode, exitCodes.unavailable])
  const { summary, errors = [] } = result
  // Where there is a summary it says so too: of many passes nothing else is kept.
  if (!summary) return { ...result, errors: [...errors, message], exitCode }
  return { ...result, summary: { ...summary, errors: [...summary.errors, message], exitCode }, exitCode }
}
