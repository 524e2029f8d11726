// What a server itself says of a table of ours: its rows and the types of its columns, by statements of the
// server's own language, in a session that lives in another time zone. Shares no code with the stores.
import { type Column, type ColumnKind, type Table, timeName, type Value } from '../../src/core/dataset.ts'
import type { Series } from '../../src/core/series.ts'
import type { StoreKind } from '../../src/core/store.ts'
import { onMongoDatabase } from './mongodb-database.ts'
import { connectMysql } from './mysql-database.ts'
import { connectPostgresql } from './postgresql-database.ts'
import { onConnection, sqlText } from './sql.ts'

/** More than any test stores, so that one answer holds them all. */
const MOST_DOCUMENTS = 100_000

export type NativeTable = {
  /** Each row's values in the order of the table's columns, by time and then by the rest of the key. */
  readonly rows: readonly (readonly Value[])[]
  /** The server's own name for the type of each column; what holds only nulls may have none. */
  readonly types: Readonly<Record<string, string>>
}

/** The rows of a series, which is kept in `table`, as the server of `kind` at `uri` shows them. */
export async function nativeTable(
  kind: StoreKind,
  uri: string,
  table: Table,
  series: Series,
): Promise<NativeTable> {
  const { rows, types } = await readers[kind]({ uri, table, series })
  return {
    rows: rows.map((row) => table.columns.map((column) => plainValue(column, row[column.name] ?? null))),
    types,
  }
}

type Asked = { readonly uri: string; readonly table: Table; readonly series: Series }
type Found = readonly Readonly<Record<string, unknown>>[]
type Shown = { readonly rows: Found; readonly types: Readonly<Record<string, string>> }

const readers: Readonly<Record<StoreKind, (asked: Asked) => Promise<Shown>>> = {
  postgresql: fromPostgresql,
  mysql: fromMysql,
  mongodb: fromMongodb,
  sqlite: () => Promise.reject(new Error('an embedded database has no server')),
}

/** How each kind of column is kept: the server's own word for its type. */
export const nativeTypes: Readonly<
  Record<Exclude<StoreKind, 'sqlite'>, Readonly<Record<ColumnKind, string>>>
> = {
  postgresql: {
    text: 'text',
    time: 'timestamp(3) with time zone',
    decimal: 'numeric',
    integer: 'bigint',
    id: 'bigint',
    flag: 'boolean',
  },
  mysql: {
    text: 'varchar(128) utf8mb4_bin',
    time: 'datetime(3)',
    decimal: 'decimal(38,18)',
    integer: 'bigint',
    id: 'bigint',
    flag: 'tinyint(1)',
  },
  mongodb: { text: 'string', time: 'date', decimal: 'decimal', integer: 'int', id: 'long', flag: 'bool' },
}

const orderOf = (table: Table): string =>
  [timeName(table), ...table.columns.slice(0, table.keyLength).map(({ name }) => name)]
    .map((name) => `${table.name}.${name}`)
    .join()

function fromPostgresql({ uri, table, series }: Asked): Promise<Shown> {
  return onConnection(connectPostgresql(uri), async ({ query }) => {
    await query("SET timezone = 'Asia/Kolkata'")
    const list = table.columns.map(({ name, kind }) =>
      kind === 'time'
        ? `to_char(${name} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS ${name}`
        : `${name}::text AS ${name}`,
    )
    const where = `market = ${sqlText(series.market)} AND symbol = ${sqlText(series.symbol)}`
    const rows = await query(`SELECT ${list} FROM ${table.name} WHERE ${where} ORDER BY ${orderOf(table)}`)
    const types = await query(
      'SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute ' +
        `WHERE attrelid = ${sqlText(table.name)}::regclass AND attnum > 0`,
    )
    return { rows, types: byName(types) }
  })
}

