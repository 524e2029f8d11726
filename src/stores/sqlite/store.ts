// The embedded store: one SQLite file, no server. bun:sqlite is synchronous, so each call holds the event
// loop for as long as it runs; writes are small and waits for another process's lock are made outside of it.
import type { Database } from 'bun:sqlite'
import { statSync } from 'node:fs'
import type { Table } from '../../core/dataset.ts'
import { type Clock, retry } from '../../core/retry.ts'
import { seriesKey } from '../../core/series.ts'
import type { Finding, Store, StoreOptions } from '../../core/store.ts'
import { UnavailableError } from '../../errors.ts'
import { COVERAGE_TABLE, refuseNewerSchema } from '../schema.ts'
import { countIds, ends, fromIds } from './keys.ts'
import { explained, isBusy, openDatabase, sqlitePath } from './open.ts'
import { counts, holding, knownSeries, readRows } from './scan.ts'
import { hasTable, prepareSchema, schemaVersion } from './schema.ts'
import { readLedger, writePages } from './write.ts'

/** Rows a transaction: larger ones bring nothing (measured), smaller ones cost commits. */
const BATCH_ROWS = 10_000

/** How a locked file is waited for: about 15 s in all, most of it outside of SQLite. */
const busyPolicy = { attempts: 12, firstPauseMs: 100, longestPauseMs: 1_000 }

/**
 * Opens the store. Throws UserError (not a database, no such folder, newer schema) or UnavailableError
 * (locked).
 */
export async function openSqlite(options: StoreOptions, clock: Clock): Promise<Store> {
  const path = sqlitePath(options.uri)
  // A plan must not make a file: what is not there is as good as an empty database in memory.
  const absent = options.readOnly && !(await Bun.file(path).exists())
  const run = <T>(work: () => T): Promise<T> =>
    retry({
      policy: busyPolicy,
      clock,
      attempt: async () => work(),
      again: (error) => (isBusy(error) ? { atLeastMs: 0 } : false),
    }).catch((error: unknown) => {
      throw explained(error, path)
    })
  const database = await run(() => openDatabase(absent ? ':memory:' : path, options.readOnly && !absent))
  return sqliteStore(database, path, options, clock, run)
}

type Run = <T>(work: () => T) => Promise<T>

function sqliteStore(database: Database, path: string, options: StoreOptions, clock: Clock, run: Run): Store {
  const place = `the database ${path}`
  const file = fileNumber(path)
  let open = true
  return {
    kind: 'sqlite',
    batchRows: options.batchRows ?? BATCH_ROWS,
    writers: 1,
    prepare: (tables) => run(() => prepareSchema(database, tables, clock.nowMs(), place)),
    ledger: (series) =>
      run(() => {
        refuseNewerSchema(schemaVersion(database), place)
        if (!hasTable(database, COVERAGE_TABLE)) return series.map(() => [])
        return series.map((one) => readLedger(database, seriesKey(one)))
      }),
    knownSeries: (tables) => run(() => knownSeries(database, tables)),
    write: (pages, writeOptions) =>
      run(() => {
        if (!open) throw new UnavailableError(`${place} is closed`, 'open it again')
        if (fileNumber(path) !== file) refuseLostFile(place)
        return writePages(database, pages, writeOptions?.refresh ?? false)
      }),
    holding: (series, table) => run(() => holding(database, series, table)),
    counts: (series, table, spans) => run(() => counts(database, series, table, spans)),
    ends: (series, table) => run(() => ends(database, series, table)),
    countIds: (series, table, ranges) => run(() => countIds(database, series, table, ranges)),
    fromIds: (series, table, ids) => run(() => fromIds(database, series, table, ids)),
    read: (series, table, span, limit) => run(() => readRows(database, series, table, span, limit)),
    check: (tables) => run(() => checkDatabase(database, path, tables)),
    close: async () => {
      open = false
      database.close()
    },
  }
}

/** What tells a file from another of the same name; null where there is none, as for a database in memory. */
function fileNumber(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.ino ?? null
}

/** SQLite itself goes on writing to a file that was removed, and all of it is lost. */
function refuseLostFile(place: string): never {
  throw new UnavailableError(
    `${place} was removed or replaced while it was open`,
    'put it back, or run the same command again to begin a new one',
  )
}

function checkDatabase(database: Database, path: string, tables: readonly Table[]): readonly Finding[] {
  const version = database.query<{ v: string }, []>('SELECT sqlite_version() AS v').get()?.v ?? '?'
  const made = tables.filter((table) => hasTable(database, table.name)).length
  return [
    { name: 'store reachable', ok: true, detail: `SQLite ${version}, ${path}`, advice: '' },
    {
      name: 'store schema',
      ok: true,
      detail: `version ${schemaVersion(database)}, ${made} tables of data`,
      advice: '',
    },
  ]
}
