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
  const seconds = (nanoseconds: number): number => {
    // The delay is what exceeds the interval; before the first look there is none.
    const delay = nanoseconds / NANOSECONDS - RESOLUTION_MS / 1_000
    return Number.isFinite(delay) ? Math.max(0, delay) : 0
  }
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
        nodejs_eventloop_lag_mean_seconds: seconds(delays.mean),
        nodejs_eventloop_lag_max_seconds: seconds(delays.max),
        nodejs_eventloop_lag_p50_seconds: seconds(delays.percentile(50)),
        nodejs_eventloop_lag_p99_seconds: seconds(delays.percentile(99)),
      }
      delays.reset()
      return values
    },
    stop: () => delays.disable(),
  }
}
