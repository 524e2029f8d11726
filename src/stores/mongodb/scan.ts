// Reads of the MongoDB store: what is there, counted and listed by key ranges on the server. A collection
// that does not exist reads as an empty one.
import { type Collection, type Document, MaxKey } from 'mongodb'
import { type Rows, type Table, timeName } from '../../core/dataset.ts'
import { isMember, markets, parseSeriesKey, type Series, seriesKey } from '../../core/series.ts'
import type { Span } from '../../core/span.ts'
import type { Holding } from '../../core/store.ts'
import { COVERAGE_TABLE } from '../schema.ts'
import { decodeValue, readValue, seriesRange, spanFilter } from './document.ts'
import { eachInFlight, pieces } from './flight.ts'
import type { Connection } from './open.ts'

/** Parts of one aggregation: a pipeline may have 1,000 stages, and each part costs a plan. */
export const UNITED_PARTS = 400

/** Every series that the ledger or one of `tables` knows, in order of their keys. */
export async function knownSeries(
  connection: Connection,
  tables: readonly Table[],
): Promise<readonly Series[]> {
  const found = new Map<string, Series>()
  const ledger: unknown[] = await connection.run(() =>
    connection.database.collection(COVERAGE_TABLE).distinct('series'),
  )
  for (const key of ledger) {
    const series = parseSeriesKey(String(key))
    if (!series) continue
    const wanted = tables.some((table) => table.dataset === series.dataset && table.period === series.period)
    if (wanted) found.set(seriesKey(series), series)
  }
  const stored = await eachInFlight(tables, (table) => storedSeries(connection, table))
  for (const series of stored.flat()) found.set(seriesKey(series), series)
  return [...found.keys()].sort().flatMap((key) => found.get(key) ?? [])
}

/**
 * The series of a collection. Symbols come from a skip scan of the index, then each market is looked up by
 * its key range.
 */
async function storedSeries(connection: Connection, table: Table): Promise<Series[]> {
  const collection = connection.database.collection(table.name)
  const symbols: unknown[] = await connection.run(() => collection.distinct('symbol'))
  const possible = symbols
    .filter(isText)
    .flatMap((symbol) =>
      markets.map((market): Series => ({ market, dataset: table.dataset, symbol, period: table.period })),
    )
  const present: Series[] = []
  for (const piece of pieces(possible, UNITED_PARTS)) {
    const parts = piece.map((series) => [
      { $match: { _id: seriesRange(series) } },
      { $limit: 1 },
      { $project: { _id: 0, market: 1, symbol: 1 } },
    ])
    for (const { market, symbol } of await unite(connection, collection, parts)) {
      if (!isMember(markets, market)) continue
      present.push({ market, dataset: table.dataset, symbol: String(symbol), period: table.period })
    }
  }
  return present
}

const isText = (value: unknown): value is string => typeof value === 'string'

/** The documents of several pipelines over one collection, in one round trip and in no promised order. */
export async function unite(
  connection: Connection,
  collection: Collection,
  parts: readonly Document[][],
): Promise<Document[]> {
  const [first = [], ...others] = parts
  const pipeline = [
    ...first,
    ...others.map((part) => ({ $unionWith: { coll: collection.collectionName, pipeline: part } })),
  ]
  return connection.run(() => collection.aggregate(pipeline, { batchSize: UNITED_PARTS + 1 }).toArray())
}

/** What is stored of a series, or null when no row is; one scan. */
export async function holding(connection: Connection, series: Series, table: Table): Promise<Holding | null> {
  const time = `$${timeName(table)}`
  const groups = await connection.run(() =>
    connection.database
      .collection(table.name)
      .aggregate([
        { $match: { _id: seriesRange(series) } },
        { $group: { _id: '$source', rows: { $sum: 1 }, first: { $min: time }, last: { $max: time } } },
      ])
      .toArray(),
  )
  if (groups.length === 0) return null
  const rowsOf = (source: string): number => Number(groups.find((group) => group._id === source)?.rows ?? 0)
  const sources = ['rest', 'archive'] as const
  const timesMs = (field: string): number[] => groups.map((group) => Number(group[field]))
  return {
    firstMs: Math.min(...timesMs('first')),
    lastMs: Math.max(...timesMs('last')),
    rows: groups.reduce((sum, group) => sum + Number(group.rows), 0),
    bySource: sources.map((source) => ({ source, rows: rowsOf(source) })).filter((count) => count.rows > 0),
  }
}

/** How many rows of the series lie in each span, counted in the index. */
export async function counts(
  connection: Connection,
  series: Series,
  table: Table,
  spans: readonly Span[],
): Promise<number[]> {
  const collection = connection.database.collection(table.name)
  const numbered = spans.map((span, at) => ({ span, at }))
  const totals = spans.map(() => 0)
  for (const piece of pieces(numbered, UNITED_PARTS)) {
    const parts = piece.map(({ span, at }) => [
      { $match: spanFilter(series, table, span) },
      { $count: 'rows' },
      { $addFields: { at: { $literal: at } } },
    ])
    for (const { at, rows } of await unite(connection, collection, parts)) totals[Number(at)] = Number(rows)
  }
  return totals
}

/** The rows of a series in `span`, in order of time (then of id), at most `limit`. */
export async function readRows(
  connection: Connection,
  series: Series,
  table: Table,
  span: Span,
  limit: number,
): Promise<Rows> {
  const order: Document = table.timeColumn === 0 ? { _id: 1 } : { [timeName(table)]: 1 }
  const documents = await documentsOf(connection, table, spanFilter(series, table, span), order, limit)
  if (table.timeColumn !== 0) documents.sort((a, b) => byTimeAndId(a, b, table))
  return toRows(table, documents)
}

/** The rows of a series from an id on, in order of ids, at most `limit`. */
export async function readIds(
  connection: Connection,
  { market, symbol }: Series,
  table: Table,
  fromId: string,
  limit: number,
): Promise<Rows> {
  const of = (place: unknown): Document => ({ m: market, s: symbol, t: place })
  const filter = { _id: { $gte: of(BigInt(fromId)), $lte: of(new MaxKey()) } }
  return toRows(table, await documentsOf(connection, table, filter, { _id: 1 }, limit))
}

function documentsOf(
  connection: Connection,
  table: Table,
  filter: Document,
  order: Document,
  limit: number,
): Promise<Document[]> {
  const projection = { ...Object.fromEntries(table.columns.map((column) => [column.name, 1])), _id: 0 }
  return connection.run(() =>
    connection.database
      .collection(table.name)
      .find(filter, { projection, batchSize: limit + 1 })
      .sort(order)
      .limit(limit)
      .toArray(),
  )
}

/** A field of the key must say what `_id` says: without it the row has no place. */
function toRows(table: Table, documents: readonly Document[]): Rows {
  const columns = table.columns.map((column, i) =>
    documents.map((document) => {
      const stored: unknown = document[column.name]
      return i < table.keyLength ? decodeValue(column, stored, table.name) : readValue(column, stored)
    }),
  )
  return { count: documents.length, columns }
}

/**
 * The index gives times in order, and rows of one time as they were written; their ids say which came first.
 */
function byTimeAndId(a: Document, b: Document, table: Table): number {
  const time = timeName(table)
  const id = table.columns[0]?.name ?? ''
  const apart = Number(a[time]) - Number(b[time])
  return apart !== 0 ? apart : Number(BigInt(a[id]) - BigInt(b[id]))
}
