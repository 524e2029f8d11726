// One cell of one row is changed by hand, at random: verify finds it wherever it breaks a rule that verify
// claims to check, and says nothing new where it breaks none. What a cell breaks is worked out here by
// itself, with fractions of BigInt and the plainest loops.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Rows, Value } from '../../src/core/dataset.ts'
import { ledgerRow } from '../../src/core/ledger.ts'
import type { Period } from '../../src/core/series.ts'
import type { VerifyFinding } from '../../src/core/verification/findings.ts'
import { klines } from '../../src/datasets/klines.ts'
import { expectedRows } from '../rig/market.ts'
import { fromMarket, memorySource } from '../rig/memory-source.ts'
import { klineSeries, MINUTE_MS } from '../rig/pages.ts'
import { runsFor } from '../rig/seed.ts'
import type { SymbolSpec } from '../rig/symbol-spec.ts'
import { lineOf, type VerifyRig, verifyRig } from '../rig/verify-rig.ts'

const runs = runsFor('test/unit/verify-corruption.test.ts', 250)

const START_MS = Date.UTC(2024, 2, 1)
const span = { startMs: START_MS, endMs: START_MS + 120 * MINUTE_MS }
const spec: SymbolSpec = {
  market: 'spot',
  symbol: 'AAAUSDT',
  base: 'AAA',
  quote: 'USDT',
  listedAtMs: START_MS,
}
const columns = klines.tables[0]?.columns ?? []
const series = (period: Period) => klineSeries('AAAUSDT', { period })
const clean = {
  '1m': expectedRows(spec, '1m', span, span.endMs),
  '15m': expectedRows(spec, '15m', span, span.endMs),
}
type Stored = keyof typeof clean

const lengths = { '1m': MINUTE_MS, '15m': 15 * MINUTE_MS } as const

/** A store with the market's rows, and what verify says of them untouched. */
const rig = (): Promise<VerifyRig> =>
  verifyRig(
    (['1m', '15m'] as const).map((period) => {
      const ledger = [ledgerRow(span, 'rows', { rows: clean[period].count, source: 'rest' })]
      return { series: series(period), rows: clean[period], ledger }
    }),
  )
const untouched = (await (await rig()).verify()).findings.kept().map(lineOf)

/** A change of one cell. */
type Change = {
  readonly period: Stored
  readonly row: number
  readonly column: number
  readonly value: Value
}

const text = fc.constantFrom('abc', '', 'NaN', '1e5', '-', '0x1f')
const number = fc
  .tuple(fc.boolean(), fc.integer({ min: 0, max: 6_000_000 }), fc.integer({ min: 0, max: 99_999 }))
  .map(([isNegative, whole, fraction]) => `${isNegative ? '-' : ''}${whole}.${fraction}1`)

/** Another value for a cell: near the old one, far from it, nonsense, or the same number in other words. */
const anyChange = fc
  .record({
    period: fc.constantFrom<Stored>('1m', '15m'),
    row: fc.nat({ max: 119 }),
    column: fc.integer({ min: 0, max: columns.length - 1 }),
    how: fc.constantFrom('near', 'far', 'nonsense', 'same'),
    decimal: number,
    nonsense: text,
    byMs: fc.integer({ min: -120_000, max: 120_000 }),
  })
  .map(({ period, row, column, how, decimal, nonsense, byMs }): Change => {
    const rows = clean[period]
    const at = row % rows.count
    const old = rows.columns[column]?.[at] ?? null
    const kind = columns[column]?.kind
    const nudged = kind === 'decimal' ? nudge(String(old)) : Number(old) + byMs
    const values = {
      near: nudged,
      far: kind === 'decimal' ? decimal : Number(old) + 1_000 * byMs,
      nonsense: kind === 'decimal' ? nonsense : 1.5,
      same: kind === 'decimal' ? written(String(old)) : old,
    }
    return { period, row: at, column, value: values[how] }
  })

const nudge = (value: string): string =>
  value.slice(0, -1) + (value.endsWith('9') ? '8' : Number(value.at(-1)) + 1)
const written = (value: string): string => `0${value}${value.includes('.') ? '' : '.'}00`

type Fraction = readonly [top: bigint, bottom: bigint]

/** The number that a cell holds; null where it holds none. */
function fractionOf(value: Value): Fraction | null {
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(String(value))
  if (!match) return null
  const [, sign, whole = '', fraction = ''] = match
  const top = BigInt(whole + fraction)
  return [sign === '-' ? -top : top, 10n ** BigInt(fraction.length)]
}

const compare = (a: Fraction, b: Fraction): number => Number(a[0] * b[1] - b[0] * a[1])
const add = (a: Fraction, b: Fraction): Fraction => [a[0] * b[1] + b[0] * a[1], a[1] * b[1]]
const cell = (rows: Rows, name: string, row: number): Value =>
  rows.columns[columns.findIndex((column) => column.name === name)]?.[row] ?? null

