// The dashboard and the alert rules: each query is PromQL, asks only for metrics that are there, by labels
// that they have, and finds something in the real /metrics.
import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { parser } from '@prometheus-io/lezer-promql'
import { parse } from 'yaml'
import type { PetrosaEvent } from '../../src/core/events.ts'
import type { Series } from '../../src/core/series.ts'
import { type MetricFacts, metricTable } from '../../src/observe/metric-table.ts'
import { startMetrics } from '../../src/observe/start-metrics.ts'
import { usageOf } from '../../src/world.ts'
import { type Family, readExposition } from '../rig/exposition.ts'
import { project } from '../rig/sources.ts'
import { virtualClock } from '../rig/virtual-clock.ts'

type Query = { readonly where: string; readonly text: string; readonly legend: string }

type Target = { readonly expr: string; readonly legendFormat: string }
type Panel = { readonly title: string; readonly targets: readonly Target[] }
type Rule = {
  readonly alert: string
  readonly expr: string
  readonly annotations: Readonly<Record<string, string>>
}

const folder = join(project, 'deploy', 'grafana')
const dashboard = (await Bun.file(join(folder, 'dashboard.json')).json()) as {
  readonly panels: readonly Panel[]
}
const alerts = parse(await Bun.file(join(folder, 'alerts.yaml')).text()) as {
  readonly groups: readonly { readonly rules: readonly Rule[] }[]
}
const rules = alerts.groups.flatMap((group) => group.rules)

const queries: readonly Query[] = [
  ...dashboard.panels.flatMap(({ title, targets }) =>
    targets.map(({ expr, legendFormat }) => ({ where: title, text: expr, legend: legendFormat })),
  ),
  ...rules.map(({ alert, expr, annotations }) => ({
    where: alert,
    text: expr,
    legend: Object.values(annotations).join(' '),
  })),
]

/** What Prometheus adds to every sample. */
const ofTarget = ['job', 'instance']

/** /metrics after one of everything. */
async function exposed(): Promise<ReadonlyMap<string, Family>> {
  const series: Series = { market: 'spot', dataset: 'klines', symbol: 'BTCUSDT', period: '1m' }
  const metrics = startMetrics({
    ...{ clock: virtualClock(), version: '1', usage: () => usageOf(process), perSymbol: false },
    weights: () => [{ host: 'h', used: 1, limit: 2 }],
    storeUp: () => true,
    passPendingMs: () => 1,
  })
  const span = { startMs: 0, endMs: 1 }
  const events: readonly PetrosaEvent[] = [
    { type: 'pass-due', nowMs: 0, due: [{ series, fromMs: null }] },
    { type: 'page-fetched', series, span, rows: 1 },
    {
      ...{ type: 'batch-written', rows: 1, written: 1, changed: 0, durationMs: 1 },
      parts: [{ series, rows: 1, settledUntilMs: 1 }],
    },
    { type: 'store-read', operation: 'ledger', durationMs: 1 },
    { type: 'archive-taken', series, bytes: 1 },
    { type: 'series-surveyed', series, openGaps: 1, gapRows: 1, lacksFromMs: null },
    { type: 'pass-served', market: 'spot', dataset: 'klines', durationMs: 1, exitCode: 0 },
    ...[200, 418, 429].map((code) => ({
      ...({ type: 'request', host: 'h', endpoint: '/e', weight: 1, durationMs: 1 } as const),
      code,
    })),
  ]
  for (const event of events) metrics.tell(event)
  const { text } = await metrics.text()
  metrics.stop()
  return readExposition(text)
}

const families = await exposed()

type Matcher = { readonly label: string; readonly sign: string; readonly value: string }
type Selector = { readonly name: string; readonly matchers: readonly Matcher[] }
type Parsed = {
  readonly selectors: readonly Selector[]
  readonly labels: readonly string[]
  readonly errors: number
}

