// Tables for the benchmark of gap scans: minutes that the database itself makes, without the program, and the
// ledger that it would have written. SQLite in a file, PostgreSQL in a database of its own.
import { Database } from 'bun:sqlite'
import { MINUTE_MS } from '../../src/core/calendar.ts'
import { emptyRows } from '../../src/core/dataset.ts'
import { type LedgerRow, ledgerRow } from '../../src/core/ledger.ts'
import type { Series } from '../../src/core/series.ts'
import type { Page, Store, StoreKind } from '../../src/core/store.ts'
import { klines } from '../../src/datasets/klines.ts'
import { postgresqlBed } from '../rig/postgresql-server.ts'
import { openStore } from '../rig/test-database.ts'
import { measure, removeDatabase } from './measure.ts'

export type GapTable = {
  readonly name: StoreKind
  readonly flags: readonly string[]
  /** Makes the table anew: so many series, so many minutes each; `holes` of them, settled as outages. */
  fill(series: number, minutes: number, holes: number): Promise<void>
  /** Seconds that the database's own program takes for a bare count(*). */
  bareCount(): Promise<number>
  /** Statements that the database has answered so far; null where it does not count them. */
  statements(): Promise<number | null>
  close(): Promise<void>
}

const START_MS = Date.parse('2020-01-01T00:00Z')
const TABLE = 'klines_m1'
/** Minutes of a hole. */
const HOLE = 37

const symbolOf = (i: number): string => `B${String(i).padStart(5, '0')}USDT`
const holeAt = (hole: number, minutes: number, holes: number): number =>
  Math.floor(((hole + 0.5) * minutes) / holes)

/** The values of a row in SQL: `t` is its open time, `n` its number, `symbol` its symbol. */
function selected(time: (ms: string) => string, text: (number: string) => string): string {
  const price = text('30000 + n % 977 + 0.25')
  const volume = text('n % 8191 + 0.12345')
  return (
    `'spot', symbol, ${time('t')}, ${time(`t + ${MINUTE_MS - 1}`)}, ` +
    `${price}, ${price}, ${price}, ${price}, ` +
    `${volume}, ${volume}, n % 500, ${volume}, ${volume}, 'rest', ${time(`t + ${MINUTE_MS}`)}`
  )
}

/** What the program would have settled. */
async function writeLedger(store: Store, series: number, minutes: number, holes: number): Promise<void> {
  const at = (minute: number): number => START_MS + minute * MINUTE_MS
  const ledger: LedgerRow[] = []
  let from = 0
  for (let hole = 0; hole < holes; hole += 1) {
    const begins = holeAt(hole, minutes, holes)
    ledger.push(
      ledgerRow({ startMs: at(from), endMs: at(begins) }, 'rows', { rows: begins - from, source: 'rest' }),
    )
    from = begins + HOLE
    const asked = { source: 'rest', asked: 1, checkedAtMs: at(minutes) } as const
    ledger.push(ledgerRow({ startMs: at(begins), endMs: at(from) }, 'outage', asked))
  }
  ledger.push(
    ledgerRow({ startMs: at(from), endMs: at(minutes) }, 'rows', { rows: minutes - from, source: 'rest' }),
  )
  const pages = Array.from({ length: series }, (_, i): Page => {
    const one: Series = { market: 'spot', dataset: 'klines', symbol: symbolOf(i), period: '1m' }
    const table = klines.table(one)
    const rows = emptyRows(table)
    return { series: one, table, rows, ledger, source: 'rest', extractedAtMs: at(minutes), fresh: false }
  })
  for (let first = 0; first < pages.length; first += 500) await store.write(pages.slice(first, first + 500))
}

async function prepared(kind: StoreKind, uri: string, work: (store: Store) => Promise<void>): Promise<void> {
  const store = await openStore(kind, { uri, readOnly: false, batchRows: null })
  const table = klines.table({ market: 'spot', dataset: 'klines', symbol: '', period: '1m' })
  await store.prepare([table])
  await work(store)
  await store.close()
}

type Holes = { readonly series: number; readonly minutes: number; readonly holes: number }

