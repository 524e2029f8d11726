// What the HTTP side gets to see of the program, as one value, and the shapes of its answers (interface.md,
// sections 4 and 6). Whoever serves hands it in; tests hand in their own.
import type { Market, Period } from '../core/series.ts'
import type { SeriesLine } from './series-line.ts'
import type { Trouble } from './troubles.ts'

/** A summary, a series or a gap as section 4 writes it. */
export type Json = Readonly<Record<string, unknown>>

/** How far a pass is. */
export type PassBoard = {
  readonly running: boolean
  readonly startedAtMs: number | null
  readonly seriesDone: number
  readonly seriesTotal: number
  readonly rowsWritten: number
  /** Rows that went through writes, new or not, and how many the plan expects; null before the plan. */
  readonly rowsDone: number
  readonly rowsPlanned: number | null
}

export type JobView = {
  readonly name: string
  /** Its cron expression. */
  readonly schedule: string
  readonly pass: PassBoard
  readonly nextPassAtMs: number | null
  /** What came of its last pass, as section 4 writes it; null before one has ended. */
  readonly lastPass: Json | null
}

/** The request weight of a host: used in this minute by everybody on this address, of so much. */
export type HostWeight = {
  readonly host: string
  readonly used: number
  readonly limit: number
  /** No request before then, epoch ms; null where there is no pause. */
  readonly pausedUntilMs: number | null
  /** For how long that is, by the clock that the pause goes by, ms. */
  readonly pausedForMs: number | null
}

/** What the last look at the store found. */
export type Stored = {
  readonly series: readonly Json[]
  readonly gaps: readonly Json[]
  /** Gaps that were too many to keep. */
  readonly gapsLeftOut: number
  readonly lines: readonly SeriesLine[]
}

/** What part of the timelines is wanted, in how many cells. */
export type TimelineQuery = {
  /** Epoch ms; from the first stored row of all, and until now, where nothing is said. */
  readonly startMs: number | null
  readonly endMs: number | null
  readonly cells: number
}

export type KlinesQuery = {
  readonly market: Market
  readonly symbol: string
  readonly period: Period
  /** Epoch ms; without a start the places right before the end are meant. */
  readonly startMs: number | null
  readonly endMs: number | null
}

/** Which jobs a request starts: those that fetch, or those that fill gaps. */
export type JobKind = 'fetch' | 'gaps'

export type Started = {
  /** Jobs of that kind and name that there are, and those of them that began now. */
  readonly known: readonly string[]
  readonly started: readonly string[]
  /** The series that this replica has leases of: those that it works on. Null where nothing is shared. */
  readonly leasedSeries: number | null
}

export type Served = {
  readonly version: string
  readonly command: string
  uptimeMs(): number
  /** Why it is not ready; none when it is. Never throws, and answers within seconds. */
  unready(): Promise<readonly string[]>
  /** The same by what was seen last, at once. */
  lastUnready(): readonly string[]
  jobs(): readonly JobView[]
  weights(): readonly HostWeight[]
  stored(): Stored
  /** When that look ended, epoch ms; null before the first one has. */
  surveyedAtMs(): number | null
  /** The clock that series are judged by, epoch ms: the exchange's, where it is known. */
  nowMs(): number
  /** For how long each series that is followed has waited for its next row, seconds by key. */
  lags(): ReadonlyMap<string, number>
  /** What went wrong lately, the newest first. */
  troubles(): readonly Trouble[]
  /** Stored candles in order of time. Throws UnavailableError where the store does not answer. */
  klines(query: KlinesQuery, limit: number): Promise<readonly Json[]>
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>
  /** Starts the jobs of a kind, or the one of that name. */
  start(kind: JobKind, name: string | null): Started
}
