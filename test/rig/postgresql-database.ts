// PostgreSQL for the contract suite: a database of its own for each use, on a server that a URI names.
import { timeName } from '../../src/core/dataset.ts'
import { loadDriver, onConnection, type SqlConnection, sqlText, withDatabase } from './sql.ts'
import { freshName, openStore, type Stamp, type TestDatabase } from './test-database.ts'

type Postgres = (
  uri: string,
  options: object,
) => {
  unsafe(text: string): Promise<readonly Record<string, unknown>[]>
  end(options: { timeout: number }): Promise<void>
}

const END_SECONDS = 5

async function connect(uri: string): Promise<SqlConnection> {
  const { default: postgres } = await loadDriver<{ default: Postgres }>('postgres')
  const sql = postgres(uri, { max: 1, onnotice: () => {} })
  return { query: (text) => sql.unsafe(text), close: () => sql.end({ timeout: END_SECONDS }) }
}

const epochMs = (column: string): string => `(extract(epoch from ${column}) * 1000)::bigint::text`

/** The databases of the server at `server`, whose user may create databases. */
export function postgresqlDatabase(server: string): TestDatabase {
  return {
    kind: 'postgresql',
    label: 'postgresql',
    shared: true,
    open: (options) => openStore('postgresql', options),
    fresh: async () => {
      const name = freshName()
      await onConnection(connect(server), (connection) => connection.query(`CREATE DATABASE ${name}`))
      const drop = async (): Promise<void> => {
        const text = `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`
        await onConnection(connect(server), (connection) => connection.query(text))
      }
      return { uri: withDatabase(server, name), drop }
    },
    // `fresh` has made it.
    exists: async () => true,
    exec: async (uri, statement) => {
      await onConnection(connect(uri), (connection) => connection.query(statement))
    },
    tables: async (uri) => {
      const text =
        "SELECT table_name AS name FROM information_schema.tables WHERE table_type = 'BASE TABLE' " +
        'AND table_schema = current_schema() ORDER BY 1'
      const rows = await onConnection(connect(uri), (connection) => connection.query(text))
      return rows.map(({ name }) => String(name))
    },
    stamps: async (uri, table, symbol) => {
      const text =
        `SELECT ${epochMs(timeName(table))} AS time, source, ${epochMs('extracted_at')} AS extracted ` +
        `FROM ${table.name} WHERE symbol = ${sqlText(symbol)} ORDER BY ${timeName(table)}`
      return (await onConnection(connect(uri), (connection) => connection.query(text))).map(toStamp)
    },
    spoil: {
      newerSchema: 'UPDATE petrosa_schema SET version = 99',
      foreignTable: (name) => `CREATE TABLE ${name} (id integer PRIMARY KEY, note text)`,
      trailingZero: 'UPDATE klines_m1 SET open_price = 1.50',
      timeZone: {
        shift: (uri) => `ALTER DATABASE ${new URL(uri).pathname.slice(1)} SET timezone = 'Asia/Kolkata'`,
        restore: (uri) => `ALTER DATABASE ${new URL(uri).pathname.slice(1)} RESET timezone`,
      },
    },
  }
}

/** A row of a stamp query, its times as text of epoch ms. */
function toStamp(row: Record<string, unknown>): Stamp {
  const { time, source, extracted } = row
  return { timeMs: Number(time), source: String(source), extractedAtMs: Number(extracted) }
}
