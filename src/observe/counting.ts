// What is counted: events as they are told, and gauges that are read when somebody asks. Whoever keeps the
// numbers hands in the registry: Prometheus' or OpenTelemetry's.
import type { PetrosaEvent } from '../core/events.ts'
import type { Clock } from '../core/retry.ts'
import { type Series, seriesKey } from '../core/series.ts'
import { type ExitCode, exitCodeOf, exitCodes, MalformedError } from '../errors.ts'
import type { Usage } from '../world.ts'
import { GapCounts, type GapNews } from './gap-counts.ts'
import { type Lag, startLag } from './lag.ts'
import { labelsOf, type MetricName, type ProcessMetric, type SeriesLabels } from './metric-table.ts'
import { type ProcessMetrics, startProcessMetrics } from './process-metrics.ts'

export type Labels = Readonly<Record<string, string>>

/** Where numbers go. */
export type MetricRegistry = {
  /** Adds to a counter. */
  add(name: MetricName, labels: Labels, value: number): void
  /** Sets a gauge. */
  set(name: MetricName, labels: Labels, value: number): void
  /** Adds to a histogram. */
  observe(name: MetricName, labels: Labels, value: number): void
  /** Forgets the values of a gauge. */
  clear(name: MetricName): void
  /** Sets a metric of the process; null: the system does not tell. */
  setProcess(name: ProcessMetric, value: number | null): void
}

export type MetricsOptions = {
  readonly clock: Clock
  readonly version: string
  readonly usage: () => Usage
  /** Adds the symbol to the labels. */
  readonly perSymbol: boolean
  readonly weights: () => readonly { readonly host: string; readonly used: number; readonly limit: number }[]
  /** Whether the store answered when it was last asked; null before. */
  readonly storeUp: () => boolean | null
  /** For how long the pass that takes longest has been going on, ms; null where nobody serves. */
  readonly passPendingMs: () => number | null
}

export type Counting = {
  readonly tell: (event: PetrosaEvent) => void
  /** Sets the gauges to what they are now. */
  refresh(): void
  stop(): void
}

/** Starts to count into `registry`. */
export function startCounting(options: MetricsOptions, registry: MetricRegistry): Counting {
  return new EventCounts(options, registry)
}

type Event<T extends PetrosaEvent['type']> = Extract<PetrosaEvent, { type: T }>

class EventCounts implements Counting {
  readonly #options: MetricsOptions
  readonly #registry: MetricRegistry
  readonly #lag: Lag
  readonly #own: ProcessMetrics
  readonly #gaps = new GapCounts()
  /** Rows that are missing in open gaps, by series, and whether a look at what is stored has told that. */
  readonly #gapRows = new Map<string, GapRows>()

  constructor(options: MetricsOptions, registry: MetricRegistry) {
    this.#options = options
    this.#registry = registry
    this.#lag = startLag(options.clock.monotonicMs)
    this.#own = startProcessMetrics(options.usage)
    this.#registry.set('build_info', { version: options.version }, 1)
    // A counter that is there before anything was counted shows the first thing that is.
    for (const kind of errorKinds) this.#registry.add('errors_total', { kind }, 0)
  }

  tell(event: PetrosaEvent): void {
    this.#lag.tell(event)
    const kind = errorKind(event)
    if (kind !== null) this.#registry.add('errors_total', { kind }, 1)
    if (event.type === 'pass-due') for (const { series } of event.due) this.#begin(series)
    else if (event.type === 'page-fetched')
      this.#registry.add('records_fetched_total', this.#labels(event.series), event.rows)
    else if (event.type === 'batch-written') this.#written(event)
    else if (event.type === 'store-read') {
      const { operation, durationMs } = event
      this.#registry.observe('store_read_duration_seconds', { operation }, durationMs / 1_000)
    } else if (event.type === 'archive-taken')
      this.#registry.add('archive_bytes_total', this.#labels(event.series), event.bytes)
    else if (event.type === 'request') this.#requested(event)
    else if (event.type === 'series-surveyed')
      this.#gapsTold(event, this.#gaps.surveyed(seriesKey(event.series), event.openGaps))
    else if (event.type === 'series-scanned')
      this.#gapsTold(event, this.#gaps.scanned(seriesKey(event.series), event.openGaps))
    else if (event.type === 'series-filled')
      this.#gapsTold(event, this.#gaps.filled(seriesKey(event.series), event.filled))
    else if (event.type === 'pass-served') {
      const { dataset, market, durationMs } = event
      this.#registry.observe('pass_duration_seconds', { dataset, market }, durationMs / 1_000)
    }
  }