/** Statements that delete the holes of every series, each along the key. */
function* deletions({ series, minutes, holes }: Holes, time: (ms: string) => string): Generator<string> {
  for (let i = 0; i < series; i += 1) {
    for (let hole = 0; hole < holes; hole += 1) {
      const fromMs = START_MS + holeAt(hole, minutes, holes) * MINUTE_MS
      const toMs = fromMs + HOLE * MINUTE_MS
      yield `DELETE FROM ${TABLE} WHERE market = 'spot' AND symbol = '${symbolOf(i)}' ` +
        `AND open_time >= ${time(`${fromMs}`)} AND open_time < ${time(`${toMs}`)}`
    }
  }
}

/** SQLite in the file `path`. */
export function sqliteGapTable(path: string): GapTable {
  const remove = async (): Promise<void> => {
    await removeDatabase(path)
  }
  return {
    name: 'sqlite',
    flags: ['--db-uri', path],
    fill: async (series, minutes, holes) => {
      await remove()
      await prepared('sqlite', path, async (store) => {
        const database = new Database(path)
        database.run('PRAGMA synchronous = OFF')
        const next = `SELECT n + 1 FROM m WHERE n < ${minutes - 1}`
        const numbers = `WITH RECURSIVE m(n) AS (SELECT 0 UNION ALL ${next})`
        const source = `(SELECT n, ${START_MS} + n * ${MINUTE_MS} AS t, ? AS symbol FROM m)`
        const values = selected(
          (ms) => ms,
          (number) => `CAST(${number} AS TEXT)`,
        )
        const insert = database.query(`${numbers} INSERT INTO ${TABLE} SELECT ${values} FROM ${source}`)
        for (let i = 0; i < series; i += 1) insert.run(symbolOf(i))
        for (const statement of deletions({ series, minutes, holes }, (ms) => ms)) database.run(statement)
        database.close()
        await writeLedger(store, series, minutes, holes)
      })
    },
    bareCount: async () => (await measure(['sqlite3', path, `SELECT count(*) FROM ${TABLE}`])).wallSeconds,
    statements: async () => null,
    close: remove,
  }
}

/** PostgreSQL in a database of its own; null where there is no server or no psql. */
export async function postgresqlGapTable(): Promise<GapTable | null> {
  const bed = Bun.which('psql') ? await postgresqlBed() : null
  if (!bed) return null
  const time = (ms: string): string => `to_timestamp((${ms}) / 1000.0)`
  return {
    name: 'postgresql',
    flags: ['--db', 'postgresql', '--db-uri', bed.uri],
    fill: (series, minutes, holes) =>
      prepared('postgresql', bed.uri, async (store) => {
        await bed.sql.unsafe(`TRUNCATE ${TABLE}, petrosa_coverage`)
        const values = selected(time, (number) => number)
        for (let i = 0; i < series; i += 1)
          await bed.sql.unsafe(
            `INSERT INTO ${TABLE} SELECT ${values} ` +
              `FROM (SELECT n, ${START_MS} + n * ${MINUTE_MS}::bigint AS t, ` +
              `'${symbolOf(i)}' AS symbol FROM generate_series(0, ${minutes - 1}) AS n) AS source`,
          )
        for (const statement of deletions({ series, minutes, holes }, time)) await bed.sql.unsafe(statement)
        await writeLedger(store, series, minutes, holes)
        // As autovacuum leaves a table that is not being written.
        await bed.sql.unsafe(`VACUUM ANALYZE ${TABLE}`)
        await bed.sql.unsafe('VACUUM ANALYZE petrosa_coverage')
        await bed.sql.unsafe('CHECKPOINT').catch(() => {})
      }),
    bareCount: async () =>
      (await measure(['psql', bed.uri, '-qAtc', `SELECT count(*) FROM ${TABLE}`])).wallSeconds,
    statements: async () => {
      const [row] = await bed.sql.unsafe<{ n: string }[]>(
        'SELECT xact_commit AS n FROM pg_stat_database WHERE datname = current_database()',
      )
      return Number(row?.n)
    },
    close: bed.drop,
  }
}
