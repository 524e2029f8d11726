// The exchange as a table: where each market answers, what a request weighs, how many rows a page may hold. A
// market or an endpoint joins as a row. Facts: reference sections 1, 3, 4 and 6.1; the live weight limit is
// read from exchangeInfo when a run begins.
import type { DatasetName, Market } from '../core/series.ts'
import type { PageCost } from '../core/source.ts'

export type PageEndpoint = {
  readonly path: string
  /** Rows and weight of the next page when `places` rows are still to be had. */
  page(places: number): PageCost
  /** The weight of a request with this limit. */
  weight(limit: number): number
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

const SPOT_PAGE_ROWS = 1_000
const SPOT_KLINES_WEIGHT = 2

const spotKlines: PageEndpoint = {
  path: '/api/v3/klines',
  weight: () => SPOT_KLINES_WEIGHT,
  page: (places) => ({ rows: Math.min(places, SPOT_PAGE_ROWS), weight: SPOT_KLINES_WEIGHT }),
}

/** Weight of a futures kline request by its limit: below 100, below 500, to 1,000, above. */
function futuresWeight(limit: number): number {
  if (limit < 100) return 1
  if (limit < 500) return 2
  return limit <= 1_000 ? 5 : 10
}

/** Pages of 499 bring 249 candles a weight unit, against 150 at 1,500. */
const FUTURES_PAGE_ROWS = 499

function futuresKlines(path: string): PageEndpoint {
  return {
    path,
    weight: futuresWeight,
    page: (places) => {
      const rows = Math.min(places, FUTURES_PAGE_ROWS)
      return { rows, weight: futuresWeight(rows) }
    },
  }
}

export const marketFacts: Readonly<Record<Exclude<Market, 'cm'>, MarketFacts>> = {
  spot: {
    urlVariable: 'BINANCE_API_URL',
    defaultUrl: 'https://api.binance.com',
    timePath: '/api/v3/time',
    timeWeight: 1,
    exchangeInfoPath: '/api/v3/exchangeInfo',
    exchangeInfoWeight: 20,
    exchangeInfoBySymbols: true,
    weightPerMinute: 6_000,
    pages: { klines: spotKlines },
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
    pages: { klines: futuresKlines('/fapi/v1/klines') },
  },
}

/** The markets that the program can fetch from. */
export type FetchableMarket = keyof typeof marketFacts
export const fetchableMarkets = Object.keys(marketFacts) as readonly FetchableMarket[]
