// Klines of every market, and those of mark prices, indexes and premiums: bounds on the open time, both
// inclusive; which candles come back when a bound is missing; the limits and weights of each market
// (reference 3, 3.1, 4, 4.1 and 5).
import { isMember, type Market, type Period, periods } from '../../src/core/series.ts'
import { type Bounds, coinBounds } from './coin-window.ts'
import {
  type Answer,
  type Endpoint,
  integerParameter,
  knownPair,
  knownSymbol,
  Refusal,
  type Surroundings,
} from './endpoint.ts'
import { feedPage, type RenderedPage, type Wanted } from './market.ts'
import { priceFeedOf } from './price-feed.ts'
import { type Feed, feedOf, type PriceDataset } from './symbol-spec.ts'

const DEFAULT_LIMIT = 500
const maxLimits = { spot: 1_000, um: 1_500, cm: 1_500 } as const
/** Spot reads times of at least this many digits as microseconds. */
const MICROSECONDS_FROM = 1e14
/** Spot moves bounds into the time from 2017 to 10 s from now, silently. */
const SPOT_FIRST_MS = Date.UTC(2017, 0, 1)
const SPOT_AHEAD_MS = 10_000

/** The weight of a futures page by its limit. */
export function futuresWeight(limit: number): number {
  if (limit < 100) return 1
  if (limit < 500) return 2
  return limit <= 1_000 ? 5 : 10
}

function weight(market: Market, query: URLSearchParams): number {
  if (market === 'spot') return 2
  const limit = Number(query.get('limit') ?? DEFAULT_LIMIT)
  return Number.isInteger(limit) && limit > 0 ? futuresWeight(limit) : futuresWeight(DEFAULT_LIMIT)
}

function limitOf(market: Market, query: URLSearchParams): number {
  const limit = integerParameter(query, 'limit') ?? DEFAULT_LIMIT
  if (limit < 1 || limit > maxLimits[market]) {
    throw new Refusal(-1130, "Data sent for parameter 'limit' is not valid.")
  }
  return limit
}

function periodOf(market: Market, text: string): Period {
  if (!isMember(periods, text) || (text === '1s' && market !== 'spot'))
    throw new Refusal(-1120, 'Invalid interval.')
  return text
}

/** A bound on time as a market reads it: spot takes microseconds too, and clamps. Epoch ms. */
export function boundOf(
  market: Market,
  query: URLSearchParams,
  name: string,
  nowMs: number,
): number | undefined {
  const sent = integerParameter(query, name)
  if (sent === undefined || market !== 'spot') return sent
  const timeMs = sent >= MICROSECONDS_FROM ? Math.floor(sent / 1_000) : sent
  return Math.min(Math.max(timeMs, SPOT_FIRST_MS), nowMs + SPOT_AHEAD_MS)
}

/**
 * Whether no later answer to the same request can differ: every candle closed, and no further one may join.
 */
function isSettled(answer: RenderedPage, wanted: Wanted, nowMs: number): boolean {
  const complete = wanted.lastMs < nowMs || (!wanted.newest && answer.rows === wanted.limit)
  return complete && (answer.lastCloseMs ?? Infinity) < nowMs
}

/** What one path serves. */
type Family = {
  readonly path: string
  readonly market: Market
  readonly dataset: 'klines' | PriceDataset
  /** How the query names the series: by a contract's symbol, or by the pair of an index. */
  readonly named: 'symbol' | 'pair'
  /** Whether a window may have 200 days at most. */
  readonly narrow: boolean
}

function feedAsked({ market, dataset, named }: Family, query: URLSearchParams, around: Surroundings): Feed {
  const name = query.get(named) ?? ''
  const spec = named === 'pair' ? knownPair(around, market, name) : knownSymbol(around, market, name)
  return dataset === 'klines' ? feedOf(spec) : priceFeedOf(spec, dataset)
}

function boundsAsked({ market, narrow }: Family, query: URLSearchParams, nowMs: number): Bounds {
  const startMs = boundOf(market, query, 'startTime', nowMs)
  const lastMs = boundOf(market, query, 'endTime', nowMs)
  if (market !== 'spot' && startMs !== undefined && lastMs !== undefined && startMs > lastMs)
    throw new Refusal(-1023, 'Start time is greater than end time.')
  if (narrow) return coinBounds(startMs, lastMs, nowMs)
  return { startMs: startMs ?? 0, lastMs: lastMs ?? Infinity }
}

function answerPage(
  family: Family,
  feed: Feed,
  period: Period,
  wanted: Wanted,
  around: Surroundings,
): Answer {
  const bounds = `${wanted.startMs}/${wanted.lastMs}/${wanted.limit}/${wanted.newest}`
  const key = `${family.path}/${feed.spec.symbol}/${period}/${bounds}`
  const kept = around.pages.get(key)
  if (kept) return kept
  const nowMs = around.nowMs()
  const answer = feedPage(feed, period, wanted, nowMs)
  if (isSettled(answer, wanted, nowMs)) around.pages.set(key, answer)
  return answer
}

function endpoint(family: Family): Endpoint {
  const { path, market, named } = family
  const own = market === 'spot' ? ['timeZone'] : []
  return {
    path,
    market,
    parameters: [named, 'interval', 'startTime', 'endTime', 'limit', ...own],
    mandatory: [named, 'interval'],
    faulty: true,
    weight: (query) => weight(market, query),
    answer(query, around) {
      const feed = feedAsked(family, query, around)
      const period = periodOf(market, query.get('interval') ?? '')
      const limit = limitOf(market, query)
      const bounds = boundsAsked(family, query, around.nowMs())
      if ((query.get('timeZone') ?? '0') !== '0')
        throw new Refusal(-1130, "Data sent for parameter 'timeZone' is not valid.")
      if (bounds.startMs > bounds.lastMs) return { body: '[]', rows: 0 }
      // Without a start the newest candles are meant, with one the oldest, also when both are given; COIN-M
      // means the newest whatever was given.
      const newest = market === 'cm' || !query.has('startTime')
      return answerPage(family, feed, period, { ...bounds, limit, newest }, around)
    },
  }
}

function families(market: 'um' | 'cm', root: string): Family[] {
  const narrow = market === 'cm'
  const bySymbol = { market, named: 'symbol', narrow } as const
  return [
    { ...bySymbol, path: `${root}/klines`, dataset: 'klines' },
    { ...bySymbol, path: `${root}/markPriceKlines`, dataset: 'mark-price-klines' },
    { ...bySymbol, path: `${root}/indexPriceKlines`, dataset: 'index-price-klines', named: 'pair' },
    { ...bySymbol, path: `${root}/premiumIndexKlines`, dataset: 'premium-index-klines', narrow: false },
  ]
}

const spot: Family = {
  path: '/api/v3/klines',
  market: 'spot',
  dataset: 'klines',
  named: 'symbol',
  narrow: false,
}

export const klinesEndpoints: readonly Endpoint[] = [
  spot,
  ...families('um', '/fapi/v1'),
  ...families('cm', '/dapi/v1'),
].map(endpoint)
