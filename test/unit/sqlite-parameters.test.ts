// What SQLite is given as bytes comes out as the text that stood in the page: every length, beside the end
// of the page too, ids as integers, and in a file whose text is not UTF-8.
import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Rows, Table } from '../../src/core/dataset.ts'
import { slicedRows } from '../../src/core/sliced-rows.ts'
import type { Page } from '../../src/core/store.ts'
import { INSERT_ROWS } from '../../src/stores/sqlite/parameters.ts'
import { prepareSchema } from '../../src/stores/sqlite/schema.ts'
import { writePages } from '../../src/stores/sqlite/write.ts'
import { tradesLike } from '../rig/pages.ts'
import { runsFor } from '../rig/seed.ts'

const runs = runsFor('test/unit/sqlite-parameters.test.ts')

/** One column of decimals more than there are slots for. */
const wide: Table = {
  name: 'wide',
  dataset: 'klines',
  period: '1m',
  columns: [
    { name: 'open_time', kind: 'time' },
    ...Array.from({ length: 9 }, (_, i) => ({ name: `d${i}`, kind: 'decimal' as const })),
    { name: 'word', kind: 'text' },
  ],
  keyLength: 1,
  timeColumn: 0,
}

const oneByteText = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

/** Rows whose values, but for numbers and nulls, stand one behind the other in the bytes of a page. */
function sliced(rows: readonly (readonly (string | number)[])[]): Rows {
  let text = ''
  const count = rows.length
  const columns = (rows[0] ?? []).map((first, column) => {
    if (typeof first === 'number') return null
    const place = { starts: new Int32Array(count), ends: new Int32Array(count) }
    for (const [row, values] of rows.entries()) {
      place.starts[row] = text.length
      text += String(values[column])
      place.ends[row] = text.length
    }
    return place
  })
  const plain = columns.map((place, column) => (place ? null : rows.map((row) => row[column] ?? null)))
  return slicedRows(count, plain, { bytes: new TextEncoder().encode(text), columns }, oneByteText)
}

function written(table: Table, pages: readonly Rows[], encoding: string): unknown[][] {
  const database = new Database(':memory:')
  try {
    database.run(`PRAGMA encoding = '${encoding}'`)
    prepareSchema(database, [table], 0, 'memory')
    const series = { market: 'spot', dataset: table.dataset, symbol: 'A', period: table.period } as const
    const made = pages.map(
      (rows): Page => ({ series, table, rows, source: 'rest', extractedAtMs: 5, ledger: [], fresh: true }),
    )
    const { written: count } = writePages(database, made, false)
    expect(count).toBe(pages.reduce((sum, rows) => sum + rows.count, 0))
    const names = table.columns.map(({ name }) => name)
    const kinds = names.map((name) => `typeof(${name})`)
    const keys = names.slice(0, table.keyLength).join(', ')
    return database
      .query(`SELECT ${[...names, ...kinds].join(', ')} FROM ${table.name} ORDER BY ${keys}`)
      .values()
  } finally {
    database.close()
  }
}

const digits = fc
  .array(fc.constantFrom(...'123456789'), { minLength: 1, maxLength: 39, size: 'max' })
  .map((all) => all.join(''))
const encodings = ['UTF-8', 'UTF-16le', 'UTF-16be']

test('decimals of every length, and more rows than one statement has', () => {
  const row = fc.tuple(...Array.from({ length: 9 }, () => digits))
  const page = fc.array(row, { minLength: 1, maxLength: 2 * INSERT_ROWS + 3 })
  fc.assert(
    fc.property(page, fc.constantFrom(...encodings), (values, encoding) => {
      const rows = values.map((own, i) => [i, ...own, 'abc'])
      expect(written(wide, [sliced(rows)], encoding)).toEqual(
        rows.map((own) => [...own, 'integer', ...Array.from({ length: 10 }, () => 'text')]),
      )
    }),
    runs,
  )
})

test('ids are integers, in whatever way they came', () => {
  const ids = ['7', '9007199254740993', '9223372036854775807']
  const rows = ids.map((id) => [id, '1.5', '2', '3', '0.25', 1_000, 1])
  for (const encoding of encodings) {
    const database = new Database(':memory:')
    database.run(`PRAGMA encoding = '${encoding}'`)
    prepareSchema(database, [tradesLike], 0, 'memory')
    const series = { market: 'spot', dataset: 'trades', symbol: 'A', period: null } as const
    const page: Page = {
      ...{ series, table: tradesLike, rows: sliced(rows), source: 'archive', extractedAtMs: 5, ledger: [] },
      fresh: true,
    }
    writePages(database, [page], false)
    const found = database
      .query(`SELECT CAST(trade_id AS TEXT), typeof(trade_id), price, typeof(price) FROM ${tradesLike.name}`)
      .values()
    expect(found).toEqual(ids.map((id) => [id, 'integer', '1.5', 'text']))
    // The same rows again are not touched; one that differs replaces its row, and no other.
    expect(writePages(database, [{ ...page, rows: sliced(rows) }], false)).toEqual({ written: 0, changed: 0 })
    const other = rows.map((row, i) => (i === 1 ? row.with(1, '1.25') : row))
    expect(writePages(database, [{ ...page, rows: sliced(other) }], true)).toEqual({ written: 0, changed: 1 })
    database.close()
  }
})
