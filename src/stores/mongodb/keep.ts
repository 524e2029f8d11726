// Keeps documents that are about to be replaced, acknowledged before anything replaces them. Without
// transactions one may be kept and then not be replaced, where a crash or another writer comes in between;
// but none is replaced that was not kept.
import type { AnyBulkWriteOperation, Document } from 'mongodb'
import type { Page } from '../../core/store.ts'
import { keptColumns, REPLACED_TABLE, replacedRow, replacedTable, replacedValues } from '../replaced.ts'
import { encodeValue, readValue } from './document.ts'
import { isTaken } from './errors.ts'
import { pieces } from './flight.ts'
import type { Connection } from './open.ts'

/** Documents a command. */
const COMMAND_ROWS = 1_000

/**
 * A stored document that a row of `page` will replace. `earlier`: how many this write has kept for that row,
 * which other writers were changing meanwhile; each has a millisecond of its own.
 */
export type Replacement = { readonly page: Page; readonly document: Document; readonly earlier: number }

/** Keeps the documents of `replacements`. What another write kept of the same key and time stays. */
export async function keepReplaced(
  connection: Connection,
  replacements: readonly Replacement[],
): Promise<void> {
  const collection = connection.database.collection(REPLACED_TABLE)
  for (const piece of pieces(replacements.map(operation), COMMAND_ROWS)) {
    await connection.write(REPLACED_TABLE, async () => {
      try {
        await collection.bulkWrite(piece, { ordered: false })
      } catch (error) {
        if (!isTaken(error)) throw error
      }
    })
  }
}

function operation({ page, document, earlier }: Replacement): AnyBulkWriteOperation {
  const stored = keptColumns(page.table).map((column) => readValue(column, document[column.name]))
  const replaced = replacedRow(page, stored)
  const values = replacedValues({ ...replaced, replacedAtMs: replaced.replacedAtMs + earlier })
  const fields = replacedTable.columns.map(({ name, kind }, i): [string, unknown] => [
    name,
    encodeValue(kind, values[i] ?? null),
  ])
  const kept: Document = Object.fromEntries(fields)
  const filter: Document = { _id: Object.fromEntries(fields.slice(0, replacedTable.key.length)) }
  return { updateOne: { filter, update: { $setOnInsert: kept }, upsert: true } }
}
