// PostgreSQL for the contract suite: a database of its own for each use, on a server that a URI names.
import { timeName } from '../../src/core/dataset.ts'
import { loadDriver, onConnection, type SqlConnection, sqlText, withDatabase } from './sql.ts'
import {
  freshName,
  openStore,
  type Stamp,
  sqlVersions,
  type TestDatabase,
  toReplaced,
} from './test-database.ts'

type Postgres = (
  uri: string,
  options: object,
) => {
  unsafe(text: string): Promise<readonly Record<string, unknown>[]>
  end(options: { timeout: number }): Promise<void>
}

const END_SECONDS = 5

/** A connection of the driver's own to the database at `uri`. */
export async function connectPostgresql(uri: string): Promise<SqlConnection> {
  const { default: postgres } = await loadDriver<{ default: Postgres }>('postgres')
  const sql = postgres(uri, { max: 1, onnotice: () => {} })
  return { query: (text) => sql.unsafe(text), close: () => sql.end({ timeout: END_SECONDS }) }
}

const epochMs = (column: string): string => `(extract(epoch from ${column}) * 1000)::bigint::text`

/** The databases of the server at `server`, whose user may create databases. */
export function postgresqlDatabase(server: string): TestDatabase {
  const onServer = (text: string) =>
    onConnection(connectPostgresql(server), (connection) => connection.query(text))
  const absent = async () => {
    const name = freshName()
    const drop = async (): Promise<void> => {
      await onServer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
    }
    return { uri: withDatabase(server, name), drop, name }
  }
  return {
    kind: 'postgresql',
    label: 'postgresql',
    shared: true,
    open: (options) => openStore('postgresql', options),
    fresh: async () => {
      const { name, ...database } = await absent()
      await onServer(`CREATE DATABASE ${name}`)
      return database
    },
    absent,
    exists: async (uri) => {
      const name = sqlText(new URL(uri).pathname.slice(1))
      return (await onServer(`SELECT 1 FROM pg_database WHERE datname = ${name}`)).length > 0
    },
    exec: async (uri, statement) => {
      await onConnection(connectPostgresql(uri), (connection) => connection.query(statement))
    },
    tables: async (uri) => {
      const text =
        "SELECT table_name AS name FROM information_schema.tables WHERE table_type = 'BASE TABLE' " +
        'AND table_schema = current_schema() ORDER BY 1'
      const rows = await onConnection(connectPostgresql(uri), (connection) => connection.query(text))
      return rows.map(({ name }) => String(name))
    },
    stamps: async (uri, table, symbol) => {
      const text =
        `SELECT ${epochMs(timeName(table))} AS time, source, ${epochMs('extracted_at')} AS extracted ` +
        `FROM ${table.name} WHERE symbol = ${sqlText(symbol)} ORDER BY ${timeName(table)}`
      return (await onConnection(connectPostgresql(uri), (connection) => connection.query(text))).map(toStamp)
    },
    replaced: async (uri, series) => {
      const text =
        `SELECT series, key, ${epochMs('replaced_at')} AS replaced, "row" FROM petrosa_replaced ` +
        `WHERE series = ${sqlText(series)}`
      return (await onConnection(connectPostgresql(uri), ({ query }) => query(text))).map(toReplaced)
    },
    spoil: {
      ...sqlVersions,
      foreignTable: (name) => `CREATE TABLE ${name} (id integer PRIMARY KEY, note text)`,
      trailingZero: 'UPDATE klines_m1 SET open_price = 1.50',
      foreignValue: 'UPDATE klines_m1 SET open_price = 12345678901234567890.123456789012345678',
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
