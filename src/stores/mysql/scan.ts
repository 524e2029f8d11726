// Reads of the MySQL store: what is there, counted and listed by key ranges on the server.
import type { RowDataPacket } from 'mysql2/promise'
import {
  type Column,
  idName,
  keyNames,
  type Rows,
  type Table,
  timeName,
  type Value,
} from '../../core/dataset.ts'
import { canonicalDecimal } from '../../core/decimal.ts'
import { markets, parseSeriesKey, type Series, seriesKey } from '../../core/series.ts'
import type { Span } from '../../core/span.ts'
import type { Holding } from '../../core/store.ts'
import { COVERAGE_TABLE } from '../schema.ts'
import { tableNames } from './schema.ts'
import type { Session } from './session.ts'
import { epochMs, quoted, selectList, timeText } from './text.ts'

/** Spans (or ids) asked for by one statement; more make it slow to parse. */
export const PARTS_A_STATEMENT = 200

/** Every series that the ledger or one of `tables` knows, in order of their keys. */
export async function knownSeries(session: Session, tables: readonly Table[]): Promise<readonly Series[]> {
  const there = await tableNames(session)
  const found = new Map<string, Series>()
  const add = (series: Series): void => {
    found.set(seriesKey(series), series)
  }
  if (there.has(COVERAGE_TABLE)) {
    const [rows] = await session.connection.query<RowDataPacket[]>(
      `SELECT DISTINCT \`series\` FROM ${quoted(COVERAGE_TABLE)}`,
    )
    for (const row of rows) {
      const series = parseSeriesKey(String(row.series))
      if (
        series &&
        tables.some((table) => table.dataset === series.dataset && table.period === series.period)
      )
        add(series)
    }
  }
  for (const table of tables.filter(({ name }) => there.has(name))) {
    for (const market of markets) {
      for await (const symbol of symbolsOf(session, table, market)) {
        add({ market, dataset: table.dataset, symbol, period: table.period })
      }
    }
  }
  return [...found.keys()].sort().flatMap((key) => found.get(key) ?? [])
}

/**
 * The symbols of a market, by one key look-up each: DISTINCT walks every row where the server's statistics
 * are poor.
 */
async function* symbolsOf(session: Session, table: Table, market: string): AsyncGenerator<string> {
  const text =
    `SELECT \`symbol\` FROM ${quoted(table.name)} FORCE INDEX (PRIMARY) ` +
    'WHERE `market` = ? AND `symbol` > ? ORDER BY `market`, `symbol` LIMIT 1'
  for (let last = ''; ; ) {
    const [rows] = await session.connection.execute<RowDataPacket[]>(text, [market, last])
    const [row] = rows
    if (!row) return
    last = String(row.symbol)
    yield last
  }
}

/** What is stored of a series, or null when no row is. */
export async function holding(session: Session, series: Series, table: Table): Promise<Holding | null> {
  const time = quoted(timeName(table))
  const [rows] = await session.connection.query<RowDataPacket[]>(
    `SELECT COUNT(*) AS n, SUM(\`source\` = 'archive') AS archived, ${epochMs(`MIN(${time})`)} AS first, ` +
      `${epochMs(`MAX(${time})`)} AS last FROM ${quoted(table.name)} WHERE \`market\` = ? AND \`symbol\` = ?`,
    [series.market, series.symbol],
  )
  const [found] = rows
  const count = Number(found?.n ?? 0)
  if (!found || count === 0) return null
  const archived = Number(found.archived ?? 0)
  const bySource = [
    { source: 'rest' as const, rows: count - archived },
    { source: 'archive' as const, rows: archived },
  ].filter((one) => one.rows > 0)
  return { firstMs: Number(found.first), lastMs: Number(found.last), rows: count, bySource }
}

/** How many rows of the series lie in each span, counted by key ranges, many in one round trip. */
export async function counts(
  session: Session,
  series: Series,
  table: Table,
  spans: readonly Span[],
): Promise<number[]> {
  const time = quoted(timeName(table))
  const out: number[] = []
  for (let from = 0; from < spans.length; from += PARTS_A_STATEMENT) {
    const some = spans.slice(from, from + PARTS_A_STATEMENT)
    const one = (i: number): string =>
      `SELECT ${i} AS i, COUNT(*) AS n FROM ${quoted(table.name)} ` +
      `WHERE \`market\` = ? AND \`symbol\` = ? AND ${time} >= ? AND ${time} < ?`
    const values = some.flatMap((span) => [
      series.market,
      series.symbol,
      timeText(span.startMs),
      timeText(span.endMs),
    ])
    const [rows] = await session.connection.query<RowDataPacket[]>(
      some.map((_, i) => one(i)).join(' UNION ALL '),
      values,
    )
    const byPlace = new Map(rows.map((row) => [Number(row.i), Number(row.n)]))
    out.push(...some.map((_, i) => byPlace.get(i) ?? 0))
  }
  return out
}

/** The rows of a series in `span`, in order of time (then of the key), at most `limit`. */
export function readRows(
  session: Session,
  series: Series,
  table: Table,
  span: Span,
  limit: number,
): Promise<Rows> {
  const time = quoted(timeName(table))
  const order = [time, ...keyNames(table).map(quoted)].join(', ')
  const which = `${time} >= ? AND ${time} < ? ORDER BY ${order} ${limited(limit)}`
  return rowsOf(session, series, table, which, [timeText(span.startMs), timeText(span.endMs)])
}

/** The rows of a series from an id on, in order of ids, at most `limit`. */
export function readIds(
  session: Session,
  series: Series,
  table: Table,
  fromId: string,
  limit: number,
): Promise<Rows> {
  const id = quoted(idName(table))
  const which = `${id} >= CAST(? AS SIGNED) ORDER BY \`market\`, \`symbol\`, ${id} ${limited(limit)}`
  return rowsOf(session, series, table, which, [fromId])
}

const limited = (limit: number): string => `LIMIT ${Math.max(0, Math.floor(limit))}`

async function rowsOf(
  session: Session,
  { market, symbol }: Series,
  table: Table,
  which: string,
  values: readonly string[],
): Promise<Rows> {
  const [rows] = await session.connection.query<RowDataPacket[][]>(
    {
      sql:
        `SELECT ${selectList(table.columns)} FROM ${quoted(table.name)} ` +
        `WHERE \`market\` = ? AND \`symbol\` = ? AND ${which}`,
      rowsAsArray: true,
    },
    [market, symbol, ...values],
  )
  const read = rows as unknown as readonly (readonly (string | number | null)[])[]
  const columns = table.columns.map((column, i) => read.map((row) => toValue(column, row[i] ?? null)))
  return { count: read.length, columns }
}

/**
 * A stored value as the core has it: integers as numbers, decimals canonical. One with more digits than we
 * write is somebody's, and is handed on as it is: `verify` judges it.
 */
export function toValue(column: Column, value: string | number | null): Value {
  if (value === null) return null
  switch (column.kind) {
    case 'time':
    case 'integer':
    case 'flag':
      return Number(value)
    case 'id':
    case 'text':
      return String(value)
    case 'decimal':
      return canonicalDecimal(String(value)) ?? String(value)
  }
}
