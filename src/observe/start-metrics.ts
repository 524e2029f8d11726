// The metrics that Prometheus reads: what is counted, kept in its own registry.
import type { PetrosaEvent } from '../core/events.ts'
import { type MetricsOptions, startCounting } from './counting.ts'
import { openRegistry } from './metrics.ts'

export type { MetricsOptions }

export type Metrics = {
  readonly tell: (event: PetrosaEvent) => void
  /** The metrics as Prometheus reads them. */
  text(): Promise<{ readonly contentType: string; readonly text: string }>
  stop(): void
}

/** Starts to count. */
export function startMetrics(options: MetricsOptions): Metrics {
  const registry = openRegistry(options.perSymbol)
  const counting = startCounting(options, registry)
  return {
    tell: (event) => counting.tell(event),
    text() {
      counting.refresh()
      return registry.text()
    },
    stop: () => counting.stop(),
  }
}
