// Reads of the PostgreSQL store: counted and listed by the server along the key, in one round trip each.
import { idName, type Rows, type Table, timeName } from '../../core/dataset.ts'
import { isMember, markets, parseSeriesKey, type Series, seriesKey } from '../../core/series.ts'
import type { Span } from '../../core/span.ts'
import type { Holding, Page } from '../../core/store.ts'
import { COVERAGE_TABLE } from '../schema.ts'
import { arrayText, boundsText, boundText } from './array-text.ts'
import { existingTables } from './schema.ts'
import type { Session } from './session.ts'
import { arrayTypes, epochText, fromServer, readText } from './types.ts'

/** Every series that the ledger or one of `tables` knows, in order of their keys. */
export async function knownSeries(session: Session, tables: readonly Table[]): Promise<readonly Series[]> {
  const existing = await existingTables(session, [COVERAGE_TABLE, ...tables.map((table) => table.name)])
  const found = new Map<string, Series>()
  const add = (series: Series): void => {
    found.set(seriesKey(series), series)
  }
  if (existing.has(COVERAGE_TABLE)) {
    const { rows } = await session.run(ledgerHeads)
    for (const [key] of rows) {
      const series = parseSeriesKey(String(key))
      if (
        series &&
        tables.some((table) => table.dataset === series.dataset && table.period === series.period)
      )
        add(series)
    }
  }
  for (const table of tables) {
    if (!existing.has(table.name)) continue
    const { rows } = await session.run(tableHeads(table.name))
    for (const [market, symbol] of rows) {
      const name = String(market)
      if (isMember(markets, name))
        add({ market: name, dataset: table.dataset, symbol: String(symbol), period: table.period })
    }
  }
  return [...found.keys()].sort().flatMap((key) => found.get(key) ?? [])
}

/** One key look-up a series, where DISTINCT would walk every row. */
const ledgerHeads =
  `WITH RECURSIVE heads (series) AS ((SELECT series FROM ${COVERAGE_TABLE} ORDER BY series LIMIT 1) ` +
  'UNION ALL SELECT (SELECT c.series ' +
  `FROM ${COVERAGE_TABLE} c WHERE c.series > heads.series ORDER BY c.series LIMIT 1) ` +
  'FROM heads WHERE heads.series IS NOT NULL) SELECT series FROM heads WHERE series IS NOT NULL'

function tableHeads(table: string): string {
  return (
    `WITH RECURSIVE heads AS ((SELECT market, symbol FROM ${table} ORDER BY market, symbol LIMIT 1) ` +
    'UNION ALL SELECT next.market, next.symbol FROM heads ' +
    `CROSS JOIN LATERAL (SELECT t.market, t.symbol FROM ${table} t ` +
    'WHERE (t.market, t.symbol) > (heads.market, heads.symbol) ' +
    'ORDER BY t.market, t.symbol LIMIT 1) AS next) ' +
    'SELECT market, symbol FROM heads'
  )
}

/** What is stored of a series, or null when no row is. Throws 42P01 where there is no such table. */
export async function holding(session: Session, series: Series, table: Table): Promise<Holding | null> {
  const time = timeName(table)
  const { rows } = await session.run(
    `SELECT count(*), count(*) FILTER (WHERE source = 'archive'), ` +
      `${epochText(`min(${time})`)}, ${epochText(`max(${time})`)} ` +
      `FROM ${table.name} WHERE market = $1 AND symbol = $2`,
    [series.market, series.symbol],
  )
  const [all, archived, firstMs, lastMs] = (rows[0] ?? []).map(Number)
  if (!all || archived === undefined || firstMs === undefined || lastMs === undefined) return null
  const bySource = [
    { source: 'rest' as const, rows: all - archived },
    { source: 'archive' as const, rows: archived },
  ].filter((count) => count.rows > 0)
  return { firstMs, lastMs, rows: all, bySource }
}

/**
 * How many rows of the series lie in each span, in one round trip. Throws 42P01 where there is no such table.
 */
