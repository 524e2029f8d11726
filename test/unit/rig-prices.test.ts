// Klines of mark prices, indexes and premiums: the computed market, and what a store must hold of it
// (reference 4, 5 and 7.4).
import { describe, expect, test } from 'bun:test'
import { advance, countPlaces, DAY_MS, floorToPeriod } from '../../src/core/calendar.ts'
import { type Period, periods } from '../../src/core/series.ts'
import { type Candle, candles, type SymbolSpec } from '../rig/market.ts'
import { candleJson } from '../rig/page-bytes.ts'
import { expectedPriceRows, priceCandles, priceDatasets, priceSymbol } from '../rig/price-market.ts'
import { markPriceRecordings, recordedCandles, testWithRecordings } from '../rig/recorded.ts'

const minute = 60_000
const hour = 3_600_000
const listedAtMs = Date.parse('2020-08-10T07:00Z')
const hole = { startMs: Date.parse('2024-03-12T02:30Z'), endMs: Date.parse('2024-03-12T09:15Z') }
const um: SymbolSpec = {
  ...{ market: 'um', symbol: 'BTCUSDT', base: 'BTC', quote: 'USDT', listedAtMs },
  markHoles: [hole],
}
const cm: SymbolSpec = { ...um, market: 'cm', symbol: 'BTCUSD_PERP', quote: 'USD' }
const delivery: SymbolSpec = {
  ...cm,
  symbol: 'BTCUSD_240329',
  endsAtMs: Date.parse('2024-03-29T08:00Z'),
  goneAtMs: Date.parse('2024-04-05T08:00Z'),
}
const day = { startMs: Date.parse('2024-03-12Z'), endMs: Date.parse('2024-03-13Z') }
const every = [um, cm].flatMap((spec) => priceDatasets.map((dataset) => ({ spec, dataset })))

/** A decimal in units of 1e-8. */
function units(text: string): bigint {
  const [whole = '', fraction = ''] = text.replace('-', '').split('.')
  const size = BigInt(whole + fraction.padEnd(8, '0'))
  return text.startsWith('-') ? -size : size
}
const ordered = (values: readonly bigint[]): bigint[] => values.toSorted((a, b) => (a < b ? -1 : 1))
const most = (values: readonly bigint[]): bigint => ordered(values).at(-1) ?? 0n
const least = (values: readonly bigint[]): bigint => ordered(values)[0] ?? 0n

