// Look-ups and counts along the key of a table: where a series begins and ends, and how many rows have an id
// in a range; one round trip each. Throw 42P01 where there is no such table.
import { idName, keyNames, type Table, timeName } from '../../core/dataset.ts'
import type { IdRange } from '../../core/id.ts'
import type { Series } from '../../core/series.ts'
import type { Ends, IdPlace } from '../../core/store.ts'
import { arrayText } from './array-text.ts'
import type { Session } from './session.ts'
import { epochText } from './types.ts'

/** The first and the last row of a series; null when there is none. */
export async function ends(session: Session, series: Series, table: Table): Promise<Ends | null> {
  const [key] = table.columns
  const id = key?.kind === 'id' ? key.name : 'NULL::bigint'
  const place = (direction: 'ASC' | 'DESC'): string =>
    `(SELECT ${epochText(timeName(table))}, ${id} FROM ${table.name} WHERE market = $1 AND symbol = $2 ` +
    `ORDER BY ${keyNames(table)
      .map((name) => `${name} ${direction}`)
      .join(', ')} LIMIT 1)`
  const { rows } = await session.run(`${place('ASC')} UNION ALL ${place('DESC')}`, [
    series.market,
    series.symbol,
  ])
  const [first, last] = rows
  if (!first || !last) return null
  const text = (value: unknown): string | null => (value === null ? null : String(value))
  return {
    firstMs: Number(first[0]),
    lastMs: Number(last[0]),
    firstId: text(first[1]),
    lastId: text(last[1]),
  }
}

/** How many rows have an id in each range. */
export async function countIds(
  session: Session,
  series: Series,
  table: Table,
  ranges: readonly IdRange[],
): Promise<number[]> {
  const id = idName(table)
  const bounds = (of: (range: IdRange) => string): string => arrayText('id', ranges.map(of))
  const { rows } = await session.run(
    `SELECT (SELECT count(*) FROM ${table.name} WHERE market = $1 AND symbol = $2 ` +
      `AND ${id} >= first AND ${id} <= last) FROM unnest($3::bigint[], $4::bigint[]) ` +
      'WITH ORDINALITY AS asked (first, last, place) ORDER BY place',
    [series.market, series.symbol, bounds(({ firstId }) => firstId), bounds(({ lastId }) => lastId)],
  )
  return rows.map(([count]) => Number(count))
}

/** The first row at or after each id. */
export async function fromIds(
  session: Session,
  series: Series,
  table: Table,
  ids: readonly string[],
): Promise<(IdPlace | null)[]> {
  const id = idName(table)
  const { rows } = await session.run(
    'SELECT found.id, found.ms FROM unnest($3::bigint[]) WITH ORDINALITY AS asked (first, place) ' +
      `LEFT JOIN LATERAL (SELECT ${id} AS id, ${epochText(timeName(table))} AS ms FROM ${table.name} ` +
      `WHERE market = $1 AND symbol = $2 AND ${id} >= asked.first ORDER BY market, symbol, ${id} LIMIT 1) ` +
      'AS found ON true ORDER BY place',
    [series.market, series.symbol, arrayText('id', ids)],
  )
  return rows.map(([found, ms]) => (found === null ? null : { id: String(found), timeMs: Number(ms) }))
}
