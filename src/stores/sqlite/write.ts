// Writes pages and their coverage into SQLite in one transaction, by prepared statements of many rows. Rows that are equal
// are left alone, and the counts of new and changed rows are exact.
import type { Database } from 'bun:sqlite'
import { allColumns, keyNames, type Table, type Value } from '../../core/dataset.ts'
import { type LedgerRow, record } from '../../core/ledger.ts'
import { seriesKey } from '../../core/series.ts'
import type { Page, WriteResult } from '../../core/store.ts'
import { COVERAGE_TABLE, type CoverageRecord, coverageColumns, coverageValues, toLedgerRow } from '../schema.ts'

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
        writeLedger(database, seriesKey(page.series), page.ledger)
      }
    })
    .immediate()
  return { written, changed }
}

/** Rows of one INSERT: a quarter cheaper than one a row (measured), and far below SQLite's limit of parameters. */
const INSERT_ROWS = 100

function writeRows(database: Database, page: Page, refresh: boolean): WriteResult {
  const { rows, table, series } = page
  if (rows.count === 0) return { written: 0, changed: 0 }
  const leading: readonly Value[] = [series.market, series.symbol]
  const trailing: readonly Value[] = [page.source, page.extractedAtMs]
  const insert = database.query(insertText(table, Math.min(INSERT_ROWS, rows.count)))
  const replace = database.query(replaceText(table, refresh))
  let written = 0
  let changed = 0
  for (let from = 0; from < rows.count; from += INSERT_ROWS) {
    const count = Math.min(INSERT_ROWS, rows.count - from)
    const values: Value[] = []
    for (let row = from; row < from + count; row += 1) {
      values.push(...leading)
      for (const column of rows.columns) values.push(column[row] ?? null)
      values.push(...trailing)
    }
    const whole = count === INSERT_ROWS || from === 0
    const inserted = (whole ? insert : database.query(insertText(table, count))).run(...values).changes
    written += inserted
    if (inserted === count) continue
    // Some keys were taken. The rows just inserted are equal to themselves, so only true differences count here.
    const width = values.length / count
    for (let at = 0; at < values.length; at += width) changed += replace.run(...values.slice(at, at + width)).changes
  }
  return { written, changed }
}

/** Inserts `count` rows, leaving out those whose key is taken. */
function insertText(table: Table, count: number): string {
  const names = allColumns(table).map((column) => column.name)
  const row = `(${names.map(() => '?').join(', ')})`
  const rows = Array.from({ length: count }, () => row).join(', ')
  return `INSERT INTO ${table.name} (${names.join(', ')}) VALUES ${rows} ON CONFLICT DO NOTHING`
}

/**
 * Replaces the row whose key is taken, where a value differs and the newcomer may replace it: REST always may, an archive only
 * what an archive wrote, anything under `refresh`; null never replaces a value.
 */
function replaceText(table: Table, refresh: boolean): string {
  const columns = allColumns(table).map((column) => column.name)
  const values = table.columns.slice(table.keyLength)
  const incoming = values.map((column) =>
    column.nullable ? `coalesce(excluded.${column.name}, ${table.name}.${column.name})` : `excluded.${column.name}`,
  )
  const sets = values.map((column, i) => `${column.name} = ${incoming[i]}`)
  const differs = values.map((column, i) => `${table.name}.${column.name} IS NOT ${incoming[i]}`).join(' OR ')
  const allowed = refresh ? '' : ` AND (excluded.source = 'rest' OR ${table.name}.source = 'archive')`
  return (
    `INSERT INTO ${table.name} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')}) ` +
    `ON CONFLICT (${keyNames(table).join(', ')}) DO UPDATE SET ${sets.join(', ')}, source = excluded.source, ` +
    `extracted_at = excluded.extracted_at WHERE (${differs})${allowed}`
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
      `SELECT ${coverageFields} FROM ${COVERAGE_TABLE} WHERE series = ? AND end_time >= ? AND start_time <= ?`,
    )
    .all(series, startMs, endMs)
    .map(toLedgerRow)
  const change = record(stored, news)
  const remove = database.query(`DELETE FROM ${COVERAGE_TABLE} WHERE series = ? AND start_time = ?`)
  for (const removedMs of change.remove) remove.run(series, removedMs)
  const put = database.query(
    `INSERT OR REPLACE INTO ${COVERAGE_TABLE} (${coverageNames}) VALUES (${coverageColumns.map(() => '?').join(', ')})`,
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
