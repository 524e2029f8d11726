// Rows as the bytes of documents: what the driver makes of the same rows, byte for byte, whichever way they
// are made, since stored documents are compared with them as bytes.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { BSON } from 'mongodb'
import { decodeArrays } from '../../src/binance/decode.ts'
import type { Column, Rows, Table, Value } from '../../src/core/dataset.ts'
import { klines, klineWire } from '../../src/datasets/klines.ts'
import { pageForm } from '../../src/stores/mongodb/document.ts'
import { documentBytes } from '../../src/stores/mongodb/row-bytes.ts'
import { canonicalDecimals } from '../rig/decimals.ts'
import { contractTables, klineSeries } from '../rig/pages.ts'
import { runsFor } from '../rig/seed.ts'

const runs = runsFor('test/unit/row-bytes.test.ts', 60)

function someOf({ kind, nullable }: Column): fc.Arbitrary<Value> {
  const kinds: Record<Column['kind'], fc.Arbitrary<Value>> = {
    text: fc.string(),
    integer: fc.oneof(fc.nat(), fc.nat({ max: Number.MAX_SAFE_INTEGER }), fc.constant(2 ** 31)),
    time: fc.nat({ max: 8.64e15 }),
    decimal: canonicalDecimals,
    id: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }).map(String),
    flag: fc.constantFrom(0, 1),
  }
  return nullable ? fc.option(kinds[kind]) : kinds[kind]
}

const rowsOf = (table: Table): fc.Arbitrary<Rows> =>
  fc.array(fc.tuple(...table.columns.map(someOf)), { minLength: 1, maxLength: 8 }).map((rows) => ({
    count: rows.length,
    columns: table.columns.map((_, i) => rows.map((row) => row[i] ?? null)),
  }))

/** The documents of pages, as the driver makes them and as they are made here. */
function expectSame(table: Table, pages: readonly Rows[]): void {
  const facts = { table, series: klineSeries('１２３USDT'), ledger: [], source: 'rest', fresh: true } as const
  const rows = pages.flatMap((page) => {
    const form = pageForm({ ...facts, rows: page, extractedAtMs: 1_700_000_000_123 })
    return Array.from({ length: page.count }, (_, row) => ({ form, row }))
  })
  const { bytes, places } = documentBytes(rows)
  const made = rows.map((_, i) => Buffer.from(bytes.subarray(places[i], places[i + 1])).toString('hex'))
  const due = rows.map(({ form, row }) => Buffer.from(BSON.serialize(form.build(row))).toString('hex'))
  expect(made).toEqual(due)
  expect(places.at(-1)).toBe(bytes.length)
}

test.each(contractTables)('$name: pages of values', (table) => {
  fc.assert(
    fc.property(rowsOf(table), rowsOf(table), (first, second) => expectSame(table, [first, second])),
    runs,
  )
})

test('pages of candles whose decimals stand in the bytes that came', () => {
  const [table] = klines.tables
  if (!table) throw new Error('no table of klines')
  fc.assert(
    fc.property(rowsOf(table), (rows) => {
      const sent = Array.from({ length: rows.count }, (_, row) =>
        klineWire.map((name) => {
          const value = rows.columns[table.columns.findIndex((column) => column.name === name)]?.[row]
          return typeof value === 'number' ? value % 1e12 : value
        }),
      )
      const body = new TextEncoder().encode(JSON.stringify(sent))
      expectSame(table, [decodeArrays(body, table.columns, klineWire)])
    }),
    runs,
  )
})

test('no rows are no bytes', () => {
  expect(documentBytes([]).bytes).toHaveLength(0)
})
