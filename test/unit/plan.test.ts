// The plan against a naive model in which every place is a member of sets: wanted first, then what was asked
// for, never what is settled, never past what is closed, traded or known to have ended.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { marketFacts } from '../../src/binance/markets.ts'
import {
  advance,
  ceilToPeriod,
  countPlaces,
  floorToPeriod,
  HOUR_MS,
  openTimes,
} from '../../src/core/calendar.ts'
import { type LedgerRow, ledgerRow, type Verdict } from '../../src/core/ledger.ts'
import {
  afterContract,
  CLOSE_MARGIN_MS,
  costPlan,
  type PlanInput,
  planSpans,
  type Range,
  reachesFromMs,
} from '../../src/core/plan.ts'
import type { Period } from '../../src/core/series.ts'
import type { Span } from '../../src/core/span.ts'
import { listing, memorySource } from '../rig/memory-source.ts'
import { klineSeries } from '../rig/pages.ts'
import { runsFor } from '../rig/seed.ts'
import { candlesOf, walk } from '../rig/span-walk.ts'

const runs = runsFor('test/unit/plan.test.ts')
const NOW_MS = Date.UTC(2024, 2, 15, 12, 34, 56, 789)
const anyPeriod = fc.constantFrom<Period>('1s', '1m', '15m', '1h', '12h', '1d', '3d', '1w', '1M')

type CalendarInput = PlanInput & { readonly period: Period }
const input = (facts: Partial<CalendarInput> = {}): CalendarInput => ({
  series: klineSeries('BTCUSDT', { period: facts.period ?? '1h' }),
  period: '1h',
  range: { startMs: null, endMs: null, lookbackMs: 24 * HOUR_MS },
  ledger: [],
  listing: listing('BTCUSDT'),
  nowMs: NOW_MS,
  ...facts,
})
const range = (startMs: number | null, endMs: number | null, lookbackMs = 24 * HOUR_MS): Range => ({
  startMs,
  endMs,
  lookbackMs,
})

/** Places around now, counted back from the one that `NOW_MS` lies in. */
const placeMs = (period: Period, place: number): number => advance(period, NOW_MS, place)
const placesOf = (period: Period, first: number, last: number): Span => ({
  startMs: placeMs(period, first),
  endMs: placeMs(period, last),
})

const verdict = fc.constantFrom<Verdict | null>('rows', 'outage', 'unlisted', 'wanted', null)
const anyInput = fc
  .record({
    period: anyPeriod,
    cells: fc.array(verdict, { maxLength: 30 }),
    firstCell: fc.integer({ min: -40, max: -10 }),
    start: fc.option(fc.record({ place: fc.integer({ min: -40, max: 5 }), intoMs: fc.nat({ max: 999 }) })),
    end: fc.option(fc.record({ place: fc.integer({ min: -40, max: 5 }), intoMs: fc.nat({ max: 999 }) })),
    lookbackHours: fc.integer({ min: 1, max: 100 }),
    endsAt: fc.option(fc.integer({ min: -40, max: 5 })),
    trading: fc.boolean(),
  })
  .map(({ period, cells, firstCell, start, end, lookbackHours, endsAt, trading }) => {
    const ledger = cells.flatMap((one, i) =>
      one === null ? [] : [ledgerRow(placesOf(period, firstCell + i, firstCell + i + 1), one)],
    )
    const at = (moment: { place: number; intoMs: number } | null): number | null =>
      moment === null ? null : placeMs(period, moment.place) + moment.intoMs
    const endsAtMs = endsAt === null ? null : placeMs(period, endsAt)
    return input({
      period,
      ledger,
      range: range(at(start), at(end), lookbackHours * HOUR_MS),
      listing: listing('BTCUSDT', { trading, endsAtMs }),
    })
  })

const has = (ledger: readonly LedgerRow[], ms: number, test: (verdict: Verdict) => boolean): boolean =>
  ledger.some((row) => row.startMs <= ms && ms < row.endMs && test(row.verdict))

/** The places that a plan is due to fetch, in order: by asking of each place whether it is one of them. */
function naivePlan({ period, range: asked, ledger, listing: symbol, nowMs }: CalendarInput): number[] {
  const closed = (ms: number): boolean =>
    advance(period, ms, 1) <= (period === '1s' ? nowMs - CLOSE_MARGIN_MS : nowMs)
  const traded = (ms: number): boolean =>
    (symbol.endsAtMs === null || ms < symbol.endsAtMs) &&
    (symbol.trading || advance(period, ms, 1) <= floorToPeriod(period, nowMs - HOUR_MS))
  const settled = (ms: number): boolean => has(ledger, ms, (one) => one !== 'wanted')
  const all = [...openTimes(period, placesOf(period, -60, 10))].filter(
    (ms) => closed(ms) && traded(ms) && !settled(ms),
  )
  const wanted = all.filter((ms) => has(ledger, ms, (one) => one === 'wanted'))
  const lastSettledMs = Math.max(...ledger.filter((row) => row.verdict !== 'wanted').map((row) => row.endMs))
  const inRange = (ms: number): boolean => {
    if (asked.endMs !== null && ms >= asked.endMs) return false
    return ms >= (asked.startMs ?? lastSettledMs)
  }
  return [...wanted, ...all.filter((ms) => inRange(ms) && !wanted.includes(ms))]
}

