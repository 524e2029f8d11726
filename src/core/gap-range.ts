// Where gaps of a series are looked for: from its first row to the last closed period. Only the exchange's
// own clock says what has closed, so without a word from it that is the last period that it was asked for;
// what was settled or wanted once is always looked at.
import { advance, ceilToPeriod, floorToPeriod } from './calendar.ts'
import type { Order } from './dataset.ts'
import type { LedgerRow } from './ledger.ts'
import type { Period } from './series.ts'
import type { Span } from './span.ts'
import type { Ends } from './store.ts'

export type GapRange = {
  readonly period: Period | null
  readonly order: Order
  readonly ledger: readonly LedgerRow[]
  /** Null where there is no row. */
  readonly ends: Ends | null
  /** What the user asks for; null where that is left to the program. Epoch ms. */
  readonly startMs: number | null
  readonly endMs: number | null
  /** Until when rows are owed, by the exchange; null where it was not asked. Epoch ms. */
  readonly owedUntilMs: number | null
  /** Until when rows may be owed, by the best clock at hand, epoch ms: no end may be asked for later. */
  readonly closedUntilMs: number
}

/** The span in which the gaps of a series are looked for; null where nothing is known of it. */
export function gapSpan(range: GapRange): Span | null {
  const { ends, endMs, ledger, owedUntilMs, period, startMs } = range
  const begins = ledger.filter(({ verdict }) => verdict === 'rows' || verdict === 'wanted')
  const firstMs = Math.min(ends?.firstMs ?? Infinity, begins[0]?.startMs ?? Infinity)
  const lastMs = Math.max(ends ? rowEndMs(range, ends.lastMs) : -Infinity, ledger.at(-1)?.endMs ?? -Infinity)
  if (!Number.isFinite(firstMs)) return null
  const ceil = (timeMs: number): number => (period === null ? timeMs : ceilToPeriod(period, timeMs))
  const floor = (timeMs: number): number => (period === null ? timeMs : floorToPeriod(period, timeMs))
  const knownMs = Math.max(lastMs, owedUntilMs ?? -Infinity)
  const fromMs = startMs === null ? floor(firstMs) : ceil(startMs)
  const toMs = endMs === null ? knownMs : Math.min(ceil(endMs), Math.max(knownMs, range.closedUntilMs))
  return fromMs < toMs ? { startMs: fromMs, endMs: toMs } : null
}

/** Where the place of the last row ends. Of trades its millisecond may hold more: it is left open. */
function rowEndMs({ order, period }: GapRange, lastMs: number): number {
  if (period !== null) return advance(period, lastMs, 1)
  return order === 'id' ? lastMs : lastMs + 1
}
