// The archives that were taken, in MySQL.
import type { RowDataPacket } from 'mysql2/promise'
import type { ArchiveRecord } from '../../core/archive.ts'
import type { Page } from '../../core/store.ts'
import {
  ARCHIVES_TABLE,
  archivesOf,
  archivesTable,
  archiveValues,
  bySeries,
  toArchiveRecord,
} from '../archives.ts'
import { portions } from './ledger.ts'
import type { Session } from './session.ts'
import { insertText, quoted, selectList, timeText } from './text.ts'

/** Series, and rows, of one statement. */
const SERIES_A_STATEMENT = 200
const ROWS_A_STATEMENT = 500

const { columns, key } = archivesTable
const selected = selectList(columns)
const replacements = columns
  .slice(key.length)
  .map(({ name }) => `${quoted(name)} = VALUES(${quoted(name)})`)
  .join(', ')

/** Records the archives of `pages`, inside the transaction that writes their rows. */
export async function writeArchives(session: Session, pages: readonly Page[]): Promise<void> {
  for (const some of portions(archivesOf(pages), ROWS_A_STATEMENT)) {
    const text = `${insertText(archivesTable, some.length)} ON DUPLICATE KEY UPDATE ${replacements}`
    const values = some.flatMap((record) => [
      ...archiveValues(record).slice(0, -1),
      timeText(record.takenAtMs),
    ])
    await session.connection.query(text, values)
  }
}

/** The archives of each series by its key, by name. There must be such a table. */
export async function readArchives(
  session: Session,
  series: readonly string[],
): Promise<readonly (readonly ArchiveRecord[])[]> {
  const records: ArchiveRecord[] = []
  for (const some of portions([...new Set(series)], SERIES_A_STATEMENT)) {
    const [rows] = await session.connection.query<RowDataPacket[]>(
      `SELECT ${selected} FROM ${quoted(ARCHIVES_TABLE)} ` +
        `WHERE \`series\` IN (${some.map(() => '?').join(', ')}) ORDER BY \`series\`, \`name\``,
      [...some],
    )
    records.push(...rows.map((row) => toArchiveRecord(columns.map(({ name }) => row[name]))))
  }
  return bySeries(series, records)
}
