// The names of series: keys of the ledger and of the sharding, so that they must never change or meet.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  datasetNames,
  isMember,
  markets,
  parseSeriesKey,
  periodSuffixes,
  periods,
  type Series,
  seriesKey,
} from '../../src/core/series.ts'
import { runsFor } from '../rig/seed.ts'

const runs = runsFor('test/unit/series.test.ts')

/** Symbols as they are: plain, with a delivery date, with digits in front, and not in ASCII. */
const symbols = fc.oneof(
  fc.constantFrom('BTCUSDT', 'BTCUSD_PERP', 'BTCUSD_240628', '1000SATSUSDT', '币安人生USDT', '１', '1'),
  fc.string({ minLength: 1 }).filter((symbol) => !symbol.includes('/')),
)

const anySeries: fc.Arbitrary<Series> = fc.record({
  market: fc.constantFrom(...markets),
  dataset: fc.constantFrom(...datasetNames),
  symbol: symbols,
  period: fc.option(fc.constantFrom(...periods)),
})

describe('keys', () => {
  test('are spelled as the contract spells them', () => {
    const series: Series = { market: 'spot', dataset: 'klines', symbol: 'BTCUSDT', period: '1m' }
    expect(seriesKey(series)).toBe('spot/klines/BTCUSDT/1m')
    expect(seriesKey({ ...series, market: 'um', dataset: 'agg-trades', period: null })).toBe(
      'um/agg-trades/BTCUSDT',
    )
  })

  test('read back as the same series', () => {
    const property = fc.property(anySeries, (series) => {
      expect(parseSeriesKey(seriesKey(series))).toEqual(series)
    })
    fc.assert(property, runs)
  })

  test('differ where the series differ', () => {
    const property = fc.property(anySeries, anySeries, (a, b) => {
      expect(seriesKey(a) === seriesKey(b)).toBe(Bun.deepEquals(a, b))
    })
    fc.assert(property, runs)
  })

  test('a minute is not a month', () => {
    expect(parseSeriesKey('spot/klines/BTCUSDT/1m')?.period).toBe('1m')
    expect(parseSeriesKey('spot/klines/BTCUSDT/1M')?.period).toBe('1M')
  })

  test.each([
    '',
    'spot',
    'spot/klines',
    'spot/klines/',
    'spot/klines//1m',
    'spot/klines/BTCUSDT/',
    'spot/klines/BTCUSDT/7m',
    'spot/klines/BTCUSDT/1m/',
    'spot/klines/BTCUSDT/1m/more',
    'SPOT/klines/BTCUSDT/1m',
    'spot/candles/BTCUSDT/1m',
    'spot/klines/BTCUSDT/toString',
    ' spot/klines/BTCUSDT/1m',
  ])('%p is no key', (key) => {
    expect(parseSeriesKey(key)).toBeNull()
  })
})

describe('periods', () => {
  test('are the sixteen of the exchange, from short to long', () => {
    const spelled = '1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M'
    expect(periods.join(' ')).toBe(spelled)
  })

  test('name tables that differ in every database, whatever it does with case', () => {
    const suffixes = periods.map((period) => periodSuffixes[period])
    expect(suffixes.join(' ')).toBe('s1 m1 m3 m5 m15 m30 h1 h2 h4 h6 h8 h12 d1 d3 w1 mo1')
    expect(new Set(suffixes.map((suffix) => suffix.toLowerCase())).size).toBe(16)
  })
})

test('membership takes nothing that is merely like a member', () => {
  expect(isMember(markets, 'um')).toBe(true)
  for (const value of ['UM', 'um ', '', 'constructor', undefined])
    expect(isMember(markets, value)).toBe(false)
})
