// What is written is what is read: every digit, every character, every millisecond.
import { expect } from 'bun:test'
import fc from 'fast-check'
import { canonicalDecimal } from '../../src/core/decimal.ts'
import { periods } from '../../src/core/series.ts'
import {
  candle,
  DAY_0_MS,
  fundingSeries,
  klineSeries,
  MINUTE_MS,
  page,
  type Row,
  rate,
  trade,
  tradeSeries,
} from '../rig/pages.ts'
import { ledgerOf, readAll } from './reading.ts'
import { contractCase, type Subject, suiteSeed } from './subject.ts'

const PROPERTY_RUNS = 15
const MOST_ROWS = 40
const BIGGEST_ID = '9223372036854775807'

/** Decimals at the edges of what every store holds: 20 digits before the point, 18 after, 34 in all. */
const edgeDecimals: readonly string[] = [
  '0',
  '1',
  '-1',
  '0.000000000000000001',
  '-0.000000000000000001',
  '99999999999999999999',
  '-99999999999999999999',
  '99999999999999999999.99999999999999',
  '12345678901234567890.12345678901234',
  '1234567890123456.123456789012345678',
  '-9999999999999999.999999999999999999',
  '10000000000000000000',
  '9007199254740993',
  '0.1',
  '100',
  '1.00000001',
]

const digits = (most: number): fc.Arbitrary<string> =>
  fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: most }).map((list) => list.join(''))

/** Any canonical decimal that the contract allows, the long ones as likely as the short ones. */
export const anyDecimal: fc.Arbitrary<string> = fc
  .tuple(fc.constantFrom('', '-'), digits(20), digits(18))
  .map(([sign, whole, fraction]) => {
    const cut = fraction.slice(0, 34 - whole.length)
    return canonicalDecimal(`${sign}${whole || '0'}${cut ? `.${cut}` : ''}`)
  })
  .filter((text) => text !== null)

/** Registers the cases of exact values. */
export function decimalCases(subject: Subject): void {
  contractCase('decimals at the edges come back digit for digit', async () => {
    const series = klineSeries(subject.symbol())
    const rows = edgeDecimals.map((value, i) =>
      candle(DAY_0_MS + i * MINUTE_MS, { open_price: value, volume: value, low_price: `${value}` }),
    )
    await subject.store().write([page(series, rows)])
    expect(await readAll(subject.store(), series)).toEqual(rows)
  })

  for (const fresh of [true, false]) {
    contractCase(
      `any decimal comes back digit for digit (${fresh ? 'fresh' : 'compared'} rows)`,
      async () => {
        const values = fc.array(fc.tuple(anyDecimal, anyDecimal), { minLength: 1, maxLength: MOST_ROWS })
        const property = fc.asyncProperty(values, async (pairs) => {
          const series = klineSeries(subject.symbol())
          const rows = pairs.map(([price, volume], i) =>
            candle(DAY_0_MS + i * MINUTE_MS, { close_price: price, quote_asset_volume: volume }),
          )
          expect(await subject.store().write([page(series, rows, { fresh })])).toEqual({
            written: rows.length,
            changed: 0,
          })
          expect(await readAll(subject.store(), series)).toEqual(rows)
          expect(await subject.store().write([page(series, rows)])).toEqual({ written: 0, changed: 0 })
        })
        await fc.assert(property, { seed: suiteSeed, numRuns: PROPERTY_RUNS })
      },
    )
  }

  contractCase('ids of 63 bits, flags and nulls come back as they were', async () => {
    const series = tradeSeries(subject.symbol())
    const rows = [
      trade('0', DAY_0_MS, { is_buyer_maker: 0 }),
      trade('9007199254740993', DAY_0_MS + 1, { quote_quantity: null, base_quantity: '0' }),
      trade('9223372036854775806', DAY_0_MS + 2, { quantity: '-0.000000000000000001' }),
      trade(BIGGEST_ID, DAY_0_MS + 3, { quote_quantity: null }),
    ]
    for (const fresh of [true, false]) {
      await subject.store().write([page(series, rows, { fresh })])
      expect(await readAll(subject.store(), series)).toEqual(rows)
    }
  })

  contractCase('a key of a time and a text holds both kinds of rate', async () => {
    const series = fundingSeries(subject.symbol())
    const rows: Row[] = [
      rate(DAY_0_MS + 1),
      rate(DAY_0_MS + 28_800_002, { mark_price: null }),
      rate(DAY_0_MS + 28_800_003, { rate_type: 'regular', funding_rate: '0' }),
    ]
    const twin = rate(DAY_0_MS + 1, { rate_type: 'Special', funding_rate: '0.003' })
    await subject.store().write([page(series, rows)])
    expect(await subject.store().write([page(series, [twin])])).toEqual({ written: 1, changed: 0 })
    const stored = await readAll(subject.store(), series)
    expect(new Set(stored.map((row) => JSON.stringify(row)))).toEqual(
      new Set([...rows, twin].map((row) => JSON.stringify(row))),
    )
  })
}

