// The metrics as Prometheus reads them, made from the table. prom-client carries them; this is its only door.
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { MetricRegistry } from './counting.ts'
import {
  type MetricFacts,
  type MetricName,
  metricTable,
  type ProcessMetric,
  processTable,
} from './metric-table.ts'

export type PrometheusRegistry = MetricRegistry & {
  text(): Promise<{ readonly contentType: string; readonly text: string }>
}

/** Every metric of the table, with nothing counted. */
export function openRegistry(perSymbol: boolean): PrometheusRegistry {
  const registry = new Registry()
  const counters = makeMetrics(registry, 'counter', perSymbol, (facts) => new Counter(facts))
  const gauges = makeMetrics(registry, 'gauge', perSymbol, (facts) => new Gauge(facts))
  const histograms = makeMetrics(registry, 'histogram', perSymbol, (facts) => new Histogram(facts))
  const processMetrics = makeProcessMetrics(registry)
  return {
    add: (name, labels, value) => found(counters, name).inc(labels, value),
    set: (name, labels, value) => found(gauges, name).set(labels, value),
    observe: (name, labels, value) => found(histograms, name).observe(labels, value),
    clear: (name) => found(gauges, name).reset(),
    setProcess(name, value) {
      if (value === null) return
      const metric = found(processMetrics, name)
      // What the system counts is taken over as it stands.
      metric.reset()
      metric.inc(value)
    },
    text: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  }
}

function found<K extends string, M>(metrics: ReadonlyMap<K, M>, name: K): M {
  const metric = metrics.get(name)
  if (!metric) throw new Error(`no metric ${name} of this kind`)
  return metric
}

type Made = { name: string; help: string; labelNames: string[]; buckets: number[]; registers: Registry[] }

function makeMetrics<M extends { remove(): void }>(
  registry: Registry,
  kind: MetricFacts['kind'],
  perSymbol: boolean,
  make: (facts: Made) => M,
): Map<MetricName, M> {
  const made = new Map<MetricName, M>()
  for (const [name, facts] of Object.entries<MetricFacts>(metricTable)) {
    if (facts.kind !== kind) continue
    const labelNames = [...facts.labels, ...(facts.bySymbol && perSymbol ? ['symbol'] : [])]
    const common = { name: `petrosa_${name}`, help: facts.help, labelNames, registers: [registry] }
    const metric = make({ ...common, buckets: [...(facts.buckets ?? [])] })
    // prom-client has a metric without labels at 0 from the beginning; what nobody has set is not known.
    if (labelNames.length === 0) metric.remove()
    made.set(name as MetricName, metric)
  }
  return made
}

function makeProcessMetrics(registry: Registry): Map<ProcessMetric, Counter | Gauge> {
  return new Map(
    Object.entries(processTable).map(([name, { kind, help }]) => {
      const facts = { name, help, registers: [registry] }
      const metric = kind === 'counter' ? new Counter(facts) : new Gauge(facts)
      metric.remove()
      return [name as ProcessMetric, metric]
    }),
  )
}