/** Which of the rules that verify claims to check a change breaks, by name. */
function broken(change: Change): Set<string> {
  const { period, row, column } = change
  const all = { ...clean, [period]: changed(change) }
  const rows = all[period]
  const kind = columns[column]?.kind
  const out = new Set<string>()
  if (kind === 'decimal' ? fractionOf(change.value) === null : !Number.isInteger(change.value)) {
    out.add('value')
    return out
  }
  const openMs = Number(cell(rows, 'open_time', row))
  const closeMs = Number(cell(rows, 'close_time', row))
  const placeMs = Math.floor(openMs / lengths[period]) * lengths[period]
  if (openMs !== placeMs) out.add('misaligned')
  if (placeMs !== Number(cell(clean[period], 'open_time', row))) out.add('day')
  if (closeMs < openMs) out.add('rules')
  const closes = [placeMs + lengths[period] - 1, openMs + lengths[period] - 1]
  if (!closes.includes(closeMs)) out.add('close-time')
  const price = (name: string): Fraction => fractionOf(cell(rows, name, row)) ?? [0n, 1n]
  const [open, high, low, close] = ['open_price', 'high_price', 'low_price', 'close_price'].map(price) as [
    ...[Fraction, Fraction, Fraction, Fraction],
  ]
  if (compare(high, open) < 0 || compare(high, close) < 0) out.add('rules')
  if (compare(low, open) > 0 || compare(low, close) > 0) out.add('rules')
  if (column > 1)
    for (const [quarter] of all['15m'].columns[0]?.entries() ?? [])
      if (sumDiffers(all, quarter)) out.add('sum')
  return out
}

/** The rows with the change in them. */
function changed({ period, row, column, value }: Change): Rows {
  const rows = clean[period]
  const replace = (values: readonly Value[], i: number): readonly Value[] =>
    i === column ? values.map((old, at) => (at === row ? value : old)) : values
  return { count: rows.count, columns: rows.columns.map(replace) }
}

/** Whether a quarter of an hour is not what its fifteen minutes make. */
function sumDiffers(all: Readonly<Record<Stored, Rows>>, quarter: number): boolean {
  const minutes = Array.from({ length: 15 }, (_, i) => quarter * 15 + i)
  const of = (name: string): Fraction[] =>
    minutes.map((row) => fractionOf(cell(all['1m'], name, row)) ?? [0n, 1n])
  const larger = (name: string): Fraction => fractionOf(cell(all['15m'], name, quarter)) ?? [0n, 1n]
  const extreme = (name: string, sign: 1 | -1): Fraction =>
    of(name).reduce((best, next) => (sign * compare(next, best) > 0 ? next : best))
  const made: [string, Fraction | undefined][] = [
    ['open_price', of('open_price')[0]],
    ['close_price', of('close_price').at(-1)],
    ['high_price', extreme('high_price', 1)],
    ['low_price', extreme('low_price', -1)],
  ]
  const amounts = columns.map(({ name }) => name).filter((name) => /volume|trades/.test(name))
  for (const name of amounts) made.push([name, of(name).reduce(add)])
  return made.some(([name, value]) => value && compare(larger(name), value) !== 0)
}

describe('one cell changed by hand', () => {
  test('is found where it breaks a rule, and nothing is where it breaks none', async () => {
    const seen = new Map<string, number>()
    const property = fc.asyncProperty(anyChange, async (change) => {
      const own = await rig()
      own.spoil(series(change.period), change.row, columns[change.column]?.name ?? '', change.value)
      const { findings } = await own.verify()
      const news = findings.kept().filter((one) => !untouched.includes(lineOf(one)))
      const rules = broken(change)
      for (const rule of rules) seen.set(rule, (seen.get(rule) ?? 0) + 1)
      for (const rule of rules) expect([rule, news.some(({ check }) => check === rule)]).toEqual([rule, true])
      if (rules.size === 0) expect(news.filter(isGrave).map(lineOf)).toEqual([])
    })
    await fc.assert(property, runs)
    // So that the changes are not all of one kind.
    expect([...seen.keys()].sort()).toEqual(['close-time', 'day', 'misaligned', 'rules', 'sum', 'value'])
  }, 60_000)

  test('is found by a whole sample, whatever it breaks, and repaired', async () => {
    const property = fc.asyncProperty(anyChange, async (change) => {
      const { column, period, row, value } = change
      // A row of another time is another row: the exchange has the one and lacks the other.
      fc.pre(column > 0)
      const own = await rig()
      own.spoil(series(period), row, columns[column]?.name ?? '', value)
      const old = fractionOf(cell(clean[period], columns[column]?.name ?? '', row))
      const now = fractionOf(value)
      const differs = now === null || (old !== null && compare(old, now) !== 0)
      const { source } = memorySource({ nowMs: () => span.endMs, pageRows: 50, answer: fromMarket([spec]) })
      const given = { source: () => source, sample: { share: 1, seed: 1 }, repair: true }
      const outcome = await own.verify(given)
      const found = outcome.findings.kept().filter(({ check }) => check === 'exchange')
      expect([found.length, outcome.findings.unrepaired]).toEqual([differs ? 1 : 0, 0])
      expect((await own.verify(given)).findings.kept().map(lineOf).sort()).toEqual([...untouched].sort())
    })
    await fc.assert(property, { ...runs, numRuns: Math.ceil(runs.numRuns / 3) })
  }, 60_000)
})

/** A flat candle or a zero may come and go with a price; that is no rule. */
const isGrave = ({ check }: VerifyFinding): boolean => check !== 'flat' && check !== 'zero'
