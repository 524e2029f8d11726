// What of a series is looked at: from where its rows begin, or the ledger says that they do, to where they
// end. What was never fetched is no business of verify; what was lost at either end is.
import { advance, ceilToPeriod, DAY_MS, floorToPeriod } from '../calendar.ts'
import { type LedgerRow, settledSpans } from '../ledger.ts'
import type { Period } from '../series.ts'
import { isoTime, type Span } from '../span.ts'
import type { Holding } from '../store.ts'
import type { Found } from './findings.ts'

/** What the user asks for, epoch ms; null where that is left open. */
export type AskedRange = { readonly startMs: number | null; readonly endMs: number | null }

export type RangeInput = {
  readonly period: Period | null
  readonly holding: Pick<Holding, 'firstMs' | 'lastMs'> | null
  readonly ledger: readonly LedgerRow[]
}

/** What there is of a series, narrowed to what is asked for; null where there is nothing. */
export function rangeOf(input: RangeInput, asked: AskedRange): Span | null {
  const there = extentOf(input)
  if (!there) return null
  const { period } = input
  const onGrid = (timeMs: number): number => (period === null ? timeMs : ceilToPeriod(period, timeMs))
  const startMs = asked.startMs === null ? there.startMs : Math.max(there.startMs, onGrid(asked.startMs))
  const endMs = asked.endMs === null ? there.endMs : Math.min(there.endMs, onGrid(asked.endMs))
  return startMs < endMs ? { startMs, endMs } : null
}

/** Times that a calendar can name: another hand may have stored any number. */
const clipped = (timeMs: number): number => Math.min(Math.max(timeMs, 0), LATEST_MS)
const LATEST_MS = Date.UTC(9999, 0, 1)

/** From the first row, or the first that the ledger vouches for, to the end of what is stored or settled. */
function extentOf({ period, holding, ledger }: RangeInput): Span | null {
  const vouched = ledger.filter((row) => row.verdict === 'rows' && row.rows > 0)
  if (!holding && vouched.length === 0) return null
  const begins = [...(holding ? [holding.firstMs] : []), ...vouched.map((row) => row.startMs)]
  const firstMs = clipped(Math.min(...begins))
  const startMs = period === null ? firstMs : floorToPeriod(period, firstMs)
  const lastMs = clipped(holding?.lastMs ?? startMs)
  const afterLastMs = period === null ? lastMs + 1 : advance(period, lastMs, 1)
  const settledMs = settledSpans(ledger).at(-1)?.endMs ?? startMs
  return {
    startMs,
    endMs: Math.max(afterLastMs, period === null ? settledMs : floorToPeriod(period, settledMs)),
  }
}

/** A note where a series ends days before its last closed period: all of it may be right, and old. */
export function behind({ period, ledger }: RangeInput, range: Span, nowMs: number): Found | null {
  const closedMs = floorToPeriod(period ?? '1m', nowMs)
  const longMs = period === null ? DAY_MS : Math.max(DAY_MS, closedMs - advance(period, closedMs, -1))
  if (closedMs - range.endMs < longMs || ledger.at(-1)?.verdict === 'delisted') return null
  const span = { startMs: range.endMs, endMs: closedMs }
  const stored = `nothing after ${isoTime(range.endMs)}`
  return { check: 'behind', severity: 'note', span, stored, expected: `rows up to ${isoTime(closedMs)}` }
}