test('any ledger, range and listing: exactly the places that are due, wanted ones first', () => {
  const property = fc.property(anyInput, (given) => {
    // Where nothing is settled and no start is named, the lookback decides; that has tests of its own.
    fc.pre(given.range.startMs !== null || given.ledger.some((row) => row.verdict !== 'wanted'))
    const spans = planSpans(given)
    expect(spans.flatMap((span) => [...openTimes(given.period, span)])).toEqual(naivePlan(given))
    expect(spans.every((span) => countPlaces(given.period, span) > 0)).toBe(true)
  })
  fc.assert(property, runs)
})

describe('with nothing stored', () => {
  test('the lookback, floored to the period, up to the last closed candle', () => {
    const hours = { startMs: Date.UTC(2024, 2, 14, 12), endMs: Date.UTC(2024, 2, 15, 12) }
    expect(planSpans(input())).toEqual([hours])
    const lookback = { period: '1d', range: range(null, null, 30 * HOUR_MS) } as const
    const days = { startMs: Date.UTC(2024, 2, 13), endMs: Date.UTC(2024, 2, 15) }
    expect(planSpans(input(lookback))).toEqual([days])
  })

  test('at least the last closed candle of every period, 1M included', () => {
    const property = fc.property(anyPeriod, fc.nat({ max: 100_000 }), (period, lookbackMs) => {
      const [span, ...more] = planSpans(input({ period, range: range(null, null, lookbackMs) }))
      const closedMs = floorToPeriod(period, period === '1s' ? NOW_MS - CLOSE_MARGIN_MS : NOW_MS)
      expect(more).toEqual([])
      expect(span?.endMs).toBe(closedMs)
      expect(span?.startMs).toBe(
        Math.min(floorToPeriod(period, closedMs - lookbackMs), advance(period, closedMs, -1)),
      )
    })
    fc.assert(property, runs)
    const month = { startMs: Date.UTC(2024, 1, 1), endMs: Date.UTC(2024, 2, 1) }
    expect(planSpans(input({ period: '1M' }))).toEqual([month])
  })
})

describe('a symbol that has ended', () => {
  const stopped = listing('BTCUSDT', { trading: false })
  const delisted = ledgerRow(placesOf('1h', -10, -5), 'delisted')
  const rows = ledgerRow(placesOf('1h', -30, -10), 'rows')

  test('nothing follows what is known to be delisted', () => {
    expect(planSpans(input({ listing: stopped, ledger: [rows, delisted] }))).toEqual([])
    const all = { listing: stopped, ledger: [rows, delisted], range: range(placeMs('1h', -30), null) }
    expect(planSpans(input(all))).toEqual([])
  })

  test('what an interrupted pass still wants after that is taken up, so that it ends too', () => {
    const wanted = ledgerRow(placesOf('1h', -5, -3), 'wanted')
    const [first] = planSpans(input({ listing: stopped, ledger: [rows, delisted, wanted] }))
    expect(first).toEqual(placesOf('1h', -5, -3))
  })

  test('one that trades again goes on where it was delisted', () => {
    expect(planSpans(input({ ledger: [rows, delisted] }))).toEqual([placesOf('1h', -5, 0)])
  })

  test('after the end of a contract that is over nothing is owed, and that is settled once', () => {
    const over = listing('BTCUSDT', { trading: false, endsAtMs: placeMs('1h', -7) - 1 })
    const after = (facts: Parameters<typeof input>[0]): Span[] =>
      afterContract(input({ listing: over, ...facts }))
    expect(after({ ledger: [rows] })).toEqual([placesOf('1h', -7, -1)])
    expect(after({ range: range(placeMs('1h', -20), placeMs('1h', -4)) })).toEqual([placesOf('1h', -7, -4)])
    expect(after({ range: range(placeMs('1h', -5), placeMs('1h', -4)) })).toEqual([placesOf('1h', -5, -4)])
    expect(after({ range: range(placeMs('1h', -20), placeMs('1h', -9)) })).toEqual([])
    expect(after({ ledger: [rows, delisted] })).toEqual([])
    for (const facts of [{ trading: true }, { endsAtMs: null }, { endsAtMs: placeMs('1h', 5) }])
      expect(after({ listing: { ...over, ...facts } })).toEqual([])
  })

  test('a contract is asked up to its delivery, trading or not', () => {
    const endsAtMs = placeMs('1h', -7) - 1
    for (const trading of [true, false]) {
      const given = { listing: listing('BTCUSDT', { trading, endsAtMs }), ledger: [rows] }
      expect(planSpans(input(given))).toEqual([placesOf('1h', -10, -7)])
    }
  })
})

