// What stores and sources read off a table: its columns in order, its key, its time, and slices of its rows.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  allColumns,
  emptyRows,
  keyNames,
  type Rows,
  sliceRows,
  type Table,
  timeName,
  timesOf,
} from '../../src/core/dataset.ts'
import { funding } from '../../src/datasets/funding.ts'
import { klines } from '../../src/datasets/klines.ts'
import { indexPriceKlines, markPriceKlines } from '../../src/datasets/price-klines.ts'
import { runsFor } from '../rig/seed.ts'

const runs = runsFor('test/unit/dataset.test.ts')

const table: Table = {
  name: 'funding_rates',
  dataset: 'funding',
  period: null,
  columns: [
    { name: 'funding_time', kind: 'time' },
    { name: 'rate_type', kind: 'text' },
    { name: 'funding_rate', kind: 'decimal' },
    { name: 'mark_price', kind: 'decimal', nullable: true },
  ],
  keyLength: 2,
  timeColumn: 0,
}

function rowsOf(count: number): Rows {
  const numbers = Array.from({ length: count }, (_, row) => row)
  return {
    count,
    columns: [
      numbers.map((row) => row * 1_000),
      numbers.map(() => 'Regular'),
      numbers.map((row) => `0.000${row + 1}`),
      numbers.map((row) => (row % 2 === 0 ? null : '1')),
    ],
  }
}

test('market and symbol lead, source and the time of extraction trail', () => {
  const names = allColumns(table).map((column) => column.name)
  const own = ['funding_time', 'rate_type', 'funding_rate', 'mark_price']
  expect(names).toEqual(['market', 'symbol', ...own, 'source', 'extracted_at'])
  expect(keyNames(table)).toEqual(['market', 'symbol', 'funding_time', 'rate_type'])
})

test('the time column places rows; a table without one is a defect that is named', () => {
  expect(timeName(table)).toBe('funding_time')
  expect(timesOf(table, rowsOf(3))).toEqual([0, 1_000, 2_000])
  expect(() => timeName({ ...table, timeColumn: 9 })).toThrow('funding_rates has no column 9')
})

test('no rows have the shape of the table', () => {
  expect(emptyRows(table)).toEqual({ count: 0, columns: [[], [], [], []] })
  expect(timesOf(table, emptyRows(table))).toEqual([])
})

test('a slice holds its rows, and counts no more than it holds', () => {
  const bounds = fc.tuple(fc.nat({ max: 12 }), fc.nat({ max: 12 }), fc.nat({ max: 15 }))
  const property = fc.property(bounds, ([count, from, to]) => {
    const rows = rowsOf(count)
    const slice = sliceRows(rows, from, to)
    expect(slice.columns).toEqual(
      rows.columns.map((values) => values.filter((_, row) => row >= from && row < to)),
    )
    for (const values of slice.columns) expect(values).toHaveLength(slice.count)
  })
  fc.assert(property, runs)
})

test('slices end to end are the whole', () => {
  const property = fc.property(fc.nat({ max: 12 }), fc.nat({ max: 12 }), (count, cut) => {
    const rows = rowsOf(count)
    const [head, tail] = [sliceRows(rows, 0, cut), sliceRows(rows, cut, count)]
    expect(head.count + tail.count).toBe(count)
    const joined = head.columns.map((values, column) => [...values, ...(tail.columns[column] ?? [])])
    expect(joined).toEqual(rows.columns.map((values) => [...values]))
  })
  fc.assert(property, runs)
})

test('the whole is not copied', () => {
  const rows = rowsOf(4)
  expect(sliceRows(rows, 0, 4)).toBe(rows)
})

test('price klines have no seconds, and ask by pair where there is one', () => {
  const series = { market: 'um', dataset: 'index-price-klines', symbol: 'BTCUSDT', period: '1h' } as const
  const window = { span: { startMs: 0, endMs: 3_600_000 }, limit: 1 }
  expect(indexPriceKlines.table(series).name).toBe('index_price_klines_h1')
  expect(() => indexPriceKlines.table({ ...series, period: '1s' })).toThrow('no period 1s')
  expect(indexPriceKlines.query(series, window)).toMatchObject({ pair: 'BTCUSDT', endTime: '3599999' })
  expect(markPriceKlines.query(series, window)).toMatchObject({ symbol: 'BTCUSDT', interval: '1h' })
  expect(markPriceKlines.archive?.('um')).toMatchObject({ folder: 'markPriceKlines' })
  expect([markPriceKlines.rest('um').kind, klines.rest('cm').kind]).toEqual(['arrays', 'arrays'])
  expect(() => klines.table({ ...series, period: null })).toThrow('klines have a period')
})

test('rates of an unknown type, or before 1970, cannot be', () => {
  const good = rowsOf(2)
  const [times = [], kinds = [], ...rest] = good.columns
  expect(
    funding.flaw({ ...good, columns: [times.map((time) => Number(time) + 1), kinds, ...rest] }),
  ).toBeNull()
  expect(funding.flaw(good)?.problem).toBe('a funding time before 1970')
  const odd = funding.flaw({ ...good, columns: [times, ['Odd', 'Regular'], ...rest] })
  expect(odd).toEqual({ row: 0, problem: 'an unknown type of rate: "Odd"' })
  expect(funding.archive?.('um')?.daily(null)).toBe(false)
})
