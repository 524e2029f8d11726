// Rows as COPY bytes and as array literals, and the cut of a write into layers in which no key comes twice.
import { describe, expect, test } from 'bun:test'
import type { Page } from '../../src/core/store.ts'
import { arrayText, timeText } from '../../src/stores/postgresql/array-text.ts'
import { copyChunks } from '../../src/stores/postgresql/copy-bytes.ts'
import { layersOf } from '../../src/stores/postgresql/layers.ts'
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

const textOf = (pages: readonly Page[]): string => {
  // One by one: a chunk is valid until the next one is asked for.
  let text = ''
  for (const chunk of copyChunks(pages)) text += new TextDecoder().decode(chunk)
  return text
}

describe('COPY text', () => {
  test('times keep their milliseconds and are UTC', () => {
    expect(timeText(0)).toBe('1970-01-01 00:00:00+00')
    expect(timeText(Date.UTC(2024, 1, 29, 23, 59, 59, 7))).toBe('2024-02-29 23:59:59.007+00')
    expect(timeText(Date.UTC(2024, 1, 29, 1, 2, 3, 45))).toBe('2024-02-29 01:02:03.045+00')
  })

  test('bytes and array literals say the same times', () => {
    for (let i = 0; i < 2_000; i += 1) {
      const ms = Math.floor(i * 7_777_777.7)
      const series = klineSeries('A')
      const [, , time] = textOf([page(series, [candle(ms)])]).split('\t')
      expect(time).toBe(timeText(ms))
    }
  })

  test('nulls, flags, ids and text that needs escaping', () => {
    const facts = { extractedAtMs: 0 }
    expect(textOf([page(tradeSeries('ü\t'), [trade('9223372036854775807', 1)], facts)])).toBe(
      'spot\tü\\t\t9223372036854775807\t64000.01\t0.001\t64.00001\t\\N\t' +
        '1970-01-01 00:00:00.001+00\t1\trest\t1970-01-01 00:00:00+00\n',
    )
    expect(textOf([page(fundingSeries('A'), [rate(0, { rate_type: 'a\\b\nc' })], facts)])).toContain(
      '\ta\\\\b\\nc\t',
    )
  })

  test('many rows come in several chunks and lose nothing', () => {
    const pages = [
      page(klineSeries('A'), candles(DAY_0_MS, 5_000)),
      page(klineSeries('B'), candles(DAY_0_MS, 5_000)),
    ]
    expect([...copyChunks(pages)].length).toBeGreaterThan(3)
    const lines = textOf(pages).trimEnd().split('\n')
    expect(lines).toHaveLength(10_000)
    expect(new Set(lines).size).toBe(10_000)
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
