// What a server itself says of a table of klines: its rows and the types of its columns, by statements of the
// server's own language, in a session that lives in another time zone. Shares no code with the stores.
import type { StoreKind } from '../../src/core/store.ts'
import { onMongoDatabase } from './mongodb-database.ts'
import { connectMysql } from './mysql-database.ts'
import { connectPostgresql } from './postgresql-database.ts'
import { onConnection, sqlText } from './sql.ts'

/** Columns whose values are decimals; the others are times, or the number of trades. */
const decimals = [
  ...['open_price', 'high_price', 'low_price', 'close_price', 'volume', 'quote_asset_volume'],
  ...['taker_buy_base_asset_volume', 'taker_buy_quote_asset_volume'],
]
const times = ['open_time', 'close_time']

/** More than any test stores, so that one answer holds them all. */
const MOST_DOCUMENTS = 100_000

export type NativeTable = {
  /** Each row's values by column: times as ISO 8601 in UTC, decimals as the server writes them. */
  readonly rows: readonly Readonly<Record<string, string>>[]
  /** The server's own name for the type of each column. */
  readonly types: Readonly<Record<string, string>>
}

/** The rows of a symbol in a table of klines, as the server of `kind` at `uri` shows them, by open time. */
export function nativeTable(
  kind: StoreKind,
  uri: string,
  table: string,
  market: string,
  symbol: string,
): Promise<NativeTable> {
  const asked = { uri, table, market, symbol }
  if (kind === 'postgresql') return fromPostgresql(asked)
  if (kind === 'mysql') return fromMysql(asked)
  if (kind === 'mongodb') return fromMongodb(asked)
  throw new Error('an embedded database has no server')
}

type Asked = {
  readonly uri: string
  readonly table: string
  readonly market: string
  readonly symbol: string
}
type Found = readonly Readonly<Record<string, unknown>>[]

function fromPostgresql({ uri, table, market, symbol }: Asked): Promise<NativeTable> {
  return onConnection(connectPostgresql(uri), async ({ query }) => {
    await query("SET timezone = 'Asia/Kolkata'")
    const list = [
      ...times.map(
        (name) => `to_char(${name} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS ${name}`,
      ),
      ...[...decimals, 'number_of_trades'].map((name) => `${name}::text AS ${name}`),
    ]
    const where = `market = ${sqlText(market)} AND symbol = ${sqlText(symbol)}`
    const rows = await query(`SELECT ${list} FROM ${table} WHERE ${where} ORDER BY ${table}.open_time`)
    const types = await query(
      'SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute ' +
        `WHERE attrelid = ${sqlText(table)}::regclass AND attnum > 0`,
    )
    return { rows: texts(rows), types: byName(types) }
  })
}

function fromMysql({ uri, table, market, symbol }: Asked): Promise<NativeTable> {
  return onConnection(connectMysql(uri), async ({ query }) => {
    await query("SET time_zone = '+05:30'")
    const list = [
      ...times.map(
        (name) => `concat(left(date_format(${name}, '%Y-%m-%dT%H:%i:%s.%f'), 23), 'Z') AS ${name}`,
      ),
      ...[...decimals, 'number_of_trades'].map((name) => `cast(${name} AS char) AS ${name}`),
    ]
    const where = `market = ${sqlText(market)} AND symbol = ${sqlText(symbol)}`
    const rows = await query(`SELECT ${list} FROM ${table} WHERE ${where} ORDER BY ${table}.open_time`)
    const types = await query(
      `SELECT column_name AS name, concat_ws(' ', column_type, collation_name) AS type ` +
        `FROM information_schema.columns WHERE table_schema = database() AND table_name = ${sqlText(table)}`,
    )
    return { rows: texts(rows), types: byName(types) }
  })
}

async function fromMongodb({ uri, table, market, symbol }: Asked): Promise<NativeTable> {
  const columns = [...times, ...decimals, 'number_of_trades']
  const shown = Object.fromEntries([
    ...times.map((name) => [name, operator('dateToString', { date: `$${name}` })]),
    ...[...decimals, 'number_of_trades'].map((name) => [name, operator('toString', `$${name}`)]),
  ])
  const kinds = [...columns, 'market', 'symbol', 'source', 'extracted_at'].map((name) => [
    name,
    operator('type', `$${name}`),
  ])
  const ask = async (pipeline: readonly object[]): Promise<Found> => {
    const command = { aggregate: table, pipeline, cursor: { batchSize: MOST_DOCUMENTS } }
    const answer = await onMongoDatabase(uri, (database) => database.command(command))
    return (answer.cursor as { firstBatch: Found }).firstBatch
  }
  const match = operator('match', { market, symbol })
  const rows = await ask([match, operator('sort', { open_time: 1 }), operator('project', shown)])
  // One document for each combination of types: more than one would show a mixture.
  const key = Object.fromEntries([['_id', Object.fromEntries(kinds)]])
  const groups = await ask([match, operator('group', key)])
  if (groups.length > 1) throw new Error(`${table} mixes types: ${JSON.stringify(groups)}`)
  return { rows: texts(rows), types: texts(groups.map((group) => group._id as Found[number]))[0] ?? {} }
}

/** `{ $name: body }`: a stage or an expression of MongoDB. */
const operator = (name: string, body: unknown): object => ({ [`$${name}`]: body })

const texts = (rows: Found): Record<string, string>[] =>
  rows.map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, String(value)])))

const byName = (rows: Found): Record<string, string> =>
  Object.fromEntries(rows.map(({ name, type }) => [String(name), String(type)]))
