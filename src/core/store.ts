// What a store owes. Four kinds of database keep this contract; test/contract/store-contract.ts is its
// definition, run against each. Times are UTC epoch milliseconds, decimals canonical text (core/decimal.ts),
// on the way in and out.
import type { ArchiveRecord } from './archive.ts'
import type { Rows, Table } from './dataset.ts'
import type { IdRange } from './id.ts'
import type { Leases } from './lease.ts'
import type { LedgerRow, SourceName } from './ledger.ts'
import type { Series } from './series.ts'
import type { Span } from './span.ts'

export const storeKinds = ['sqlite', 'postgresql', 'mysql', 'mongodb'] as const
export type StoreKind = (typeof storeKinds)[number]

/** Rows of one series and what they settle in its ledger: written together or not at all. */
export type Page = {
  readonly series: Series
  readonly table: Table
  readonly rows: Rows
  readonly source: SourceName
  /** When the rows were fetched, epoch ms; stored with each new or changed row. */
  readonly extractedAtMs: number
  /** What the page settles (or still wants), in order of time. */
  readonly ledger: readonly LedgerRow[]
  /** True where the ledger knew nothing of the page's span, so that bulk loaders may expect no row there. */
  readonly fresh: boolean
  /** The archives that are taken in once this page is; each replaces the record of the same key. */
  readonly archives?: readonly ArchiveRecord[]
  /** The token of the lease that it is written under; none: whoever writes, writes. */
  readonly token?: number
}

/** New rows, and rows whose stored value was replaced by a different one. */
export type WriteResult = { readonly written: number; readonly changed: number }

export type WriteOptions = {
  /** Republished archives replace REST rows too (interface.md, section 5: who replaces whom). */
  readonly refresh?: boolean
  /**
   * Keeps each row that a different one replaces in petrosa_replaced, in the same transaction (MongoDB:
   * before the replacement). Its time there is the newcomer's extractedAtMs; of several rows that one key
   * lost to pages of the same time the first is kept. Slower: the rows are read first.
   */
  readonly keepReplaced?: boolean
}

export type SourceCount = { readonly source: SourceName; readonly rows: number }

/** What a store holds of one series, read from the rows themselves. */
export type Holding = {
  readonly firstMs: number
  readonly lastMs: number
  readonly rows: number
  readonly bySource: readonly SourceCount[]
}

/** The first and the last row of a series by its key; their ids where the key is one, as decimal text. */
export type Ends = {
  readonly firstMs: number
  readonly lastMs: number
  readonly firstId: string | null
  readonly lastId: string | null
}

/** Where a row is found by its id, and its time, epoch ms. */
export type IdPlace = { readonly id: string; readonly timeMs: number }

/** One finding of `check`: what was tried, whether it works, and what to do about it when it does not. */
export type Finding = {
  readonly name: string
  readonly ok: boolean
  readonly detail: string
  readonly advice: string
}

export type Store = {
  readonly kind: StoreKind
  /** Most rows a write should carry, and how many writes may run at once. */
  readonly batchRows: number
  readonly writers: number
  /** Batches in hand, those that are written among them: fetching stops while there are more. */
  readonly mostBatches: number
  /**
   * Makes the tables and the ledger where they are missing and checks the shape of those that exist. Safe to
   * run again, and by many processes at once. A store that was opened for a plan only checks. UserError:
   * foreign shape, newer schema, missing rights. UnavailableError: out of reach.
   */
  prepare(tables: readonly Table[]): Promise<void>
  /** The ledger rows of each series, by start; a series (or schema) that is not there has none. */
  ledger(series: readonly Series[]): Promise<readonly (readonly LedgerRow[])[]>
  /** The archives taken of each series, by name; a series (or schema) that is not there has none. */
  archives(series: readonly Series[]): Promise<readonly (readonly ArchiveRecord[])[]>
  /**
   * Every series that the ledger or a table of `tables` knows. UserError: foreign shape of a table that is
   * there, newer schema.
   */
  knownSeries(tables: readonly Table[]): Promise<readonly Series[]>
  /**
   * Writes pages of one table, their rows, ledger and archives in one transaction (MongoDB: in this order,
   * archives before the ledger). Equal rows are left alone, down to extracted_at. A failed write leaves
   * nothing behind; a repeated one changes nothing. LeaseLostError, in which no coverage is written: a page's
   * lease has another owner by now.
   */
  write(pages: readonly Page[], options?: WriteOptions): Promise<WriteResult>
  /** What is stored of a series, or null when there is no row. */
  holding(series: Series, table: Table): Promise<Holding | null>
  /** How many rows lie in each of `spans`; one answer a span, counted on the server. */
  counts(series: Series, table: Table, spans: readonly Span[]): Promise<readonly number[]>
  /** Where a series begins and ends, by two look-ups of the key; null when there is no row. */
  ends(series: Series, table: Table): Promise<Ends | null>
  /** How many rows have an id in each of `ranges`; for tables whose key is an id, counted on the server. */
  countIds(series: Series, table: Table, ranges: readonly IdRange[]): Promise<readonly number[]>
  /** The first row at or after each of `ids`, by look-ups of the key; null where none follows. */
  fromIds(series: Series, table: Table, ids: readonly string[]): Promise<readonly (IdPlace | null)[]>
  /** The rows of a series in `span`, in order of time, at most `limit` of them. */
  read(series: Series, table: Table, span: Span, limit: number): Promise<Rows>
  /** The rows from an id on, in order of ids, at most `limit`; for tables whose key is an id, along it. */
  readIds(series: Series, table: Table, fromId: string, limit: number): Promise<Rows>
  /** Leases of series; a store that has none (SQLite) keeps concurrent programs exact by itself. */
  readonly leases?: Leases
  /** Tries reachability, version, schema, rights and limits without changing anything. */
  check(tables: readonly Table[]): Promise<readonly Finding[]>
  close(): Promise<void>
}

/** How a store is opened. */
export type StoreOptions = {
  readonly uri: string
  /** For plans: nothing may be created, and what does not exist reads as empty. */
  readonly readOnly: boolean
  /** Rows a write at most; null leaves the choice to the store. */
  readonly batchRows: number | null
  /** PostgreSQL only: makes the tables hypertables of TimescaleDB. */
  readonly hypertables?: boolean
  /** Hears that a database was made which did not exist, for example `postgresql store at host:5432/name`. */
  readonly madeDatabase?: (place: string) => void
}
