// The decoder against JSON.parse and canonicalDecimal: the same rows from every valid page, and nothing from
// bytes that they would refuse. What is refused names the row and the column.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { decodeArrays } from '../../src/binance/decode.ts'
import type { Column, Rows } from '../../src/core/dataset.ts'
import { MalformedError } from '../../src/errors.ts'
import { columns, kindOf, namesThePlace, oracle, read, wire } from '../rig/array-pages.ts'
import { runsFor } from '../rig/seed.ts'

const runs = runsFor('test/unit/decode.test.ts')
const encoder = new TextEncoder()

const decode = (text: string): Rows => read(encoder.encode(text), columns, wire)

/** What went wrong, as its message; a test that expects none fails on it. */
function refusal(body: Uint8Array | string): string {
  try {
    decodeArrays(typeof body === 'string' ? encoder.encode(body) : body.slice(), columns, wire)
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    return error.message
  }
  return 'accepted'
}

const blank = fc.constantFrom('', '', '', ' ', '\n', '\r\n', '\t', '   ')
const digits = (least: number, most: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: least, maxLength: most })
const decimalText = fc
  .tuple(fc.constantFrom('', '', '-'), digits(1, 20), fc.option(digits(1, 14)), fc.nat({ max: 10 }))
  .map(([sign, whole, fraction, zeros]) =>
    fraction === null ? `${sign}${whole}` : `${sign}${whole}.${fraction}${'0'.repeat(zeros)}`,
  )
const decimal = fc.oneof(
  decimalText,
  fc.constantFrom('0', '-0', '0.00000000', '-0.0', '000.1', '99999999999999999999', '0.000000000000000001'),
)
const integer = fc.oneof(fc.nat({ max: 999_999_999_999_999 }), fc.constantFrom(0, 1, 1_709_251_200_000))
const extra = fc.constantFrom('"0"', '0', 'null', 'true', 'false', '-1.5e+3', '"any text"', '""', '"é€"')

const anyRow = fc
  .tuple(
    fc.tuple(
      ...wire.map((name) =>
        kindOf(name) === 'decimal' ? decimal.map((text) => `"${text}"`) : integer.map(String),
      ),
    ),
    fc.array(extra, { maxLength: 3 }),
    fc.array(blank, { minLength: 32, maxLength: 32 }),
  )
  .map(([fields, extras, blanks]) => {
    const elements = [...fields, ...extras].map(
      (text, i) => `${blanks[2 * i] ?? ''}${text}${blanks[2 * i + 1] ?? ''}`,
    )
    return `[${elements.join(',')}]`
  })
const anyPage = fc
  .tuple(fc.array(anyRow, { maxLength: 5 }), blank, blank, blank)
  .map(([rows, a, b, c]) => `${a}[${b}${rows.join(`${c},${a}`)}${c}]${b}`)

describe('valid pages', () => {
  test('come out as JSON.parse and canonicalDecimal read them, with blanks and extra elements', () => {
    const property = fc.property(anyPage, (text) => {
      const due = oracle(encoder.encode(text))
      expect(due).not.toBeNull()
      expect(decode(text)).toEqual(due ?? { count: -1, columns: [] })
    })
    fc.assert(property, runs)
  })

  test('no decimal is ever a number, no time and no count a text', () => {
    const property = fc.property(anyPage, (text) => {
      for (const [i, values] of decode(text).columns.entries()) {
        const due = columns[i]?.kind === 'decimal' ? 'string' : 'number'
        for (const value of values) expect(typeof value).toBe(due)
      }
    })
    fc.assert(property, runs)
  })

  test('digits that no double holds come out whole', () => {
    const big = '12345678901234567890.12345678901234'
    const tiny = '0.000000000000000001'
    const text = `[[1,"${big}","${big}","${tiny}","-${tiny}","0",2,"0.10",3,"1","1"]]`
    const { columns: read } = decode(text)
    expect(read.map((values) => values[0])).toEqual([
      1,
      2,
      big,
      big,
      tiny,
      `-${tiny}`,
      '0',
      '0.1',
      3,
      '1',
      '1',
    ])
  })

  test('an empty page has every column, each empty', () => {
    expect(decode(' [ ] ')).toEqual({ count: 0, columns: columns.map(() => []) })
  })
})

