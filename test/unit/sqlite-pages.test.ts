// Pages that change threads: the same rows on the other side, and nothing silently wrong on this one.
import { expect, test } from 'bun:test'
import { decodeArrays } from '../../src/binance/decode.ts'
import type { Rows } from '../../src/core/dataset.ts'
import type { Page } from '../../src/core/store.ts'
import { klines, klineWire } from '../../src/datasets/klines.ts'
import { UnavailableError, UserError } from '../../src/errors.ts'
import { errorOf, failureOf } from '../../src/stores/sqlite/messages.ts'
import { packPages, unpackPages } from '../../src/stores/sqlite/pages.ts'
import { klineSeries } from '../rig/pages.ts'

const series = klineSeries('BTCUSDT')
const table = klines.table(series)
const wireRow = '[60000,"1.50","2.0","0","1","-7.10",119999,"0.0000000","5","x","y",0]'
const body = `[${[wireRow, wireRow].join(',')}]`
  .replaceAll('"5","x","y",0', '5,"12345678901234567890.12345678","0.1"')
  .replace('60000,"1.50"', '0,"1.50"')

const decoded = (): Rows => decodeArrays(new TextEncoder().encode(body), table.columns, klineWire)
const plain = (rows: Rows): unknown => rows.columns.map((values) => [...values])
const pageOf = (rows: Rows): Page => ({
  ...{ series, table, rows, source: 'rest', extractedAtMs: 5, ledger: [], fresh: true },
})
const send = (rows: Rows): Page[] => {
  const { pages, transfer } = packPages([pageOf(rows)])
  return unpackPages(structuredClone(pages, { transfer }))
}

test('rows come out as they went in, whether they stand in their page or not', () => {
  const due = plain(decoded())
  expect(send(decoded()).map(({ rows }) => plain(rows))).toEqual([due])
  const loose: Rows = { count: 2, columns: decoded().columns.map((values) => [...values]) }
  expect(send(loose).map(({ rows }) => plain(rows))).toEqual([due])
  const empty: Rows = {
    count: 2,
    columns: [
      [1, 2],
      [null, 3],
      ['a', null],
    ],
  }
  expect(send(empty).map(({ rows }) => plain(rows))).toEqual([empty.columns])
})

test('a page that is a part of a larger memory leaves the rest of it alone', () => {
  const bytes = new TextEncoder().encode(`#${body}#`)
  const rows = decodeArrays(bytes.subarray(1, -1), table.columns, klineWire)
  expect(send(rows).map((page) => plain(page.rows))).toEqual([plain(decoded())])
  expect(bytes.length).toBe(body.length + 2)
})

test('rows that were handed on refuse to be read, instead of reading as empty text', () => {
  const rows = decoded()
  send(rows)
  expect(() => plain(rows)).toThrow('handed on')
  expect(() => send(rows)).toThrow('handed on')
})

test('an error keeps its class, its advice and its code', () => {
  for (const KIND of [UserError, UnavailableError]) {
    const error = errorOf(structuredClone(failureOf(new KIND('what happened', 'what to do'))))
    expect(error).toBeInstanceOf(KIND)
    expect(error).toMatchObject({ message: 'what happened', advice: 'what to do' })
  }
  const busy = Object.assign(new Error('database is locked'), { code: 'SQLITE_BUSY' })
  expect(errorOf(structuredClone(failureOf(busy)))).toMatchObject({
    message: 'database is locked',
    code: 'SQLITE_BUSY',
  })
})
