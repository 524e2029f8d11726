// Every metric, once: name, kind, labels, meaning. What serves them, the manual and the test of the
// dashboard come from here.
import type { Series } from '../core/series.ts'

export type MetricKind = 'counter' | 'gauge' | 'histogram'

export type MetricFacts = {
  readonly kind: MetricKind
  readonly labels: readonly string[]
  /** Whether the symbol joins the labels under METRICS_PER_SYMBOL. */
  readonly bySymbol?: true
  readonly help: string
  /** Upper bounds of a histogram. */
  readonly buckets?: readonly number[]
}

const ofSeries = { labels: ['dataset', 'market', 'period'], bySymbol: true } as const
const ofTable = { labels: ['dataset', 'market', 'period'] } as const

const requestSeconds = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20]
const storeSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const passSeconds = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 7_200]
const rowCounts = [1, 10, 50, 100, 500, 1_000, 5_000, 10_000, 50_000]

/** Metrics of petrosa itself; their names begin with petrosa_. */
export const metricTable = {
  records_fetched_total: { kind: 'counter', ...ofSeries, help: 'rows that the exchange or an archive sent' },
  records_written_total: { kind: 'counter', ...ofSeries, help: 'rows that are new in the store' },
  errors_total: {
    kind: 'counter',
    labels: ['kind'],
    help:
      'what went wrong: user, unavailable, refused, malformed or defect (it ended a pass), ' +
      'retried (a request), paused (a host, by 429 or 418), unsettled (a span)',
  },
  gaps_found_total: { kind: 'counter', ...ofSeries, help: 'open gaps that appeared' },
  gaps_filled_total: {
    kind: 'counter',
    ...ofSeries,
    help: 'open gaps that went away, and explained ones that rows came for',
  },
  gap_rows: { kind: 'gauge', ...ofSeries, help: 'rows missing in open gaps' },
  lag_seconds: {
    kind: 'gauge',
    ...ofSeries,
    help: 'how long the oldest closed row that is not settled could have been stored; the worst series',
  },
  pass_duration_seconds: {
    kind: 'histogram',
    labels: ['dataset', 'market'],
    buckets: passSeconds,
    help: 'passes, whatever came of them',
  },
  pass_pending_seconds: {
    kind: 'gauge',
    labels: [],
    help: 'for how long a pass has run, or waited for its turn; the longest, 0 while none is due',
  },
  api_requests_total: {
    kind: 'counter',
    labels: ['host', 'endpoint', 'code'],
    help: 'requests to the exchange; code 0 where no answer came',
  },
  api_request_duration_seconds: {
    kind: 'histogram',
    labels: ['host', 'endpoint'],
    buckets: requestSeconds,
    help: 'requests to the exchange, until the body was read',
  },
  api_weight_used: {
    kind: 'gauge',
    labels: ['host'],
    help: 'request weight of this minute, by all on this address',
  },
  api_weight_limit: {
    kind: 'gauge',
    labels: ['host'],
    help: 'request weight that the exchange allows a minute',
  },
  archive_bytes_total: { kind: 'counter', ...ofSeries, help: 'bytes of archives that were taken in' },
  store_up: { kind: 'gauge', labels: [], help: '1 while the store answers, else 0' },
  store_write_duration_seconds: { kind: 'histogram', ...ofTable, buckets: storeSeconds, help: 'writes' },
  store_read_duration_seconds: {
    kind: 'histogram',
    labels: ['operation'],
    buckets: storeSeconds,
    help: 'reads, by what is read',
  },
  store_rows_per_write: { kind: 'histogram', ...ofTable, buckets: rowCounts, help: 'rows of a write' },
  build_info: { kind: 'gauge', labels: ['version'], help: 'always 1' },
} as const satisfies Readonly<Record<string, MetricFacts>>

export type MetricName = keyof typeof metricTable

/** Metrics of the process, under the names that prom-client has for them, read right under Bun. */
export const processTable = {
  process_cpu_user_seconds_total: { kind: 'counter', help: 'processor time spent in the program' },
  process_cpu_system_seconds_total: { kind: 'counter', help: 'processor time spent in the system for it' },
  process_cpu_seconds_total: { kind: 'counter', help: 'both' },
  process_start_time_seconds: { kind: 'gauge', help: 'when it began, Unix time' },
  process_resident_memory_bytes: { kind: 'gauge', help: 'memory in use' },
  process_open_fds: { kind: 'gauge', help: 'open files and connections' },
  process_max_fds: { kind: 'gauge', help: 'how many it may open' },
  nodejs_heap_size_total_bytes: { kind: 'gauge', help: 'size of the heap' },
  nodejs_heap_size_used_bytes: { kind: 'gauge', help: 'what of it is used' },
  nodejs_external_memory_bytes: { kind: 'gauge', help: 'memory outside of the heap' },
  nodejs_eventloop_lag_seconds: {
    kind: 'gauge',
    help: 'how long a turn of the event loop took when it was last looked at',
  },
  nodejs_eventloop_lag_min_seconds: {
    kind: 'gauge',
    help: 'delay of the event loop since the last look: the shortest',
  },
  nodejs_eventloop_lag_max_seconds: { kind: 'gauge', help: 'the longest' },
  nodejs_eventloop_lag_mean_seconds: { kind: 'gauge', help: 'on average' },
  nodejs_eventloop_lag_stddev_seconds: { kind: 'gauge', help: 'their standard deviation' },
  nodejs_eventloop_lag_p50_seconds: { kind: 'gauge', help: 'half are shorter' },
  nodejs_eventloop_lag_p90_seconds: { kind: 'gauge', help: 'nine of ten are shorter' },
  nodejs_eventloop_lag_p99_seconds: { kind: 'gauge', help: '99 of 100 are shorter' },
} as const satisfies Readonly<Record<string, { readonly kind: 'counter' | 'gauge'; readonly help: string }>>

export type ProcessMetric = keyof typeof processTable

export type SeriesLabels = {
  readonly dataset: string
  readonly market: string
  readonly period: string
  readonly symbol?: string
}

/** The labels of a series; its symbol only where that is asked for. */
export function labelsOf(series: Series, perSymbol: boolean): SeriesLabels {
  const { dataset, market, symbol } = series
  const labels = { dataset, market, period: series.period ?? '' }
  return perSymbol ? { ...labels, symbol } : labels
}
