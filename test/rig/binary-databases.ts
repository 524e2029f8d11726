// The databases that the compiled program is tried on: for each, how a fresh one is named to the program, and
// a view of what it holds that does not go through the program.
import { Database } from 'bun:sqlite'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Value } from '../../src/core/dataset.ts'
import { periodSuffixes } from '../../src/core/series.ts'
import { type CoverageRecord, toLedgerRow } from '../../src/stores/schema.ts'
import { type Contents, comparedColumns } from './compare-store.ts'

/** One database for one test. */
export type Place = {
  /** What the program is told: `--db` and where it is. */
  readonly flags: readonly string[]
  readonly contents: Contents
}

export type BinaryDatabase = {
  readonly label: string
  /** A fresh one; an embedded database is a file in `folder`. */
  place(folder: string): Promise<Place>
}

export const binaryDatabases: readonly BinaryDatabase[] = [
  {
    label: 'sqlite',
    place: async (folder) => {
      const path = join(folder, 'binary.db')
      return { flags: ['--db', 'sqlite', '--db-uri', path], contents: sqliteContents(path) }
    },
  },
]

/** How long the test waits for the program to let go of its lock. */
const BUSY_TIMEOUT_MS = 10_000

/** What a SQLite file holds; a file that is not there holds nothing. */
export function sqliteContents(path: string): Contents {
  const read = <T>(nothing: T, work: (database: Database) => T): T => {
    if (!existsSync(path)) return nothing
    const database = new Database(path, { readonly: true })
    try {
      database.run(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`)
      return work(database)
    } finally {
      database.close()
    }
  }
  return {
    counts: async () =>
      read(new Map(), (database) => {
        const counts = new Map<string, number>()
        for (const table of tablesOf(database).filter((name) => name.startsWith('klines_'))) {
          const text = `SELECT market, symbol, count(*) AS n FROM ${table} GROUP BY market, symbol`
          for (const row of database.query<{ market: string; symbol: string; n: number }, []>(text).all())
            counts.set(`${row.market}/${table}/${row.symbol}`, row.n)
        }
        return counts
      }),
    rows: async ({ market, symbol, period }) => {
      const table = period === null ? '' : `klines_${periodSuffixes[period]}`
      const found = read<Value[][]>([], (database) => {
        if (!tablesOf(database).includes(table)) return []
        const names = comparedColumns.join()
        const text = `SELECT ${names} FROM ${table} WHERE market = ? AND symbol = ? ORDER BY 1`
        return database.query<never, [string, string]>(text).values(market, symbol) as unknown as Value[][]
      })
      const columns = comparedColumns.map((_, i) => found.map((row) => row[i] ?? null))
      return { count: found.length, columns }
    },
    ledger: async ({ market, dataset, symbol, period }) =>
      read([], (database) => {
        if (!tablesOf(database).includes('petrosa_coverage')) return []
        const text = 'SELECT * FROM petrosa_coverage WHERE series = ? ORDER BY start_time'
        const key = `${market}/${dataset}/${symbol}/${period}`
        return database.query<CoverageRecord, [string]>(text).all(key).map(toLedgerRow)
      }),
    dump: async () =>
      read('', (database) =>
        tablesOf(database)
          .map((table) => `${table}\n${JSON.stringify(database.query(`SELECT * FROM ${table}`).values())}`)
          .join('\n'),
      ),
  }
}

function tablesOf(database: Database): string[] {
  const text = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"
  return database
    .query<{ name: string }, []>(text)
    .all()
    .map(({ name }) => name)
}