  refresh(): void {
    this.#refreshSeries()
    for (const [name, value] of Object.entries(this.#own.read()))
      this.#registry.setProcess(name as ProcessMetric, value)
  }

  stop(): void {
    this.#own.stop()
  }

  #labels(series: Series): SeriesLabels {
    return labelsOf(series, this.#options.perSymbol)
  }

  #begin(series: Series): void {
    for (const name of ['records_fetched_total', 'records_written_total'] as const)
      this.#registry.add(name, this.#labels(series), 0)
  }

  #written({ parts, rows, written, durationMs }: Event<'batch-written'>): void {
    const [first] = parts
    if (!first || rows === 0) return
    const ofTable = labelsOf(first.series, false)
    this.#registry.observe('store_write_duration_seconds', ofTable, durationMs / 1_000)
    this.#registry.observe('store_rows_per_write', ofTable, rows)
    const isOne = parts.every(({ series }) => series.symbol === first.series.symbol)
    if (isOne || !this.#options.perSymbol)
      this.#registry.add('records_written_total', this.#labels(first.series), written)
    else if (written === rows)
      for (const part of parts)
        this.#registry.add('records_written_total', this.#labels(part.series), part.rows)
    // Of several symbols the store tells only how many rows were new in all.
    else this.#registry.add('records_written_total', { ...ofTable, symbol: '' }, written)
  }

  #requested({ host, endpoint, code, durationMs }: Event<'request'>): void {
    // As for errors: what is asked the first time has not been refused before.
    for (const refusal of REFUSALS)
      this.#registry.add('api_requests_total', { host, endpoint, code: refusal }, 0)
    this.#registry.add('api_requests_total', { host, endpoint, code: String(code) }, 1)
    this.#registry.observe('api_request_duration_seconds', { host, endpoint }, durationMs / 1_000)
  }

  #gapsTold({ gapRows: value, series, type }: GapEvent, { filled, found }: GapNews): void {
    const labels = this.#labels(series)
    this.#registry.add('gaps_found_total', labels, found)
    this.#registry.add('gaps_filled_total', labels, filled)
    const key = seriesKey(series)
    const isSurveyed = type === 'series-surveyed'
    // A run over gaps may look at a part of the series only: a look at all of it comes soon, while serving.
    if (isSurveyed || this.#gapRows.get(key)?.isSurveyed !== true)
      this.#gapRows.set(key, { series, value, isSurveyed })
  }

  #refreshSeries(): void {
    const registry = this.#registry
    for (const name of ['gap_rows', 'lag_seconds', 'api_weight_used', 'api_weight_limit'] as const)
      registry.clear(name)
    for (const { labels, value } of this.#gathered([...this.#gapRows.values()], (a, b) => a + b))
      registry.set('gap_rows', labels, value)
    const lags = [...this.#lag.seconds()].map(({ series, seconds }) => ({ series, value: seconds }))
    for (const { labels, value } of this.#gathered(lags, Math.max)) registry.set('lag_seconds', labels, value)
    for (const { host, used, limit } of this.#options.weights()) {
      registry.set('api_weight_used', { host }, used)
      registry.set('api_weight_limit', { host }, limit)
    }
    const up = this.#options.storeUp()
    if (up !== null) registry.set('store_up', {}, up ? 1 : 0)
    const pendingMs = this.#options.passPendingMs()
    if (pendingMs !== null) registry.set('pass_pending_seconds', {}, pendingMs / 1_000)
  }

  /** One value for all series with the same labels. */
  #gathered(values: readonly Valued[], join: (a: number, b: number) => number): readonly Gathered[] {
    const byLabels = new Map<string, Gathered>()
    for (const { series, value } of values) {
      const labels = this.#labels(series)
      const key = Object.values(labels).join('/')
      const known = byLabels.get(key)
      byLabels.set(key, { labels, value: known ? join(known.value, value) : value })
    }
    return [...byLabels.values()]
  }
}

/** The exchange's codes that alerts wait for: banned, and asked to pause. */
const REFUSALS = ['418', '429']

type Valued = { readonly series: Series; readonly value: number }
type GapRows = Valued & { readonly isSurveyed: boolean }
type GapEvent = Event<'series-surveyed' | 'series-scanned' | 'series-filled'>
type Gathered = { readonly labels: Labels; readonly value: number }

const errorKinds = [
  ...(['user', 'unavailable', 'refused', 'malformed', 'defect'] as const),
  ...(['retried', 'paused', 'unsettled'] as const),
]
type ErrorKind = (typeof errorKinds)[number]

const kindOfCode: Partial<Readonly<Record<ExitCode, ErrorKind>>> = {
  [exitCodes.user]: 'user',
  [exitCodes.unavailable]: 'unavailable',
  [exitCodes.open]: 'refused',
  [exitCodes.defect]: 'defect',
}

function errorKind(event: PetrosaEvent): ErrorKind | null {
  switch (event.type) {
    case 'defect':
      return 'defect'
    case 'failure':
      return event.error instanceof MalformedError
        ? 'malformed'
        : (kindOfCode[exitCodeOf(event.error)] ?? null)
    case 'page-retried':
      return 'retried'
    case 'exchange-paused':
      return 'paused'
    case 'span-unsettled':
      return 'unsettled'
    default:
      return null
  }
}
