// Look-ups and counts along `_id`: where a series begins and ends, and how many documents have an id in a
// range; many in one round trip.
import { type Document, MaxKey } from 'mongodb'
import { idName, type Table, timeName } from '../../core/dataset.ts'
import type { IdRange } from '../../core/id.ts'
import type { Series } from '../../core/series.ts'
import type { Ends, IdPlace } from '../../core/store.ts'
import { seriesRange } from './document.ts'
import { pieces } from './flight.ts'
import type { Connection } from './open.ts'
import { UNITED_PARTS, unite } from './scan.ts'

/** The first and the last document of a series; null when there is none. */
export async function ends(connection: Connection, series: Series, table: Table): Promise<Ends | null> {
  const [key] = table.columns
  const id = key?.kind === 'id' ? key.name : null
  const [first, last] = await Promise.all(
    ([1, -1] as const).map((direction) =>
      connection.run(() =>
        connection.database
          .collection(table.name)
          .find({ _id: seriesRange(series) }, { projection: { [timeName(table)]: 1, [id ?? '_id']: 1 } })
          .sort({ _id: direction })
          .limit(1)
          .next(),
      ),
    ),
  )
  if (!first || !last) return null
  const [firstMs, lastMs] = [Number(first[timeName(table)]), Number(last[timeName(table)])]
  const text = (document: Document): string | null => (id === null ? null : String(document[id]))
  return { firstMs, lastMs, firstId: text(first), lastId: text(last) }
}

/** How many documents have an id in each range. */
export async function countIds(
  connection: Connection,
  series: Series,
  table: Table,
  ranges: readonly IdRange[],
): Promise<number[]> {
  const found = await united(connection, table, ranges, ({ firstId, lastId }) => [
    { $match: { _id: { $gte: idOf(series, firstId), $lte: idOf(series, lastId) } } },
    { $count: 'rows' },
  ])
  return found.map((document) => Number(document?.rows ?? 0))
}

/** The first document at or after each id. */
export async function fromIds(
  connection: Connection,
  series: Series,
  table: Table,
  ids: readonly string[],
): Promise<(IdPlace | null)[]> {
  const [id, time] = [idName(table), timeName(table)]
  const last = { m: series.market, s: series.symbol, t: new MaxKey() }
  const found = await united(connection, table, ids, (first) => [
    { $match: { _id: { $gte: idOf(series, first), $lte: last } } },
    { $sort: { _id: 1 } },
    { $limit: 1 },
    { $project: { _id: 0, [id]: 1, [time]: 1 } },
  ])
  return found.map((document) =>
    document ? { id: String(document[id]), timeMs: Number(document[time]) } : null,
  )
}

const idOf = (series: Series, id: string): Document => ({
  m: series.market,
  s: series.symbol,
  t: BigInt(id),
})

/** The document that each item's pipeline gives, where it gives one; some items to an aggregation. */
async function united<T>(
  connection: Connection,
  table: Table,
  items: readonly T[],
  pipeline: (item: T) => Document[],
): Promise<(Document | undefined)[]> {
  const collection = connection.database.collection(table.name)
  const found: (Document | undefined)[] = items.map(() => undefined)
  const numbered = items.map((item, at) => ({ item, at }))
  for (const piece of pieces(numbered, UNITED_PARTS)) {
    const parts = piece.map(({ item, at }) => [...pipeline(item), { $addFields: { at: { $literal: at } } }])
    for (const document of await unite(connection, collection, parts)) found[Number(document.at)] = document
  }
  return found
}
