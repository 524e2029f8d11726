// petrosa symbols: the symbols of a market, filtered.
import type { Listing } from '../core/source.ts'
import { isoTime } from '../core/span.ts'
import { datasetNamed } from '../datasets/all.ts'
import { exitCodes, UserError } from '../errors.ts'
import { type CommandContext, type CommandResult, need } from './command.ts'
import { choiceOf, marketOf, openExchange } from './exchange.ts'
import { resolveSymbols, withMissing } from './symbol-choice.ts'
import { textTable } from './text-table.ts'

/**
 * Runs the command. Without --symbols it lists all; the default symbols of fetching are none of its business.
 */
export async function runSymbols(context: CommandContext): Promise<CommandResult> {
  const { settings, origins } = context
  const market = marketOf(context)
  const name = need(settings, 'dataset')
  if (!datasetNamed(name)?.markets.includes(market)) throw new UserError(`${market} has no ${name}`)
  const asked = origins.symbols === 'flag' ? (settings.symbols ?? ['all']) : ['all']
  // All symbols, delisted ones too, stand in the list of the archives: without the API it has to do.
  const listingDoes = need(settings, 'source') !== 'rest' && settings.status === 'all'
  const exchange = await openExchange(context, market, { listingDoes })
  const { listings, missing } = await resolveSymbols(exchange, market, name, choiceOf(context, asked))
  const listedAt = (listing: Listing): string | null =>
    listing.listedAtMs === null ? null : isoTime(listing.listedAtMs)
  const symbols = listings.map((listing) => ({
    symbol: listing.symbol,
    market,
    status: listing.status,
    base: listing.base,
    quote: listing.quote,
    listed_at: listedAt(listing),
  }))
  // Spot does not say when a symbol was listed: a column without a date would be noise.
  const dated = symbols.some((one) => one.listed_at !== null)
  const rows = symbols.map((one) => [
    one.symbol,
    one.status,
    one.base,
    one.quote,
    ...(dated ? [one.listed_at?.slice(0, 10) ?? ''] : []),
  ])
  const head = ['symbol', 'status', 'base', 'quote', ...(dated ? ['listed'] : [])]
  const text = textTable(head, rows)
  const found = { fields: { symbols }, text, exitCode: exitCodes.done, spent: exchange.spent() }
  return withMissing(context, found, missing)
}
