// Inserts documents that are bytes already. The driver's insertMany takes objects only, and making those is
// most of a client's work; the sequence of documents that it sends them in takes bytes. That class is not in
// its public interface, so the driver is pinned, and the contract suite inserts every row through here.
/// <reference path="./mongodb-commands.d.ts" />
import { MongoServerError, WriteConcern } from 'mongodb'
import { DocumentSequence } from 'mongodb/lib/cmap/commands.js'
import { DUPLICATE_KEY } from './errors.ts'
import type { Connection } from './open.ts'
import type { DocumentBytes } from './row-bytes.ts'

export type Inserted = {
  readonly inserted: number
  /** Which of the documents, from 0, are not inserted: their key is taken, or that of one before them is. */
  readonly left: readonly number[]
}

type Answer = {
  readonly n?: number
  readonly writeErrors?: readonly { readonly index: number; readonly code: number; readonly errmsg: string }[]
  readonly writeConcernError?: { readonly code: number; readonly errmsg: string }
}

/**
 * Inserts documents; `ordered` up to the first whose key is taken, so that a thousand of those are not a
 * thousand answers, else all that can be. Throws what the driver throws, and what refused one of them.
 */
export async function insertBytes(
  { database }: Connection,
  collection: string,
  { bytes, places }: DocumentBytes,
  ordered: boolean,
): Promise<Inserted> {
  const documents = new DocumentSequence('documents')
  documents.push({}, bytes)
  const command = { insert: collection, documents, ordered }
  const concern = database.writeConcern
  const answer: Answer = await database.command(concern ? WriteConcern.apply(command, concern) : command)
  const failures = answer.writeErrors ?? []
  // Taken keys are no failure: what matters is what else went wrong.
  const failure = answer.writeConcernError ?? failures.find(({ code }) => code !== DUPLICATE_KEY)
  if (failure) throw new MongoServerError({ message: failure.errmsg, code: failure.code })
  const taken = failures.map(({ index }) => index)
  const [first = 0] = taken
  const rest = ordered && taken.length > 0 ? places.length - 1 - first : 0
  const left = rest > 0 ? Array.from({ length: rest }, (_, i) => first + i) : taken
  return { inserted: answer.n ?? 0, left }
}
