// What a SQLite file holds, read past the program and its store: a defect of the store's own reader cannot
// hide one of its writer.
import { Database } from 'bun:sqlite'
import { existsSync } from 'node:fs'
import { type Table, timeName, type Value } from '../../src/core/dataset.ts'
import { seriesKey } from '../../src/core/series.ts'
import { allTables } from '../../src/datasets/all.ts'
import { type CoverageRecord, coverageColumns, toLedgerRow } from '../../src/stores/schema.ts'
import type { Contents } from './compare-store.ts'
import { tableOfSeries } from './expectation.ts'

/** How long the test waits for the program to let go of its lock. */
const BUSY_TIMEOUT_MS = 10_000

/** What a SQLite file holds; a file that is not there holds nothing. */
export function sqliteContents(path: string): Contents {
  const read = <T>(nothing: T, work: (database: Database) => T): T => {
    if (!existsSync(path)) return nothing
    // Whole numbers come as BigInt, so that no id is rounded.
    const database = new Database(path, { readonly: true, safeIntegers: true })
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
        const own = new Set(allTables.map(({ name }) => name))
        for (const table of tablesOf(database).filter((name) => own.has(name))) {
          const text = `SELECT market, symbol, count(*) AS n FROM ${table} GROUP BY market, symbol`
          for (const row of database.query<{ market: string; symbol: string; n: bigint }, []>(text).all())
            counts.set(`${row.market}/${table}/${row.symbol}`, Number(row.n))
        }
        return counts
      }),
    rows: async (series) => {
      const table = tableOfSeries(series)
      const found = read<readonly (readonly Value[])[]>([], (database) => {
        if (!tablesOf(database).includes(table.name)) return []
        const text = `SELECT ${table.columns.map(({ name }) => name).join()} FROM ${table.name} `
        const where = `WHERE market = ? AND symbol = ? ORDER BY ${orderOf(table)}`
        const { market, symbol } = series
        const rows = database.query<never, [string, string]>(text + where).values(market, symbol)
        return (rows as unknown as Stored[][]).map((row) => row.map((value, i) => valueIn(table, i, value)))
      })
      return {
        count: found.length,
        columns: table.columns.map((_, i) => found.map((row) => row[i] ?? null)),
      }
    },
    ledger: async (series) =>
      read([], (database) => {
        if (!tablesOf(database).includes('petrosa_coverage')) return []
        const text = 'SELECT * FROM petrosa_coverage WHERE series = ? ORDER BY start_time'
        const rows = database.query<Record<string, Stored>, [string]>(text).all(seriesKey(series))
        return rows.map((row) => toLedgerRow(coverageRecord(row)))
      }),
    dump: async () =>
      read('', (database) =>
        tablesOf(database)
          .map((table) => `${table}\n${exactJson(database.query(`SELECT * FROM ${table}`).values())}`)
          .join('\n'),
      ),
  }
}

type Stored = string | bigint | null

/** Ids as text, other whole numbers as numbers. */
function valueIn(table: Table, column: number, value: Stored): Value {
  if (typeof value !== 'bigint') return value
  return table.columns[column]?.kind === 'id' ? String(value) : Number(value)
}

function coverageRecord(row: Readonly<Record<string, Stored>>): CoverageRecord {
  const values = coverageColumns.map(({ name, kind }) => {
    const value = row[name] ?? null
    if (typeof value !== 'bigint') return [name, value]
    return [name, kind === 'id' ? String(value) : Number(value)]
  })
  return Object.fromEntries(values) as CoverageRecord
}

const orderOf = (table: Table): string =>
  [timeName(table), ...table.columns.slice(0, table.keyLength).map(({ name }) => name)].join()

const exactJson = (value: unknown): string =>
  JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? String(each) : each))

function tablesOf(database: Database): string[] {
  const text = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"
  return database
    .query<{ name: string }, []>(text)
    .all()
    .map(({ name }) => name)
}
