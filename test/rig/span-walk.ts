// One span of a series walked against candles in memory: the pages that came, what they settle, and what was
// asked for them.
import { firstTime } from '../../src/binance/first-time.ts'
import { advance, openTimes } from '../../src/core/calendar.ts'
import { fetchByCalendar } from '../../src/core/calendar-walk.ts'
import { timesOf } from '../../src/core/dataset.ts'
import type { LedgerRow } from '../../src/core/ledger.ts'
import type { Period, Series } from '../../src/core/series.ts'
import type { Source } from '../../src/core/source.ts'
import type { Span } from '../../src/core/span.ts'
import type { Step } from '../../src/core/step.ts'
import { klines } from '../../src/datasets/klines.ts'
import {
  fromList,
  type ListedCandle,
  listing,
  type MemorySourceOptions,
  memorySource,
} from './memory-source.ts'

export const WALK_START_MS = Date.UTC(2024, 0, 1)
/** Long after every span that tests walk, so that every hole is old. */
export const LATER_MS = Date.UTC(2040, 0, 1)

export type WalkGiven = {
  readonly period?: Period
  readonly candles: readonly ListedCandle[]
  readonly span: Span
  readonly pageRows?: number
  readonly nowMs?: number
  readonly trading?: boolean
  readonly before?: readonly LedgerRow[]
  readonly hurried?: boolean
  /** Runs before each answer. */
  readonly meanwhile?: MemorySourceOptions['before']
  /** Whether the newest rows of a window are answered, of windows that have a longest length (COIN-M). */
  readonly newestFirst?: { readonly longestWindowMs: number }
  /** What is answered where that is not simply the list of candles. */
  readonly answer?: MemorySourceOptions['answer']
}

export type Walk = {
  readonly steps: readonly Step[]
  readonly opensMs: readonly number[]
  readonly ledger: readonly LedgerRow[]
  readonly requests: readonly { readonly span: Span; readonly limit: number; readonly hurried: boolean }[]
}

/** Walks a span to its end, whatever was refused on the way. Throws what ends a pass. */
export async function walk(given: WalkGiven): Promise<Walk> {
  const { period = '1h', candles, span, pageRows = 1_000, nowMs = LATER_MS } = given
  const series: Series = { market: 'spot', dataset: 'klines', symbol: 'BTCUSDT', period }
  const exchange = memorySource({
    nowMs: () => nowMs,
    pageRows,
    answer: given.answer ?? fromList(candles, period, given.newestFirst !== undefined),
    ...(given.meanwhile ? { before: given.meanwhile } : {}),
  })
  const table = klines.table(series)
  const steps: Step[] = []
  const job = {
    series,
    period,
    dataset: klines,
    table,
    source: given.newestFirst ? newestFirst(exchange.source, given.newestFirst) : exchange.source,
    listing: listing('BTCUSDT', { trading: given.trading ?? true }),
    before: given.before ?? [],
    span,
    hurried: given.hurried ?? false,
  }
  for await (const step of fetchByCalendar(job)) steps.push(step)
  return {
    steps,
    opensMs: steps.flatMap((step) => timesOf(table, step.rows)),
    ledger: steps.flatMap((step) => step.ledger),
    requests: exchange.asks.map(({ window, hurried }) => ({ ...window, hurried })),
  }
}

function newestFirst(source: Source, facts: { readonly longestWindowMs: number }): Source {
  return { ...source, ...facts, first: firstTime((...asked) => source.fetch(...asked), source.nowMs) }
}

/** The span of so many places. */
export const spanOf = (places: number, period: Period = '1h', startMs = WALK_START_MS): Span => ({
  startMs,
  endMs: advance(period, startMs, places),
})

/** The candles of every place of `span` that is in none of `holes`. */
export function candlesOf(period: Period, span: Span, holes: readonly Span[] = []): ListedCandle[] {
  return [...openTimes(period, span)]
    .filter((openMs) => !holes.some((hole) => openMs >= hole.startMs && openMs < hole.endMs))
    .map((openMs) => ({ openMs }))
}