function fromMysql({ uri, table, series }: Asked): Promise<Shown> {
  return onConnection(connectMysql(uri), async ({ query }) => {
    await query("SET time_zone = '+05:30'")
    const list = table.columns.map(({ name, kind }) =>
      kind === 'time'
        ? `concat(left(date_format(${name}, '%Y-%m-%dT%H:%i:%s.%f'), 23), 'Z') AS ${name}`
        : `cast(${name} AS char) AS ${name}`,
    )
    const where = `market = ${sqlText(series.market)} AND symbol = ${sqlText(series.symbol)}`
    const rows = await query(`SELECT ${list} FROM ${table.name} WHERE ${where} ORDER BY ${orderOf(table)}`)
    const types = await query(
      `SELECT column_name AS name, concat_ws(' ', column_type, collation_name) AS type FROM ` +
        `information_schema.columns WHERE table_schema = database() AND table_name = ${sqlText(table.name)}`,
    )
    // Older servers say how wide a number is shown, which means nothing.
    return { rows, types: byName(types, (type) => type.replace(/^bigint\(\d+\)/, 'bigint')) }
  })
}

async function fromMongodb({ uri, table, series }: Asked): Promise<Shown> {
  const shown = Object.fromEntries(
    table.columns.map(({ name, kind }) => [
      name,
      kind === 'time' ? operator('dateToString', { date: `$${name}` }) : operator('toString', `$${name}`),
    ]),
  )
  const ask = async (pipeline: readonly object[]): Promise<Found> => {
    const command = { aggregate: table.name, pipeline, cursor: { batchSize: MOST_DOCUMENTS } }
    const answer = await onMongoDatabase(uri, (database) => database.command(command))
    return (answer.cursor as { firstBatch: Found }).firstBatch
  }
  const match = operator('match', { market: series.market, symbol: series.symbol })
  const order = Object.fromEntries(
    [timeName(table), ...table.columns.slice(0, table.keyLength).map(({ name }) => name)].map((name) => [
      name,
      1,
    ]),
  )
  const rows = await ask([match, operator('sort', order), operator('project', shown)])
  const names = [...table.columns.map(({ name }) => name), 'market', 'symbol', 'source', 'extracted_at']
  const sets = names.map((name) => [name, operator('addToSet', operator('type', `$${name}`))])
  const [groups = {}] = await ask([match, operator('group', Object.fromEntries([['_id', null], ...sets]))])
  return { rows, types: Object.fromEntries(names.map((name) => [name, oneType(name, groups[name])])) }
}

/** The one type of all values of a field, nulls aside. */
function oneType(name: string, found: unknown): string {
  const types = (Array.isArray(found) ? found : []).filter((type) => type !== 'null' && type !== 'missing')
  if (types.length > 1) throw new Error(`${name} mixes types: ${types.join()}`)
  return types.length === 0 ? 'null' : String(types[0])
}

/** `{ $name: body }`: a stage or an expression of MongoDB. */
const operator = (name: string, body: unknown): object => ({ [`$${name}`]: body })

const byName = (rows: Found, as = (type: string): string => type): Record<string, string> =>
  Object.fromEntries(rows.map(({ name, type }) => [String(name), as(String(type))]))

/** A value as a server writes it, in the contract's form. */
function plainValue({ kind }: Column, shown: unknown): Value {
  if (shown === null) return null
  const text = String(shown)
  switch (kind) {
    case 'text':
    case 'id':
      return text
    case 'decimal':
      return plain(text)
    case 'time':
      return Date.parse(text)
    case 'integer':
      return Number(text)
    case 'flag':
      return text === 'true' || text === '1' ? 1 : 0
  }
}

/** A decimal as a server writes it, as plain digits: 1.50 and 15E-1 are 1.5. */
function plain(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:E([+-]?\d+))?$/.exec(text) ?? []
  const point = whole.length + Number(exponent)
  const digits = (whole + fraction).padStart(whole.length + fraction.length + Math.max(0, 1 - point), '0')
  const at = Math.max(point, 1)
  const filled = digits.padEnd(at, '0')
  const rest = filled.slice(at).replace(/0+$/, '')
  const front = filled.slice(0, at).replace(/^0+(?=\d)/, '')
  if (rest !== '') return `${sign}${front}.${rest}`
  return front === '0' ? '0' : sign + front
}
