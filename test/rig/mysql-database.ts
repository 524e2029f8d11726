// MySQL and MariaDB for the contract suite: a database of its own for each use, on a server that a URI names.
import { timeName } from '../../src/core/dataset.ts'
import { loadDriver, onConnection, type SqlConnection, sqlText, withDatabase } from './sql.ts'
import { freshName, openStore, sqlVersions, type TestDatabase, toReplaced } from './test-database.ts'

type MysqlConnection = {
  query(text: string): Promise<readonly [unknown, unknown]>
  end(): Promise<void>
}
type Mysql = { createConnection(uri: string): Promise<MysqlConnection> }

/** A connection of the driver's own to the database at `uri`. */
export async function connectMysql(uri: string): Promise<SqlConnection> {
  const { createConnection } = await loadDriver<Mysql>('mysql2/promise')
  const connection = await createConnection(uri)
  return {
    query: async (text) => {
      const [rows] = await connection.query(text)
      return Array.isArray(rows) ? rows : []
    },
    close: () => connection.end(),
  }
}

const epochMs = (column: string): string =>
  `CAST(timestampdiff(MICROSECOND, '1970-01-01 00:00:00', ${column}) DIV 1000 AS CHAR)`

/** The name of the database as a LIKE pattern that means only it. */
const nameOf = (uri: string): string => new URL(uri).pathname.slice(1).replaceAll('_', '\\_')

/** The databases of the server at `server`, whose user may create databases; `label` is mysql or mariadb. */
export function mysqlDatabase(label: string, server: string): TestDatabase {
  const base = server.replace(/^mariadb:/, 'mysql:')
  const onServer = (text: string) => onConnection(connectMysql(base), (connection) => connection.query(text))
  const absent = async () => {
    const name = freshName()
    const drop = async (): Promise<void> => {
      await onServer(`DROP DATABASE IF EXISTS ${name}`)
    }
    return { uri: withDatabase(base, name), drop, name }
  }
  return {
    kind: 'mysql',
    label,
    shared: true,
    open: (options) => openStore('mysql', options),
    fresh: async () => {
      const { name, ...database } = await absent()
      await onServer(`CREATE DATABASE ${name}`)
      return database
    },
    absent,
    exists: async (uri) => (await onServer(`SHOW DATABASES LIKE ${sqlText(nameOf(uri))}`)).length > 0,
    exec: async (uri, statement) => {
      await onConnection(connectMysql(uri), (connection) => connection.query(statement))
    },
    tables: async (uri) => {
      const text =
        "SELECT table_name AS name FROM information_schema.tables WHERE table_type = 'BASE TABLE' " +
        'AND table_schema = database() ORDER BY 1'
      const rows = await onConnection(connectMysql(uri), (connection) => connection.query(text))
      return rows.map(({ name }) => String(name))
    },
    stamps: async (uri, table, symbol) => {
      const text =
        `SELECT ${epochMs(timeName(table))} AS time, source, ${epochMs('extracted_at')} AS extracted ` +
        `FROM ${table.name} WHERE symbol = ${sqlText(symbol)} ORDER BY ${timeName(table)}`
      const rows = await onConnection(connectMysql(uri), (connection) => connection.query(text))
      return rows.map(({ time, source, extracted }) => ({
        timeMs: Number(time),
        source: String(source),
        extractedAtMs: Number(extracted),
      }))
    },
    replaced: async (uri, series) => {
      const text =
        `SELECT series, \`key\`, ${epochMs('replaced_at')} AS replaced, \`row\` FROM petrosa_replaced ` +
        `WHERE series = ${sqlText(series)}`
      return (await onConnection(connectMysql(uri), ({ query }) => query(text))).map(toReplaced)
    },
    spoil: {
      ...sqlVersions,
      foreignTable: (name) => `CREATE TABLE ${name} (id integer PRIMARY KEY, note text)`,
      trailingZero: 'UPDATE klines_m1 SET open_price = 1.50',
      foreignValue: 'UPDATE klines_m1 SET open_price = 12345678901234567890.123456789012345678',
      // A zone is set for the whole server here; a store that depends on it is wrong on any server.
      timeZone: {
        shift: () => "SET GLOBAL time_zone = '+05:30'",
        restore: () => "SET GLOBAL time_zone = 'SYSTEM'",
      },
    },
  }
}
