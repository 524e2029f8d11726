// Bodies of flat objects against what JSON.parse sees in them, ids beyond 53 bits included, and what is
// refused with its row and its field.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { decodeObjects } from '../../src/binance/decode-objects.ts'
import type { Dataset, RestShape, Rows } from '../../src/core/dataset.ts'
import { canonicalDecimal } from '../../src/core/decimal.ts'
import type { Market } from '../../src/core/series.ts'
import { funding } from '../../src/datasets/funding.ts'
import { aggTrades, trades } from '../../src/datasets/trades.ts'
import { MalformedError } from '../../src/errors.ts'
import { runsFor } from '../rig/seed.ts'

const runs = runsFor('test/unit/decode-objects.test.ts')

function shapeOf(dataset: Dataset, market: Market): Extract<RestShape, { kind: 'objects' }> {
  const shape = dataset.rest(market)
  if (shape.kind !== 'objects') throw new Error(`${dataset.name} are no objects`)
  return shape
}

function decode(dataset: Dataset, market: Market, text: string): Rows {
  const table = dataset.tables[0]
  if (!table) throw new Error(`${dataset.name} have no table`)
  return decodeObjects(new TextEncoder().encode(text), table.columns, shapeOf(dataset, market))
}

const first = (rows: Rows): unknown[] => rows.columns.map((values) => values[0])

describe('as the exchange sends them', () => {
  test('aggregates of spot and of futures, whatever else is in them, in any order of fields', () => {
    const spot =
      '[{"a":26129,"p":"0.01633102","q":"4.70443515","f":27781,"l":27781,' +
      '"T":1498793709153,"m":true,"M":true}]'
    const row = ['26129', '0.01633102', '4.70443515', '27781', '27781', 1498793709153, 1]
    expect(first(decode(aggTrades, 'spot', spot))).toEqual(row)
    const um =
      '[ { "m": false , "nq":"1.0", "T":1602819697783, "l":9, "f":8, "q":"0.001",' +
      '"p":"49.730","a":19427407 } ]'
    expect(first(decode(aggTrades, 'um', um))).toEqual([
      '19427407',
      '49.73',
      '0.001',
      '8',
      '9',
      1602819697783,
      0,
    ])
  })

  test('an invalid aggregate is read as it is, and known as one', () => {
    const rows = decode(
      aggTrades,
      'spot',
      '[{"a":7,"p":"0","q":"0","f":-1,"l":-1,"T":1498793709153,"m":true,"M":true}]',
    )
    expect(aggTrades.invalid?.(rows, 0)).toBe(true)
  })

  test('ids of 63 bits keep every digit; one more is refused', () => {
    const page = (id: string): string =>
      `[{"id":${id},"price":"1","qty":"1","quoteQty":"1","time":1,"isBuyerMaker":true,"isBestMatch":true}]`
    expect(first(decode(trades, 'spot', page('9223372036854775807')))[0]).toBe('9223372036854775807')
    expect(() => decode(trades, 'spot', page('9223372036854775808'))).toThrow('row 1: id is no id')
    expect(() => decode(trades, 'spot', page('1e3'))).toThrow(MalformedError)
  })

  test('trades of COIN-M have a base quantity and no quote quantity', () => {
    const cm = '[{"id":5,"price":"9.5","qty":"2","baseQty":"0.5","time":1,"isBuyerMaker":false}]'
    expect(first(decode(trades, 'cm', cm))).toEqual(['5', '9.5', '2', null, '0.5', 1, 0])
    expect(() => decode(trades, 'um', cm)).toThrow('row 1: quote_quantity is not there')
  })

  test('rates: no mark price, an empty one, one; with and without a type', () => {
    const rows = decode(
      funding,
      'um',
      '[{"symbol":"A","fundingRate":"-0.00022270","fundingTime":1600128000006},' +
        '{"symbol":"币安人生USDT","fundingRate":"0.0001","fundingTime":2,"markPrice":"","rateType":"Regular"},' +
        '{"symbol":"A","fundingRate":"0.0001","fundingTime":3,"markPrice":"34287.54619963",' +
        '"rateType":"Special"}]',
    )
    expect(rows.columns).toEqual([
      [1600128000006, 2, 3],
      ['Regular', 'Regular', 'Special'],
      ['-0.0002227', '0.0001', '0.0001'],
      [null, null, '34287.54619963'],
    ])
  })
})

test('any page that JSON.stringify writes, with blanks between', () => {
  const row = fc.record({
    a: fc.nat(),
    p: fc.stringMatching(/^\d{1,8}\.\d{1,8}$/),
    q: fc.stringMatching(/^\d{1,8}$/),
    f: fc.nat(),
    l: fc.nat(),
    T: fc.nat(),
    m: fc.boolean(),
    extra: fc.oneof(fc.string(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constant(null)),
  })
  const property = fc.property(fc.array(row, { maxLength: 8 }), fc.nat({ max: 2 }), (given, indent) => {
    const rows = decode(aggTrades, 'spot', JSON.stringify(given, null, indent))
    expect(rows.count).toBe(given.length)
    const columns = [
      given.map(({ a }) => String(a)),
      given.map(({ p }) => canonicalDecimal(p)),
      given.map(({ q }) => canonicalDecimal(q)),
      given.map(({ f }) => String(f)),
      given.map(({ l }) => String(l)),
      given.map((one) => one.T),
      given.map(({ m }) => Number(m)),
    ]
    expect(rows.columns).toEqual(columns)
  })
  fc.assert(property, runs)
})

describe('refused', () => {
  const good = '{"symbol":"A","fundingRate":"0.1","fundingTime":5}'
  const cases: readonly (readonly [string, string, string])[] = [
    ['no array', good, 'the page does not begin with ['],
    ['a cut page', `[${good},{"symbol":"A","fundingRa`, 'row 2: something unexpected stands here'],
    ['no end', `[${good}`, 'row 1: the page is cut or garbled'],
    ['more after the end', `[${good}]]`, 'something follows the page'],
    ['a field twice', '[{"fundingTime":5,"fundingTime":6,"fundingRate":"1"}]', 'fundingTime is there twice'],
    ['a number where text belongs', '[{"fundingTime":5,"fundingRate":0.1}]', 'fundingRate is no decimal'],
    ['text where a number belongs', '[{"fundingTime":"5","fundingRate":"0.1"}]', 'fundingTime is no time'],
    ['a nested object', '[{"fundingTime":5,"fundingRate":{"a":1}}]', 'something unexpected stands here'],
    [
      'a rate too long',
      `[{"fundingTime":5,"fundingRate":"0.${'1'.repeat(19)}"}]`,
      'fundingRate is no decimal',
    ],
    ['nothing', '', 'the page does not begin with ['],
  ]
  for (const [name, text, words] of cases) {
    test(name, () => {
      expect(() => decode(funding, 'um', text)).toThrow(words)
      expect(() => decode(funding, 'um', text)).toThrow(MalformedError)
    })
  }
})
