// Larger candles against sums of smaller ones: which periods are made of which, exact sums of the rig's
// market, and what counts as an error or as a note.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { openTimes } from '../../src/core/calendar.ts'
import { ledgerRow } from '../../src/core/ledger.ts'
import { type Period, periods, type Series } from '../../src/core/series.ts'
import { partsOf } from '../../src/core/verification/candle-pairs.ts'
import { divides } from '../../src/core/verification/sums.ts'
import { klines } from '../../src/datasets/klines.ts'
import { expectedRows } from '../rig/market.ts'
import { candle, klineSeries, MINUTE_MS, toRows } from '../rig/pages.ts'
import { hugeVolume, manyDecimals } from '../rig/scenario.ts'
import { runsFor } from '../rig/seed.ts'
import type { SymbolSpec } from '../rig/symbol-spec.ts'
import { errorsOf, linesOf, type StoredSeries, verifyRig } from '../rig/verify-rig.ts'

const runs = runsFor('test/unit/verify-sums.test.ts', 40)
const START_MS = Date.UTC(2024, 1, 26)
const DAY_MS = 1_440 * MINUTE_MS

describe('which periods are made of which', () => {
  test('by the calendar itself: every open of the larger is one of the smaller, at every place', () => {
    const long = { startMs: Date.UTC(2023, 0, 1), endMs: Date.UTC(2024, 0, 1) }
    const opens = new Map(
      periods.filter((one) => one !== '1s').map((one) => [one, new Set(openTimes(one, long))]),
    )
    for (const [larger, larges] of opens) {
      for (const [smaller, smalls] of opens) {
        const fits = [...larges].every((openMs) => smalls.has(openMs)) && larges.size < smalls.size
        expect([larger, smaller, divides(smaller, larger)]).toEqual([larger, smaller, fits])
      }
    }
  })

  test('the largest stored one of the same symbol, market and dataset', () => {
    const all: { series: Series }[] = (['1m', '15m', '4h', '1d', '3d', '1w', '1M'] as const).map(
      (period) => ({
        series: klineSeries('A', { period }),
      }),
    )
    const others = [
      { series: klineSeries('B', { period: '12h' }) },
      { series: klineSeries('A', { period: '12h', market: 'um' }) },
      { series: klineSeries('A', { period: '12h', dataset: 'mark-price-klines', market: 'um' }) },
    ]
    const parts = (period: Period): Period | null =>
      partsOf({ series: klineSeries('A', { period }) }, [...others, ...all])?.series.period ?? null
    expect(periods.map(parts)).toEqual([
      ...[null, null, '1m', '1m', '1m', '15m', '15m', '15m', '15m', '15m', '4h', '4h'],
      ...['4h', '1d', '1d', '1d'],
    ] as (Period | null)[])
  })
})

const spec = (digits: SymbolSpec['digits'] = {}, rest: Partial<SymbolSpec> = {}): SymbolSpec => ({
  market: 'spot',
  symbol: 'AAAUSDT',
  base: 'AAA',
  quote: 'USDT',
  listedAtMs: START_MS,
  digits,
  ...rest,
})

/** The rows of the rig's market, which are sums of its minutes by another way: integers in units. */
function stored(period: Period, of: SymbolSpec, days: number): StoredSeries {
  const span = { startMs: START_MS, endMs: START_MS + days * DAY_MS }
  return { series: klineSeries(of.symbol, { period }), rows: expectedRows(of, period, span, span.endMs) }
}

describe('sums of candles', () => {
  test('every period agrees with every other, whatever the digits', async () => {
    for (const digits of [{}, hugeVolume, manyDecimals]) {
      const all = (['1m', '5m', '1h', '1d'] as const).map((period) => stored(period, spec(digits), 2))
      const rig = await verifyRig(all)
      expect(errorsOf(await rig.verify())).toEqual([])
    }
  })

  test('one unit in the last digit of any amount is an error, at its place', async () => {
    const any = fc.record({
      row: fc.integer({ min: 0, max: 479 }),
      column: fc.constantFrom('volume', 'quote_asset_volume', 'taker_buy_base_asset_volume'),
    })
    const all = (['1m', '1h'] as const).map((period) => stored(period, spec(manyDecimals), 1))
    const property = fc.asyncProperty(any, async ({ row, column }) => {
      const rig = await verifyRig(all)
      const at = klines.tables[0]?.columns.findIndex(({ name }) => name === column) ?? 0
      const value = String(all[0]?.rows.columns[at]?.[row])
      const last = value.endsWith('9') ? '8' : String(Number(value.at(-1)) + 1)
      rig.spoil(klineSeries('AAAUSDT'), row, column, value.slice(0, -1) + last)
      const hour = String(Math.floor(row / 60)).padStart(2, '0')
      expect(errorsOf(await rig.verify())).toEqual([`error sum 1h 2024-02-26T${hour}:00:00.000Z`])
    })
    await fc.assert(property, runs)
  })

  test('open, high, low, close and trades of the larger: each by itself', async () => {
    for (const [column, value] of [
      ['open_price', '30000.5'],
      ['high_price', '99999999'],
      ['low_price', '0.01'],
      ['close_price', '30000.5'],
      ['number_of_trades', 1],
    ] as const) {
      const rig = await verifyRig((['1m', '1h'] as const).map((period) => stored(period, spec(), 1)))
      rig.spoil(klineSeries('AAAUSDT', { period: '1h' }), 7, column, value)
      const outcome = await rig.verify()
      const [sum] = outcome.findings.kept().filter(({ check }) => check === 'sum')
      expect([column, sum?.severity, sum?.stored]).toEqual([column, 'error', `${column} ${value}`])
      expect(sum?.expected).toMatch(new RegExp(`^${column} [0-9.]+: the sum of 60 of 1m$`))
    }
  })
})

