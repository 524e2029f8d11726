// Pieces of a CSV as rows that can be believed: put in order, doubled ones once, invalid records left out and
// told; and what contradicts itself, its file or the dataset is refused by its line and key.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { pieceForm } from '../../src/binance/csv-pieces.ts'
import { ARCHIVE_PIECE_ROWS } from '../../src/core/archive.ts'
import type { Value } from '../../src/core/dataset.ts'
import type { Series } from '../../src/core/series.ts'
import { slicesOf } from '../../src/core/sliced-rows.ts'
import { klines } from '../../src/datasets/klines.ts'
import { aggTrades, trades } from '../../src/datasets/trades.ts'
import { MalformedError } from '../../src/errors.ts'
import { EVER, formOf, piecesOf, plainRow, rowsOf } from '../rig/csv-reading.ts'
import { klineSeries, tradeSeries } from '../rig/pages.ts'
import { runsFor } from '../rig/seed.ts'

const runs = runsFor('test/unit/csv-pieces.test.ts')
const series: Series = { ...tradeSeries('BTCUSDT'), dataset: 'agg-trades' }
const agg = formOf(aggTrades, series)
const kline = formOf(klines, klineSeries('BTCUSDT'))
const dayMs = Date.UTC(2024, 0, 1)

const aggLine = (id: bigint | number, price = '42000.10'): string =>
  `${id},${price},0.005,61,62,${dayMs + 7},true,True`
const marker = (id: bigint | number): string => `${id},0,0,-1,-1,${dayMs + 7},false,False`
const klineLine = (minute: number, open = '5'): string =>
  `${dayMs + minute * 60_000},${open},6.0,4.00,5.50,1,${dayMs + minute * 60_000 + 59_999},5,1,1,5,0`

function refusal(lines: readonly string[], form = agg, span = EVER): string {
  try {
    piecesOf(form, lines.join('\n'), undefined, span)
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    return error.message
  }
  return 'accepted'
}

const byId = (a: readonly Value[], b: readonly Value[]): number =>
  BigInt(a[0] ?? 0) < BigInt(b[0] ?? 0) ? -1 : 1

describe('order', () => {
  const anyId = fc.oneof(
    fc.bigInt({ min: 0n, max: 30n }),
    fc.bigInt({ min: 2n ** 53n - 3n, max: 2n ** 53n + 3n }),
    fc.bigInt({ min: 2n ** 63n - 9n, max: 2n ** 63n - 1n }).map((id) => id - 10n ** 17n),
  )

  test('is that of the key, whatever the file has, each row once, markers left out', () => {
    const anyLines = fc.array(fc.tuple(anyId, fc.boolean()), { maxLength: 60 })
    const property = fc.property(anyLines, (parts) => {
      const invalid = new Set(parts.filter(([, isInvalid]) => isInvalid).map(([id]) => id))
      const lines = parts.map(([id]) => (invalid.has(id) ? marker(id) : aggLine(id)))
      const pieces = piecesOf(agg, lines.join('\n'))
      const unique = [...new Set(lines)].map((line) => plainRow(agg, line)).sort(byId)
      expect(rowsOf(pieces)).toEqual(unique.filter((row) => row[3] !== '-1'))
      expect(pieces.flatMap((piece) => piece.skippedIds)).toEqual(
        unique.filter((row) => row[3] === '-1').map(([id]) => String(id)),
      )
      expect(pieces.flatMap((piece) => piece.skippedTimesMs)).toEqual(
        unique.filter((row) => row[3] === '-1').map((row) => Number(row[5])),
      )
      for (const { rows } of pieces) {
        const slices = slicesOf(rows)
        const [ids] = slices?.columns ?? []
        const texts = Array.from({ length: rows.count }, (_, row) =>
          Buffer.from(slices?.bytes.subarray(ids?.starts[row], ids?.ends[row]) ?? []).toString(),
        )
        expect(texts).toEqual((rows.columns[0] ?? []).map(String))
      }
    })
    fc.assert(property, runs)
  })

  test('of two halves that are interleaved, and of a block that is doubled', () => {
    const first = Array.from({ length: 100 }, (_, i) => klineLine(i))
    const second = Array.from({ length: 100 }, (_, i) => klineLine(i + 100))
    const interleaved = first.flatMap((line, i) => [second[i] ?? '', line])
    const due = [...first, ...second].map((line) => plainRow(kline, line))
    expect(rowsOf(piecesOf(kline, interleaved.join('\n')))).toEqual(due)
    const doubled = [...first, ...first.slice(40), ...second]
    expect(rowsOf(piecesOf(kline, doubled.join('\n')))).toEqual(due)
  })

  test('is made piece by piece: no more is held', () => {
    const count = 2 * ARCHIVE_PIECE_ROWS
    const lines = Array.from({ length: count }, (_, i) => aggLine(count - i))
    const pieces = piecesOf(agg, lines.join('\n'))
    expect(pieces.map(({ rows }) => [rows.columns[0]?.[0], rows.columns[0]?.at(-1)])).toEqual([
      [String(ARCHIVE_PIECE_ROWS + 1), String(count)],
      ['1', String(ARCHIVE_PIECE_ROWS)],
    ])
  })

  test('of rows that are the same number written otherwise: they are the same row', () => {
    const rows = rowsOf(piecesOf(kline, [klineLine(1, '5.00'), klineLine(0), klineLine(1, '05')].join('\n')))
    expect(rows.map((row) => row[2])).toEqual(['5', '5'])
  })
})

