// What the contract suite needs of a kind of database: fresh ones to write to, and a way around the store, to
// spoil things and to see what the store does not show.
import type { Table } from '../../src/core/dataset.ts'
import type { Clock } from '../../src/core/retry.ts'
import type { Store, StoreKind, StoreOptions } from '../../src/core/store.ts'
import { stores } from '../../src/stores/all.ts'
import { realWait } from '../../src/world.ts'

/** A database of its own; `drop` removes it with all that is in it, also under an open store. */
export type FreshDatabase = { readonly uri: string; drop(): Promise<void> }

/** What the store writes to each row and does not read back. */
export type Stamp = { readonly timeMs: number; readonly source: string; readonly extractedAtMs: number }

/** What petrosa_replaced holds: a row that a different one replaced; `key` and `row` are JSON. */
export type Replaced = {
  readonly series: string
  readonly key: string
  readonly replacedAtMs: number
  readonly row: string
}

export type TestDatabase = {
  readonly kind: StoreKind
  /** What it is called in the names of tests: the kind, or `mariadb`, or `memory`. */
  readonly label: string
  /** Whether other processes can open it. */
  readonly shared: boolean
  open(options: StoreOptions): Promise<Store>
  fresh(): Promise<FreshDatabase>
  /** The address of a database that nobody has made; `drop` removes what a test makes of it. */
  absent(): Promise<FreshDatabase>
  /** Whether anything was made for `uri`: a file, or a database on the server. */
  exists(uri: string): Promise<boolean>
  /** Runs a statement past the store: SQL, or a MongoDB command as extended JSON. */
  exec(uri: string, statement: string): Promise<void>
  /** The names of all tables (collections) that are there, views left out. */
  tables(uri: string): Promise<readonly string[]>
  /** The stamps of a symbol's rows by time, read and turned into epoch ms by the server itself. */
  stamps(uri: string, table: Table, symbol: string): Promise<readonly Stamp[]>
  /** All replaced rows of a series (its key), in any order. */
  replaced(uri: string, series: string): Promise<readonly Replaced[]>
  /** Statements for `exec` that do harm. */
  readonly spoil: Spoil
}

export type Spoil = {
  /** Says that a program whose schema is newer by one wrote the database. */
  readonly newerSchema: string
  /** Turns a database into one that the program made while its schema was 1; to be run in this order. */
  readonly schemaOne: readonly string[]
  /** Makes a table of that name which is somebody else's. */
  foreignTable(name: string): string
  /** Sets every open_price of klines_m1 to 1.50, as somebody else would write 1.5. */
  readonly trailingZero: string
  /** Sets every open_price of klines_m1 to what no version of the program writes. */
  readonly foreignValue: string
  /** Gives new connections another time zone; null where the database has none. */
  readonly timeZone: { shift(uri: string): string; restore(uri: string): string } | null
}

/** `newerSchema` and `schemaOne` in SQL that every server reads. */
export const sqlVersions = {
  newerSchema:
    'INSERT INTO petrosa_schema (version, applied_at) ' +
    'SELECT max(version) + 1, max(applied_at) FROM petrosa_schema',
  schemaOne: [
    'DROP TABLE petrosa_archives',
    'DROP TABLE petrosa_replaced',
    'DROP TABLE IF EXISTS petrosa_leases',
    'DELETE FROM petrosa_schema WHERE version > 1',
  ],
}

/** The clock of this machine, for stores that are opened in tests. */
export const realClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  wait: realWait,
  random: Math.random,
}

/** A replaced row as a server gives it, its time as text of epoch ms. */
export function toReplaced(found: Readonly<Record<string, unknown>>): Replaced {
  const { series, key, replaced, row } = found
  return { series: String(series), key: String(key), replacedAtMs: Number(replaced), row: String(row) }
}

/** Opens a store of `kind` as the program does. Throws when src/stores/all.ts does not list it. */
export async function openStore(kind: StoreKind, options: StoreOptions): Promise<Store> {
  const entry = stores.find((store) => store.kind === kind)
  if (!entry) throw new Error(`no store ${kind}`)
  return entry.open(options, realClock)
}

/** A name for a database that no other run takes: at most 27 characters, lower case. */
export function freshName(): string {
  return `petrosa_test_${crypto.randomUUID().slice(0, 13).replace('-', '')}`
}