describe('around holes', () => {
  const hour = (n: number): number => START_MS + n * 60 * MINUTE_MS
  const pair = (of: SymbolSpec): StoredSeries[] => [stored('1m', of, 1), stored('1h', of, 1)]

  test('a hole of the smaller makes a difference a note', async () => {
    const rig = await verifyRig(pair(spec()))
    rig.remove(klineSeries('AAAUSDT'), 5 * 60 + 3)
    expect(linesOf(await rig.verify()).filter((line) => line.includes(' sum '))).toEqual([
      'note sum 1h 2024-02-26T05:00:00.000Z',
    ])
  })

  test('so does an outage by the ledger, and an early close', async () => {
    const [minutes, hours] = pair(spec())
    if (!minutes || !hours) throw new Error('two series')
    const outage = ledgerRow({ startMs: hour(3), endMs: hour(3) + 1 }, 'outage')
    const rig = await verifyRig([minutes, { ...hours, ledger: [outage] }])
    for (const row of [3, 9]) rig.spoil(hours.series, row, 'volume', '1')
    rig.spoil(hours.series, 12, 'volume', '1')
    rig.spoil(hours.series, 12, 'close_time', hour(12) + 5)
    // A minute that closes early, in the hour and as the last one before it.
    rig.spoil(hours.series, 15, 'volume', '1')
    rig.spoil(minutes.series, 15 * 60 + 7, 'close_time', hour(15) + 7 * MINUTE_MS + 30_000)
    rig.spoil(hours.series, 18, 'volume', '1')
    rig.spoil(minutes.series, 18 * 60 - 1, 'close_time', hour(18) - 30_000)
    expect(linesOf(await rig.verify()).filter((line) => line.includes(' sum '))).toEqual([
      'error sum 1h 2024-02-26T09:00:00.000Z',
      'note sum 1h 2024-02-26T03:00:00.000Z',
      'note sum 1h 2024-02-26T12:00:00.000Z',
      'note sum 1h 2024-02-26T15:00:00.000Z',
      'note sum 1h 2024-02-26T18:00:00.000Z',
    ])
  })

  test('an outage that the exchange sums over is no finding', async () => {
    const outages = [{ startMs: hour(4) + 5 * MINUTE_MS, endMs: hour(6) + 7 * MINUTE_MS }]
    const rig = await verifyRig(pair(spec({}, { outages })))
    expect(linesOf(await rig.verify()).filter((line) => line.includes(' sum '))).toEqual([])
  })

  test('what lies at the edge of the smaller, or outside of it, is not compared', async () => {
    const [minutes, hours] = pair(spec())
    if (!minutes || !hours) throw new Error('two series')
    const inside = { startMs: hour(7) + 17 * MINUTE_MS, endMs: hour(20) + 1 }
    const some = { ...minutes, rows: expectedRows(spec(), '1m', inside, inside.endMs + DAY_MS) }
    const rig = await verifyRig([some, hours])
    for (const row of [2, 7, 22]) rig.spoil(hours.series, row, 'volume', '1')
    expect(linesOf(await rig.verify()).filter((line) => line.includes(' sum '))).toEqual([])
    rig.spoil(hours.series, 8, 'volume', '1')
    expect(errorsOf(await rig.verify())).toEqual(['error sum 1h 2024-02-26T08:00:00.000Z'])
  })

  test('candles of a price have no amounts to add up', async () => {
    const series = (period: Period): Series => ({
      market: 'um',
      dataset: 'mark-price-klines',
      symbol: 'A',
      period,
    })
    const minutes = Array.from({ length: 60 }, (_, i) => candle(START_MS + i * MINUTE_MS))
    const highs = minutes.map(({ high_price: high }) => Number(high))
    const large = candle(START_MS, {
      close_time: hour(1) - 1,
      open_price: minutes[0]?.open_price ?? null,
      high_price: `${Math.floor(Math.max(...highs))}.00000001`,
      low_price: minutes[0]?.low_price ?? null,
      close_price: minutes.at(-1)?.close_price ?? null,
    })
    const shape = toRows(klines.table(klineSeries('A')), minutes)
    const six = (rows: typeof shape) => ({ count: rows.count, columns: rows.columns.slice(0, 6) })
    const largeRows = six(toRows(klines.table(klineSeries('A')), [large]))
    const rig = await verifyRig([
      { series: series('1m'), rows: six(shape) },
      { series: series('1h'), rows: largeRows },
    ])
    expect(linesOf(await rig.verify())).toEqual([])
    rig.spoil(series('1h'), 0, 'close_price', String(minutes[0]?.open_price))
    expect(errorsOf(await rig.verify())).toEqual(['error sum 1h 2024-02-26T00:00:00.000Z'])
  })
})
