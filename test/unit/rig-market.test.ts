// The computed market: what is promised of it is what every other test compares a store with.
import { describe, expect, test } from 'bun:test'
import { advance, countPlaces, floorToPeriod } from '../../src/core/calendar.ts'
import { type Period, periods } from '../../src/core/series.ts'
import { type Candle, candle, candles, expectedRows, page, type SymbolSpec } from '../rig/market.ts'
import { hugeVolume, manyDecimals } from '../rig/scenario.ts'

const listedAtMs = Date.parse('2020-03-10T08:37:00Z')
const spot: SymbolSpec = { market: 'spot', symbol: 'BTCUSDT', base: 'BTC', quote: 'USDT', listedAtMs }
const um: SymbolSpec = { ...spot, market: 'um' }
const day = { startMs: Date.parse('2020-03-12Z'), endMs: Date.parse('2020-03-13Z') }
const larger = periods.filter((period) => period !== '1s' && period !== '1m')

/** A decimal in units of 1e-18, so that sums are exact. */
function units(text: string): bigint {
  const [whole = '', fraction = ''] = text.split('.')
  return BigInt(whole + fraction.padEnd(18, '0'))
}
const sum = (rows: readonly Candle[], field: 'volume' | 'quoteVolume' | 'takerBase' | 'takerQuote'): bigint =>
  rows.reduce((total, row) => total + units(row[field]), 0n)
const ordered = (values: readonly bigint[]): bigint[] => values.toSorted((a, b) => (a < b ? -1 : 1))
const most = (values: readonly bigint[]): bigint => ordered(values).at(-1) ?? 0n
const least = (values: readonly bigint[]): bigint => ordered(values)[0] ?? 0n

describe('candles', () => {
  test('are the same whenever and however they are asked for', () => {
    const all = candles(spot, '1m', day)
    expect(all).toHaveLength(1_440)
    expect(candle({ ...spot }, '1m', day.startMs + 60_000 * 77)).toEqual(all[77] ?? null)
    expect(candles({ ...spot, symbol: 'ETHUSDT' }, '1m', day)).not.toEqual(all)
    expect(candles(um, '1m', day)[0]?.open).not.toEqual(all[0]?.open)
  })

  test('keep to OHLC, and to the taker never buying more than was traded', () => {
    for (const spec of [spot, um]) {
      for (const period of ['1s', '1m', '1h', '1d'] as const) {
        for (const row of candles(spec, period, {
          startMs: day.startMs,
          endMs: day.startMs + 86_400_000 / 4,
        })) {
          const body = [units(row.open), units(row.close)]
          expect(units(row.low) <= least(body) && units(row.high) >= most(body)).toBeTrue()
          expect(units(row.takerBase) <= units(row.volume)).toBeTrue()
        }
      }
    }
  })

  test('of every period agree with the minutes they are made of', () => {
    for (const period of larger) {
      const startMs = floorToPeriod(period, Date.parse('2020-06-15Z'))
      const span = { startMs, endMs: advance(period, startMs, 1) }
      const [whole] = candles(spot, period, span)
      const minutes = candles(spot, '1m', span)
      if (!whole) throw new Error(`no candle of ${period}`)
      expect(whole.open).toBe(minutes[0]?.open ?? '')
      expect(whole.close).toBe(minutes.at(-1)?.close ?? '')
      expect(units(whole.high)).toBe(most(minutes.map((row) => units(row.high))))
      expect(units(whole.low)).toBe(least(minutes.map((row) => units(row.low))))
      expect(whole.trades).toBe(minutes.reduce((total, row) => total + row.trades, 0))
      for (const field of ['volume', 'quoteVolume', 'takerBase', 'takerQuote'] as const) {
        expect(sum([whole], field)).toBe(sum(minutes, field))
      }
    }
  })

  test('of a second make up the minute, exactly', () => {
    for (let i = 0; i < 50; i += 1) {
      const span = { startMs: day.startMs + i * 60_000, endMs: day.startMs + (i + 1) * 60_000 }
      const minute = candles(spot, '1m', span)
      const seconds = candles(spot, '1s', span)
      expect(seconds).toHaveLength(60)
      expect(sum(seconds, 'volume')).toBe(sum(minute, 'volume'))
      expect(sum(seconds, 'takerQuote')).toBe(sum(minute, 'takerQuote'))
      expect(most(seconds.map((row) => units(row.high)))).toBe(units(minute[0]?.high ?? ''))
    }
  })

  test('some minutes are quiet: present, flat at the last price, without a trade', () => {
    const rows = candles(spot, '1m', day)
    const quiet = rows.filter((row) => row.trades === 0)
    expect(quiet.length).toBeGreaterThan(3)
    for (const row of quiet) {
      const before = rows[rows.indexOf(row) - 1]
      expect([row.open, row.high, row.low, row.close]).toEqual(Array(4).fill(before?.close))
      expect(row.volume).toBe('0.00000000')
    }
  })
})

