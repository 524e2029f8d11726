// The archives that were taken, in PostgreSQL.
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
import { arrayText } from './array-text.ts'
import type { Session } from './session.ts'
import { arrayTypes, fromServer, readText } from './types.ts'

const { columns, key } = archivesTable
const names = columns.map(({ name }) => name)
const replacements = names.slice(key.length).map((name) => `${name} = excluded.${name}`)
const arrays = columns.map(({ kind }, i) => `$${i + 1}::${arrayTypes[kind]}`)

const putText =
  `INSERT INTO ${ARCHIVES_TABLE} (${names.join(', ')}) SELECT * FROM unnest(${arrays.join(', ')}) ` +
  `ON CONFLICT (${key.join(', ')}) DO UPDATE SET ${replacements.join(', ')}`

/** Records the archives of `pages`, inside the transaction that writes their rows. */
export async function writeArchives(session: Session, pages: readonly Page[]): Promise<void> {
  const values = archivesOf(pages).map(archiveValues)
  if (values.length === 0) return
  const lists = columns.map(({ kind }, i) =>
    arrayText(
      kind,
      values.map((row) => row[i] ?? null),
    ),
  )
  await session.run(putText, lists)
}

/** The archives of each series by its key, by name. Throws 42P01 where there is no such table. */
export async function readArchives(
  session: Session,
  series: readonly string[],
): Promise<readonly (readonly ArchiveRecord[])[]> {
  const { rows } = await session.run(
    `SELECT ${columns.map(readText).join(', ')} FROM ${ARCHIVES_TABLE} WHERE series = ANY ($1::text[]) ` +
      'ORDER BY series, name',
    [arrayText('text', series)],
  )
  const records = rows.map((row) => toArchiveRecord(columns.map(({ kind }, i) => fromServer(kind, row[i]))))
  return bySeries(series, records)
}
