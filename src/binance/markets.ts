// The exchange as a table: where each market answers, what a request weighs, how many rows a page may hold. A
// market or an endpoint joins as a row. Facts: reference sections 1, 3, 4, 5 and 6.1; the live weight limit
// is read from exchangeInfo when a run begins.
import { DAY_MS, fixedGrid, HOUR_MS, MINUTE_MS } from '../core/calendar.ts'
import type { DatasetName, Market, Period } from '../core/series.ts'
import type { PageCost } from '../core/source.ts'

/** What a request is counted in: the market's request weight, or a bucket of requests of its own. */
export type Bucket = 'weight' | 'funding'

export type PageEndpoint = {
  readonly path: string
  /** Rows and weight of the next page when `places` rows are still to be had; null where nobody knows. */
  page(places: number | null, period: Period | null): PageCost
  /** The weight of a request with this limit. */
  weight(limit: number): number
  readonly bucket: Bucket
  /** Whether more rows than the limit are answered with the newest ones, so that windows must be small. */
  readonly newestFirst?: true
  /** The longest window by time, and how far back it answers; ms. */
  readonly longestWindowMs?: number
  readonly reachMs?: number
  /** Whether it takes an API key. */
  readonly needsKey?: true
}

export type MarketFacts = {
  /** The variable that says where the market is, and where it is by default. */
  readonly urlVariable: string
  readonly defaultUrl: string
  readonly timePath: string
  readonly timeWeight: number
  readonly exchangeInfoPath: string
  readonly exchangeInfoWeight: number
  /** Whether exchangeInfo can be asked for some symbols only. */
  readonly exchangeInfoBySymbols: boolean
  /** REQUEST_WEIGHT a minute and IP. */
  readonly weightPerMinute: number
  readonly pages: Partial<Readonly<Record<DatasetName, PageEndpoint>>>
}

/** An endpoint whose requests weigh the same whatever their limit. */
function even(
  path: string,
  mostRows: number,
  weight: number,
  facts: Partial<PageEndpoint> = {},
): PageEndpoint {
  return {
    path,
    bucket: 'weight',
    weight: () => weight,
    page: (places) => ({ rows: Math.min(places ?? mostRows, mostRows), weight }),
    ...facts,
  }
}

/** Weight of a futures kline request by its limit: below 100, below 500, to 1,000, above. */
function futuresWeight(limit: number): number {
  if (limit < 100) return 1
  if (limit < 500) return 2
  return limit <= 1_000 ? 5 : 10
}

/** Pages of 499 bring 249 candles a weight unit, against 150 at 1,500. */
const FUTURES_PAGE_ROWS = 499

/** The longest window that COIN-M answers (reference 5). */
const COIN_WINDOW_MS = 200 * DAY_MS

function futuresKlines(path: string, facts: Partial<PageEndpoint> = {}): PageEndpoint {
  return {
    path,
    bucket: 'weight',
    weight: futuresWeight,
    page: (places, period) => {
      const most = Math.min(FUTURES_PAGE_ROWS, placesIn(facts.longestWindowMs, period))
      const rows = Math.min(places ?? most, most)
      return { rows, weight: futuresWeight(rows) }
    },
    ...facts,
  }
}

/** The longest month. */
const MONTH_MS = 31 * DAY_MS

/** How many places of a period fit into a window, whatever its start; at least one. */
function placesIn(windowMs: number | undefined, period: Period | null): number {
  if (windowMs === undefined || period === null) return Number.POSITIVE_INFINITY
  return Math.max(1, Math.floor(windowMs / (fixedGrid(period)?.lengthMs ?? MONTH_MS)))
}

const coin = { newestFirst: true, longestWindowMs: COIN_WINDOW_MS } as const

/** Aggregates of futures: the last day, in windows of less than an hour (reference 4). */
const futuresAggregates = { longestWindowMs: HOUR_MS - 1, reachMs: DAY_MS } as const
/**
 * Single trades of futures: the last month, with a key (reference 4); a day less, so as not to fall short.
 */
const futuresTrades = { needsKey: true, reachMs: 29 * DAY_MS } as const

/** Requests of the funding endpoints of USD-M, each five minutes and IP (reference 4). */
export const FUNDING_REQUESTS = 500
export const FUNDING_WINDOW_MS = 5 * MINUTE_MS

export const marketFacts: Readonly<Record<Market, MarketFacts>> = {
  spot: {
    urlVariable: 'BINANCE_API_URL',
    defaultUrl: 'https://api.binance.com',
    timePath: '/api/v3/time',
    timeWeight: 1,
    exchangeInfoPath: '/api/v3/exchangeInfo',
    exchangeInfoWeight: 20,
    exchangeInfoBySymbols: true,
    weightPerMinute: 6_000,
    pages: {
      klines: even('/api/v3/klines', 1_000, 2),
      'agg-trades': even('/api/v3/aggTrades', 1_000, 4),
      trades: even('/api/v3/historicalTrades', 1_000, 25),
    },
  },
  um: {
    urlVariable: 'BINANCE_FUTURES_API_URL',
    defaultUrl: 'https://fapi.binance.com',
    timePath: '/fapi/v1/time',
    timeWeight: 1,
    exchangeInfoPath: '/fapi/v1/exchangeInfo',
    exchangeInfoWeight: 1,
    exchangeInfoBySymbols: false,
    weightPerMinute: 2_400,
    pages: {
      klines: futuresKlines('/fapi/v1/klines'),
      'mark-price-klines': futuresKlines('/fapi/v1/markPriceKlines'),
      'index-price-klines': futuresKlines('/fapi/v1/indexPriceKlines'),
      'premium-index-klines': futuresKlines('/fapi/v1/premiumIndexKlines'),
      // Not counted in weight, but in requests.
      funding: even('/fapi/v1/fundingRate', 1_000, 0, { bucket: 'funding' }),
      'agg-trades': even('/fapi/v1/aggTrades', 1_000, 20, futuresAggregates),
      trades: even('/fapi/v1/historicalTrades', 500, 20, futuresTrades),
    },
  },
  cm: {
    urlVariable: 'BINANCE_COIN_FUTURES_API_URL',
    defaultUrl: 'https://dapi.binance.com',
    timePath: '/dapi/v1/time',
    timeWeight: 1,
    exchangeInfoPath: '/dapi/v1/exchangeInfo',
    exchangeInfoWeight: 1,
    exchangeInfoBySymbols: false,
    weightPerMinute: 2_400,
    pages: {
      klines: futuresKlines('/dapi/v1/klines', coin),
      'mark-price-klines': futuresKlines('/dapi/v1/markPriceKlines', coin),
      'index-price-klines': futuresKlines('/dapi/v1/indexPriceKlines', coin),
      'premium-index-klines': futuresKlines('/dapi/v1/premiumIndexKlines', coin),
      funding: even('/dapi/v1/fundingRate', 1_000, 1),
      'agg-trades': even('/dapi/v1/aggTrades', 1_000, 20, futuresAggregates),
      trades: even('/dapi/v1/historicalTrades', 500, 20, futuresTrades),
    },
  },
}

/** The endpoint of a dataset on a market. Throws where there is none: a defect. */
export function endpointOf(dataset: DatasetName, market: Market): PageEndpoint {
  const endpoint = marketFacts[market].pages[dataset]
  if (!endpoint) throw new Error(`no endpoint for ${dataset} on ${market}`)
  return endpoint
}
