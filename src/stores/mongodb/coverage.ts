// The ledger as documents. A change may touch several of them and there may be no transactions, so it is made
// of conditional writes in an order in which no moment claims too little: what grows first, what shrinks or
// goes last. Claims are made after their rows are acknowledged, so none is ever too much. Every document
// bears a revision that each write renews; whoever finds one changed begins again. A crash half-way leaves
// overlaps, which readers settle and the next change removes.
import {
  type AnyBulkWriteOperation,
  type Collection,
  type Document,
  MaxKey,
  MinKey,
  MongoBulkWriteError,
  type ObjectId,
} from 'mongodb'
import type { Lease } from '../../core/lease.ts'
import type { LedgerRow } from '../../core/ledger.ts'
import { retry } from '../../core/retry.ts'
import { UnavailableError } from '../../errors.ts'
import {
  COVERAGE_TABLE,
  type CoverageRecord,
  coverageColumns,
  coverageValues,
  toLedgerRow,
} from '../schema.ts'
import { type Change, type News, type Put, planChange, type Stored, settled } from './coverage-plan.ts'
import { decodeValue, encodeValue } from './document.ts'
import { DUPLICATE_KEY, serverCode } from './errors.ts'
import { pieces } from './flight.ts'
import { refuseLostLeases } from './leases.ts'
import type { Connection } from './open.ts'

/** How often a change is begun anew when other writers are faster; each time one of them was done. */
const conflictPolicy = { attempts: 40, firstPauseMs: 2, longestPauseMs: 500 }

/** Series in one read of the ledger. */
const READ_SERIES = 100

/** A conflict with another writer; only the loop below sees it. */
class ConflictError extends Error {}

/**
 * Records `news`, one entry a series. Throws UnavailableError when others are faster for too long, and
 * LeaseLostError where another program has taken one of `leases` over.
 */
export async function recordNews(
  connection: Connection,
  news: readonly News[],
  leases: readonly Lease[] = [],
): Promise<void> {
  let open = news.filter((one) => one.rows.length > 0)
  const collection = coverage(connection)
  await retry({
    policy: conflictPolicy,
    clock: connection.clock,
    attempt: async (attempt) => {
      // What overlaps may reach beyond what the news touch, so a second look is at all of the series.
      const whole = attempt > 1
      const stored = await (whole
        ? readWhole(
            connection,
            open.map((one) => one.series),
          )
        : readTouching(connection, open))
      // After the ledger was read: whoever takes a lease over from now on changes the revisions of what was.
      await refuseLostLeases(connection, leases)
      const changes = open.map((one) => planChange(one, stored.get(one.series) ?? []))
      if (!whole && !changes.every((change) => change.regular)) throw new ConflictError()
      open = (await applyChanges(connection, collection, changes)).map((change) => change.news)
      if (open.length > 0) throw new ConflictError()
    },
    again: (error) => (error instanceof ConflictError ? { atLeastMs: 0 } : false),
  }).catch((error: unknown) => {
    if (!(error instanceof ConflictError)) throw error
    throw new UnavailableError(
      `too many programs change the ledger of ${open[0]?.series} in ${connection.place} at once`,
      'let one program at a time fetch a series, then run the same command again: the rows are stored',
    )
  })
}

/** The ledger rows of each series, by start, disjoint; series that have none are left out. */
export async function readLedgers(
  connection: Connection,
  series: readonly string[],
): Promise<Map<string, LedgerRow[]>> {
  const stored = await readWhole(connection, series)
  return new Map([...stored].map(([key, rows]) => [key, settled(rows.map((one) => one.row))]))
}

function readWhole(connection: Connection, series: readonly string[]): Promise<Map<string, Stored[]>> {
  const all = (one: string): Document => ({
    $gte: { series: one, start_time: new MinKey() },
    $lte: { series: one, start_time: new MaxKey() },
  })
  return readWhere(
    connection,
    series.map((one) => ({ _id: all(one) })),
  )
}

function readTouching(connection: Connection, news: readonly News[]): Promise<Map<string, Stored[]>> {
  return readWhere(
    connection,
    news.map(({ series, rows }) => {
      const startMs = Math.min(...rows.map((row) => row.startMs))
      const endMs = Math.max(...rows.map((row) => row.endMs))
      return {
        _id: { $gte: { series, start_time: new MinKey() }, $lte: { series, start_time: new Date(endMs) } },
        end_time: { $gte: new Date(startMs) },
      }
    }),
  )
}

