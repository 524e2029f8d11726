// /klines of spot and USD-M: bounds on the open time, both inclusive; which candles come back when a bound
// is missing; the limits and weights of each market (reference 3, 3.1, 4 and 4.1).
import { isMember, type Market, type Period, periods } from '../../src/core/series.ts'
import {
  type Answer,
  type Endpoint,
  integerParameter,
  knownSymbol,
  Refusal,
  type Surroundings,
} from './endpoint.ts'
import { pageBytes, type RenderedPage, type SymbolSpec, type Wanted } from './market.ts'

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

function boundOf(market: Market, query: URLSearchParams, name: string, nowMs: number): number | undefined {
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

function answerPage(spec: SymbolSpec, period: Period, wanted: Wanted, around: Surroundings): Answer {
  const bounds = `${wanted.startMs}/${wanted.lastMs}/${wanted.limit}/${wanted.newest}`
  const key = `${spec.market}/${spec.symbol}/${period}/${bounds}`
  const kept = around.pages.get(key)
  if (kept) return kept
  const nowMs = around.nowMs()
  const answer = pageBytes(spec, period, wanted, nowMs)
  if (isSettled(answer, wanted, nowMs)) around.pages.set(key, answer)
  return answer
}

function klines(market: Market, path: string): Endpoint {
  const own = market === 'spot' ? ['timeZone'] : []
  return {
    path,
    market,
    parameters: ['symbol', 'interval', 'startTime', 'endTime', 'limit', ...own],
    mandatory: ['symbol', 'interval'],
    faulty: true,
    weight: (query) => weight(market, query),
    answer(query, around) {
      const spec = knownSymbol(around, market, query.get('symbol') ?? '')
      const period = periodOf(market, query.get('interval') ?? '')
      const limit = limitOf(market, query)
      const nowMs = around.nowMs()
      const startMs = boundOf(market, query, 'startTime', nowMs)
      const lastMs = boundOf(market, query, 'endTime', nowMs)
      if ((query.get('timeZone') ?? '0') !== '0')
        throw new Refusal(-1130, "Data sent for parameter 'timeZone' is not valid.")
      if (startMs !== undefined && lastMs !== undefined && startMs > lastMs) {
        if (market === 'spot') return { body: '[]', rows: 0 }
        throw new Refusal(-1023, 'Start time is greater than end time.')
      }
      const wanted: Wanted = {
        startMs: startMs ?? 0,
        lastMs: lastMs ?? Infinity,
        limit,
        // Without a start the newest candles are meant, with one the oldest: also when both are given.
        newest: startMs === undefined,
      }
      return answerPage(spec, period, wanted, around)
    },
  }
}

export const klinesEndpoints: readonly Endpoint[] = [
  klines('spot', '/api/v3/klines'),
  klines('um', '/fapi/v1/klines'),
]