describe('without a period', () => {
  const series = { market: 'um', dataset: 'agg-trades', symbol: 'BTCUSDT', period: null } as const
  const minuteMs = Date.UTC(2024, 2, 15, 12, 34)
  const trades = (facts: Partial<PlanInput>): PlanInput => ({
    series,
    period: null,
    order: 'id',
    range: range(null, null),
    ledger: [],
    listing: listing('BTCUSDT'),
    nowMs: NOW_MS,
    ...facts,
  })

  test('trades end with the last full minute, rates with a minute after the hour', () => {
    expect(planSpans(trades({}))).toEqual([{ startMs: minuteMs - 24 * HOUR_MS, endMs: minuteMs }])
    const hourMs = Date.UTC(2024, 2, 15, 12, 1)
    expect(planSpans(trades({ order: 'time' })).map((span) => span.endMs)).toEqual([hourMs])
  })

  test.each(['id', 'time'] as const)(
    'by %s: of a symbol that does not trade, a second run has nothing to do',
    (order) => {
      const over = { order, listing: listing('BTCUSDT', { trading: false }) }
      const [span] = planSpans(trades(over))
      if (!span) throw new Error('nothing planned')
      const ledger = [ledgerRow(span, 'rows')]
      expect(planSpans(trades({ ...over, ledger, nowMs: NOW_MS + 1_234 }))).toEqual([])
    },
  )

  test('a look back as long as the reach begins where the API answers; one that is asked for may not', () => {
    const reachMs = reachesFromMs({ reachMs: 24 * HOUR_MS }, NOW_MS)
    expect(reachMs).toBeGreaterThan(NOW_MS - 24 * HOUR_MS)
    const from = (facts: Partial<PlanInput>): number | undefined =>
      planSpans(trades({ reachesFromMs: reachMs, ...facts }))[0]?.startMs
    expect(from({})).toBe(reachMs)
    const dayAgoMs = NOW_MS - 24 * HOUR_MS
    expect(from({ range: range(dayAgoMs, null) })).toBe(dayAgoMs)
    expect(from({ range: range(null, null, 25 * HOUR_MS) })).toBe(minuteMs - 25 * HOUR_MS)
    expect(from({ range: range(null, null, HOUR_MS) })).toBe(minuteMs - HOUR_MS)
  })
})

test('a second only counts as closed two seconds later', () => {
  const given = { period: '1s', range: range(NOW_MS - 10_000, null) } as const
  expect(planSpans(input(given)).at(-1)?.endMs).toBe(floorToPeriod('1s', NOW_MS - 2_000))
})

test('the cost of a plan is what a real walk asks for in a market without holes', async () => {
  const anySpans = fc.record({
    period: anyPeriod,
    lengths: fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 3 }),
    pageRows: fc.constantFrom(1_000, 499, 2, 7),
  })
  const property = fc.asyncProperty(anySpans, async ({ period, lengths, pageRows }) => {
    const startMs = ceilToPeriod(period, Date.UTC(2000, 0, 1))
    const spans = lengths.map((length, i) => {
      const fromMs = advance(period, startMs, i * 100)
      return { startMs: fromMs, endMs: advance(period, fromMs, length) }
    })
    const { source } = memorySource({
      nowMs: () => NOW_MS,
      pageRows,
      answer: () => ({ count: 0, columns: [] }),
    })
    const cost = costPlan(klineSeries('BTCUSDT', { period }), period, spans, source)
    let requests = 0
    for (const span of spans) {
      requests += (await walk({ period, span, candles: candlesOf(period, span), pageRows })).requests.length
    }
    const places = lengths.reduce((sum, length) => sum + length, 0)
    expect(cost).toMatchObject({ spans, places, requests, weight: 2 * requests })
  })
  await fc.assert(property, runs)
})

test('a last page that is smaller may weigh less, as on futures', () => {
  const { source } = memorySource({
    nowMs: () => NOW_MS,
    pageRows: 499,
    answer: () => ({ count: 0, columns: [] }),
  })
  const klinesPage = marketFacts.um.pages.klines?.page
  if (!klinesPage) throw new Error('um has no klines')
  const futures = { ...source, page: (_series: unknown, places: number | null) => klinesPage(places, '1h') }
  const cost = (places: number): unknown =>
    costPlan(klineSeries('BTCUSDT', { period: '1h' }), '1h', [placesOf('1h', -places, 0)], futures)
  expect(cost(1_050)).toMatchObject({ places: 1_050, requests: 3, weight: 2 + 2 + 1 })
  expect(cost(1_200)).toMatchObject({ places: 1_200, requests: 3, weight: 2 + 2 + 2 })
  expect(cost(998)).toMatchObject({ requests: 2, weight: 4 })
})
