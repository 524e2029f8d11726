// Everything worth telling, as one union. The core tells; log, progress, metrics and traces listen.
import type { LedgerRow } from './ledger.ts'
import type { DatasetName, Market, Series } from './series.ts'
import type { Span } from './span.ts'

export type Unsettled = { readonly series: Series; readonly span: Span; readonly reason: string }

/** What of a write belongs to one series. */
export type BatchPart = {
  readonly series: Series
  readonly rows: number
  /** The end of the last span that the write settles, epoch ms; null where it settles none. */
  readonly settledUntilMs: number | null
}

export type PetrosaEvent =
  | {
      readonly type: 'pass-started'
      readonly command: string
      readonly series: readonly Series[]
      readonly startMs: number | null
    }
  | {
      readonly type: 'pass-planned'
      readonly seriesToDo: number
      readonly rowsToDo: number
      readonly requestsToDo: number
    }
  /**
   * Told once a pass is planned: from when on each of its series lacks its newest rows; null: it lacks
   * none.
   */
  | {
      readonly type: 'pass-due'
      /** The exchange's clock, epoch ms. */
      readonly nowMs: number
      readonly due: readonly { readonly series: Series; readonly fromMs: number | null }[]
    }
  | { readonly type: 'scan-started'; readonly series: number }
  /** What a run over gaps found in a series, before it fetches anything. */
  | {
      readonly type: 'series-scanned'
      readonly series: Series
      readonly openGaps: number
      readonly gapRows: number
    }
  /** What came of the gaps of a series that such a run went to fill. */
  | {
      readonly type: 'series-filled'
      readonly series: Series
      readonly filled: number
      /** Rows that are missing still in open gaps. */
      readonly gapRows: number
    }
  | { readonly type: 'scan-ended' }
  | { readonly type: 'page-fetched'; readonly series: Series; readonly span: Span; readonly rows: number }
  /** Stored rows that verify has looked at, or compared with the exchange's. */
  | { readonly type: 'rows-checked'; readonly series: Series; readonly rows: number }
  | {
      readonly type: 'page-retried'
      readonly host: string
      readonly attempt: number
      readonly pauseMs: number
      readonly reason: string
    }
  | {
      readonly type: 'batch-written'
      readonly rows: number
      readonly written: number
      readonly changed: number
      readonly durationMs: number
      readonly parts: readonly BatchPart[]
    }
  | { readonly type: 'store-read'; readonly operation: string; readonly durationMs: number }
  | { readonly type: 'archive-taken'; readonly series: Series; readonly bytes: number }
  | { readonly type: 'hole-settled'; readonly series: Series; readonly row: LedgerRow }
  | { readonly type: 'span-unsettled'; readonly unsettled: Unsettled }
  | { readonly type: 'series-done'; readonly series: Series; readonly rows: number }
  | { readonly type: 'weight'; readonly host: string; readonly used: number; readonly limit: number }
  | {
      readonly type: 'request'
      readonly host: string
      readonly endpoint: string
      readonly code: number
      readonly weight: number
      readonly durationMs: number
    }
  | {
      readonly type: 'exchange-paused'
      readonly host: string
      readonly untilMs: number
      readonly reason: string
    }
  | { readonly type: 'warning'; readonly message: string; readonly fields?: Record<string, unknown> }
  /** For the log only: something that an operator wants to know, and that is no trouble. */
  | { readonly type: 'note'; readonly message: string; readonly fields?: Record<string, unknown> }
  /** An error with an advice that ended a pass; what the summary says of it in words. */
  | { readonly type: 'failure'; readonly error: unknown }
  /** `met`: the request that met it, where no summary of a pass will name the error. */
  | { readonly type: 'defect'; readonly error: unknown; readonly met?: string }
  /** What a look at the stored rows of a series found. */
  | {
      readonly type: 'series-surveyed'
      readonly series: Series
      readonly openGaps: number
      readonly gapRows: number
      /** From when on it lacks its newest rows, by its ledger; null where nobody knows, or none will come. */
      readonly lacksFromMs: number | null
    }
  /**
   * While serving: a stored series is followed by a job that has not planned yet, which takes the exchange's
   * answer.
   */
  | {
      readonly type: 'series-followed'
      /** The exchange's clock, or this machine's until that is known; epoch ms. */
      readonly nowMs: number
      readonly series: Series
      readonly fromMs: number
    }
  /** While serving: a pass of a job is over, whatever came of it. */
  | {
      readonly type: 'pass-served'
      readonly market: Market
      readonly dataset: DatasetName
      readonly durationMs: number
      readonly exitCode: number
    }
  /** While serving: series (their keys) that others fetch from now on, or nobody. */
  | { readonly type: 'series-left'; readonly series: readonly string[] }
  | { readonly type: 'pass-ended'; readonly summary: Summary }
  /** While serving: a pass that came to nothing before it had begun. */
  | { readonly type: 'pass-failed'; readonly summary: Summary }

/** What came of a pass (interface.md, section 4), in the program's own units. */
export type Summary = {
  readonly command: string
  readonly startedAtMs: number
  readonly durationMs: number
  readonly series: number
  readonly rowsFetched: number
  readonly rowsWritten: number
  readonly rowsChanged: number
  readonly requests: number
  readonly weight: number
  /** Archives that were taken in. */
  readonly archives: number
  /** Open gaps before filling, and those of them that were filled, where gaps were looked for. */
  readonly gapsFound?: number
  readonly gapsFilled?: number
  readonly unsettled: readonly Unsettled[]
  /** The archives that were published anew and taken in again, by key. */
  readonly refreshed?: readonly Refreshed[]
  readonly errors: readonly string[]
  readonly exitCode: number
}

/** What came of an archive that was published anew: rows that were new, and rows that it changed. */
export type Refreshed = {
  readonly series: Series
  /** The file's key. */
  readonly archive: string
  readonly rowsWritten: number
  readonly rowsChanged: number
}

export type Tell = (event: PetrosaEvent) => void

/** How much a line of the log matters, least first. */
export const logLevels = ['debug', 'info', 'warning', 'error', 'critical'] as const
export type LogLevel = (typeof logLevels)[number]
