// What a dataset owes: its tables, how rows are placed in time, how a page is asked for, and how it is
// decoded. Stores see only the tables that are declared here; they never meet a dataset.
import type { DatasetName, Market, Period, Series } from './series.ts'
import { slicedJoin, slicedPart, slicedPick, slicedText } from './sliced-rows.ts'
import type { Span } from './span.ts'

/**
 * time: epoch ms. decimal: canonical text (core/decimal.ts). id: decimal text of up to 63 bits. flag: 0 or 1.
 */
export type ColumnKind = 'text' | 'time' | 'decimal' | 'integer' | 'id' | 'flag'
export type Column = { readonly name: string; readonly kind: ColumnKind; readonly nullable?: true }

/**
 * One table (SQL) or collection (MongoDB). Its full columns are: market, symbol, `columns`, source,
 * extracted_at.
 */
export type Table = {
  readonly name: string
  /** The series that the table holds: this dataset and period, of every market and symbol. */
  readonly dataset: DatasetName
  readonly period: Period | null
  /** What the exchange sends, the columns of the key first. */
  readonly columns: readonly Column[]
  /** How many of `columns`, from the first, make the key after market and symbol. */
  readonly keyLength: number
  /** The index in `columns` of the time that puts a row into a span. */
  readonly timeColumn: number
}

export type Value = string | number | null

/** The rows of one page, column by column, in the order of the table's `columns`. */
export type Rows = { readonly count: number; readonly columns: readonly (readonly Value[])[] }

/**
 * What is asked of a source: at most `limit` rows, the oldest first, whose time lies in `span`. With `fromId`
 * it is the rows from that id on, whatever their time.
 */
export type Window = { readonly span: Span; readonly limit: number; readonly fromId?: string }

/**
 * How a dataset's rows are known to be complete: by the grid of their period, by time alone (one answer holds
 * all there is), or by ids that run on.
 */
export type Order = 'calendar' | 'time' | 'id'

/** How a REST body holds rows. */
export type RestShape =
  | {
      /** Arrays of decimals in quotes and bare numbers: the column of each element; null means nothing. */
      readonly kind: 'arrays'
      readonly columns: readonly (string | null)[]
    }
  | {
      /** Flat objects: the column of each field; other fields mean nothing. */
      readonly kind: 'objects'
      readonly fields: Readonly<Record<string, string>>
      /** What a column holds where its field is not there. */
      readonly fill: Readonly<Record<string, Value>>
    }

/** How the archives hold a dataset on a market (reference 8.2 and 8.5). */
export type ArchiveShape = {
  /** The folder that it is in: klines, aggTrades, fundingRate, … */
  readonly folder: string
  /** The column of the table by its place in the CSV; null is looked at by nobody. */
  readonly columns: readonly (string | null)[]
  /** The columns that the file does not have, each with the value of all its rows. */
  readonly fill: Readonly<Record<string, Value>>
  /** Whether there are files of single days, beside those of months. */
  readonly daily: (period: Period | null) => boolean
}

/** A row of a page, from 0, and what is wrong with it. */
export type Flaw = { readonly row: number; readonly problem: string }

export type Dataset = {
  readonly name: DatasetName
  readonly markets: readonly Market[]
  readonly order: Order
  /** Every table that the dataset may write to. */
  readonly tables: readonly Table[]
  /** The table that a series is kept in. */
  table(series: Series): Table
  /** The query parameters of a REST page; both bounds inclusive, in milliseconds. */
  query(series: Series, window: Window): Record<string, string>
  /** How a REST body of this market holds the rows. */
  rest(market: Market): RestShape
  /**
   * The first row of a page that cannot be, each judged by itself, or null. Order, span and doubles are
   * judged for all datasets alike (core/verify.ts).
   */
  flaw(rows: Rows): Flaw | null
  /** Where and how the archives of a market hold it; null where they do not. */
  archive?(market: Market): ArchiveShape | null
  /**
   * Whether a row is an invalid record, which is left out and whose id is told (reference 3.2). Such a record
   * has a negative id somewhere: only pages that hold one are asked about.
   */
  invalid?(rows: Rows, row: number): boolean
}

const leading: readonly Column[] = [
  { name: 'market', kind: 'text' },
  { name: 'symbol', kind: 'text' },
]
const trailing: readonly Column[] = [
  { name: 'source', kind: 'text' },
  { name: 'extracted_at', kind: 'time' },
]

/** All columns of a table, in the order in which every store lists them. */
export function allColumns(table: Table): readonly Column[] {
  return [...leading, ...table.columns, ...trailing]
}

/** The names of the columns of a table's key. */
export function keyNames(table: Table): readonly string[] {
  return [...leading, ...table.columns.slice(0, table.keyLength)].map((column) => column.name)
}

/** The name of the time column that puts a row of the table into a span. */
export function timeName(table: Table): string {
  const column = table.columns[table.timeColumn]
  if (!column) throw new Error(`table ${table.name} has no column ${table.timeColumn}`)
  return column.name
}

/** The name of the id that leads the key of a table. Throws for tables without ids. */
export function idName(table: Table): string {
  const column = table.columns[0]
  if (column?.kind !== 'id') throw new Error(`table ${table.name} has no ids`)
  return column.name
}

/** No rows, in the shape of `table`. */
export function emptyRows(table: Table): Rows {
  return { count: 0, columns: table.columns.map(() => []) }
}

/** Rows `from` (included) to `to` (excluded) of a page, as far as it has them; neither is negative. */
export function sliceRows(rows: Rows, from: number, to: number): Rows {
  if (from === 0 && to >= rows.count) return rows
  const count = Math.max(0, Math.min(to, rows.count) - from)
  const sliced = slicedPart(rows, from, from + count)
  if (sliced) return sliced
  return { count, columns: rows.columns.map((values) => values.slice(from, from + count)) }
}

/** The rows at `places`, in that order. */
export function pickRows(rows: Rows, places: readonly number[]): Rows {
  const picked = slicedPick(rows, places)
  if (picked) return picked
  const pick = (values: readonly Value[]): Value[] => places.map((place) => values[place] ?? null)
  return { count: places.length, columns: rows.columns.map(pick) }
}

/** `first` and then `second`, of one table. */
export function joinRows(first: Rows, second: Rows): Rows {
  if (first.count === 0) return second
  if (second.count === 0) return first
  const joined = slicedJoin(first, second)
  if (joined) return joined
  const columns = first.columns.map((values, i) => [...values, ...(second.columns[i] ?? [])])
  return { count: first.count + second.count, columns }
}

/** The times of the rows, in epoch ms. */
export function timesOf(table: Table, rows: Rows): readonly number[] {
  return (rows.columns[table.timeColumn] ?? []) as readonly number[]
}

/** The id of one row, without text of the others; null where there is no such row. */
export function idAt(rows: Rows, row: number): string | null {
  return slicedText(rows, 0, row) ?? idsOf(rows)[row] ?? null
}

/** The ids of rows in order of id, as decimal text: the first column of their key. */
export function idsOf(rows: Rows): readonly string[] {
  return (rows.columns[0] ?? []) as readonly string[]
}
