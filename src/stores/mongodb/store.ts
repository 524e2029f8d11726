// The MongoDB store, for servers from 4.4 on, alone or in a replica set. It needs no transactions: rows are
// acknowledged before the ledger speaks of them, and every step may be repeated.
import type { Clock } from '../../core/retry.ts'
import { seriesKey } from '../../core/series.ts'
import type { Page, Store, StoreOptions, WriteOptions, WriteResult } from '../../core/store.ts'
import { UnavailableError, UserError } from '../../errors.ts'
import { leasesOf } from '../leases.ts'
import { newsOf } from '../news.ts'
import { readArchives, writeArchives } from './archives.ts'
import { checkDatabase } from './check.ts'
import { readLedgers, recordNews } from './coverage.ts'
import { type Turn, turns } from './flight.ts'
import { countIds, ends, fromIds } from './keys.ts'
import { mongodbLeases, refuseLostLeases } from './leases.ts'
import { type Connection, connect, WRITERS } from './open.ts'
import { type MetSeries, writeRows } from './rows.ts'
import { counts, holding, knownSeries, readIds, readRows } from './scan.ts'
import { checkTables, prepareSchema, schemaVersion } from './schema.ts'

/** Rows a write: ten commands of a thousand documents. */
const BATCH_ROWS = 10_000

/** Opens the store. Throws UserError (URI, password, w=0, TLS) or UnavailableError (out of reach). */
export async function openMongodb(options: StoreOptions, clock: Clock): Promise<Store> {
  const connection = await connect(options, clock)
  const ledgerTurn = turns()
  const met: MetSeries = new Set()
  return {
    kind: 'mongodb',
    batchRows: options.batchRows ?? BATCH_ROWS,
    writers: WRITERS,
    mostBatches: WRITERS + 1,
    prepare: (tables) => prepareSchema(connection, tables),
    ledger: async (series) => {
      const keys = series.map(seriesKey)
      const [, ledgers] = await Promise.all([schemaVersion(connection), readLedgers(connection, keys)])
      return keys.map((key) => ledgers.get(key) ?? [])
    },
    archives: async (series) => {
      await schemaVersion(connection)
      return readArchives(connection, series.map(seriesKey))
    },
    knownSeries: async (tables) => {
      await checkTables(connection, tables)
      return knownSeries(connection, tables)
    },
    write: (pages, writeOptions) => write({ connection, ledgerTurn, met }, pages, writeOptions ?? {}),
    holding: (series, table) => holding(connection, series, table),
    counts: (series, table, spans) => counts(connection, series, table, spans),
    ends: (series, table) => ends(connection, series, table),
    countIds: (series, table, ranges) => countIds(connection, series, table, ranges),
    fromIds: (series, table, ids) => fromIds(connection, series, table, ids),
    read: (series, table, span, limit) => readRows(connection, series, table, span, limit),
    readIds: (series, table, fromId, limit) => readIds(connection, series, table, fromId, limit),
    leases: mongodbLeases(connection),
    check: (tables) => checkDatabase(connection, tables),
    close: () => connection.client.close(),
  }
}

/**
 * MongoDB makes a missing collection at the first insert, without its index, so a database that was dropped
 * meanwhile must be noticed; and so must a newer program that changed the schema.
 */
async function checkSchema(connection: Connection): Promise<void> {
  if ((await schemaVersion(connection)) > 0) return
  throw new UnavailableError(
    `${connection.place} was dropped while it was in use, or was never prepared`,
    'run the same command again: it makes what it needs',
  )
}

/** What all writes of a store share. */
type Writing = { readonly connection: Connection; readonly ledgerTurn: Turn; readonly met: MetSeries }

async function write(
  { connection, ledgerTurn, met }: Writing,
  pages: readonly Page[],
  options: WriteOptions,
): Promise<WriteResult> {
  const table = pages[0]?.table
  if (!table) return { written: 0, changed: 0 }
  if (connection.readOnly)
    throw new UserError(`${connection.place} was opened for a plan, which writes nothing`)
  await checkSchema(connection)
  const leases = leasesOf(pages)
  await refuseLostLeases(connection, leases)
  const result = await writeRows(connection, table, pages, options, met)
  await writeArchives(connection, pages)
  const news = newsOf(pages)
  // In turns, so that pages of one series that are written at once do not get into each other's way, and
  // become one ledger row.
  await ledgerTurn(() =>
    recordNews(
      connection,
      [...news].map(([series, rows]) => ({ series, rows })),
      leases,
    ),
  )
  return result
}