/** Registers the cases of names and times. */
export function identityCases(subject: Subject): void {
  contractCase('names that look alike are different series', async () => {
    const alike = [
      ['１２３USDT', '123USDT'],
      ['币安人生USDT', '币安人生usdt'],
      ['ÄUSDT', 'AUSDT'],
      ['ßUSDT', 'SSUSDT'],
      ['O\'B"R\\N\\t%_;--USDT', 'OBRNUSDT'],
    ].flat()
    for (const [i, symbol] of alike.entries()) {
      const rows = [candle(DAY_0_MS, { open_price: `${i}.25` })]
      const written = await subject.store().write([page(klineSeries(symbol), rows, { fresh: i % 2 === 0 })])
      expect(written).toEqual({ written: 1, changed: 0 })
    }
    for (const [i, symbol] of alike.entries()) {
      const [row, ...rest] = await readAll(subject.store(), klineSeries(symbol))
      expect([row?.open_price, rest]).toEqual([`${i}.25`, []])
      expect(await ledgerOf(subject.store(), klineSeries(symbol))).toHaveLength(1)
    }
  })

  contractCase('every period is a series of its own, 1m beside 1M', async () => {
    const symbol = subject.symbol()
    for (const [i, period] of periods.entries()) {
      const rows = [candle(Date.UTC(2024, 0, 1), { open_price: `${i}.75` })]
      await subject.store().write([page(klineSeries(symbol, { period }), rows)])
    }
    for (const [i, period] of periods.entries()) {
      const series = klineSeries(symbol, { period })
      expect((await readAll(subject.store(), series)).map((row) => row.open_price)).toEqual([`${i}.75`])
      expect(await ledgerOf(subject.store(), series)).toHaveLength(1)
    }
  })

  contractCase('spot stands beside um and cm', async () => {
    const symbol = subject.symbol()
    const markets = ['spot', 'um', 'cm'] as const
    for (const [i, market] of markets.entries()) {
      await subject
        .store()
        .write([page(klineSeries(symbol, { market }), [candle(DAY_0_MS, { volume: `${i}` })])])
    }
    for (const [i, market] of markets.entries()) {
      const rows = await readAll(subject.store(), klineSeries(symbol, { market }))
      expect(rows.map((row) => row.volume)).toEqual([`${i}`])
    }
  })

  contractCase('times keep their milliseconds from 2017 to 2262', async () => {
    const series = klineSeries(subject.symbol(), { period: '1s' })
    const timesMs = [
      Date.UTC(2017, 6, 14, 4, 0, 0, 1),
      Date.UTC(2024, 1, 29, 23, 59, 59, 999),
      Date.UTC(2024, 2, 31, 1, 30, 0, 500),
      Date.UTC(2024, 9, 27, 1, 30, 0, 7),
      Date.UTC(2038, 0, 19, 3, 14, 8, 0),
      Date.UTC(2100, 1, 28, 12, 0, 0, 123),
      Date.UTC(2262, 3, 11, 23, 47, 16, 854),
    ]
    const rows = timesMs.map((openMs) => candle(openMs, { close_time: openMs + 999 }))
    await subject.store().write([page(series, rows)])
    expect(await readAll(subject.store(), series)).toEqual(rows)
  })
}