describe('text', () => {
  const fields = (row: Candle): string[] => [
    row.open,
    row.volume,
    row.quoteVolume,
    row.takerBase,
    row.takerQuote,
  ]

  test('spot writes eight decimals, always', () => {
    for (const row of candles(spot, '5m', day))
      for (const text of fields(row)) expect(text).toMatch(/^\d+\.\d{8}$/)
  })

  test('futures write their own precision, not one count of decimals in a row', () => {
    const rows = candles(um, '5m', day)
    const decimals = new Set(rows.flatMap(fields).map((text) => text.split('.')[1]?.length ?? 0))
    expect(decimals.size).toBeGreaterThan(3)
    expect(rows.some((row) => row.quoteVolume.endsWith('0'))).toBeTrue()
  })

  test('huge volumes have 16 digits in a week, small prices eight decimals', () => {
    const [row] = candles({ ...spot, digits: hugeVolume }, '1w', {
      startMs: Date.parse('2020-04-06Z'),
      endMs: Date.parse('2020-04-13Z'),
    })
    expect(row?.volume).toMatch(/^\d{16}\.00000000$/)
    expect(row?.open).toMatch(/^0\.0000\d{4}$/)
  })

  test('up to 18 decimals', () => {
    const [row] = candles({ ...spot, digits: manyDecimals }, '1d', day)
    expect(row?.quoteVolume).toMatch(/^\d+\.\d{18}$/)
  })

  test('digits whose sums would not be exact are refused', () => {
    expect(() => candles({ ...spot, digits: { volume: 1e12 } }, '1m', day)).toThrow('exact sums')
  })
})

describe('live time', () => {
  test('the first candle is the place that the listing lies in, whatever the period', () => {
    const far = { startMs: 0, endMs: listedAtMs + 90 * 86_400_000 }
    for (const period of periods.filter((each) => each !== '1s')) {
      expect(
        page(spot, period, { startMs: 0, lastMs: far.endMs, limit: 1, newest: false }, Infinity)[0]?.openMs,
      ).toBe(floorToPeriod(period, listedAtMs))
    }
  })

  test('an outage hides every place that lies wholly inside it, and no other', () => {
    const outage = { startMs: Date.parse('2020-03-12T02:30Z'), endMs: Date.parse('2020-03-12T09:15Z') }
    const spec: SymbolSpec = { ...spot, outages: [outage] }
    for (const period of ['1m', '15m', '1h', '4h', '12h', '1d'] as const satisfies readonly Period[]) {
      const opens = candles(spec, period, day).map((row) => row.openMs)
      const expected = candles(spot, period, day)
        .map((row) => row.openMs)
        .filter((openMs) => openMs < outage.startMs || advance(period, openMs, 1) > outage.endMs)
      expect(opens).toEqual(expected)
    }
    expect(candles(spec, '1h', day)).toHaveLength(24 - 6)
    const minutes = candles(spec, '1m', day)
    expect(minutes).toHaveLength(1_440 - 405)
    expect(sum(candles(spec, '1d', day), 'quoteVolume')).toBe(sum(minutes, 'quoteVolume'))
    expect(candle(spec, '1h', outage.startMs + 3_600_000)).toBeNull()
  })

  test('spot ends where trading ended; futures go on, flat, and are not expected in a store', () => {
    const endsAtMs = Date.parse('2020-03-12T10:00Z')
    expect(candles({ ...spot, endsAtMs }, '1h', day)).toHaveLength(10)
    const rows = candles({ ...um, endsAtMs }, '1h', day)
    expect(rows).toHaveLength(24)
    const last = rows[9]?.close
    for (const row of rows.slice(10)) {
      expect([row.open, row.close, row.volume, row.trades]).toEqual([last ?? '', last ?? '', '0', 0])
    }
    expect(expectedRows({ ...um, endsAtMs }, '1h', day, Infinity).count).toBe(10)
  })

  test('an odd candle takes its place, also inside an outage', () => {
    const odd = {
      ...(candle(spot, '1h', day.startMs) as Candle),
      openMs: day.startMs + 1_695_000,
      period: '1h' as const,
    }
    const spec: SymbolSpec = { ...spot, outages: [day], odd: [odd] }
    const { period: _, ...sent } = odd
    expect(candles(spec, '1h', day)).toEqual([sent])
    expect(candles(spec, '1m', day)).toEqual([])
    expect(candles(spec, '1h', { startMs: day.startMs, endMs: odd.openMs })).toEqual([])
  })
})

describe('expectedRows', () => {
  test('are canonical, in the order of the contract, and closed', () => {
    const rows = expectedRows(spot, '15m', day, day.startMs + 3_600_000)
    expect(rows.columns).toHaveLength(11)
    // The candle that closes at 00:59:59.999 had closed before 01:00.
    expect(rows.count).toBe(4)
    expect(expectedRows(spot, '15m', day, day.startMs + 3_599_999).count).toBe(3)
    expect(rows.columns[1]?.[0]).toBe(day.startMs + 899_999)
    for (const column of rows.columns.slice(2, 8))
      for (const value of column) expect(value).not.toMatch(/\.\d*0$/)
    expect(expectedRows(spot, '15m', day, Infinity).count).toBe(countPlaces('15m', day))
  })

  test('equal what is sent, as numbers', () => {
    const rows = expectedRows(um, '1h', day, Infinity)
    candles(um, '1h', day).forEach((row, i) => {
      expect(units(String(rows.columns[2]?.[i]))).toBe(units(row.open))
      expect(units(String(rows.columns[7]?.[i]))).toBe(units(row.quoteVolume))
    })
  })
})
