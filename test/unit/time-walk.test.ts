// Funding rates by REST against lists of rates: whatever the interval, the pages and the cuts, every rate
// comes once, and what is not there is settled by two answers that agree.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { HOUR_MS } from '../../src/core/calendar.ts'
import type { Rows, Window } from '../../src/core/dataset.ts'
import { type LedgerRow, ledgerRow } from '../../src/core/ledger.ts'
import type { Series } from '../../src/core/series.ts'
import type { Source } from '../../src/core/source.ts'
import { type Span, union } from '../../src/core/span.ts'
import type { SpanJob, Step } from '../../src/core/step.ts'
import { fetchByTime, NONE_YET } from '../../src/core/time-walk.ts'
import { judge } from '../../src/core/verify.ts'
import { funding } from '../../src/datasets/funding.ts'
import { RefusedError } from '../../src/errors.ts'
import { listing } from '../rig/memory-source.ts'
import { runsFor } from '../rig/seed.ts'

const runs = runsFor('test/unit/time-walk.test.ts')
const START_MS = Date.UTC(2024, 0, 1)
const LATER_MS = Date.UTC(2030, 0, 1)
const series: Series = { market: 'um', dataset: 'funding', symbol: 'BTCUSDT', period: null }
const table = funding.table(series)

type Rate = { readonly timeMs: number; readonly type: 'Regular' | 'Special' }

const rateRows = (rates: readonly Rate[]): Rows => ({
  count: rates.length,
  columns: [
    rates.map(({ timeMs }) => timeMs),
    rates.map(({ type }) => type),
    rates.map(() => '0.0001'),
    rates.map(() => null),
  ],
})

type Change = (rates: readonly Rate[], request: number) => readonly Rate[]

/** A source that answers from a list, or from what becomes of an answer on its way. */
function rateSource(
  rates: readonly Rate[],
  pageRows: number,
  change: Change = (some) => some,
  nowMs = LATER_MS,
) {
  const asks: Window[] = []
  const source: Source = {
    name: 'rest',
    page: () => ({ rows: pageRows, weight: 0 }),
    nowMs: () => nowMs,
    async fetch(_series, window) {
      asks.push(window)
      const { limit, span } = window
      const fits = ({ timeMs }: Rate): boolean => timeMs >= span.startMs && timeMs < span.endMs
      const rows = rateRows(change(rates.filter(fits).slice(0, limit), asks.length))
      judge(funding, table, window, rows)
      return { rows, servedAtMs: nowMs }
    },
  }
  return { source, asks }
}

async function walk(source: Source, span: Span, given: Partial<SpanJob> = {}): Promise<Step[]> {
  const job = { series, dataset: funding, table, listing: listing('BTCUSDT'), before: [], hurried: false }
  const out: Step[] = []
  for await (const step of fetchByTime({ ...job, source, span, ...given })) out.push(step)
  return out
}

const keysOf = (rates: readonly Rate[]): string[] => rates.map(({ timeMs, type }) => `${timeMs} ${type}`)
const storedKeys = (steps: readonly Step[]): string[] =>
  steps.flatMap(({ rows }) =>
    Array.from({ length: rows.count }, (_, i) => `${rows.columns[0]?.[i]} ${rows.columns[1]?.[i]}`),
  )
const ledgerOf = (steps: readonly Step[]): readonly LedgerRow[] => steps.flatMap((step) => step.ledger)
const verdicts = (steps: readonly Step[]): unknown[] =>
  ledgerOf(steps).map((row) => [
    row.verdict,
    (row.startMs - START_MS) / HOUR_MS,
    (row.endMs - START_MS) / HOUR_MS,
  ])

const anyRates = fc
  .tuple(
    fc.nat({ max: 100 }),
    fc.array(
      fc.record({
        hours: fc.constantFrom(1, 1, 4, 8, 8, 8, 16, 72),
        lateMs: fc.nat({ max: 47 }),
        special: fc.constantFrom(null, null, null, null, 0, 0, 61_000),
      }),
      { maxLength: 40 },
    ),
  )
  .map(([first, steps]) => {
    let timeMs = START_MS + (first - 50) * HOUR_MS
    return steps.flatMap(({ hours, lateMs, special }): Rate[] => {
      timeMs += hours * HOUR_MS
      const regular: Rate = { timeMs: timeMs + lateMs, type: 'Regular' }
      return special === null ? [regular] : [regular, { timeMs: regular.timeMs + special, type: 'Special' }]
    })
  })