/** A page with changed, removed, doubled and cut bytes. */
const anyDamage = fc
  .tuple(
    anyPage,
    fc.array(
      fc.record({
        at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
        how: fc.constantFrom('replace', 'replace', 'remove', 'insert', 'cut', 'double'),
        byte: fc.oneof(fc.constantFrom(...encoder.encode('[],"-.0129eE+ \n\\tnulx')), fc.nat({ max: 255 })),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  )
  .map(([text, damages]) => {
    let bytes = [...encoder.encode(text)]
    for (const { at, how, byte } of damages) {
      const index = Math.floor(at * bytes.length)
      if (how === 'replace') bytes[index] = byte
      if (how === 'remove') bytes.splice(index, 1)
      if (how === 'insert') bytes.splice(index, 0, byte)
      if (how === 'cut') bytes = bytes.slice(0, index)
      if (how === 'double') bytes = [...bytes.slice(0, index), ...bytes.slice(Math.floor(index / 2))]
    }
    return Uint8Array.from(bytes)
  })

describe('damaged pages', () => {
  test('what JSON.parse refuses is refused, what both accept is equal, and nothing else is thrown', () => {
    const property = fc.property(anyDamage, (bytes) => {
      const message = refusal(bytes)
      if (message === 'accepted')
        expect(read(bytes, columns, wire)).toEqual(oracle(bytes) ?? { count: -1, columns: [] })
      else expect(message).toMatch(namesThePlace)
    })
    fc.assert(property, { ...runs, numRuns: runs.numRuns * 5 })
  })

  test('the message names the row and the column that are wrong', () => {
    const fields: string[] = wire.map((name) => (kindOf(name) === 'decimal' ? '"1.5"' : '7'))
    const good = `[${fields}]`
    const wrong = [
      '"1.5',
      '1.5',
      '""',
      '"."',
      '"1."',
      '".5"',
      '"1e5"',
      '"1,5"',
      '" 1"',
      '"--1"',
      '"NaN"',
      '-7',
      '07',
      '7.0',
      '7e1',
      'null',
      '[]',
      '9999999999999999',
      '"\\u0031"',
      '"+1"',
    ]
    for (const [i, name] of wire.entries()) {
      for (const value of wrong) {
        const page = `[${good},${good},[${fields.with(i, value)}],${good}]`
        const message = refusal(page)
        const isFine = kindOf(name) !== 'decimal' && value === '7'
        if (!isFine)
          expect(`${value} ${message}`).toMatch(
            new RegExp(`^.*row 3, (${name}|${wire[i + 1] ?? 'the rest of the row'}): `),
          )
      }
      const short = `[${good},[${fields.slice(0, i)}],${good}]`
      expect(refusal(short)).toStartWith(`row 2, ${name}: `)
    }
  })

  test('more digits than every store holds are refused by name, and so is a text that never ends', () => {
    const page = (text: string): string => `[[1,"${text}","1","1","1","1",2,"1",1,"1","1"]]`
    for (const text of ['1'.repeat(21), `0.${'1'.repeat(19)}`, `${'1'.repeat(17)}.${'1'.repeat(18)}`]) {
      expect(refusal(page(text))).toStartWith('row 1, open_price: more digits than can be stored exactly')
    }
    expect(refusal(page(`${'0'.repeat(127)}1`))).toBe('accepted')
    expect(refusal(page(`${'0'.repeat(128)}1`))).toStartWith('row 1, open_price: ')
    expect(refusal(page(`1.${'0'.repeat(200)}`))).toStartWith('row 1, open_price: ')
  })

  test('further elements must be JSON too: a garbled tail is a garbled page', () => {
    const row = wire.map((name) => (kindOf(name) === 'decimal' ? '"1"' : '1')).join(',')
    for (const tail of [
      'nonsense',
      '01',
      '1.',
      '.5',
      '+1',
      'nul',
      'True',
      '1 2',
      "'0'",
      '"a\nb"',
      '"a\\qb"',
      '{}',
      '[]',
      '',
    ]) {
      expect(`${tail} ${refusal(`[[${row},${tail}]]`)}`).toStartWith(`${tail} row 1, the rest of the row: `)
    }
  })

  test('a page that is cut anywhere is refused', () => {
    const row = '[1,"1.5","2","1","1.5","10",2,"15",3,"1","1","0"]'
    const page = `[${row},${row}]`
    expect(refusal(page)).toBe('accepted')
    for (let length = 0; length < page.length; length += 1)
      expect(refusal(page.slice(0, length))).not.toBe('accepted')
  })
})

test("the order of columns is the table's, whatever the order on the wire", () => {
  const two: Column[] = [
    { name: 'a', kind: 'decimal' },
    { name: 'b', kind: 'time' },
  ]
  const body = encoder.encode('[[5,"1.0"],[6,"2.0"]]')
  expect(read(body, two, ['b', 'a'])).toEqual({
    count: 2,
    columns: [
      ['1', '2'],
      [5, 6],
    ],
  })
  expect(() => decodeArrays(body, two, ['b', 'c'])).toThrow('no column c')
})
