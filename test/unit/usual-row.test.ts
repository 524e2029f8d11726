// Rows in the form in which the exchange writes nearly all of them are read by a quick way of their own: the
// same rows, and the same refusals, as JSON.parse and canonicalDecimal give.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { decodeArrays } from '../../src/binance/decode.ts'
import { newPage } from '../../src/binance/page-in-hand.ts'
import { usualRows } from '../../src/binance/usual-row.ts'
import type { Rows } from '../../src/core/dataset.ts'
import { compareDecimals } from '../../src/core/decimal.ts'
import { slicesOf } from '../../src/core/sliced-rows.ts'
import { candleFlaw } from '../../src/datasets/klines.ts'
import { MalformedError } from '../../src/errors.ts'
import { columns, namesThePlace, oracle, read, wire } from '../rig/array-pages.ts'
import { runsFor } from '../rig/seed.ts'

const runs = runsFor('test/unit/usual-row.test.ts')

const encoder = new TextEncoder()

/** The rows of a page, or what is said against it. */
function outcome(body: Uint8Array): Rows | string {
  try {
    return read(body, columns, wire)
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    return error.message
  }
}

const encode = (text: string): Uint8Array => encoder.encode(text)
const usual =
  '[1577836799999,"7195.24000000","0.00000000","10.00000001","123456789012.50000000","1.00000000",' +
  '1577836859999,"0.50000000",177,"9.90000000","3.10000000","0"]'
/** A row behind it: near the end of a page no four bytes can be read at once, and nothing is read quickly. */
const behind = usual.replaceAll('15778367', '15778377')

test('the quick way takes what it is made for, and leaves the rest', () => {
  const kinds = wire.map((name) => columns.find((column) => column.name === name) ?? null)
  const quick = (text: string): readonly number[] => {
    const page = newPage(encode(text), kinds)
    return [usualRows(page, 0, 0), page.at]
  }
  const before = (row: string): readonly number[] => quick(`${row},${behind}`)
  expect(before(usual)).toEqual([1, usual.length])
  expect(quick(`${usual},${usual},${behind}`)).toEqual([2, 2 * usual.length + 1])
  expect(quick(`${usual} ,${usual},${behind}`)).toEqual([1, usual.length])
  expect(quick(`${usual}, ${usual},${behind}`)).toEqual([1, usual.length])
  for (const [was, is] of [
    ['"0.5', '"00.5'],
    ['"0.5', '"-0.5'],
    ['.50000000', '.5000000'],
    ['.50000000', '.500000000'],
    ['"7195', '"1234567890123456'],
    [',177', ', 177'],
    [',177', ',0177'],
    [',177', ',1234567890'],
    ['[1577836799999', '[0577836799999'],
    ['"0"]', '"0",1]'],
  ] as const)
    expect([is, before(usual.replace(was, is))]).toEqual([is, [0, 0]])
  expect(quick(usual)).toEqual([0, 0])
})

test('every byte of a row as the exchange writes it, replaced by every byte that could be mistaken', () => {
  const bytes = encode(`[${[usual, behind, behind].join()}]`)
  expect(read(bytes, columns, wire)).toEqual(oracle(bytes) ?? { count: -1, columns: [] })
  let accepted = 0
  for (let at = 0; at < usual.length + 2; at += 1) {
    for (const byte of encode('019/:?@pP.,"-[] e\xfa')) {
      const damaged = bytes.slice()
      damaged[at] = byte
      const found = outcome(damaged)
      if (typeof found === 'string') expect(found).toMatch(namesThePlace)
      else {
        expect(found).toEqual(oracle(damaged) ?? { count: -1, columns: [] })
        accepted += 1
      }
    }
  }
  expect(accepted).toBeGreaterThan(usual.length)
})

test('more rows than a page has room for at first', () => {
  const rows = Array.from({ length: 2_500 }, (_, i) => usual.replaceAll('15778', `${15_778 + i}`))
  const bytes = encode(`[${rows.join()}]`)
  expect(read(bytes, columns, wire)).toEqual(oracle(bytes) ?? { count: -1, columns: [] })
})

test('decimals of every length before the point, and with every number of zeros behind it', () => {
  for (let digits = 1; digits <= 17; digits += 1)
    for (let zeros = 0; zeros <= 8; zeros += 1) {
      const decimal = `${'12345678901234567'.slice(0, digits)}.${'12345678'.slice(zeros)}${'0'.repeat(zeros)}`
      const bytes = encode(`[${usual.replace('7195.24000000', decimal)},${behind}]`)
      expect(read(bytes, columns, wire)).toEqual(oracle(bytes) ?? { count: -1, columns: [] })
    }
})

test('elements that have no name are stepped over, wherever they stand, as long as they are JSON', () => {
  const names = ['open_time', null, 'open_price', null]
  const kinds = columns.filter(({ name }) => names.includes(name))
  const rows = decodeArrays(encode('[[1,"x","2.50",3],[2,null,"3",true,"more"]]'), kinds, names)
  expect(rows.columns.map((values) => [...values])).toEqual([
    [1, 2],
    ['2.5', '3'],
  ])
  expect(() => decodeArrays(encode('[[1,[],"2.50",3]]'), kinds, names)).toThrow(MalformedError)
  expect(() => decodeArrays(encode('[[1,"x","2.50"]]'), kinds, names)).toThrow(MalformedError)
})

/** Prices near each other, so that any digit may be the one that differs. */
const price = fc
  .tuple(fc.constantFrom('1', '9', '10', '123', '9999', '10000', '1234567', '12345678'), fc.nat(3), fc.nat(2))
  .map(([whole, tenths, last]) => `${whole}.${tenths}000000${last}`)

test('candles are known to be in order up to the first that is not, or that a number cannot hold', () => {
  const candle = fc.tuple(price, price, price, price)
  fc.assert(
    fc.property(fc.array(candle, { minLength: 1, maxLength: 12 }), fc.boolean(), (drawn, sorted) => {
      const candles = drawn.map((four) => {
        const [a = '', b = '', c = '', d = ''] = sorted ? four.toSorted(compareDecimals) : four
        return [b, d, a, c] as const
      })
      const written = candles.map(
        ([open, high, low, close], i) =>
          `[${1_577_836_799_999 + i},"${open}","${high}","${low}","${close}","1.00000000",` +
          `${1_577_836_859_999 + i},"0.50000000",177,"9.90000000","3.10000000","0"]`,
      )
      const rows = decodeArrays(encode(`[${[...written, behind].join(',')}]`), columns, wire)
      const isOrdered = ([open, high, low, close]: readonly string[]): boolean =>
        [open, close].every(
          (one) => compareDecimals(low ?? '', one ?? '') <= 0 && compareDecimals(one ?? '', high ?? '') <= 0,
        )
      const isNumber = (prices: readonly string[]): boolean => prices.every((one) => one.indexOf('.') <= 7)
      const first = candles.findIndex((prices) => !isOrdered(prices) || !isNumber(prices))
      expect(slicesOf(rows)?.ordered).toBe(first < 0 ? candles.length : first)
      const wrong = candles.findIndex((prices) => !isOrdered(prices))
      // The row behind them is no candle.
      expect(candleFlaw(rows)?.row).toBe(wrong < 0 ? candles.length : wrong)
    }),
    runs,
  )
})
