// A gap and its verdict: a run of places that should hold a row each and do not, and why.

import type { Dataset, Table } from './dataset.ts'
import { isUnpublished } from './holes.ts'
import type { IdRange } from './id.ts'
import { type LedgerRow, LOST_ROWS, type Verdict } from './ledger.ts'
import type { Period, Series } from './series.ts'
import type { Span } from './span.ts'
import type { Store } from './store.ts'

export type OpenVerdict = 'missing' | 'lost' | 'unpublished'
export type ExplainedVerdict = Exclude<Verdict, 'rows' | 'wanted'>
export type GapVerdict = OpenVerdict | ExplainedVerdict

/** A run of places that should hold a row each and do not, and why. */
export type Gap = {
  readonly span: Span
  /** How many; 0 where nobody knows, as for what was never asked for of trades and rates. */
  readonly rowsMissing: number
  readonly verdict: GapVerdict
  /** The ids that are missing, for datasets in order of ids, where they are known. */
  readonly ids?: IdRange
}

/** Whether somebody has to do something about the gap. */
export function isOpen({ verdict }: Gap): boolean {
  return verdict === 'missing' || verdict === 'lost' || verdict === 'unpublished'
}

/** The rows that are missing in those of `gaps` that are open. */
export function openRows(gaps: readonly Gap[]): number {
  return gaps.reduce((sum, gap) => sum + (isOpen(gap) ? gap.rowsMissing : 0), 0)
}

/** A series, and what is asked of it. */
export type GapScan = {
  readonly store: Pick<Store, 'counts' | 'ends' | 'countIds' | 'fromIds'>
  readonly series: Series
  /** Null for datasets without a calendar. */
  readonly period: Period | null
  readonly dataset: Dataset
  readonly table: Table
  /** Where gaps are looked for: places of a calendar by their open time. */
  readonly spans: readonly Span[]
  /** The whole ledger of the series. */
  readonly ledger: readonly LedgerRow[]
}

/** What a ledger row says of a hole in its span; what no row says anything of is missing. */
export function verdictOf(row: LedgerRow): GapVerdict {
  if (row.verdict === 'rows' || row.reason === LOST_ROWS) return 'lost'
  if (row.verdict !== 'wanted') return row.verdict
  return isUnpublished(row) ? 'unpublished' : 'missing'
}