async function readWhere(
  connection: Connection,
  filters: readonly Document[],
): Promise<Map<string, Stored[]>> {
  const bySeries = new Map<string, Stored[]>()
  for (const piece of pieces(filters, READ_SERIES)) {
    const documents = await connection.run(() =>
      coverage(connection).find({ $or: piece }).sort({ _id: 1 }).toArray(),
    )
    for (const document of documents) {
      const key = String(document.series)
      const stored = { row: decodeRow(document), revision: document.revision ?? null }
      const rows = bySeries.get(key)
      if (rows) rows.push(stored)
      else bySeries.set(key, [stored])
    }
  }
  return bySeries
}

/** Makes the changes; gives back those that met another writer, to be planned again. */
async function applyChanges(
  connection: Connection,
  collection: Collection,
  changes: readonly Change[],
): Promise<Change[]> {
  const grown = await landed(connection, collection, changes, (change) => change.grow)
  const shrunk = await landed(connection, collection, grown, (change) => change.shrink)
  const removals = shrunk.flatMap(({ news, remove }) =>
    remove.map((one): AnyBulkWriteOperation => ({ deleteOne: { filter: whereAsRead(news.series, one) } })),
  )
  // What was changed since stays: it overlaps, says nothing wrong, and the next change of the series removes
  // it.
  if (removals.length > 0) await connection.run(() => collection.bulkWrite(removals, { ordered: false }))
  const done = new Set(shrunk)
  return changes.filter((change) => !done.has(change))
}

/** Writes what `pick` takes of each change, and gives back the changes of which all of it is stored. */
async function landed(
  connection: Connection,
  collection: Collection,
  changes: readonly Change[],
  pick: (change: Change) => readonly Put[],
): Promise<readonly Change[]> {
  const puts = changes.flatMap((change) => pick(change).map((put) => ({ series: change.news.series, put })))
  if (puts.length === 0) return changes
  const operations = puts.map(({ series, put }) => putOperation(series, put))
  let lost = false
  const all = await connection.write(
    COVERAGE_TABLE,
    async () => {
      // After a lost answer the same operations would find their own work in the way, so they are only looked
      // for.
      if (lost) return false
      return bulkMatches(collection, operations)
    },
    () => {
      lost = true
    },
  )
  if (all) return changes
  const revisions = puts.map(({ put }) => put.revision)
  const filter: Document = { _id: { $in: puts.map(({ series, put }) => coverageId(series, put.row)) } }
  const stored = await connection.run(() =>
    collection.find(filter, { projection: { revision: 1 } }).toArray(),
  )
  const present = new Set(stored.map((document) => String(document.revision)))
  const absent = new Set(revisions.map(String).filter((revision) => !present.has(revision)))
  return changes.filter((change) => pick(change).every((put) => !absent.has(String(put.revision))))
}

/** Whether every operation did its work; false when any met another writer's. */
async function bulkMatches(
  collection: Collection,
  operations: readonly AnyBulkWriteOperation[],
): Promise<boolean> {
  try {
    const result = await collection.bulkWrite(operations, { ordered: false })
    return result.insertedCount + result.matchedCount === operations.length
  } catch (error) {
    if (error instanceof MongoBulkWriteError && serverCode(error) === DUPLICATE_KEY) return false
    throw error
  }
}

function putOperation(series: string, { row, before, revision }: Put): AnyBulkWriteOperation {
  const document = encodeRow(series, row, revision)
  if (!before) return { insertOne: { document } }
  return { replaceOne: { filter: whereAsRead(series, before), replacement: document } }
}

const coverage = (connection: Connection): Collection => connection.database.collection(COVERAGE_TABLE)

const coverageId = (series: string, row: LedgerRow): Document => ({
  series,
  start_time: new Date(row.startMs),
})

const whereAsRead = (series: string, stored: Stored): Document => ({
  _id: coverageId(series, stored.row),
  revision: stored.revision,
})

function encodeRow(series: string, row: LedgerRow, revision: ObjectId): Document {
  const values = coverageValues(series, row)
  const fields = coverageColumns.map((column, at) => [
    column.name,
    encodeValue(column.kind, values[at] ?? null),
  ])
  return { _id: coverageId(series, row), ...Object.fromEntries(fields), revision }
}

function decodeRow(document: Document): LedgerRow {
  const fields = coverageColumns.map((column) => [
    column.name,
    decodeValue(column, document[column.name], COVERAGE_TABLE),
  ])
  return toLedgerRow(Object.fromEntries(fields) as CoverageRecord)
}
