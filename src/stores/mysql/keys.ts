// Look-ups and counts along the key of a table: where a series begins and ends, and how many rows have an id
// in a range; many in one round trip. Ids are cast from text, so that the server compares them as integers.
import type { RowDataPacket } from 'mysql2/promise'
import { idName, keyNames, type Table, timeName } from '../../core/dataset.ts'
import type { IdRange } from '../../core/id.ts'
import type { Series } from '../../core/series.ts'
import type { Ends, IdPlace } from '../../core/store.ts'
import { PARTS_A_STATEMENT } from './scan.ts'
import type { Session } from './session.ts'
import { epochMs, quoted } from './text.ts'

const OF_SERIES = 'WHERE `market` = ? AND `symbol` = ?'

/** The first and the last row of a series; null when there is none. */
export async function ends(session: Session, series: Series, table: Table): Promise<Ends | null> {
  const [key] = table.columns
  const id = key?.kind === 'id' ? `CAST(${quoted(key.name)} AS CHAR)` : 'NULL'
  const place = (direction: 'ASC' | 'DESC'): string => {
    const order = keyNames(table)
      .map((name) => `${quoted(name)} ${direction}`)
      .join(', ')
    const what = `'${direction}' AS place, ${epochMs(quoted(timeName(table)))} AS ms, ${id} AS id`
    return `(SELECT ${what} FROM ${quoted(table.name)} ${OF_SERIES} ORDER BY ${order} LIMIT 1)`
  }
  const [rows] = await session.connection.query<RowDataPacket[]>(
    `${place('ASC')} UNION ALL ${place('DESC')}`,
    [series.market, series.symbol, series.market, series.symbol],
  )
  const [first, last] = ['ASC', 'DESC'].map((direction) => rows.find((row) => row.place === direction))
  if (!first || !last) return null
  const text = (value: unknown): string | null => (value === null ? null : String(value))
  return {
    firstMs: Number(first.ms),
    lastMs: Number(last.ms),
    firstId: text(first.id),
    lastId: text(last.id),
  }
}

/** How many rows have an id in each range. */
export async function countIds(
  session: Session,
  series: Series,
  table: Table,
  ranges: readonly IdRange[],
): Promise<number[]> {
  const id = quoted(idName(table))
  const counted = await united(session, ranges, {
    one: (i) =>
      `SELECT ${i} AS i, COUNT(*) AS n FROM ${quoted(table.name)} ${OF_SERIES} ` +
      `AND ${id} >= CAST(? AS SIGNED) AND ${id} <= CAST(? AS SIGNED)`,
    values: ({ firstId, lastId }) => [series.market, series.symbol, firstId, lastId],
  })
  return counted.map((row) => Number(row?.n ?? 0))
}

/** The first row at or after each id. */
export async function fromIds(
  session: Session,
  series: Series,
  table: Table,
  ids: readonly string[],
): Promise<(IdPlace | null)[]> {
  const id = quoted(idName(table))
  const found = await united(session, ids, {
    one: (i) =>
      `(SELECT ${i} AS i, CAST(${id} AS CHAR) AS id, ${epochMs(quoted(timeName(table)))} AS ms ` +
      `FROM ${quoted(table.name)} ${OF_SERIES} AND ${id} >= CAST(? AS SIGNED) ` +
      `ORDER BY \`market\`, \`symbol\`, ${id} LIMIT 1)`,
    values: (one) => [series.market, series.symbol, one],
  })
  return found.map((row) => (row ? { id: String(row.id), timeMs: Number(row.ms) } : null))
}

type Question<T> = { readonly one: (i: number) => string; readonly values: (item: T) => readonly string[] }

/** The row that each item's question is answered with, where it is; some items to a statement. */
async function united<T>(
  session: Session,
  items: readonly T[],
  { one, values }: Question<T>,
): Promise<(RowDataPacket | undefined)[]> {
  const out: (RowDataPacket | undefined)[] = []
  for (let from = 0; from < items.length; from += PARTS_A_STATEMENT) {
    const some = items.slice(from, from + PARTS_A_STATEMENT)
    const [rows] = await session.connection.query<RowDataPacket[]>(
      some.map((_, i) => one(i)).join(' UNION ALL '),
      some.flatMap((item) => [...values(item)]),
    )
    const byPlace = new Map(rows.map((row) => [Number(row.i), row]))
    out.push(...some.map((_, i) => byPlace.get(i)))
  }
  return out
}
