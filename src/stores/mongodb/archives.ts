// The archives that were taken, as documents. They are written before the ledger speaks of their rows; a
// record that a crash leaves without its ledger says nothing of rows and is written again with them.
import { type AnyBulkWriteOperation, type Document, MaxKey, MinKey } from 'mongodb'
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
import { decodeValue, encodeValue } from './document.ts'
import { isTaken } from './errors.ts'
import { pieces } from './flight.ts'
import type { Connection } from './open.ts'

/** Documents of one command, and series of one read. */
const COMMAND_DOCUMENTS = 1_000
const READ_SERIES = 100

const { columns, key } = archivesTable

/** Records the archives of `pages`; all of it is acknowledged when this resolves. */
export async function writeArchives(connection: Connection, pages: readonly Page[]): Promise<void> {
  const collection = connection.database.collection(ARCHIVES_TABLE)
  for (const piece of pieces(archivesOf(pages).map(putOperation), COMMAND_DOCUMENTS)) {
    await connection.write(ARCHIVES_TABLE, async () => {
      try {
        await collection.bulkWrite(piece, { ordered: false })
      } catch (error) {
        // Somebody recorded the same archive in the same moment: theirs is as new as ours.
        if (!isTaken(error)) throw error
      }
    })
  }
}

function putOperation(record: ArchiveRecord): AnyBulkWriteOperation {
  const values = archiveValues(record)
  const fields = columns.map(({ name, kind }, i): [string, unknown] => [
    name,
    encodeValue(kind, values[i] ?? null),
  ])
  const filter: Document = { _id: Object.fromEntries(fields.slice(0, key.length)) }
  return { updateOne: { filter, update: { $set: Object.fromEntries(fields) }, upsert: true } }
}

/** The archives of each series by its key, by name. */
export async function readArchives(
  connection: Connection,
  series: readonly string[],
): Promise<readonly (readonly ArchiveRecord[])[]> {
  const records: ArchiveRecord[] = []
  for (const piece of pieces([...new Set(series)], READ_SERIES)) {
    const ranges = piece.map(
      (one): Document => ({
        _id: { $gte: { series: one, name: new MinKey() }, $lte: { series: one, name: new MaxKey() } },
      }),
    )
    const found = await connection.run(() =>
      connection.database.collection(ARCHIVES_TABLE).find({ $or: ranges }).sort({ _id: 1 }).toArray(),
    )
    for (const document of found) {
      const values = columns.map((column) => decodeValue(column, document[column.name], ARCHIVES_TABLE))
      records.push(toArchiveRecord(values))
    }
  }
  return bySeries(series, records)
}
