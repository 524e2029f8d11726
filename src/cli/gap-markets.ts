// What a scan for gaps needs of the exchange, market by market: its clock, what it lists, who brings rows. A
// market that is out of reach does not stop the others: its gaps stay open, and why is said.

import { restSource } from '../binance/rest.ts'
import { archivedListing, fetchListings, pairListings } from '../binance/symbols.ts'
import type { ArchiveSource } from '../core/archive.ts'
import type { Dataset } from '../core/dataset.ts'
import type { DatasetName, Market, Series } from '../core/series.ts'
import type { Listing, Source } from '../core/source.ts'
import { datasetNamed } from '../datasets/all.ts'
import {
  type ExitCode,
  errorLine,
  exitCodeOf,
  PetrosaError,
  StoppedError,
  UnavailableError,
} from '../errors.ts'
import { type CommandContext, need } from './command.ts'
import type { Connections } from './connections.ts'
import { type Exchange, openExchange } from './exchange.ts'
import { closeMargin } from './margin.ts'
import { archivedSymbols } from './symbol-choice.ts'

/** A market within reach. */
export type GapMarket = {
  /** The exchange's clock, epoch ms. */
  nowMs(): number
  /** What the exchange, or its archives, know of the symbol of a series; null where they list it no more. */
  listing(series: Series): Listing | null
  /** Null where the API is out of reach. */
  rest(dataset: Dataset): Source | null
  readonly archives: ArchiveSource | null
  /** Whether they were out of reach when they were asked for what the exchange lists no more. */
  readonly archivesOut: boolean
  /** Whether nothing but archives may be asked. */
  readonly archivesOnly: boolean
}

/** Why a market could not be asked. */
export type MarketFailure = { readonly reason: string; readonly exitCode: ExitCode }

export type GapMarkets = {
  readonly open: ReadonlyMap<Market, GapMarket>
  readonly failed: ReadonlyMap<Market, MarketFailure>
  readonly spent: Exchange['spent']
}

/** No market is asked. */
export const noMarkets: GapMarkets = {
  open: new Map(),
  failed: new Map(),
  spent: () => ({ requests: 0, weight: 0, archives: 0 }),
}

/** Opens the markets of `series`, one after another. Throws what stops the whole command. */
export async function openMarkets(
  context: CommandContext,
  series: readonly Series[],
  connections: Pick<Connections, 'budgets'>,
): Promise<GapMarkets> {
  const open = new Map<Market, GapMarket>()
  const failed = new Map<Market, MarketFailure>()
  const exchanges: Exchange[] = []
  for (const market of new Set(series.map((one) => one.market))) {
    const own = series.filter((one) => one.market === market)
    try {
      const exchange = await openExchange(context, market, { budgets: connections.budgets(context, market) })
      exchanges.push(exchange)
      const periods = [...new Set(own.map(({ period }) => period))]
      if (exchange.client) await closeMargin(context.world, periods, exchange.nowMs)
      open.set(market, await marketOf(context, exchange, market, own))
    } catch (error) {
      if (!(error instanceof PetrosaError) || error instanceof StoppedError) throw error
      failed.set(market, { reason: errorLine(error), exitCode: exitCodeOf(error) })
    }
  }
  const sum = (of: (spent: ReturnType<Exchange['spent']>) => number): number =>
    exchanges.reduce((total, exchange) => total + of(exchange.spent()), 0)
  const spent = (): ReturnType<Exchange['spent']> => ({
    requests: sum(({ requests }) => requests),
    weight: sum(({ weight }) => weight),
    archives: sum(({ archives }) => archives),
  })
  return { open, failed, spent }
}

async function marketOf(
  { settings }: CommandContext,
  exchange: Exchange,
  market: Market,
  series: readonly Series[],
): Promise<GapMarket> {
  const { archives, client, nowMs } = exchange
  const { byDataset, archivesOut } = await listingsOf(exchange, market, series)
  return {
    nowMs,
    listing: ({ dataset, symbol }) => byDataset.get(dataset)?.get(symbol) ?? null,
    rest: (dataset) => (client ? restSource(client, dataset, market) : null),
    archives,
    archivesOut,
    archivesOnly: client === null && need(settings, 'source') === 'archive',
  }
}

type Known = {
  /** What is known of the symbols of some series, by dataset: an index price belongs to a pair. */
  readonly byDataset: ReadonlyMap<DatasetName, ReadonlyMap<string, Listing>>
  readonly archivesOut: boolean
}

async function listingsOf(
  { client, archives }: Exchange,
  market: Market,
  series: readonly Series[],
): Promise<Known> {
  const isPair = (dataset: DatasetName): boolean => dataset === 'index-price-klines'
  const names = [...new Set(series.map(({ symbol }) => symbol))]
  const wanted = series.some(({ dataset }) => isPair(dataset)) ? null : names
  const listed = client ? await fetchListings(client, market, wanted) : new Map<string, Listing>()
  const byDataset = new Map<DatasetName, Map<string, Listing>>()
  let archivesOut = false
  for (const dataset of new Set(series.map((one) => one.dataset))) {
    const listings = new Map(isPair(dataset) ? pairListings(listed) : listed)
    byDataset.set(dataset, listings)
    const isKnown = series.every((one) => one.dataset !== dataset || listings.has(one.symbol))
    if (isKnown || !archives || !datasetNamed(dataset)) continue
    const archived = await archivedSymbols(archives, market, dataset, client !== null)
    const isOut = archived instanceof UnavailableError
    archivesOut ||= isOut
    for (const symbol of isOut ? [] : archived)
      if (!listings.has(symbol)) listings.set(symbol, archivedListing(symbol, client === null))
  }
  return { byDataset, archivesOut }
}