describe('what cannot be is refused by its line', () => {
  test('two rows with one key that contradict each other', () => {
    const lines = [aggLine(5), aggLine(7), aggLine(6), aggLine(5, '1.0')]
    expect(refusal(lines)).toBe('lines 1 and 4 have the same key and contradict each other')
    expect(refusal(['a,b', ...lines])).toStartWith('lines 2 and 5 ')
  })

  test('a row outside of the month or day of its file', () => {
    const span = { startMs: dayMs, endMs: dayMs + 60_000 }
    expect(refusal([klineLine(0)], kline, span)).toBe('accepted')
    expect(refusal([klineLine(0), klineLine(1)], kline, span)).toBe(
      'line 2 (2024-01-01T00:01:00.000Z) lies outside of 2024-01-01T00:00:00.000Z … 2024-01-01T00:01:00.000Z',
    )
    expect(refusal([klineLine(0), klineLine(-1)], kline, span)).toStartWith(
      'line 2 (2023-12-31T23:59:00.000Z)',
    )
    // A marker has lost all but its id.
    expect(refusal([aggLine(1), marker(2).replace(String(dayMs + 7), '0')], agg, span)).toBe('accepted')
  })

  test('a row that the dataset finds impossible', () => {
    expect(refusal([klineLine(0), klineLine(2, '7'), klineLine(1)], kline)).toBe(
      'line 2 (2024-01-01T00:02:00.000Z): high is below open or close',
    )
    expect(refusal([marker(4), aggLine(6), aggLine(5, '-1')])).toBe(
      'line 3 (agg_trade_id 5): a negative price',
    )
    expect(refusal([aggLine(6).replace('61,62', '-1,62')])).toContain(
      'line 1 (agg_trade_id 6): a negative id',
    )
    expect(refusal([aggLine(6).replace('61,62', '62,61')])).toContain('its first trade comes after its last')
  })
})

test('a shape that does not fit its table is a defect', () => {
  const table = aggTrades.table(series)
  const shape = { folder: 'aggTrades', fill: {}, daily: () => true }
  expect(() => pieceForm(aggTrades, table, { ...shape, columns: ['nothing'] })).toThrow('no column nothing')
  expect(() => pieceForm(aggTrades, table, { ...shape, columns: ['price'] })).toThrow('what agg_trade_id is')
  const others = table.columns.slice(1).map((column) => column.name)
  const filled = { ...shape, columns: others, fill: { agg_trade_id: '1' } }
  expect(() => pieceForm(aggTrades, table, filled)).toThrow('do not hold its key')
})

test('every dataset reads what its shape says, on every market', () => {
  for (const market of ['spot', 'um', 'cm'] as const) {
    const form = formOf(trades, { ...tradeSeries('X'), market })
    const line = `1,2.50,3,4,${dayMs},True${market === 'spot' ? ',True' : ''}`
    const [row] = rowsOf(piecesOf(form, line))
    expect(row).toEqual(['1', '2.5', '3', ...(market === 'cm' ? [null, '4'] : ['4', null]), dayMs, 1])
  }
})
