// What the checks of a series go by, and what each of them is.
import type { Dataset, Rows, Table } from '../dataset.ts'
import type { LedgerRow } from '../ledger.ts'
import type { Period } from '../series.ts'
import type { Span } from '../span.ts'
import type { Found } from './findings.ts'

export type CheckContext = {
  readonly dataset: Dataset
  readonly table: Table
  /** Null for datasets without a calendar. */
  readonly period: Period | null
  /** What of the series is looked at; on the grid where there is one. */
  readonly range: Span
  readonly ledger: readonly LedgerRow[]
}

/** Looks at the rows of one series, page by page in order. */
export type RowCheck = {
  /** What is found in the next page; what may go on in the one after is told later. */
  page(rows: Rows): Found[]
  /** What is found once the last page has been seen. */
  end(): Found[]
}
