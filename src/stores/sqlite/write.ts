// Writes pages and their coverage into SQLite in one transaction, by prepared statements of many rows. Rows
// that are equal are left alone, and the counts of new and changed rows are exact.
import type { Database, Statement } from 'bun:sqlite'
import { allColumns, keyNames, type Table, type Value } from '../../core/dataset.ts'
import { type LedgerRow, record } from '../../core/ledger.ts'
import type { Page, WriteResult } from '../../core/store.ts'
import { newsOf } from '../news.ts'
import {
  COVERAGE_TABLE,
  type CoverageRecord,
  coverageColumns,
  coverageValues,
  toLedgerRow,
} from '../schema.ts'
import { writeArchives } from './archives.ts'
import { differsText } from './decimal-text.ts'
import { fillParameters, INSERT_ROWS, mayBeBytes, type Parameter } from './parameters.ts'

/** Writes `pages` in one transaction. Throws what SQLite throws; then nothing of them is stored. */
export function writePages(database: Database, pages: readonly Page[], refresh: boolean): WriteResult {
  let written = 0
  let changed = 0
  database
    .transaction(() => {
      for (const page of pages) {
        const result = writeRows(database, page, refresh)
        written += result.written
        changed += result.changed
      }
      for (const [series, rows] of newsOf(pages)) writeLedger(database, series, rows)
      writeArchives(database, pages)
    })
    .immediate()
  return { written, changed }
}

function writeRows(database: Database, page: Page, refresh: boolean): WriteResult {
  const { rows, table, series } = page
  const constants: readonly Value[] = [series.market, series.symbol, page.source, page.extractedAtMs]
  const width = rows.columns.length
  const kinds = table.columns.map((column) => column.kind)
  const bytes = takesBytes(database)
  let values: Parameter[] = []
  let insert: Statement | null = null
  let replace: Statement | null = null
  let written = 0
  let changed = 0
  for (let from = 0; from < rows.count; from += INSERT_ROWS) {
    const count = Math.min(INSERT_ROWS, rows.count - from)
    if (insert === null || count < INSERT_ROWS) {
      insert = database.query(insertText(table, count))
      replace = null
      values = [...constants, ...new Array<Parameter>(width * count).fill(null)]
    }
    fillParameters(values, rows, { first: CONSTANTS, from, count, kinds, bytes })
    const inserted = insert.run(values).changes
    written += inserted
    if (inserted === count) continue
    // Some keys were taken. The rows just inserted are equal to themselves, so only true differences count.
    replace ??= database.query(upsertText(table, count, refresh))
    changed += replace.run(values).changes
  }
  return { written, changed }
}

/** By database: whether its text is UTF-8, as the bytes of a page are. */
const utf8 = new WeakMap<Database, boolean>()

/** A file that was made with PRAGMA encoding = 'UTF-16' would take bytes for other characters. */
function takesBytes(database: Database): boolean {
  const known = utf8.get(database)
  if (known !== undefined) return known
  const row = database.query<{ readonly encoding: string }, []>('PRAGMA encoding').get()
  const takes = row?.encoding === 'UTF-8'
  utf8.set(database, takes)
  return takes
}

/** Market, symbol, source and extracted_at: one parameter each for all the rows of a statement. */
const CONSTANTS = 4

/**
 * The VALUES of `count` rows of a table: the constants are parameters 1 to 4, the rows' own follow. What may
 * come as bytes is made text.
 */
function valuesText(table: Table, count: number, otherwise = ''): string {
  const width = table.columns.length
  const rows = Array.from({ length: count }, (_, row) => {
    const own = table.columns.map(({ kind }, i) => {
      const parameter = `?${CONSTANTS + row * width + i + 1}`
      return mayBeBytes(kind) ? `CAST(${parameter} AS TEXT)` : parameter
    })
    return `(?1, ?2, ${own.join(', ')}, ?3, ?4)`
  })
  const names = allColumns(table).map((column) => column.name)
  return `INSERT ${otherwise}INTO ${table.name} (${names.join(', ')}) VALUES ${rows.join(', ')}`
}

/** The statements of full batches by table: making their text costs as much as running them. */
const fullInserts = new Map<string, string>()

/**
 * Inserts `count` rows, leaving out those whose key is taken. What else may be wrong with a row (a null)
 * takes back the whole transaction, as its caller does anyway: so SQLite need not be able to take back the
 * statement alone, which costs it a copy of each page.
 */
function insertText(table: Table, count: number): string {
  const made = count === INSERT_ROWS ? fullInserts.get(table.name) : undefined
  if (made !== undefined) return made
  const text = `${valuesText(table, count, 'OR ROLLBACK ')} ON CONFLICT DO NOTHING`
  if (count === INSERT_ROWS) fullInserts.set(table.name, text)
  return text
}

/**
 * Replaces each of `count` rows whose key is taken, where a value differs and the newcomer may replace it:
 * REST always may, an archive only what an archive wrote, anything under `refresh`; null never replaces a
 * value.
 */
function upsertText(table: Table, count: number, refresh: boolean): string {
  const values = table.columns.slice(table.keyLength)
  const incoming = values.map((column) =>
    column.nullable
      ? `coalesce(excluded.${column.name}, ${table.name}.${column.name})`
      : `excluded.${column.name}`,
  )
  const sets = values.map((column, i) => `${column.name} = ${incoming[i]}`)
  const differs = values
    .map((column, i) => differsText(column.kind, `${table.name}.${column.name}`, incoming[i] ?? ''))
    .join(' OR ')
  const allowed = refresh ? '' : ` AND (excluded.source = 'rest' OR ${table.name}.source = 'archive')`
  return (
    `${valuesText(table, count)} ON CONFLICT (${keyNames(table).join(', ')}) DO UPDATE SET ` +
    `${sets.join(', ')}, source = excluded.source, extracted_at = excluded.extracted_at ` +
    `WHERE (${differs})${allowed}`
  )
}

const coverageNames = coverageColumns.map((column) => column.name).join(', ')

/** What to select of the ledger: ids as text, since a number rounds what has more than 53 bits. */
const coverageFields = coverageColumns
  .map(({ name, kind }) => (kind === 'id' ? `CAST(${name} AS TEXT) AS ${name}` : name))
  .join(', ')

function writeLedger(database: Database, series: string, news: readonly LedgerRow[]): void {
  if (news.length === 0) return
  const startMs = Math.min(...news.map((row) => row.startMs))
  const endMs = Math.max(...news.map((row) => row.endMs))
  const stored = database
    .query<CoverageRecord, [string, number, number]>(
      `SELECT ${coverageFields} FROM ${COVERAGE_TABLE} ` +
        'WHERE series = ? AND end_time >= ? AND start_time <= ?',
    )
    .all(series, startMs, endMs)
    .map(toLedgerRow)
  const change = record(stored, news)
  const remove = database.query(`DELETE FROM ${COVERAGE_TABLE} WHERE series = ? AND start_time = ?`)
  for (const removedMs of change.remove) remove.run(series, removedMs)
  const put = database.query(
    `INSERT OR REPLACE INTO ${COVERAGE_TABLE} (${coverageNames}) ` +
      `VALUES (${coverageColumns.map(() => '?').join(', ')})`,
  )
  for (const row of change.put) put.run(...coverageValues(series, row))
}

/** The ledger rows of a series, by start. */
export function readLedger(database: Database, series: string): readonly LedgerRow[] {
  return database
    .query<CoverageRecord, [string]>(
      `SELECT ${coverageFields} FROM ${COVERAGE_TABLE} WHERE series = ? ORDER BY start_time`,
    )
    .all(series)
    .map(toLedgerRow)
}
