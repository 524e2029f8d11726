// The answers of the routes as the page reads them, and what the page knows at a moment.

export type Pass = {
  readonly running: boolean
  readonly started_at: string | null
  readonly series_done: number
  readonly series_total: number
  readonly rows_written: number
  readonly rows_done: number
  readonly rows_planned: number | null
}

export type Unsettled = { readonly series: string; readonly reason: string }

export type Summary = {
  readonly started_at: string
  readonly duration_seconds: number
  readonly series: number
  readonly rows_fetched: number
  readonly rows_written: number
  readonly requests: number
  readonly unsettled: readonly Unsettled[]
  readonly errors: readonly string[]
}

export type Job = {
  readonly name: string
  readonly schedule: string
  readonly pass: Pass
  readonly last_pass: Summary | null
  readonly next_pass_at: string | null
}

export type Exchange = {
  readonly weight_used: number
  readonly weight_limit: number
  readonly banned_until: string | null
  readonly hosts: readonly {
    readonly host: string
    readonly weight_used: number
    readonly weight_limit: number
    readonly paused_until: string | null
    readonly pause_seconds: number | null
  }[]
}

export type SeriesStatus = {
  readonly series: string
  readonly first: string | null
  readonly last: string | null
  readonly settled_until: string | null
  readonly rows: number
  readonly open_gaps: number
  readonly gap_rows: number
  readonly explained_gaps: number
}

export type Status = {
  readonly version: string
  readonly command: string
  readonly uptime_seconds: number
  /** Why it is not ready; none where it is. */
  readonly not_ready: readonly string[]
  readonly pass: Pass
  readonly last_pass: Summary | null
  readonly next_pass_at: string | null
  readonly exchange: Exchange
  readonly jobs: readonly Job[]
  /** When the series were looked at; null: not yet. */
  readonly surveyed_at: string | null
  readonly series: readonly SeriesStatus[]
}

export type Run = { readonly verdict: string; readonly cells: number }

export type Timeline = {
  readonly series: string
  readonly lag_seconds: number | null
  readonly runs: readonly Run[]
  readonly gaps: readonly { readonly verdict: string; readonly gaps: number; readonly rows: number }[]
}

export type Timelines = {
  readonly start: string | null
  readonly end: string
  readonly cells: number
  readonly series: readonly Timeline[]
}

export type Gap = {
  readonly series: string
  readonly start: string
  readonly end: string
  readonly rows_missing: number
  readonly verdict: string
}

export type Trouble = {
  readonly at: string
  readonly kind: string
  readonly message: string
  readonly count: number
}

/** What the page knows; null: not yet. */
export type Known = {
  readonly status: Status | null
  readonly timelines: Timelines | null
  readonly errors: readonly Trouble[]
  /** How it hears of news: by the stream, by asking now and then, or not at all. */
  readonly connection: 'connecting' | 'live' | 'asking' | 'lost'
  /** How much the program's clock is ahead of this one, ms. */
  readonly aheadMs: number
  /** When anything was last heard, epoch ms. */
  readonly heardAtMs: number
  /** Rows a second that are written now; null while no pass runs. */
  readonly rowsPerSecond: number | null
}