export async function counts(
  session: Session,
  series: Series,
  table: Table,
  spans: readonly Span[],
): Promise<number[]> {
  const time = timeName(table)
  const { rows } = await session.run(
    `SELECT (SELECT count(*) FROM ${table.name} WHERE market = $1 AND symbol = $2 ` +
      `AND ${time} >= first AND ${time} < after) FROM unnest($3::timestamptz[], $4::timestamptz[]) ` +
      'WITH ORDINALITY AS span (first, after, place) ORDER BY place',
    [
      series.market,
      series.symbol,
      boundsText(spans.map((span) => span.startMs)),
      boundsText(spans.map((span) => span.endMs)),
    ],
  )
  return rows.map(([count]) => Number(count))
}

/**
 * Whether a row lies between the first and the last row of one of `pages`, all of `table` and each in the
 * order of its key: one look-up of the key a page.
 */
export async function holdsAny(session: Session, table: Table, pages: readonly Page[]): Promise<boolean> {
  const [key] = table.columns
  if (!key) throw new Error(`table ${table.name} has no key`)
  const keyType = arrayTypes[key.kind]
  const asked = pages.filter((page) => page.rows.count > 0)
  const bounds = (place: 0 | -1): string =>
    arrayText(
      key.kind,
      asked.map((page) => page.rows.columns[0]?.at(place) ?? null),
    )
  const names = (of: (series: Series) => string): string =>
    arrayText(
      'text',
      asked.map((page) => of(page.series)),
    )
  // By the order of the key, so that no statistics, however old, make the planner read the whole table.
  const { rows } = await session.run(
    `SELECT 1 FROM unnest($1::text[], $2::text[], $3::${keyType}, $4::${keyType}) ` +
      `AS asked (market, symbol, first, last) CROSS JOIN LATERAL (SELECT 1 FROM ${table.name} AS stored ` +
      'WHERE stored.market = asked.market AND stored.symbol = asked.symbol ' +
      `AND stored.${key.name} >= asked.first AND stored.${key.name} <= asked.last ` +
      `ORDER BY stored.market, stored.symbol, stored.${key.name} LIMIT 1) AS found LIMIT 1`,
    [names(({ market }) => market), names(({ symbol }) => symbol), bounds(0), bounds(-1)],
    true,
  )
  return rows.length > 0
}

/**
 * The rows of a series in `span`, in order of time, at most `limit`. Throws 42P01 where there is no such
 * table.
 */
export function readRows(
  session: Session,
  series: Series,
  table: Table,
  span: Span,
  limit: number,
): Promise<Rows> {
  const time = `t.${timeName(table)}`
  const order = [time, ...table.columns.slice(0, table.keyLength).map((column) => `t.${column.name}`)]
  const which =
    `${time} >= $3::timestamptz AND ${time} < $4::timestamptz ` +
    `ORDER BY ${order.join(', ')} LIMIT $5::bigint`
  return rowsOf(session, series, table, which, [boundText(span.startMs), boundText(span.endMs), limit])
}

/** The rows of a series from an id on, in order of ids, at most `limit`. Throws as readRows does. */
export function readIds(
  session: Session,
  series: Series,
  table: Table,
  fromId: string,
  limit: number,
): Promise<Rows> {
  const id = `t.${idName(table)}`
  const which = `${id} >= $3::bigint ORDER BY t.market, t.symbol, ${id} LIMIT $4::bigint`
  return rowsOf(session, series, table, which, [fromId, limit])
}

async function rowsOf(
  session: Session,
  { market, symbol }: Series,
  table: Table,
  which: string,
  values: readonly (string | number)[],
): Promise<Rows> {
  const { rows } = await session.run(
    `SELECT ${table.columns.map((column) => readText(column)).join(', ')} FROM ${table.name} AS t ` +
      `WHERE market = $1 AND symbol = $2 AND ${which}`,
    [market, symbol, ...values],
  )
  return {
    count: rows.length,
    columns: table.columns.map(({ kind }, i) => rows.map((row) => fromServer(kind, row[i]))),
  }
}
