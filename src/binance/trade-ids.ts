// Single trades can be asked for by id only. The id that a time begins with is found by the aggregates, which
// can be asked for by time and name the trades in them; where they do not reach back (futures, more than a
// day), by halving the ids between the newest and the first.

import { DAY_MS } from '../core/calendar.ts'
import type { Column, Rows, Window } from '../core/dataset.ts'
import { nextId } from '../core/id.ts'
import type { Market, Series } from '../core/series.ts'
import type { Answer, Source } from '../core/source.ts'
import { RefusedError } from '../errors.ts'
import { type Client, PAGE_BYTES } from './client.ts'
import { decodeObjects } from './decode-objects.ts'
import { endpointOf } from './markets.ts'
import type { AskPage } from './rest.ts'

/** Where an aggregate begins, and which trade is its first. */
const aggregateColumns: readonly Column[] = [
  { name: 'time', kind: 'time' },
  { name: 'first', kind: 'id' },
  { name: 'id', kind: 'id' },
]
const aggregateShape = { kind: 'objects', fields: { T: 'time', f: 'first', a: 'id' }, fill: {} } as const

/** Futures aggregates answer for the last day; a window of them has to be shorter than an hour. */
const AGGREGATES_REACH_MS = DAY_MS

/** Halvings of 63 bits of ids, and some to spare. */
const MOST_HALVINGS = 70

/** A page by time as a page by id: finds the first id of the window, then asks from it. */
export function firstTradeId(client: Client, ask: AskPage, market: Market): Source['fetch'] {
  return async (series, window, hurried = false): Promise<Answer> => {
    if (window.fromId !== undefined) return ask(series, window, hurried)
    const servedAtMs = client.nowMs(market)
    const reachable = market === 'spot' || window.span.startMs > servedAtMs - AGGREGATES_REACH_MS
    const id = reachable
      ? await byAggregates(client, market, series, window, hurried)
      : await byHalving(ask, series, window, hurried)
    const none: Answer = { rows: { count: 0, columns: [] }, servedAtMs, skippedIds: [] }
    return id === null ? none : ask(series, { ...window, fromId: id }, hurried)
  }
}

/** The first trade of the first aggregate of the window; null where it has none. */
async function byAggregates(
  client: Client,
  market: Market,
  series: Series,
  { span }: Window,
  hurried: boolean,
): Promise<string | null> {
  const { path, weight, longestWindowMs } = endpointOf('agg-trades', market)
  const ask = async (query: Record<string, string>): Promise<Rows> => {
    const reply = await client.get({
      market,
      path,
      query: { symbol: series.symbol, ...query, limit: '1' },
      weight: weight(1),
      mostBytes: PAGE_BYTES,
      hurried,
      read: (body) => decodeObjects(body, aggregateColumns, aggregateShape),
    })
    return reply.value
  }
  for (let startMs = span.startMs; startMs < span.endMs; ) {
    const endMs = Math.min(span.endMs, startMs + (longestWindowMs ?? Number.POSITIVE_INFINITY))
    let rows = await ask({ startTime: String(startMs), endTime: String(endMs - 1) })
    // An invalid aggregate names no trade; the next one may share its millisecond, so it is asked for by id.
    while (rows.columns[1]?.[0] === '-1') rows = await ask({ fromId: nextId(String(rows.columns[2]?.[0])) })
    const [timeMs, first] = [Number(rows.columns[0]?.[0]), rows.columns[1]?.[0]]
    if (typeof first === 'string') return timeMs < span.endMs ? first : null
    startMs = endMs
  }
  return null
}

/** The first id whose time is in the window or after it, between the newest trade and the first of all. */
async function byHalving(
  ask: AskPage,
  series: Series,
  { span }: Window,
  hurried: boolean,
): Promise<string | null> {
  const all = { startMs: 0, endMs: Number.MAX_SAFE_INTEGER }
  const at = async (id: bigint | null): Promise<{ id: bigint; timeMs: number } | null> => {
    const window = { span: all, limit: 1, ...(id === null ? {} : { fromId: String(id) }) }
    const { rows } = await ask(series, window, hurried)
    const [found, timeMs] = [rows.columns[0]?.[0], rows.columns[5]?.[0]]
    return typeof found === 'string' && typeof timeMs === 'number' ? { id: BigInt(found), timeMs } : null
  }
  const newest = await at(null)
  if (newest === null || newest.timeMs < span.startMs) return null
  // Before `low` everything is too early; `high` is late enough.
  let low = 0n
  let high = newest.id
  for (let i = 0; i < MOST_HALVINGS && low < high; i += 1) {
    const middle = low + (high - low) / 2n
    const found = await at(middle).catch((error: unknown) => {
      // Ids beyond the reach are refused: they are too early.
      if (error instanceof RefusedError) return null
      throw error
    })
    if (found === null || found.timeMs < span.startMs) low = (found?.id ?? middle) + 1n
    else high = middle < found.id ? middle : found.id
  }
  return String(high)
}
