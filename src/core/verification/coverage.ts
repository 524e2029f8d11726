// What the ledger has to learn of rows that a repair inserts: where it vouches for rows already it was right
// all along, where it says that there are none it was wrong.
import { advance, floorToPeriod } from '../calendar.ts'
import { idsOf, type Rows, type Table, timesOf } from '../dataset.ts'
import { type LedgerRow, ledgerRow } from '../ledger.ts'
import type { Period } from '../series.ts'
import { meet, minus, type Span } from '../span.ts'

export type Covered = {
  readonly table: Table
  /** Null for datasets without a calendar. */
  readonly period: Period | null
  readonly ledger: readonly LedgerRow[]
}

/**
 * The news for the ledger that `rows`, all from REST, are stored now. A candle settles its place; a trade or
 * a rate settles nothing that was open, since others may stand beside it.
 */
export function coverageOf({ table, period, ledger }: Covered, rows: Rows, checkedAtMs: number): LedgerRow[] {
  const timesMs = timesOf(table, rows)
  const places = timesMs.map((timeMs): Span => {
    if (period === null) return { startMs: timeMs, endMs: timeMs + 1 }
    const startMs = floorToPeriod(period, timeMs)
    return { startMs, endMs: advance(period, startMs, 1) }
  })
  const vouched = ledger.filter(({ verdict }) => verdict === 'rows')
  const empty = ledger.filter(({ verdict }) => verdict !== 'rows' && verdict !== 'wanted')
  const news = period === null ? meet(places, empty) : minus(places, vouched)
  const ids = table.columns[0]?.kind === 'id' ? idsOf(rows) : null
  return news.flatMap((span) => {
    const own = timesMs.flatMap((timeMs, row) => (timeMs >= span.startMs && timeMs < span.endMs ? [row] : []))
    const [first, last] = [own[0], own.at(-1)]
    if (first === undefined || last === undefined) return []
    const named = { firstId: ids?.[first] ?? null, lastId: ids?.[last] ?? null }
    return [ledgerRow(span, 'rows', { rows: own.length, source: 'rest', checkedAtMs, ...named })]
  })
}
