// A client of the exchange for programs that use petrosa as a library: it counts request weight before it
// spends it, waits when it is told to, tries again what may be tried again, and gives no unfinished candle.
import { Client } from '../binance/client.ts'
import { restSource } from '../binance/rest.ts'
import { fetchListings } from '../binance/symbols.ts'
import { advance, ceilToPeriod, countPlaces } from '../core/calendar.ts'
import { type Dataset, timesOf } from '../core/dataset.ts'
import { closedUntilMs } from '../core/plan.ts'
import type { Market, Series } from '../core/series.ts'
import type { Listing, Source } from '../core/source.ts'
import { closedRows } from '../core/verify.ts'
import { datasetNamed } from '../datasets/all.ts'
import { UserError } from '../errors.ts'
import { version } from '../version.ts'
import type { Moment } from './open-store.ts'
import { checkSeries, fromRows, type RowSeries, type RowTypes, toMs } from './rows.ts'
import { libraryWorld } from './world.ts'

/** What is ordered by time and can be asked for by time. Trades have the command, for their ids. */
export type ClientDataset = 'klines' | 'funding'

export type ClientSettings = {
  /** Other addresses than the exchange's own, by market. */
  readonly urls?: Partial<Readonly<Record<Market, string>>>
  /** The part of the request weight that may be used, above 0 to 1; 0.9 where it is not given. */
  readonly weightShare?: number
  /** Ends whatever the client waits for. */
  readonly signal?: AbortSignal
}

export type MarketClient = {
  /** The exchange's own clock, epoch ms. */
  now(market: Market): Promise<number>
  /** What the exchange lists, by symbol. */
  symbols(market: Market): Promise<readonly Listing[]>
  /**
   * The rows of a series in `[start, end)`, in order of time, page by page as they are asked for; candles
   * only once they have closed. Throws UnavailableError, RefusedError and UserError of this package.
   */
  rows<D extends ClientDataset>(
    series: RowSeries<D>,
    range: { readonly start: Moment; readonly end: Moment },
  ): AsyncGenerator<RowTypes[D], void, undefined>
}

const addresses: Readonly<Record<Market, string>> = {
  spot: 'https://api.binance.com',
  um: 'https://fapi.binance.com',
  cm: 'https://dapi.binance.com',
}
const WEIGHT_SHARE = 0.9

/** A client; several in one process should be one, since each counts for itself. */
export function openClient(settings: ClientSettings = {}): MarketClient {
  const world = libraryWorld(settings.signal ?? new AbortController().signal, version)
  const client = new Client(world, {
    urls: { ...addresses, ...settings.urls },
    weightShare: settings.weightShare ?? WEIGHT_SHARE,
    apiKey: null,
    tell: () => undefined,
  })
  const synced = new Map<Market, Promise<void>>()
  const sync = (market: Market): Promise<void> => {
    const syncing = synced.get(market) ?? client.syncClock(market)
    synced.set(market, syncing)
    // A failure is not kept: the next call tries again.
    syncing.catch(() => synced.delete(market))
    return syncing
  }
  return {
    now: async (market) => {
      await sync(market)
      return client.nowMs(market)
    },
    symbols: async (market) => {
      await sync(market)
      return [...(await fetchListings(client, market, null)).values()]
    },
    rows: async function* (asked, { start, end }) {
      checkSeries(asked)
      const { dataset: name, market, symbol, period = null } = asked
      const dataset = datasetNamed(name)
      if (!dataset || (name !== 'klines' && name !== 'funding'))
        throw new UserError(`the client has no ${name}`, 'use klines or funding')
      if (!dataset.markets.includes(market)) throw new UserError(`${market} has no ${name}`)
      await sync(market)
      const series: Series = { market, dataset: name, symbol, period }
      const span = { startMs: toMs(start), endMs: toMs(end) }
      for await (const page of pages(restSource(client, dataset, market), dataset, series, span))
        yield* fromRows<typeof name>(dataset.table(series), page) as RowTypes[typeof name][]
    },
  }
}

/** The pages of a span. A page asks for no more places than it can hold, so that none is left out. */
async function* pages(
  source: Source,
  dataset: Dataset,
  series: Series,
  asked: { startMs: number; endMs: number },
) {
  const { period } = series
  const table = dataset.table(series)
  const endMs = Math.min(asked.endMs, closedUntilMs(period, dataset.order, source.nowMs()))
  let startMs = period === null ? asked.startMs : ceilToPeriod(period, asked.startMs)
  while (startMs < endMs) {
    const places = period === null ? null : countPlaces(period, { startMs, endMs })
    const { rows: limit } = source.page(series, places)
    const untilMs = period === null ? endMs : Math.min(endMs, advance(period, startMs, limit))
    const answer = await source.fetch(series, { span: { startMs, endMs: untilMs }, limit })
    const rows = closedRows(table, answer.rows, answer.servedAtMs)
    if (rows.count > 0) yield rows
    const lastMs = timesOf(table, rows).at(-1)
    startMs = period === null && rows.count >= limit && lastMs !== undefined ? lastMs + 1 : untilMs
  }
}
