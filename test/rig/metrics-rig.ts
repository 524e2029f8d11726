// Metrics on a virtual clock, read as Prometheus reads them, and the events that tests of them tell.
import type { PetrosaEvent } from '../../src/core/events.ts'
import type { Series } from '../../src/core/series.ts'
import { type Metrics, type MetricsOptions, startMetrics } from '../../src/observe/start-metrics.ts'
import { usageOf } from '../../src/world.ts'
import { type Family, readExposition } from './exposition.ts'
import { type VirtualClock, virtualClock } from './virtual-clock.ts'

export const NOW_MS = Date.parse('2024-03-22T00:01:04Z')
export const btc: Series = { market: 'spot', dataset: 'klines', symbol: 'BTCUSDT', period: '1m' }
export const eth: Series = { ...btc, symbol: 'ETHUSDT' }
export const rates: Series = { market: 'um', dataset: 'funding', symbol: 'BTCUSDT', period: null }
export const ofKlines = { dataset: 'klines', market: 'spot', period: '1m' }

const started: Metrics[] = []
/** Stops what was started, after each test. */
export function stopMetrics(): void {
  for (const metrics of started.splice(0)) metrics.stop()
}

export type MetricsRig = {
  readonly clock: VirtualClock
  readonly metrics: Metrics
  read(): Promise<ReadonlyMap<string, Family>>
}

/** Metrics that have counted nothing. */
export function metricsRig(options: Partial<MetricsOptions> = {}): MetricsRig {
  const clock = virtualClock({ startMs: NOW_MS })
  const metrics = startMetrics({
    ...{ clock, version: '1.2.3', perSymbol: false, usage: () => usageOf(process) },
    ...{ weights: () => [], storeUp: () => null, passPendingMs: () => null, ...options },
  })
  started.push(metrics)
  return { clock, metrics, read: async () => readExposition((await metrics.text()).text) }
}

/** A planned pass: each series, and from when on it lacks rows. */
export const due = (all: readonly (readonly [Series, number | null])[]): PetrosaEvent => ({
  type: 'pass-due',
  nowMs: NOW_MS,
  due: all.map(([series, fromMs]) => ({ series, fromMs })),
})

/** A write of so many rows of each series, of which `written` are new. */
export const batch = (parts: readonly (readonly [Series, number])[], written: number): PetrosaEvent => ({
  type: 'batch-written',
  rows: parts.reduce((sum, [, rows]) => sum + rows, 0),
  ...{ written, changed: 0, durationMs: 20 },
  parts: parts.map(([series, rows]) => ({ series, rows, settledUntilMs: null })),
})
