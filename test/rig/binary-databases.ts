// The databases that the compiled program is tried on: for each, how a fresh one is named to the program, and
// a view of what it holds. SQLite is read past the program; the servers are read by the stores, which the
// contract suite and dump.test.ts hold to what the servers themselves say.
import { join } from 'node:path'
import type { Series } from '../../src/core/series.ts'
import type { Store } from '../../src/core/store.ts'
import { allTables } from '../../src/datasets/all.ts'
import { type Contents, countKeyOf } from './compare-store.ts'
import { findDatabases } from './databases.ts'
import { tableOfSeries } from './expectation.ts'
import { toRecords } from './pages.ts'
import { afterwards, removeWorkFolders } from './run-petrosa.ts'
import { sqliteContents } from './sqlite-contents.ts'
import type { FreshDatabase, TestDatabase } from './test-database.ts'

/** One database for one test. */
export type Place = {
  /** What the program is told: `--db` and where it is. */
  readonly flags: readonly string[]
  readonly uri: string
  readonly contents: Contents
  /** Whether there is a file, or a database on the server. */
  exists(): Promise<boolean>
}

export type BinaryDatabase = {
  readonly label: string
  /** Whether it is a server: those run smaller markets, since SQLite runs everything at full size. */
  readonly server: TestDatabase | null
  /** A fresh one; an embedded database is a file in `folder`. It lasts until `removeWorkFolders`. */
  place(folder: string): Promise<Place>
  /** The address of one that nobody has made. */
  nowhere(folder: string): Promise<Place>
}

/** The embedded default, which needs no server. */
export const embedded: BinaryDatabase = {
  label: 'sqlite',
  server: null,
  place: async (folder) => sqlitePlace(folder),
  nowhere: async (folder) => sqlitePlace(folder),
}

/**
 * SQLite, and every server that can be had here; one that is missing is said aloud, and is an error in
 * continuous integration. Servers that are started for it end with `removeWorkFolders`.
 */
export async function findBinaryDatabases(): Promise<readonly BinaryDatabase[]> {
  const { found, missing, stop } = await findDatabases()
  afterwards(stop)
  if (Bun.env.CI === 'true' && missing.length > 0) {
    // A file that fails while it loads has no afterAll.
    await removeWorkFolders()
    throw new Error(`no server for ${missing.map(({ label, advice }) => `${label}: ${advice}`).join('; ')}`)
  }
  return [embedded, ...found.filter(({ kind }) => kind !== 'sqlite').map(onServer)]
}

function sqlitePlace(folder: string): Place {
  const uri = join(folder, 'binary.db')
  return {
    flags: ['--db', 'sqlite', '--db-uri', uri],
    uri,
    contents: sqliteContents(uri),
    exists: () => Bun.file(uri).exists(),
  }
}

function onServer(server: TestDatabase): BinaryDatabase {
  const placeAt = async (making: Promise<FreshDatabase>): Promise<Place> => {
    const { uri, drop } = await making
    afterwards(drop)
    return {
      flags: ['--db', server.kind, '--db-uri', uri],
      uri,
      contents: serverContents(server, uri),
      exists: () => server.exists(uri),
    }
  }
  return {
    label: server.label,
    server,
    place: () => placeAt(server.fresh()),
    nowhere: () => placeAt(server.absent()),
  }
}

/** The span of every row that a test can write. */
const ALL_TIME = { startMs: 0, endMs: Date.UTC(2100, 0, 1) }
const MOST_ROWS = 1_000_000

/** What the database at `uri` holds, read by a store that is opened for each look and may change nothing. */
function serverContents(server: TestDatabase, uri: string): Contents {
  const look = async <T>(work: (store: Store) => Promise<T>): Promise<T> => {
    const store = await server.open({ uri, readOnly: true, batchRows: null })
    try {
      return await work(store)
    } finally {
      await store.close()
    }
  }
  const rowsOf = (store: Store, series: Series) =>
    store.read(series, tableOfSeries(series), ALL_TIME, MOST_ROWS)
  return {
    counts: () =>
      look(async (store) => {
        const counts = new Map<string, number>()
        for (const series of await store.knownSeries(allTables)) {
          const rows = (await store.holding(series, tableOfSeries(series)))?.rows ?? 0
          if (rows > 0) counts.set(countKeyOf(series), rows)
        }
        return counts
      }),
    rows: (series) => look((store) => rowsOf(store, series)),
    ledger: (series) => look(async (store) => (await store.ledger([series]))[0] ?? []),
    dump: () =>
      look(async (store) => {
        const out: unknown[] = [await server.tables(uri)]
        for (const series of await store.knownSeries(allTables)) {
          const table = tableOfSeries(series)
          const stamps = await server.stamps(uri, table, series.symbol)
          out.push([series, toRecords(table, await rowsOf(store, series)), stamps])
          out.push(await store.ledger([series]))
        }
        return out.map((one) => JSON.stringify(one)).join('\n')
      }),
  }
}
