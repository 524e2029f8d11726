// The archives that were taken, in SQLite.
import type { Database } from 'bun:sqlite'
import type { ArchiveRecord } from '../../core/archive.ts'
import type { Page } from '../../core/store.ts'
import { ARCHIVES_TABLE, archivesOf, archivesTable, archiveValues, toArchiveRecord } from '../archives.ts'
import { hasTable } from './schema.ts'

const names = archivesTable.columns.map((column) => column.name).join(', ')
const marks = archivesTable.columns.map(() => '?').join(', ')

/** Records the archives of `pages`, inside the transaction that writes their rows. */
export function writeArchives(database: Database, pages: readonly Page[]): void {
  const records = archivesOf(pages)
  if (records.length === 0) return
  const put = database.query(`INSERT OR REPLACE INTO ${ARCHIVES_TABLE} (${names}) VALUES (${marks})`)
  for (const record of records) put.run(...archiveValues(record))
}

/** The archives of each series by its key, by name; none where there is no such table. */
export function readArchives(
  database: Database,
  series: readonly string[],
): readonly (readonly ArchiveRecord[])[] {
  if (!hasTable(database, ARCHIVES_TABLE)) return series.map(() => [])
  const read = database.query(`SELECT ${names} FROM ${ARCHIVES_TABLE} WHERE series = ? ORDER BY name`)
  return series.map((key) => read.values(key).map(toArchiveRecord))
}
