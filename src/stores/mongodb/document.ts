// Rows as documents and back: the shape of `_id`, the BSON type of every kind of column, and the ranges of
// `_id` that hold a series. Nothing is rounded: decimals are Decimal128, ids 64-bit integers, times dates.
import { Decimal128, type Document, MaxKey, MinKey } from 'mongodb'
import { type Column, type ColumnKind, type Table, timeName, type Value } from '../../core/dataset.ts'
import type { Series } from '../../core/series.ts'
import type { Span } from '../../core/span.ts'
import type { Page } from '../../core/store.ts'
import { UserError } from '../../errors.ts'
import { fromDecimal128, toDecimal128 } from './decimal128.ts'

/**
 * What `_id` calls market and symbol, and then the columns of the key in their order (interface.md, section
 * 5).
 */
const SERIES_FIELDS = ['m', 's'] as const
export const KEY_FIELDS = ['t', 'r'] as const

/** The names of the fields of `_id`, in the order that they must stand in. */
export function idFields(table: Table): readonly string[] {
  return [...SERIES_FIELDS, ...KEY_FIELDS.slice(0, table.keyLength)]
}

/** A value as the driver stores it; an id becomes a bigint, which is a 64-bit integer in BSON. */
export function encodeValue(kind: ColumnKind, value: Value): unknown {
  if (value === null) return null
  switch (kind) {
    case 'text':
      return String(value)
    case 'integer':
      return Number(value)
    case 'time':
      return new Date(Number(value))
    case 'decimal':
      return toDecimal128(String(value))
    case 'id':
      return BigInt(value)
    case 'flag':
      return value === 1
  }
}

/**
 * A stored value in the units of the contract. Throws UserError where a field is not of the type that we
 * write.
 */
export function decodeValue(column: Column, stored: unknown, collection: string): Value {
  const value = ownValue(column, stored)
  if (value !== undefined) return value
  throw new UserError(
    `a document in ${collection} has a field ${column.name} that is no ${column.kind} of petrosa's`,
    'find out what changed it, delete that document, then run petrosa gaps --fill',
  )
}

/**
 * A stored value beside the key of a row, as far as it goes: what is not of the type that we write is handed
 * on as text that is no value of its column, so that `verify` judges it and a write replaces it.
 */
export function readValue(column: Column, stored: unknown): Value {
  const value = ownValue(column, stored)
  return value === undefined ? `${stored} (${typeName(stored)})` : value
}

function typeName(stored: unknown): string {
  const isBson = typeof stored === 'object' && stored !== null && '_bsontype' in stored
  return isBson ? String(stored._bsontype) : typeof stored
}

/** A value of ours in the units of the contract; undefined where it is not of the type that we write. */
function ownValue({ kind }: Column, stored: unknown): Value | undefined {
  if (stored === null || stored === undefined) return null
  switch (kind) {
    case 'text':
      return typeof stored === 'string' ? stored : undefined
    case 'integer':
      if (typeof stored === 'number') return stored
      return typeof stored === 'bigint' ? Number(stored) : undefined
    case 'time':
      return stored instanceof Date ? stored.getTime() : undefined
    case 'decimal':
      return stored instanceof Decimal128 ? (fromDecimal128(stored) ?? undefined) : undefined
    case 'id':
      return typeof stored === 'bigint' || typeof stored === 'number' ? String(stored) : undefined
    case 'flag':
      return typeof stored === 'boolean' ? Number(stored) : undefined
  }
}

/** A page as a maker of documents: `build(row)` gives the whole document of one row. */
export type PageForm = { readonly page: Page; readonly build: (row: number) => Document }

export function pageForm(page: Page): PageForm {
  const kinds = page.table.columns.map((column) => column.kind)
  const build = (row: number): Document =>
    pageDocument(
      page,
      kinds.map((kind, at) => encodeValue(kind, page.rows.columns[at]?.[row] ?? null)),
    )
  return { page, build }
}

/** The document of a row of a page: `values` are those of its columns, as the driver stores them. */
export function pageDocument(page: Page, values: readonly unknown[]): Document {
  const { market, symbol } = page.series
  const { columns, keyLength } = page.table
  const id: Document = { m: market, s: symbol }
  const document: Document = { _id: id, market, symbol }
  for (const [at, key] of KEY_FIELDS.slice(0, keyLength).entries()) id[key] = values[at]
  for (const [at, { name }] of columns.entries()) document[name] = values[at]
  document.source = page.source
  document.extracted_at = new Date(page.extractedAtMs)
  return document
}

/**
 * Where the `_id` of a document begins in its bytes: after the length, the type (object), and the name with
 * its zero.
 */
const ID_OFFSET = 9

/**
 * The bytes of the `_id` of a raw document as text: equal for equal keys, since we write one spelling of
 * each.
 */
export function rawKey(raw: Uint8Array): string {
  const length = (raw[ID_OFFSET] ?? 0) | ((raw[ID_OFFSET + 1] ?? 0) << 8)
  return Buffer.from(raw.buffer, raw.byteOffset + ID_OFFSET, length).toString('latin1')
}

/**
 * What follows the values of a row in its document: the name and text of source, extracted_at, and a zero.
 */
const tailBytes = (source: string): number => 1 + 7 + 4 + source.length + 1 + (1 + 13 + 8) + 1

/**
 * Whether a stored document has the bytes of ours in everything before source: then the row is equal. What
 * differs in bytes may still be equal as numbers, and must be decoded to tell.
 */
export function sameValues(stored: Uint8Array, ours: Uint8Array, source: string): boolean {
  const end = ours.length - tailBytes(source)
  return stored.length >= end && Buffer.compare(stored.subarray(4, end), ours.subarray(4, end)) === 0
}

/** The condition on `_id` that holds for every document of a series, and for no other. */
export function seriesRange(series: Series): Document {
  const head = { m: series.market, s: series.symbol }
  return { $gte: { ...head, t: new MinKey() }, $lte: { ...head, t: new MaxKey() } }
}

/** The condition on `_id` for the rows whose first key value lies between two, both included. */
export function keyRange(page: Page, first: Value, last: Value): Document {
  const kind = page.table.columns[0]?.kind ?? 'time'
  const head = { m: page.series.market, s: page.series.symbol }
  // A shorter document sorts before a longer one, so that `r` widens the upper bound to every document of
  // `last`.
  return {
    $gte: { ...head, t: encodeValue(kind, first) },
    $lte: { ...head, t: encodeValue(kind, last), r: new MaxKey() },
  }
}

/**
 * The filter of a series' rows in a span of time: a range of `_id` where time leads the key, else of the
 * index on time.
 */
export function spanFilter(series: Series, table: Table, span: Span): Document {
  const from = new Date(span.startMs)
  const to = new Date(span.endMs)
  if (table.timeColumn !== 0) {
    return { symbol: series.symbol, [timeName(table)]: { $gte: from, $lt: to }, market: series.market }
  }
  const head = { m: series.market, s: series.symbol }
  return { _id: { $gte: { ...head, t: from }, $lt: { ...head, t: to } } }
}
