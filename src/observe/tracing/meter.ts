// The metrics of the table as instruments of OpenTelemetry, under the same names as Prometheus reads them.
import type { Meter, ObservableCounter, ObservableGauge } from '@opentelemetry/api'
import type { Labels, MetricRegistry } from '../counting.ts'
import {
  type MetricFacts,
  type MetricName,
  metricTable,
  type ProcessMetric,
  processTable,
} from '../metric-table.ts'

type Value = { readonly labels: Labels; readonly value: number }
type Watched = ObservableGauge | ObservableCounter

/**
 * Makes every instrument. `refresh` is called before gauges are read, so that they show what is now.
 */
export function openMeter(meter: Meter, refresh: () => void): MetricRegistry {
  const watched = new Map<string, { readonly instrument: Watched; readonly values: Map<string, Value> }>()
  const watch = (name: string, instrument: Watched): void => {
    watched.set(name, { instrument, values: new Map() })
  }
  const adding = new Map<MetricName, (value: number, labels: Labels) => void>()
  for (const [name, { kind, help, buckets }] of Object.entries<MetricFacts>(metricTable)) {
    const full = `petrosa_${name}`
    const facts = { description: help }
    if (kind === 'gauge') watch(name, meter.createObservableGauge(full, facts))
    else if (kind === 'counter') {
      const counter = meter.createCounter(full, facts)
      adding.set(name as MetricName, (value, labels) => counter.add(value, labels))
    } else {
      const advice = buckets ? { advice: { explicitBucketBoundaries: [...buckets] } } : {}
      const histogram = meter.createHistogram(full, { ...facts, ...advice })
      adding.set(name as MetricName, (value, labels) => histogram.record(value, labels))
    }
  }
  for (const [name, { kind, help }] of Object.entries(processTable)) {
    const facts = { description: help }
    watch(
      name,
      kind === 'counter'
        ? meter.createObservableCounter(name, facts)
        : meter.createObservableGauge(name, facts),
    )
  }
  const instruments = [...watched.values()].map(({ instrument }) => instrument)
  meter.addBatchObservableCallback((result) => {
    refresh()
    for (const { instrument, values } of watched.values())
      for (const { labels, value } of values.values()) result.observe(instrument, value, labels)
  }, instruments)
  const valuesOf = (name: string): Map<string, Value> => {
    const found = watched.get(name)
    if (!found) throw new Error(`no gauge ${name}`)
    return found.values
  }
  const add = (name: MetricName, labels: Labels, value: number): void => {
    const adder = adding.get(name)
    if (!adder) throw new Error(`no counter ${name}`)
    adder(value, labels)
  }
  return {
    add,
    observe: add,
    set: (name, labels, value) => void valuesOf(name).set(JSON.stringify(labels), { labels, value }),
    clear: (name) => valuesOf(name).clear(),
    setProcess(name: ProcessMetric, value) {
      if (value !== null) valuesOf(name).set('', { labels: {}, value })
    },
  }
}
