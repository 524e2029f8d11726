// The metrics of the process, read by ourselves: what prom-client reads by itself is in part wrong or
// useless under Bun (its heap is all that is reserved, its collector's times are never there).
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Usage } from '../world.ts'
import type { ProcessMetric } from './metric-table.ts'

/** How often the event loop is looked at, ms. */
const RESOLUTION_MS = 20
const NANOSECONDS = 1e9

export type ProcessMetrics = {
  /** The values now; null for what the system does not tell. Delays are those since the last look. */
  read(): Readonly<Record<ProcessMetric, number | null>>
  stop(): void
}

/** Begins to watch the event loop. */
export function startProcessMetrics(usage: () => Usage): ProcessMetrics {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delays.enable()
  // Bun counts what exceeds the interval (Node: the interval too); before the first look there is nothing.
  const seconds = (nanoseconds: number): number => (delays.count > 0 ? nanoseconds / NANOSECONDS : 0)
  let turnSeconds = 0
  const timeTurn = (): void => {
    const fromMs = performance.now()
    setImmediate(() => {
      turnSeconds = (performance.now() - fromMs) / 1_000
    })
  }
  timeTurn()
  return {
    read() {
      const now = usage()
      const values = {
        process_cpu_user_seconds_total: now.cpuUserSeconds,
        process_cpu_system_seconds_total: now.cpuSystemSeconds,
        process_cpu_seconds_total: now.cpuUserSeconds + now.cpuSystemSeconds,
        process_start_time_seconds: now.startedAtMs / 1_000,
        process_resident_memory_bytes: now.residentBytes,
        process_open_fds: now.openFiles,
        process_max_fds: now.mostFiles,
        nodejs_heap_size_total_bytes: now.heapTotalBytes,
        nodejs_heap_size_used_bytes: now.heapUsedBytes,
        nodejs_external_memory_bytes: now.externalBytes,
        nodejs_eventloop_lag_seconds: turnSeconds,
        nodejs_eventloop_lag_min_seconds: seconds(delays.min),
        nodejs_eventloop_lag_max_seconds: seconds(delays.max),
        nodejs_eventloop_lag_mean_seconds: seconds(delays.mean),
        nodejs_eventloop_lag_stddev_seconds: seconds(delays.stddev),
        nodejs_eventloop_lag_p50_seconds: seconds(delays.percentile(50)),
        nodejs_eventloop_lag_p90_seconds: seconds(delays.percentile(90)),
        nodejs_eventloop_lag_p99_seconds: seconds(delays.percentile(99)),
      }
      delays.reset()
      timeTurn()
      return values
    },
    stop: () => delays.disable(),
  }
}
