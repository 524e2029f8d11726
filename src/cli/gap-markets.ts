// What a scan for gaps needs of the exchange, market by market: its clock, what it lists, who brings rows. A
// market that is out of reach does not stop the others: its gaps stay open, and why is said.

import type { Client } from '../binance/client.ts'
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
import { type Exchange, openClient, openExchange } from './exchange.ts'
import { closeMargin } from './margin.ts'
import { archivedSymbols } from './symbol-choice.ts'

/**
 * How long a look for gaps that fetches nothing waits for the exchange's word on what has closed: it can do
 * without.
 */
const GLANCE_MS = 5_000

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

/**
 * The same for a look that fetches nothing: the API alone is asked what has closed and who trades, and where
 * it does not tell in good time, that is said, and what is known has to do. Throws when told to stop.
 */
export async function glanceAtMarkets(
  context: CommandContext,
  series: readonly Series[],
  connections: Pick<Connections, 'budgets'>,
): Promise<GapMarkets> {
  const { settings, tell, world } = context
  if (need(settings, 'source') === 'archive') return noMarkets
  const signal = AbortSignal.any([world.signal, AbortSignal.timeout(GLANCE_MS)])
  const open = new Map<Market, GapMarket>()
  const clients: Client[] = []
  for (const market of new Set(series.map((one) => one.market))) {
    const own = series.filter((one) => one.market === market)
    const client = openClient(
      { ...context, world: { ...world, signal } },
      connections.budgets(context, market),
    )
    clients.push(client)
    try {
      await client.syncClock(market, true)
      const nowMs = (): number => client.nowMs(market)
      const exchange = { client, archives: null, nowMs }
      open.set(market, await marketOf(context, exchange, market, own))
    } catch (error) {
      world.signal.throwIfAborted()
      if (!(error instanceof PetrosaError) && !signal.aborted) throw error
      const why = signal.aborted ? `${market} did not say in time what has closed` : errorLine(error)
      const message = `${why}; its gaps are looked for up to where it was last asked`
      tell({ type: 'warning', message })
    }
  }
  const sum = (of: (client: Client) => number): number => clients.reduce((all, one) => all + of(one), 0)
  const spent: GapMarkets['spent'] = () => ({
    requests: sum(({ requests }) => requests),
    weight: sum(({ weight }) => weight),
    archives: 0,
  })
  return { open, failed: new Map(), spent }
}

async function marketOf(
  { settings }: CommandContext,
  exchange: Pick<Exchange, 'archives' | 'client' | 'nowMs'>,
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
  { client, archives }: Pick<Exchange, 'archives' | 'client'>,
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
