// Decimals that still stand in their page: the same rows as text, compared as numbers, copied as bytes.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { decodeArrays } from '../../src/binance/decode.ts'
import { type Column, idAt, joinRows, pickRows, type Rows, sliceRows } from '../../src/core/dataset.ts'
import { canonicalDecimal, compareDecimals } from '../../src/core/decimal.ts'
import { firstAbove } from '../../src/core/row-comparison.ts'
import { compareSlices, firstUnclear, slicesOf } from '../../src/core/sliced-rows.ts'
import { runsFor } from '../rig/seed.ts'

const runs = runsFor('test/unit/sliced-rows.test.ts')
const columns: readonly Column[] = [
  { name: 'a', kind: 'decimal' },
  { name: 'b', kind: 'decimal' },
]

const digits = (most: number): fc.Arbitrary<string> =>
  fc.array(fc.constantFrom(...'0001234569'), { minLength: 1, maxLength: most }).map((all) => all.join(''))
const decimal = fc
  .tuple(fc.constantFrom('', '', '', '-'), digits(6), fc.option(digits(8)))
  .map(([sign, whole, fraction]) => `${sign}${whole}${fraction === null ? '' : `.${fraction}`}`)

const plain = (written: string): string => canonicalDecimal(written) ?? written

const decoded = (rows: readonly (readonly [string, string])[]): ReturnType<typeof decodeArrays> =>
  decodeArrays(new TextEncoder().encode(JSON.stringify(rows)), columns, ['a', 'b'])

test('are the canonical text of their column, byte for byte, also where a sign stands apart', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(decimal, decimal), { minLength: 1, maxLength: 20 }), (written) => {
      const rows = decoded(written)
      const slices = slicesOf(rows)
      for (const [i, values] of rows.columns.entries()) {
        const places = slices?.columns[i]
        const bytes = values.map((_, row) =>
          slices?.bytes.subarray(places?.starts[row] ?? 0, places?.ends[row] ?? 0),
        )
        expect(bytes.map((some) => new TextDecoder().decode(some))).toEqual(values.map(String))
      }
    }),
    runs,
  )
})

test('compare as the numbers do, or say that they cannot', () => {
  fc.assert(
    fc.property(decimal, decimal, (a, b) => {
      const rows = decoded([[a, b]])
      const slices = slicesOf(rows)
      const [left, right] = slices?.columns ?? []
      if (!slices || !left || !right) throw new Error('no slices')
      const due = Math.sign(compareDecimals(String(rows.columns[0]?.[0]), String(rows.columns[1]?.[0])))
      const found = compareSlices(slices.bytes, left, right, 0)
      if (found === null) expect(a.startsWith('-') || b.startsWith('-')).toBe(true)
      else expect(Math.sign(found)).toBe(due)
    }),
    runs,
  )
})

test('the first row with one number above the other is found, second looks included', () => {
  const near = fc.tuple(decimal, decimal, fc.boolean()).map(([a, b, same]) => [a, same ? a : b] as const)
  fc.assert(
    fc.property(fc.array(near, { maxLength: 12 }), fc.array(near, { maxLength: 12 }), (first, second) => {
      // Joined rows are cut out of their page: what stands behind a number there is not its own.
      const rows = joinRows(sliceRows(decoded([['1', '2'], ...first]), 1, first.length + 1), decoded(second))
      const written = [...first, ...second]
      const due = written.findIndex(([a, b]) => compareDecimals(plain(a), plain(b)) > 0)
      expect(firstAbove(rows, 0, 1)).toBe(due)
      const asText: Rows = { count: rows.count, columns: rows.columns.map((values) => [...values]) }
      expect(firstAbove(asText, 0, 1)).toBe(due)
    }),
    runs,
  )
})

test('a quick look never takes a greater number for one that is not, whatever stands behind the two', () => {
  const number = fc.tuple(fc.stringMatching(/^(0|-?[12][12]{0,6})$/), fc.stringMatching(/^(\.[12]{1,6})?$/))
  const garbage = fc.stringMatching(/^[12.,"-]{0,9}$/)
  const place = fc
    .tuple(number, garbage)
    .map(([[whole, fraction], behind]) => [`${whole}${fraction}`, behind])
  fc.assert(
    fc.property(fc.array(fc.tuple(place, place), { minLength: 1, maxLength: 8 }), (all) => {
      let text = ''
      const put = ([number = '', behind = '']: readonly string[]): [number, number] => {
        const start = text.length
        text += number + behind
        return [start, start + number.length]
      }
      const places = all.map(([a, b]) => [put(a), put(b)] as const)
      const column = (side: 0 | 1): { starts: Int32Array; ends: Int32Array } => ({
        starts: Int32Array.from(places, (pair) => pair[side][0]),
        ends: Int32Array.from(places, (pair) => pair[side][1]),
      })
      const bytes = new TextEncoder().encode(text)
      const found = firstUnclear(bytes, column(0), column(1), 0, all.length)
      for (const [[a = ''], [b = '']] of all.slice(0, found)) expect(compareDecimals(a, b)).not.toBe(1)
    }),
    { ...runs, numRuns: 20 * runs.numRuns },
  )
})

test('a page of more rows than there is room for at first', () => {
  const written = Array.from({ length: 3_000 }, (_, i) => [`${i}.5`, `${i}.25`] as const)
  expect(decoded(written).columns.map((values) => [...values])).toEqual([
    written.map(([a]) => a),
    written.map(([, b]) => b),
  ])
})

test('rows that are cut, picked and joined are the same rows, and stay where they stand', () => {
  const written = fc.array(fc.tuple(decimal, decimal), { minLength: 1, maxLength: 12 })
  fc.assert(
    fc.property(written, written, fc.array(fc.nat({ max: 11 })), (first, second, wanted) => {
      const rows = decoded(first)
      const texts = (of: Rows): (readonly unknown[])[] => of.columns.map((values) => [...values])
      const places = wanted.filter((place) => place < first.length)
      const picked = pickRows(rows, places)
      const middle = sliceRows(decoded(second), 1, second.length)
      const joined = joinRows(picked, middle)
      const kept = places.flatMap((place) => first.slice(place, place + 1))
      const due = [...kept, ...second.slice(1)]
      const one = decoded(due.length === 0 ? [['0', '0']] : due)
      if (due.length > 0) expect(texts(joined)).toEqual(texts(one))
      for (const some of [picked, joined]) {
        if (some.count > 0) expect(slicesOf(some)).toBeDefined()
        expect(idAt(some, 0)).toBe(some.count > 0 ? String(some.columns[0]?.[0]) : null)
        expect(idAt(some, some.count)).toBe(null)
      }
      expect(texts(rows)).toEqual(texts(decoded(first)))
    }),
    runs,
  )
})
