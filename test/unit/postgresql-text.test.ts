// Rows as COPY bytes and as array literals, and the cut of a write into layers in which no key comes twice.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { canonicalDecimal } from '../../src/core/decimal.ts'
import type { Page } from '../../src/core/store.ts'
import { arrayText, boundText, timeText } from '../../src/stores/postgresql/array-text.ts'
import { copyChunks } from '../../src/stores/postgresql/copy-bytes.ts'
import { layersOf } from '../../src/stores/postgresql/layers.ts'
import { readBinaryCopy } from '../rig/binary-copy.ts'
import {
  candle,
  candles,
  DAY_0_MS,
  fundingSeries,
  klineSeries,
  MINUTE_MS,
  page,
  rate,
  trade,
  tradeSeries,
} from '../rig/pages.ts'
import { runsFor } from '../rig/seed.ts'

const runs = runsFor('test/unit/postgresql-text.test.ts')

const rowsOf = (pages: readonly Page[]): (string | null)[][] => {
  const [{ table } = page(klineSeries('A'), [])] = pages
  // One by one: a chunk is valid until the next one is asked for.
  const chunks = Array.from(copyChunks(pages), (chunk) => Buffer.from(chunk))
  return readBinaryCopy(Buffer.concat(chunks), table)
}

describe('COPY', () => {
  test('times keep their milliseconds and are UTC, before and after the year 2000', () => {
    expect(timeText(0)).toBe('1970-01-01 00:00:00+00')
    expect(timeText(Date.UTC(2024, 1, 29, 23, 59, 59, 7))).toBe('2024-02-29 23:59:59.007+00')
    expect(timeText(Date.UTC(2024, 1, 29, 1, 2, 3, 45))).toBe('2024-02-29 01:02:03.045+00')
    for (let i = 0; i < 2_000; i += 1) {
      const ms = Math.floor(i * 7_777_777_777.7)
      expect(rowsOf([page(klineSeries('A'), [candle(ms)])])[0]?.[2]).toBe(new Date(ms).toISOString())
    }
  })

  test('a bound that is too far away for a date is without end', () => {
    expect([-9e15, -8.64e15, 8.64e15, 9e15, Date.UTC(9_999, 11, 31)].map(boundText)).toEqual([
      ...['-infinity', '-infinity', 'infinity', 'infinity', '9999-12-31 00:00:00+00'],
    ])
  })

  test('nulls, flags, ids of 63 bits and any text', () => {
    const facts = { extractedAtMs: 0 }
    expect(rowsOf([page(tradeSeries('ü\t'), [trade('9223372036854775807', 1)], facts)])).toEqual([
      [
        ...['spot', 'ü\t', '9223372036854775807', '64000.01', '0.001', '64.00001', null],
        ...['1970-01-01T00:00:00.001Z', '1', 'rest', '1970-01-01T00:00:00.000Z'],
      ],
    ])
    const ids = ['0', '999999999999999', '1000000000000000', '4611686018427387904']
    const trades = rowsOf([
      page(
        tradeSeries('A'),
        ids.map((id) => trade(id, 1)),
        facts,
      ),
    ])
    expect(trades.map((row) => row[2])).toEqual(ids)
    expect(rowsOf([page(fundingSeries('A'), [rate(0, { rate_type: 'a\\b\nc' })], facts)])[0]).toContain(
      'a\\b\nc',
    )
  })

  test('decimals at any magnitude, digit for digit', () => {
    const digits = (most: number): fc.Arbitrary<string> =>
      fc.array(fc.constantFrom(...'0000123456789'), { maxLength: most }).map((some) => some.join(''))
    const property = fc.property(digits(20), digits(18), fc.boolean(), (whole, fraction, negative) => {
      const due = canonicalDecimal(`${negative ? '-' : ''}${whole || '0'}.${fraction || '0'}`)
      fc.pre(due !== null)
      const [row] = rowsOf([page(klineSeries('A'), [candle(0, { volume: due ?? '' })])])
      expect(row?.[8]).toBe(due)
    })
    fc.assert(property, runs)
    for (const one of ['1e5', '1 2', '0x1', '--1'])
      expect(() => rowsOf([page(klineSeries('A'), [candle(0, { volume: one })])])).toThrow('no digit')
  })

  test('many rows come in several chunks and lose nothing', () => {
    const pages = [
      page(klineSeries('A'), candles(DAY_0_MS, 5_000)),
      page(klineSeries('B'), candles(DAY_0_MS, 5_000)),
    ]
    expect([...copyChunks(pages)].length).toBeGreaterThan(3)
    const rows = rowsOf(pages)
    expect(rows).toHaveLength(10_000)
    expect(new Set(rows.map((row) => `${row[1]} ${row[2]}`)).size).toBe(10_000)
  })

  test('array literals quote text and spell null', () => {
    expect(arrayText('text', ['a"b', 'c\\', null, 'NULL', ''])).toBe('{"a\\"b","c\\\\",NULL,"NULL",""}')
    expect(arrayText('decimal', ['1.5', null])).toBe('{1.5,NULL}')
  })
})

describe('layers', () => {
  const series = klineSeries('A')
  const sizes = (pages: readonly Page[]): number[][] =>
    layersOf(pages).map((layer) => layer.map(({ rows }) => rows.count))

  test('pages that do not overlap are one layer, in the order of the key', () => {
    const pages = [
      page(klineSeries('B'), candles(DAY_0_MS, 3)),
      page(series, candles(DAY_0_MS + 9 * MINUTE_MS, 2)),
      page(series, candles(DAY_0_MS, 1)),
    ]
    expect(sizes(pages)).toEqual([[1, 2, 3]])
  })

  test('what overlaps comes later, also past a layer that would have room', () => {
    const one = page(series, candles(DAY_0_MS, 2))
    const wide = page(series, candles(DAY_0_MS, 20))
    const late = page(series, candles(DAY_0_MS + 15 * MINUTE_MS, 3))
    expect(sizes([one, wide, late])).toEqual([[2], [20], [3]])
  })

  test('a page that repeats a key is cut there', () => {
    expect(sizes([page(series, [...candles(DAY_0_MS, 3), ...candles(DAY_0_MS + MINUTE_MS, 1)])])).toEqual([
      [3],
      [1],
    ])
  })

  test('ids compare as numbers, and a key of two columns by both', () => {
    expect(sizes([page(tradeSeries('A'), [trade('9', 1), trade('10', 2)])])).toEqual([[2]])
    const both = [rate(0), rate(0, { rate_type: 'Special' }), rate(8), rate(8, { rate_type: 'Special' })]
    expect(sizes([page(fundingSeries('A'), both)])).toEqual([[4]])
  })

  test('an empty page is no layer', () => {
    expect(sizes([page(series, [])])).toEqual([])
  })
})
