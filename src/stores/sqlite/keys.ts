// Look-ups and counts along the key of a table: where a series begins and ends, and how many rows have an id
// in a range. Ids travel as text, so that none is rounded.
import type { Database } from 'bun:sqlite'
import { idName, keyNames, type Table, timeName } from '../../core/dataset.ts'
import type { IdRange } from '../../core/id.ts'
import type { Series } from '../../core/series.ts'
import type { Ends, IdPlace } from '../../core/store.ts'
import { whileScanning } from './open.ts'
import { hasTable } from './schema.ts'

const OF_SERIES = 'WHERE market = ? AND symbol = ?'

/** The first and the last row of a series; null when there is none. */
export function ends(database: Database, series: Series, table: Table): Ends | null {
  if (!hasTable(database, table.name)) return null
  const [key] = table.columns
  const id = key?.kind === 'id' ? `CAST(${key.name} AS TEXT)` : 'NULL'
  const place = (direction: 'ASC' | 'DESC'): { ms: number; id: string | null } | null =>
    database
      .query<{ ms: number; id: string | null }, [string, string]>(
        `SELECT ${timeName(table)} AS ms, ${id} AS id FROM ${table.name} ${OF_SERIES} ` +
          `ORDER BY ${keyNames(table)
            .map((name) => `${name} ${direction}`)
            .join(', ')} LIMIT 1`,
      )
      .get(series.market, series.symbol)
  const [first, last] = [place('ASC'), place('DESC')]
  return first && last && { firstMs: first.ms, lastMs: last.ms, firstId: first.id, lastId: last.id }
}

/** How many rows have an id in each range. */
export function countIds(
  database: Database,
  series: Series,
  table: Table,
  ranges: readonly IdRange[],
): number[] {
  if (!hasTable(database, table.name)) return ranges.map(() => 0)
  const id = idName(table)
  const count = database.query<{ n: number }, [string, string, string, string]>(
    `SELECT count(*) AS n FROM ${table.name} ${OF_SERIES} ` +
      `AND ${id} >= CAST(? AS INTEGER) AND ${id} <= CAST(? AS INTEGER)`,
  )
  return whileScanning(database, () =>
    ranges.map(({ firstId, lastId }) => count.get(series.market, series.symbol, firstId, lastId)?.n ?? 0),
  )
}

/** The first row at or after each id. */
export function fromIds(
  database: Database,
  series: Series,
  table: Table,
  ids: readonly string[],
): (IdPlace | null)[] {
  if (!hasTable(database, table.name)) return ids.map(() => null)
  const id = idName(table)
  const from = database.query<IdPlace, [string, string, string]>(
    `SELECT CAST(${id} AS TEXT) AS id, ${timeName(table)} AS timeMs FROM ${table.name} ${OF_SERIES} ` +
      `AND ${id} >= CAST(? AS INTEGER) ORDER BY market, symbol, ${id} LIMIT 1`,
  )
  return ids.map((one) => from.get(series.market, series.symbol, one))
}
