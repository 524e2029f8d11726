// What a walk over a missing span is told, and what each of its steps brings. There is a walk for every order
// of rows: by calendar, by time, by id, and over archives.
import type { UserError } from '../errors.ts'
import type { ArchiveRecord } from './archive.ts'
import { type Dataset, emptyRows, type Rows, type Table } from './dataset.ts'
import type { LedgerRow, SourceName } from './ledger.ts'
import type { Series } from './series.ts'
import type { Listing, Source } from './source.ts'
import type { Span } from './span.ts'

/** A span of a series that is to be fetched from a source of pages. */
export type SpanJob = {
  readonly series: Series
  readonly dataset: Dataset
  readonly table: Table
  readonly source: Source
  readonly listing: Listing
  /** The ledger as it was before the pass, and what the pass has settled next to the span. */
  readonly before: readonly LedgerRow[]
  readonly span: Span
  /** Whether the span was refused a moment ago. */
  readonly hurried: boolean
}

/** A span that stays open, and why; with an error where the user has to change something first. */
export type OpenSpan = { readonly span: Span; readonly reason: string; readonly error?: UserError }

/** One step: rows with what they settle, and what stays open of what was asked. */
export type Step = {
  readonly rows: Rows
  readonly ledger: readonly LedgerRow[]
  readonly extractedAtMs: number
  readonly source: SourceName
  readonly span: Span
  readonly open: readonly OpenSpan[]
  /** A window that the exchange refused, and why. */
  readonly refused: OpenSpan | null
  /** Whether everything before this step has to be written before it may be. */
  readonly barrier?: true
  /** Archives whose rows have all been handed out with this step. */
  readonly archives?: readonly ArchiveRecord[]
  /** The key of an archive that was published anew: its rows replace what is stored, whoever sent that. */
  readonly refreshes?: string
}

/** A step that brings nothing, because its window was refused. */
export function refusedStep(table: Table, refused: OpenSpan): Step {
  const span = refused.span
  return { rows: emptyRows(table), ledger: [], extractedAtMs: 0, source: 'rest', span, open: [], refused }
}