describe('candles', () => {
  test('are the same whenever they are asked for, and other for each dataset, contract and market', () => {
    const firsts = every.map(({ spec, dataset }) => {
      const rows = priceCandles(spec, dataset, '1m', day)
      expect(priceCandles({ ...spec }, dataset, '1m', day)).toEqual(rows)
      return rows[77]?.open
    })
    firsts.push(priceCandles(delivery, 'mark-price-klines', '1m', day)[77]?.open)
    firsts.push(candles(um, '1m', day)[77]?.open)
    expect(new Set(firsts).size).toBe(8)
  })

  test('of every period agree with the minutes they are made of, and keep to OHLC', () => {
    for (const { spec, dataset } of every) {
      for (const period of periods.filter((each) => each !== '1s' && each !== '1m')) {
        const startMs = floorToPeriod(period, Date.parse('2024-01-17Z'))
        const span = { startMs, endMs: advance(period, startMs, 1) }
        const [whole] = priceCandles(spec, dataset, period, span)
        const minutes = priceCandles(spec, dataset, '1m', span)
        if (!whole) throw new Error(`no candle of ${period}`)
        expect([whole.open, whole.close].map(units)).toEqual(
          [minutes[0]?.open ?? '', minutes.at(-1)?.close ?? ''].map(units),
        )
        expect(units(whole.high)).toBe(most(minutes.map((row) => units(row.high))))
        expect(units(whole.low)).toBe(least(minutes.map((row) => units(row.low))))
        for (const row of [whole, ...minutes.slice(0, 100)]) {
          const body = [units(row.open), units(row.close)]
          expect(units(row.low) <= least(body) && units(row.high) >= most(body)).toBeTrue()
        }
      }
    }
  })

  test('have no volume, a number of samples, and up to eight decimals, not always the same number', () => {
    for (const { spec, dataset } of every) {
      const rows = priceCandles(spec, dataset, '5m', day)
      for (const row of rows) {
        expect([row.volume, row.quoteVolume, row.takerBase, row.takerQuote]).toEqual(Array(4).fill('0'))
        expect(row.trades).toBeGreaterThan(280)
        for (const text of [row.open, row.high, row.low, row.close])
          expect(text).toMatch(/^-?\d+(\.\d{1,8})?$/)
      }
      const lengths = new Set(rows.map((row) => row.high.split('.')[1]?.length ?? 0))
      expect(lengths.has(8) && lengths.size > 1).toBeTrue()
    }
  })

  test('of mark and index stay close to the price; a premium is small, on both sides of zero', () => {
    const traded = candles(cm, '1m', day)
    const index = priceCandles(cm, 'index-price-klines', '1m', day)
    expect(index).toHaveLength(traded.length)
    index.forEach((row, i) => {
      expect(Math.abs(Number(row.open) / Number(traded[i]?.open) - 1)).toBeLessThan(0.005)
    })
    const premiums = priceCandles(cm, 'premium-index-klines', '1m', {
      ...day,
      startMs: day.startMs - 9 * DAY_MS,
    })
    const sides = premiums.map((row) =>
      Number(row.high) < 0 ? 'below' : Number(row.low) > 0 ? 'above' : 'across',
    )
    expect(new Set(sides)).toEqual(new Set(['below', 'above', 'across']))
    expect(Math.max(...premiums.map((row) => Math.abs(Number(row.open))))).toBeLessThan(0.001)
    for (const row of premiums.slice(0, 500)) expect(row.open).not.toMatch(/^-0(\.0*)?$/)
  })

  test('of the mark price have holes of their own, outages of trading are those of klines', () => {
    const spec: SymbolSpec = { ...um, outages: [{ startMs: day.startMs, endMs: day.startMs + hour }] }
    const counts = priceDatasets.map((dataset) => priceCandles(spec, dataset, '1m', day).length)
    expect(counts).toEqual([1_440 - 405, 1_440, 1_440])
    expect(candles(spec, '1m', day)).toHaveLength(1_440 - 60)
    for (const period of ['15m', '1h', '4h', '12h', '1d'] as const satisfies readonly Period[]) {
      const opens = priceCandles(um, 'mark-price-klines', period, day).map((row) => row.openMs)
      const all = priceCandles(um, 'index-price-klines', period, day).map((row) => row.openMs)
      const isHidden = (openMs: number): boolean =>
        openMs >= hole.startMs && advance(period, openMs, 1) <= hole.endMs
      expect(opens).toEqual(all.filter((openMs) => !isHidden(openMs)))
    }
    const minutes = priceCandles(um, 'mark-price-klines', '1m', day)
    const [whole] = priceCandles(um, 'mark-price-klines', '1d', day)
    expect(units(whole?.high ?? '')).toBe(most(minutes.map((row) => units(row.high))))
  })

  test('end with the delivery, which has no premium; go on flat after a settlement', () => {
    const ends = delivery.endsAtMs ?? 0
    const last = { startMs: ends - 5 * hour, endMs: ends + 5 * hour }
    const counts = priceDatasets.map((dataset) => priceCandles(delivery, dataset, '1h', last).length)
    expect(counts).toEqual([5, 5, 0])
    const settled: SymbolSpec = { ...cm, endsAtMs: ends }
    for (const dataset of priceDatasets) {
      const rows = priceCandles(settled, dataset, '1h', last)
      expect(rows).toHaveLength(10)
      const { close } = rows[4] as Candle
      for (const row of rows.slice(5))
        expect([row.open, row.high, row.low].map(units)).toEqual(Array(3).fill(units(close)))
      expect(expectedPriceRows(settled, dataset, '1h', last, Infinity).count).toBe(5)
    }
  })

  test('are not there for spot, nor where digits would not be exact', () => {
    const spot: SymbolSpec = { ...um, market: 'spot' }
    expect(() => priceCandles(spot, 'mark-price-klines', '1m', day)).toThrow('spot has no mark-price-klines')
    const coarse: SymbolSpec = { ...um, digits: { price: 100_000_000, priceDecimals: 0 } }
    expect(() => priceCandles(coarse, 'mark-price-klines', '1m', day)).toThrow('exact prices')
  })

  testWithRecordings('have the shape of those that Binance sent', () => {
    const shape = (row: Candle): string[] =>
      (JSON.parse(candleJson(row)) as unknown[]).map((value) => (value === '0' ? 'zero' : typeof value))
    const [made] = priceCandles(cm, 'mark-price-klines', '1d', day)
    for (const row of markPriceRecordings().flatMap(recordedCandles))
      expect(made && shape(made)).toEqual(shape(row))
  })
})

describe('expectedPriceRows', () => {
  test('are canonical, in the order of the contract, and closed', () => {
    for (const { spec, dataset } of every) {
      const rows = expectedPriceRows(spec, dataset, '15m', day, day.startMs + hour)
      expect([rows.count, rows.columns.length]).toEqual([4, 6])
      expect(expectedPriceRows(spec, dataset, '15m', day, day.startMs + hour - 1).count).toBe(3)
      expect(rows.columns[1]?.[0]).toBe(day.startMs + 15 * minute - 1)
      for (const column of rows.columns.slice(2))
        for (const value of column) expect(value).not.toMatch(/\.\d*0$|^-0$/)
      const whole = expectedPriceRows(spec, 'index-price-klines', '15m', day, Infinity)
      expect(whole.count).toBe(countPlaces('15m', day))
    }
  })

  test('equal what is sent, as numbers; the index bears the name of the pair', () => {
    const rows = expectedPriceRows(cm, 'premium-index-klines', '1h', day, Infinity)
    priceCandles(cm, 'premium-index-klines', '1h', day).forEach((row, i) => {
      const sent = [row.open, row.high, row.low, row.close].map(units)
      expect([2, 3, 4, 5].map((column) => units(String(rows.columns[column]?.[i])))).toEqual(sent)
    })
    const names = [um, cm, delivery].map((spec) => priceDatasets.map((dataset) => priceSymbol(spec, dataset)))
    expect(names).toEqual([
      ['BTCUSDT', 'BTCUSDT', 'BTCUSDT'],
      ['BTCUSD_PERP', 'BTCUSD', 'BTCUSD_PERP'],
      ['BTCUSD_240329', 'BTCUSD', 'BTCUSD_240329'],
    ])
  })
})