describe('funding rates', () => {
  test('any rates, span and page: each comes once, and the ledger counts exactly those', async () => {
    const property = fc.asyncProperty(
      anyRates,
      fc.integer({ min: -30, max: 60 }),
      fc.integer({ min: 1, max: 300 }),
      fc.integer({ min: 3, max: 12 }),
      fc.boolean(),
      async (rates, from, length, pageRows, trading) => {
        const startMs = START_MS + from * HOUR_MS
        const span = { startMs, endMs: startMs + length * HOUR_MS }
        const inside = (one: Span): Rate[] =>
          rates.filter(({ timeMs }) => timeMs >= one.startMs && timeMs < one.endMs)
        const { source } = rateSource(rates, pageRows)
        const steps = await walk(source, span, { listing: listing('BTCUSDT', { trading }) })
        expect(steps.flatMap((step) => step.refused ?? [])).toEqual([])
        expect(storedKeys(steps)).toEqual(keysOf(inside(span)))
        expect(union(ledgerOf(steps))).toEqual([span])
        for (const row of ledgerOf(steps)) {
          expect(row.rows).toBe(inside(row).length)
          if (row.verdict === 'unlisted') expect(rates.every((one) => one.timeMs >= row.endMs)).toBe(true)
          if (row.verdict === 'delisted')
            expect([trading, rates.every((one) => one.timeMs < row.startMs)]).toEqual([false, true])
        }
      },
    )
    await fc.assert(property, runs)
  })

  const days = (count: number): Span => ({ startMs: START_MS, endMs: START_MS + count * 24 * HOUR_MS })
  const every = (hours: number, from: number, to: number): Rate[] =>
    Array.from({ length: Math.floor((to - from) / hours) }, (_, i) => ({
      timeMs: START_MS + (from + i * hours) * HOUR_MS,
      type: 'Regular',
    }))

  test('of a symbol that does not trade are delisted after the last one', async () => {
    const { source } = rateSource(every(8, 0, 24), 1_000)
    const steps = await walk(source, days(5), { listing: listing('BTCUSDT', { trading: false }) })
    expect(verdicts(steps)).toEqual([
      ['rows', 0, 16 + 1 / HOUR_MS],
      ['delisted', 16 + 1 / HOUR_MS, 120],
    ])
  })

  test('cost a request where there are fewer than a page of them, and no hole', async () => {
    const { source, asks } = rateSource(every(8, -8, 130), 1_000)
    await walk(source, days(5))
    expect(asks).toHaveLength(1)
  })

  test('before the first of all cost one more, and so does a symbol that never had any', async () => {
    for (const rates of [every(8, 48, 130), []]) {
      const { source, asks } = rateSource(rates, 1_000)
      expect(verdicts(await walk(source, days(5)))[0]).toEqual(['unlisted', 0, rates.length > 0 ? 48 : 120])
      expect(asks).toHaveLength(2)
    }
  })

  test.each([
    ['its beginning', (rates: readonly Rate[]) => rates.slice(3)],
    ['its middle', (rates: readonly Rate[]) => [...rates.slice(0, 4), ...rates.slice(7)]],
    ['its end', (rates: readonly Rate[]) => rates.slice(0, -3)],
    ['all of it', () => []],
  ] as const)('of an answer that lacks %s are not settled', async (_, damage) => {
    const { source } = rateSource(every(8, 0, 240), 1_000, (rates, i) => (i === 1 ? damage(rates) : rates))
    const before = [ledgerRow({ startMs: START_MS - HOUR_MS, endMs: START_MS }, 'rows', { rows: 1 })]
    for (const known of [[], before]) {
      const steps = await walk(source, days(5), { before: known })
      const stored = storedKeys(steps)
      // Either nothing was settled, or a source that is whole by now was asked a second time.
      if (steps.at(-1)?.refused) expect(ledgerOf(steps)).toEqual([])
      else expect(stored).toHaveLength(15)
    }
  })
})

