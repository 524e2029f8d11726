// COPY … FROM STDIN through postgres.js so that every failure settles. Its own writable hangs for ever when
// the server refuses after end() (porsager/postgres#1173); this leans on internals of 3.4.9, which is why the
// version is pinned and test/postgresql/copy.test.ts holds each way in which a copy can fail.
import type { Writable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import type { Sql } from 'postgres'

/** What this piece needs to know of the driver's query object. */
type CopyQuery = {
  resolve: (value: unknown) => void
  reject: (error: unknown) => void
  simple(): CopyQuery
  execute(): CopyQuery
}

/**
 * Sends `chunks` as the data of `statement` (COPY … FROM STDIN) and returns how many rows the server took. A
 * chunk is used up before the next one is asked for. Rejects with the server's error, the connection's, or
 * the producer's own; by then the server has ended the statement, so that ROLLBACK may follow.
 */
export async function copyIn(
  sql: Sql,
  statement: string,
  chunks: Iterable<string | Uint8Array>,
): Promise<number> {
  const query = sql.unsafe(statement) as unknown as CopyQuery
  const started = Promise.withResolvers<Writable>()
  const ended = Promise.withResolvers<number>()
  // Both are awaited below, but one may fail while the other is waited for.
  started.promise.catch(() => {})
  ended.promise.catch(() => {})
  // The driver answers a query once, and for a copy that is its stream. Here the second answer, the outcome,
  // counts too. Taken over before the query is sent, since both answers may come in one packet.
  query.resolve = (value) => (isStream(value) ? started.resolve(value) : ended.resolve(countOf(value)))
  query.reject = (error) => {
    started.reject(error)
    ended.reject(error)
  }
  query.simple().execute()
  const stream = await started.promise
  // The same error comes as the outcome; without a listener it would end the process.
  stream.on('error', () => {})
  const stopped = ended.promise.then(
    () => true,
    () => true,
  )
  try {
    for (const chunk of chunks) {
      if (stream.destroyed) break
      // Written out before the next chunk is asked for: the producer may use its buffer again.
      const taken = new Promise<void>((resolve) => stream.write(chunk, () => resolve()))
      await Promise.race([taken, stopped])
      // Bun takes a write at once and so never comes round to reading: the server's refusal would be seen
      // after the last row.
      await setImmediate()
    }
  } catch (error) {
    // CopyFail: the server gives up the statement and says so; what the caller should hear is why.
    if (!stream.destroyed) stream.destroy(new Error('the producer of rows failed'))
    await stopped
    throw error
  }
  if (!stream.destroyed) stream.end()
  return ended.promise
}

function isStream(value: unknown): value is Writable {
  return typeof value === 'object' && value !== null && 'writable' in value && 'destroy' in value
}

function countOf(value: unknown): number {
  return typeof value === 'object' && value !== null && 'count' in value ? Number(value.count) : 0
}
