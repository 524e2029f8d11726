// Reads of the SQLite store: what is there, counted and listed by key ranges, never by walking the table in
// the program.
import type { Database } from 'bun:sqlite'
import { idName, type Rows, type Table, timeName, type Value } from '../../core/dataset.ts'
import { isMember, markets, parseSeriesKey, type Series, seriesKey } from '../../core/series.ts'
import type { Span } from '../../core/span.ts'
import type { Holding } from '../../core/store.ts'
import { COVERAGE_TABLE } from '../schema.ts'
import { plainDecimal } from './decimal-text.ts'
import { whileScanning } from './open.ts'
import { hasTable } from './schema.ts'

/** Every series that the ledger or one of `tables` knows, in order of their keys. */
export function knownSeries(database: Database, tables: readonly Table[]): readonly Series[] {
  const found = new Map<string, Series>()
  const add = (series: Series): void => {
    found.set(seriesKey(series), series)
  }
  if (hasTable(database, COVERAGE_TABLE)) {
    for (const row of database
      .query<{ series: string }, []>(`SELECT DISTINCT series FROM ${COVERAGE_TABLE}`)
      .all()) {
      const series = parseSeriesKey(row.series)
      if (
        series &&
        tables.some((table) => table.dataset === series.dataset && table.period === series.period)
      )
        add(series)
    }
  }
  for (const table of tables) {
    if (!hasTable(database, table.name)) continue
    for (const { market, symbol } of keyHeads(database, table)) {
      if (isMember(markets, market)) add({ market, dataset: table.dataset, symbol, period: table.period })
    }
  }
  return [...found.keys()].sort().flatMap((key) => found.get(key) ?? [])
}

/**
 * The distinct (market, symbol) of a table, by a key look-up or two each: DISTINCT would walk every row, and
 * so would (market, symbol) > (?, ?), which SQLite begins at the first row that is not smaller.
 */
function* keyHeads(database: Database, table: Table): Generator<{ market: string; symbol: string }> {
  type Head = { market: string; symbol: string }
  const select = `SELECT market, symbol FROM ${table.name}`
  const nextSymbol = database.query<Head, [string, string]>(
    `${select} WHERE market = ? AND symbol > ? ORDER BY symbol LIMIT 1`,
  )
  const nextMarket = database.query<Head, [string]>(
    `${select} WHERE market > ? ORDER BY market, symbol LIMIT 1`,
  )
  let head = nextMarket.get('')
  while (head) {
    yield head
    head = nextSymbol.get(head.market, head.symbol) ?? nextMarket.get(head.market)
  }
}

/** What is stored of a series, or null when no row is. */
export function holding(database: Database, series: Series, table: Table): Holding | null {
  if (!hasTable(database, table.name)) return null
  const time = timeName(table)
  const found = database
    .query<{ n: number; archived: number | null; first: number; last: number }, [string, string]>(
      `SELECT count(*) AS n, sum(source = 'archive') AS archived, ` +
        `min(${time}) AS first, max(${time}) AS last ` +
        `FROM ${table.name} WHERE market = ? AND symbol = ?`,
    )
    .get(series.market, series.symbol)
  if (!found || found.n === 0) return null
  const archived = found.archived ?? 0
  const bySource = [
    { source: 'rest' as const, rows: found.n - archived },
    { source: 'archive' as const, rows: archived },
  ].filter((count) => count.rows > 0)
  return { firstMs: found.first, lastMs: found.last, rows: found.n, bySource }
}

/** How many rows of the series lie in each span. */
export function counts(database: Database, series: Series, table: Table, spans: readonly Span[]): number[] {
  if (!hasTable(database, table.name)) return spans.map(() => 0)
  const time = timeName(table)
  const count = database.query<{ n: number }, [string, string, number, number]>(
    `SELECT count(*) AS n FROM ${table.name} ` +
      `WHERE market = ? AND symbol = ? AND ${time} >= ? AND ${time} < ?`,
  )
  return whileScanning(database, () =>
    spans.map((span) => count.get(series.market, series.symbol, span.startMs, span.endMs)?.n ?? 0),
  )
}

/** The rows of a series in `span`, in order of time, at most `limit`. */
export function readRows(database: Database, series: Series, table: Table, span: Span, limit: number): Rows {
  const time = timeName(table)
  const which = `${time} >= ? AND ${time} < ? ORDER BY ${time} LIMIT ?`
  return rowsOf(database, series, table, which, [span.startMs, span.endMs, limit])
}

/** The rows of a series from an id on, in order of ids, at most `limit`. */
export function readIds(
  database: Database,
  series: Series,
  table: Table,
  fromId: string,
  limit: number,
): Rows {
  const id = idName(table)
  const which = `${id} >= CAST(? AS INTEGER) ORDER BY market, symbol, ${id} LIMIT ?`
  return rowsOf(database, series, table, which, [fromId, limit])
}

/** The rows of a series that `which` says. Ids come as text, so that none is rounded. */
function rowsOf(
  database: Database,
  { market, symbol }: Series,
  table: Table,
  which: string,
  values: readonly (string | number)[],
): Rows {
  const names = table.columns.map((column) =>
    column.kind === 'id' ? `CAST(${column.name} AS TEXT)` : column.name,
  )
  const found = hasTable(database, table.name)
    ? database
        .query<Record<string, Value>, (string | number)[]>(
          `SELECT ${names.join(', ')} FROM ${table.name} WHERE market = ? AND symbol = ? AND ${which}`,
        )
        .values(market, symbol, ...values)
    : []
  const rows = found as unknown as Value[][]
  const columns = table.columns.map(({ kind }, i) =>
    kind === 'decimal' ? rows.map((row) => plainDecimal(row[i] ?? null)) : rows.map((row) => row[i] ?? null),
  )
  return { count: rows.length, columns }
}
