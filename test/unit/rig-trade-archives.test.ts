// Archives of trades as text: columns, booleans and times as reference 8.5 and 8.6 have them, and the digits
// that a store must hold.
import { describe, expect, test } from 'bun:test'
import { headerOf } from '../rig/archive-csv.ts'
import { aggTradesCsv, hasFundingRates, hasTrades, tradesCsv } from '../rig/archive-csv-trades.ts'
import { expectedTrades } from '../rig/expected-trades.ts'
import { hugeVolume, manyDecimals } from '../rig/scenario.ts'
import type { SymbolSpec } from '../rig/symbol-spec.ts'
import { cm, NOW_MS, odd, spot, um } from '../rig/trade-requests.ts'

/** A decimal in units of 1e-18. */
function units(value: unknown): bigint {
  const [integer = '', fraction = ''] = String(value).split('.')
  return BigInt(integer + fraction.padEnd(18, '0'))
}
const text = (chunks: Iterable<string>): string => [...chunks].join('')
const lines = (chunks: Iterable<string>): string[] => text(chunks).split('\n').slice(0, -1)

describe('archives', () => {
  const hour = { startMs: odd.listedAtMs, endMs: odd.listedAtMs + 3_600_000 }
  const whole = { startMs: 0, endMs: NOW_MS }
  const milliseconds = { microseconds: false }

  test('of spot: eight columns and seven, eight decimals, True and False', () => {
    const [marker = '', row = ''] = lines(aggTradesCsv(odd, hour, milliseconds))
    expect(marker).toMatch(/^9200000000000000000,0,0,-1,-1,\d{13},(True|False),True$/)
    expect(row).toMatch(/^9200000000000000001,(\d+\.\d{8},){2}\d{19},\d{19},\d{13},(True|False),True$/)
    const [trade = ''] = lines(tradesCsv(odd, hour, milliseconds))
    expect(trade).toMatch(/^9200000000000000000,(\d+\.\d{8},){3}\d{13},(True|False),True$/)
  })

  test('of futures: seven columns and six, true and false; contracts and base on COIN-M', () => {
    const [aggregate = ''] = lines(aggTradesCsv(um, hour, milliseconds))
    expect(aggregate).toMatch(/^\d+,\d+\.\d\d,\d+\.\d{3},\d+,\d+,\d{13},(true|false)$/)
    expect(aggregate.split(',')).toHaveLength(headerOf('agg-trades', 'um', NOW_MS, 'real').split(',').length)
    const [trade = ''] = lines(tradesCsv(um, hour, milliseconds))
    expect(trade).toMatch(/^\d+,\d+\.\d\d,\d+\.\d{3},\d+\.\d\d,\d{13},(true|false)$/)
    expect(trade.split(',')).toHaveLength(headerOf('trades', 'um', NOW_MS, 'real').split(',').length)
    const [, price = '', quantity = '', base = ''] = (
      lines(tradesCsv(cm, hour, milliseconds))[0] ?? ''
    ).split(',')
    expect(quantity).toMatch(/^\d+$/)
    expect(Number(base)).toBeCloseTo((100 * Number(quantity)) / Number(price), 7)
  })

  test('microseconds are those of the same millisecond, and ascend', () => {
    const at = (microseconds: boolean): number[] =>
      lines(aggTradesCsv(spot, hour, { microseconds })).map((line) => Number(line.split(',')[5]))
    const fine = at(true)
    expect(fine.map((time) => Math.floor(time / 1_000))).toEqual(at(false))
    expect(fine).toEqual(fine.toSorted((a, b) => a - b))
    expect(new Set(fine.map((time) => time % 1_000)).size).toBeGreaterThan(100)
  })

  const magnitudes: [string, SymbolSpec, number][] = [
    ['usual digits of spot', spot, 8],
    ['huge volumes', { ...spot, digits: hugeVolume }, 8],
    ['more decimals than any real symbol has', { ...spot, digits: manyDecimals }, 18],
    ['large lots of USD-M', { ...spot, market: 'um', digits: { volume: 9e10, volumeDecimals: 3 } }, 2],
    ['contracts of COIN-M', { ...spot, market: 'cm', base: 'ETH', digits: { volumeDecimals: 0 } }, 8],
  ]
  test.each(magnitudes)('hold the digits that are expected: %s', (_name, spec, decimals) => {
    const bare = (value = ''): string => value.replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '')
    const expected = expectedTrades(spec, 'raw', hour)
    const isCoin = spec.market === 'cm'
    const rows = lines(tradesCsv(spec, hour, milliseconds)).map((line) => line.split(','))
    expect(rows.map((row) => bare(row[1]))).toEqual(expected.columns[1] as string[])
    expect(rows.map((row) => bare(row[2]))).toEqual(expected.columns[2] as string[])
    expect(rows.map((row) => bare(row[3]))).toEqual(expected.columns[isCoin ? 4 : 3] as string[])
    expect(new Set(expected.columns[isCoin ? 3 : 4])).toEqual(new Set([null]))
    for (const [, price = '', quantity = '', amount = ''] of rows) {
      const exact = isCoin
        ? (units(quantity) * 10n * 10n ** 18n) / units(price)
        : (units(price) * units(quantity)) / 10n ** 18n
      const cut = 10n ** BigInt(18 - decimals)
      expect(units(amount)).toBe((exact / cut) * cut)
    }
  })

  test('are empty where nothing was traded, and known to be', () => {
    const [outage = hour] = odd.outages ?? []
    expect(text(aggTradesCsv(odd, outage, milliseconds))).toBe('')
    expect(hasTrades(odd, outage)).toBeFalse()
    expect(hasTrades(odd, hour)).toBeTrue()
    expect(hasTrades({ ...odd, trades: undefined } as never, hour)).toBeFalse()
    const day = { startMs: NOW_MS - 86_400_000, endMs: NOW_MS }
    expect([spot, um, cm].map((spec) => hasFundingRates(spec, day))).toEqual([false, true, true])
    expect(hasFundingRates(um, { startMs: 0, endMs: um.listedAtMs })).toBeFalse()
  })

  test('cut where they may, say the same', () => {
    const middleMs = odd.listedAtMs + 1_234_567
    for (const render of [aggTradesCsv, tradesCsv]) {
      const parts = [
        { ...whole, endMs: middleMs },
        { ...whole, startMs: middleMs },
      ].map((span) => text(render(odd, span, milliseconds)))
      expect(parts.join('')).toBe(text(render(odd, whole, milliseconds)))
    }
  })
})