describe('a part that is refused for good', () => {
  const DAY_MS = 24 * HOUR_MS
  const refusedWithin = (rates: readonly Rate[], bad: Span): ReturnType<typeof rateSource> => {
    const plain = rateSource(rates, 1_000)
    const fetch: Source['fetch'] = async (one, window, hurried) => {
      const answer = await plain.source.fetch(one, window, hurried)
      const isBad = window.limit > 1 && window.span.startMs < bad.endMs && window.span.endMs > bad.startMs
      if (isBad) throw new RefusedError('not this page')
      return answer
    }
    return { ...plain, source: { ...plain.source, fetch } }
  }

  test('costs the rates within a day of it, wherever it lies, and is named', async () => {
    const property = fc.asyncProperty(
      fc.nat({ max: 900 }),
      fc.integer({ min: 1, max: 20 * 24 }),
      fc.integer({ min: 1, max: 1_000 }),
      async (from, hours, length) => {
        const rates = Array.from({ length: 3_200 }, (_, i): Rate => {
          return { timeMs: START_MS + i * 8 * HOUR_MS, type: 'Regular' }
        })
        const span = { startMs: START_MS, endMs: START_MS + length * DAY_MS }
        const startMs = START_MS + from * DAY_MS
        const bad = { startMs, endMs: startMs + hours * HOUR_MS }
        const { source, asks } = refusedWithin(rates, bad)
        const steps = await walk(source, span)
        const refused = union(steps.flatMap((step) => step.refused?.span ?? []))
        expect(union(refused, ledgerOf(steps))).toEqual([span])
        for (const one of refused) {
          expect(one.startMs).toBeGreaterThanOrEqual(bad.startMs - DAY_MS)
          expect(one.endMs).toBeLessThanOrEqual(bad.endMs + 2 * DAY_MS)
        }
        const stored = rates.filter(({ timeMs }) => ledgerOf(steps).some((row) => holds(row, timeMs)))
        expect(storedKeys(steps)).toEqual(keysOf(stored))
        expect(asks.length).toBeLessThan(90)
      },
    )
    await fc.assert(property, { ...runs, numRuns: Math.min(runs.numRuns, 100) })
  })
})

const holds = ({ startMs, endMs }: Span, timeMs: number): boolean => timeMs >= startMs && timeMs < endMs

describe('a rate that is late', () => {
  const hour = (hours: number, afterMs = 0): number => START_MS + hours * HOUR_MS + afterMs
  const span = (from: number, to: number): Span => ({ startMs: hour(from, 60_000), endMs: hour(to, 60_000) })
  const rates: Rate[] = [0, 4, 8].map((at) => ({ timeMs: hour(at, 7), type: 'Regular' }))

  test('comes with the next span, which is asked for anyway', async () => {
    const late: Change = (some) => some.filter(({ timeMs }) => timeMs < hour(8))
    const { source } = rateSource(rates, 1_000, late, hour(8, 70_000))
    const before = ledgerOf(await walk(source, span(3, 8)))
    expect(before).toMatchObject([{ ...span(3, 8), verdict: 'rows', rows: 1, reason: NONE_YET }])
    const next = rateSource(rates, 1_000, undefined, hour(9, 70_000))
    const steps = await walk(next.source, span(8, 9), { before })
    expect(storedKeys(steps)).toEqual(keysOf(rates.slice(2)))
    expect(next.asks.map((ask) => ask.span)).toEqual([{ startMs: hour(8), endMs: hour(9, 60_000) }])
    // Counted with the span that it came with, and in all as many as are stored.
    expect(union([...before, ...ledgerOf(steps)])).toEqual([
      { startMs: hour(3, 60_000), endMs: hour(9, 60_000) },
    ])
    expect(ledgerOf(steps)).toMatchObject([{ verdict: 'rows', rows: 1, reason: NONE_YET }])
  })

  test('is looked for no more where it was there, or is long overdue', async () => {
    const there = rateSource(rates, 1_000, undefined, hour(8, 70_000))
    expect(ledgerOf(await walk(there.source, span(3, 8)))[0]?.reason).toBeNull()
    const old = rateSource(rates, 1_000, undefined, hour(9, 70_000))
    expect(ledgerOf(await walk(old.source, span(3, 7)))[0]?.reason).toBeNull()
    const next = rateSource(rates, 1_000, undefined, hour(9, 70_000))
    const before = ledgerOf(await walk(there.source, span(3, 8)))
    await walk(next.source, span(8, 9), { before })
    expect(next.asks[0]?.span).toEqual(span(8, 9))
  })
})
