// Inserts documents that are bytes already. The driver's insertMany takes objects only, and making those is
// most of a client's work; the sequence of documents that it sends them in takes bytes. That class is not in
// its public interface, so the driver is pinned, and the contract suite inserts every row through here.
import { MongoServerError, WriteConcern } from 'mongodb'
import { DocumentSequence } from 'mongodb/lib/cmap/commands.js'
import { DUPLICATE_KEY } from './errors.ts'
import type { Connection } from './open.ts'
import type { DocumentBytes } from './row-bytes.ts'

export type Inserted = {
  readonly inserted: number
  /** Which of the documents, from 0, have a key that is taken. */
  readonly taken: readonly number[]
}

type Answer = {
  readonly n?: number
  readonly writeErrors?: readonly { readonly index: number; readonly code: number; readonly errmsg: string }[]
  readonly writeConcernError?: { readonly code: number; readonly errmsg: string }
}

/** Inserts documents in any order. Throws what the driver throws, and what refused one of them. */
export async function insertBytes(
  { database }: Connection,
  collection: string,
  { bytes }: DocumentBytes,
): Promise<Inserted> {
  const documents = new DocumentSequence('documents')
  documents.push({}, bytes)
  const command = { insert: collection, documents, ordered: false }
  const concern = database.writeConcern
  const answer: Answer = await database.command(concern ? WriteConcern.apply(command, concern) : command)
  const failures = answer.writeErrors ?? []
  // Taken keys are no failure: what matters is what else went wrong.
  const failure = answer.writeConcernError ?? failures.find(({ code }) => code !== DUPLICATE_KEY)
  if (failure) throw new MongoServerError({ message: failure.errmsg, code: failure.code })
  return { inserted: answer.n ?? 0, taken: failures.map(({ index }) => index) }
}