/** What a query asks for, by the grammar of Prometheus itself. Grafana's variables stand for any text. */
function parsed(text: string): Parsed {
  const selectors: { name: string; matchers: Matcher[] }[] = []
  const labels: string[] = []
  let errors = 0
  parser.parse(text).iterate({
    enter: ({ type, from, to }) => {
      const own = text.slice(from, to)
      if (type.isError) errors += 1
      else if (type.name === 'VectorSelector')
        selectors.push({ name: own.replace(/\{.*/s, ''), matchers: [] })
      else if (type.name === 'UnquotedLabelMatcher') {
        const [, label = '', sign = '', value = ''] = /^(\w+)\s*(=~|!~|!=|=)\s*"(.*)"$/.exec(own) ?? []
        selectors.at(-1)?.matchers.push({ label, sign, value })
      } else if (type.name === 'GroupingLabels') labels.push(...(own.match(/\w+/g) ?? []))
    },
  })
  return { selectors, labels, errors }
}

const fits = ({ sign, value }: Matcher, found: string | undefined): boolean => {
  if (value.includes('$')) return true
  const isEqual = sign.endsWith('~') ? new RegExp(`^(?:${value})$`).test(found ?? '') : found === value
  return sign.startsWith('!') ? !isEqual : isEqual
}

/** Why a query cannot be answered by what is exposed; empty when it can. */
function flaws({ text, legend }: Query): string[] {
  const { selectors, labels, errors } = parsed(text)
  if (errors > 0) return [`no PromQL: ${text}`]
  if (selectors.length === 0) return [`asks for nothing: ${text}`]
  const known = new Set(ofTarget)
  const out: string[] = []
  for (const { name, matchers } of selectors) {
    const family = families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ''))
    const samples = family?.samples.filter((sample) => sample.name === name) ?? []
    if (samples.length === 0) {
      out.push(`no metric ${name}`)
      continue
    }
    for (const sample of samples) for (const label of Object.keys(sample.labels)) known.add(label)
    const own = matchers.filter(({ label }) => !ofTarget.includes(label))
    if (!samples.some((sample) => own.every((matcher) => fits(matcher, sample.labels[matcher.label]))))
      out.push(`nothing fits ${name}${JSON.stringify(own)}`)
  }
  const named = [...legend.matchAll(/\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}/g)].map(([, label = '']) => label)
  return [
    ...out,
    ...[...labels, ...named].filter((label) => !known.has(label)).map((label) => `no label ${label}`),
  ]
}

describe('every query finds something in the real /metrics', () => {
  for (const query of queries) {
    test(`${query.where}: ${query.text.slice(0, 70)}`, () => expect(flaws(query)).toEqual([]))
  }

  test('and one that does not is seen', () => {
    const query = (text: string, legend = ''): Query => ({ where: '', text, legend })
    expect(flaws(query('petrosa_lag_seconds{dataset="klines"} > 5', '{{market}}'))).toEqual([])
    for (const text of [
      'petrosa_lag_second',
      'rate(petrosa_lag_seconds[5m]',
      'sum by (symbol) (petrosa_lag_seconds)',
      '1',
    ])
      expect([text, flaws(query(text)).length]).toEqual([text, 1])
    expect(flaws(query('petrosa_lag_seconds{dataset="trades"}'))).toHaveLength(1)
    expect(flaws(query('petrosa_lag_seconds', '{{ $labels.symbol }}'))).toEqual(['no label symbol'])
  })
})

test('the dashboard shows every metric of ours', () => {
  const shown = queries.flatMap(({ text }) => parsed(text).selectors.map(({ name }) => name))
  const left = Object.entries<MetricFacts>(metricTable).filter(([name, { kind }]) => {
    const names = kind === 'histogram' ? ['bucket', 'sum', 'count'].map((part) => `${name}_${part}`) : [name]
    return !names.some((one) => shown.includes(`petrosa_${one}`))
  })
  expect(left.map(([name]) => name)).toEqual([])
})

test('every rule says what it means and what to look at', () => {
  for (const { alert, annotations } of rules) {
    expect([alert, Object.keys(annotations)]).toEqual([alert, ['summary', 'description']])
    expect(alert).toStartWith('Petrosa')
  }
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length)
})

test('panels do not overlap, and each has a number of its own', () => {
  type Place = { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  const panels = dashboard.panels as readonly (Panel & { readonly id: number; readonly gridPos: Place })[]
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
  for (const [i, { gridPos: a }] of panels.entries()) {
    expect(a.x + a.w).toBeLessThanOrEqual(24)
    for (const { gridPos: b } of panels.slice(i + 1))
      expect(a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h).toBe(false)
  }
})
