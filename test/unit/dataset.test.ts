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
