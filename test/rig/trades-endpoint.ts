// aggTrades, historicalTrades and trades of all markets (reference 3.2, 4 and 5): bounds and fromId
// inclusive, spot without end, futures for the last 24 hours (aggregates) or month (raw trades) alone. How
// futures answer for older trades is not recorded; here they are silently left out, which is the hardest to
// notice.
import { DAY_MS, HOUR_MS } from '../../src/core/calendar.ts'
import type { Market } from '../../src/core/series.ts'
import {
  type Answer,
  type Endpoint,
  idParameter,
  knownSymbol,
  limitParameter,
  Refusal,
  type Surroundings,
} from './endpoint.ts'
import { boundOf } from './klines-endpoint.ts'
import { startText, type TradeText, takeText } from './trade-bytes.ts'
import {
  aggregateFrom,
  aggregateFromId,
  rawFrom,
  rawFromId,
  type TradeFeed,
  tradeFeedOf,
} from './trade-market.ts'
import { putAggregateJson, putTradeJson } from './trade-rows.ts'

const AGGREGATES_REACH_MS = DAY_MS
/** "Only the last month"; how long that is, the documents do not say. */
const RAW_REACH_MS = 30 * DAY_MS

/** Trades are counted here by their index: `from` included, `end` not. */
type Range = { readonly from: number; readonly end: number }

type Kind = {
  from(feed: TradeFeed, timeMs: number): number
  fromId(feed: TradeFeed, id: bigint): number
  put(text: TradeText, feed: TradeFeed, index: number): void
}
const aggregates: Kind = { from: aggregateFrom, fromId: aggregateFromId, put: putAggregateJson }
const rawTrades: Kind = { from: rawFrom, fromId: rawFromId, put: putTradeJson }

function answerRange(kind: Kind, feed: TradeFeed, range: Range): Answer {
  const rows = Math.max(0, range.end - range.from)
  const text = startText(rows)
  for (let index = range.from; index < range.end; index += 1) {
    text.bytes[text.length] = index === range.from ? 91 : 44
    text.length += 1
    kind.put(text, feed, index)
  }
  return { body: rows === 0 ? '[]' : `${takeText(text)}]`, rows }
}

/** The trades that can be seen: those before now, on futures no older than `reachMs`. */
function visible(kind: Kind, feed: TradeFeed, reachMs: number, nowMs: number): Range {
  const oldestMs = feed.spec.market === 'spot' ? -Infinity : nowMs - reachMs
  const end = kind.from(feed, nowMs)
  return { from: Math.min(end, kind.from(feed, oldestMs)), end }
}

const newest = (range: Range, limit: number): Range => ({
  from: Math.max(range.from, range.end - limit),
  end: range.end,
})
const oldest = (range: Range, limit: number): Range => ({
  from: range.from,
  end: Math.min(range.end, range.from + limit),
})
const meet = (range: Range, from: number, end: number): Range => ({
  from: Math.max(range.from, from),
  end: Math.min(range.end, end),
})

type Bounds = { readonly startMs: number | undefined; readonly lastMs: number | undefined }

/** The bounds of a request. Refused on futures: a start behind the end, and an hour or more between them. */
function boundsOf(market: Market, query: URLSearchParams, nowMs: number): Bounds {
  const startMs = boundOf(market, query, 'startTime', nowMs)
  const lastMs = boundOf(market, query, 'endTime', nowMs)
  if (market !== 'spot' && startMs !== undefined && lastMs !== undefined) {
    if (startMs > lastMs) throw new Refusal(-1023, 'Start time is greater than end time.')
    if (lastMs - startMs >= HOUR_MS)
      throw new Refusal(-1127, 'More than 1 hours between startTime and endTime.')
  }
  return { startMs, lastMs }
}

function aggregateRange(feed: TradeFeed, query: URLSearchParams, limit: number, nowMs: number): Range {
  const { market } = feed.spec
  const id = idParameter(query, 'fromId')
  const { startMs, lastMs } = boundsOf(market, query, nowMs)
  const seen = visible(aggregates, feed, AGGREGATES_REACH_MS, nowMs)
  if (id !== undefined) return oldest(meet(seen, aggregateFromId(feed, id), Infinity), limit)
  const from = startMs === undefined ? 0 : aggregateFrom(feed, startMs)
  const end = lastMs === undefined ? Infinity : aggregateFrom(feed, lastMs + 1)
  const range = meet(seen, from, end)
  return startMs === undefined ? newest(range, limit) : oldest(range, limit)
}

/** The trades of the symbol asked for; null when it has none. Refused: unknown symbols. */
function feedAsked(market: Market, query: URLSearchParams, around: Surroundings): TradeFeed | null {
  return tradeFeedOf(knownSymbol(around, market, query.get('symbol') ?? ''))
}

const none: Answer = { body: '[]', rows: 0 }

function aggTrades(market: Market, path: string, weight: number): Endpoint {
  return {
    path,
    market,
    parameters: ['symbol', 'fromId', 'startTime', 'endTime', 'limit'],
    mandatory: ['symbol'],
    faulty: true,
    weight: () => weight,
    answer(query, around) {
      const feed = feedAsked(market, query, around)
      const limit = limitParameter(query, { normal: 500, most: 1_000 })
      // Futures may also hang until they time out.
      if (query.has('fromId') && (query.has('startTime') || query.has('endTime')))
        throw new Refusal(-1128, 'Combination of optional parameters invalid.')
      if (!feed) return none
      return answerRange(aggregates, feed, aggregateRange(feed, query, limit, around.nowMs()))
    },
  }
}

function historicalTrades(market: Market, path: string, weight: number): Endpoint {
  const limits = market === 'spot' ? { normal: 500, most: 1_000 } : { normal: 100, most: 500 }
  return {
    path,
    market,
    parameters: ['symbol', 'fromId', 'limit'],
    mandatory: ['symbol'],
    faulty: true,
    keyed: market !== 'spot',
    weight: () => weight,
    answer(query, around) {
      const feed = feedAsked(market, query, around)
      const limit = limitParameter(query, limits)
      const id = idParameter(query, 'fromId')
      if (!feed) return none
      const seen = visible(rawTrades, feed, RAW_REACH_MS, around.nowMs())
      const range = id === undefined ? newest(seen, limit) : meet(seen, rawFromId(feed, id), Infinity)
      return answerRange(rawTrades, feed, oldest(range, limit))
    },
  }
}

function recentTrades(market: Market, path: string, weight: number): Endpoint {
  return {
    path,
    market,
    parameters: ['symbol', 'limit'],
    mandatory: ['symbol'],
    faulty: true,
    weight: () => weight,
    answer(query, around) {
      const feed = feedAsked(market, query, around)
      const limit = limitParameter(query, { normal: 500, most: 1_000 })
      if (!feed) return none
      return answerRange(rawTrades, feed, newest(visible(rawTrades, feed, Infinity, around.nowMs()), limit))
    },
  }
}

export const tradesEndpoints: readonly Endpoint[] = [
  aggTrades('spot', '/api/v3/aggTrades', 4),
  aggTrades('um', '/fapi/v1/aggTrades', 20),
  aggTrades('cm', '/dapi/v1/aggTrades', 20),
  historicalTrades('spot', '/api/v3/historicalTrades', 25),
  historicalTrades('um', '/fapi/v1/historicalTrades', 20),
  historicalTrades('cm', '/dapi/v1/historicalTrades', 20),
  recentTrades('spot', '/api/v3/trades', 25),
  recentTrades('um', '/fapi/v1/trades', 5),
  recentTrades('cm', '/dapi/v1/trades', 5),
]
