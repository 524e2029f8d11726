// Writes that keep the rows which they replace: page by page in one transaction, the stored rows read before
// each page is written.
import type { Database } from 'bun:sqlite'
import { keyNames, type Value } from '../../core/dataset.ts'
import type { Page, WriteResult } from '../../core/store.ts'
import { keptColumns, REPLACED_TABLE, replacedBy, replacedTable, replacedValues } from '../replaced.ts'
import { plainDecimal } from './decimal-text.ts'
import { writePages } from './write.ts'

const names = replacedTable.columns.map((column) => column.name).join(', ')
const marks = replacedTable.columns.map(() => '?').join(', ')

/**
 * Writes `pages` as writePages does, and keeps what they replace. Throws what SQLite throws; then nothing of
 * them is stored.
 */
export function writeKeeping(database: Database, pages: readonly Page[], refresh: boolean): WriteResult {
  let written = 0
  let changed = 0
  database
    .transaction(() => {
      const keep = database.query(`INSERT OR IGNORE INTO ${REPLACED_TABLE} (${names}) VALUES (${marks})`)
      for (const page of pages) {
        for (const row of replacedBy(page, storedRows(database, page), refresh))
          keep.run(...replacedValues(row))
        // A transaction within this one is a part of it.
        const result = writePages(database, [page], refresh)
        written += result.written
        changed += result.changed
      }
    })
    .immediate()
  return { written, changed }
}

/** What is stored under the keys of a page: the values of keptColumns, ids as text, decimals plain. */
function storedRows(database: Database, { table, rows, series }: Page): Value[][] {
  const kept = keptColumns(table)
  const list = kept.map(({ name, kind }) => (kind === 'id' ? `CAST(${name} AS TEXT)` : name))
  const where = keyNames(table).map((name) => `${name} = ?`)
  const find = database.query(`SELECT ${list.join(', ')} FROM ${table.name} WHERE ${where.join(' AND ')}`)
  const keys = rows.columns.slice(0, table.keyLength)
  return Array.from({ length: rows.count }, (_, row) => {
    const key = keys.map((column) => column[row] ?? null)
    const stored = find.values(series.market, series.symbol, ...key) as Value[][]
    return stored.map((values) =>
      values.map((value, i) => (kept[i]?.kind === 'decimal' ? plainDecimal(value) : value)),
    )
  }).flat()
}
