// A store for programs that use petrosa as a library: rows in and out as objects, tables made when they are
// first used. What is written here is not vouched for by the ledger: `petrosa` asks for it once more.
import { pickRows, type Rows, sliceRows, type Table, type Value } from '../core/dataset.ts'
import type { Series } from '../core/series.ts'
import type { Store, StoreKind, WriteResult } from '../core/store.ts'
import { datasetNamed } from '../datasets/all.ts'
import { UserError } from '../errors.ts'
import { refuseForeignAddress } from '../stores/address.ts'
import { stores } from '../stores/all.ts'
import {
  checkSeries,
  fromRows,
  type RowDataset,
  type RowSeries,
  type RowTypes,
  toMs,
  toRows,
} from './rows.ts'
import { libraryClock } from './world.ts'

export type Moment = Date | number | string
export type ReadRange = {
  readonly start: Moment
  /** Itself excluded. */
  readonly end: Moment
  /** Rows at most; 100,000 where it is not given. */
  readonly limit?: number
}

export type RowStore = {
  readonly kind: StoreKind
  /**
   * Writes rows, in any order. Equal ones are not touched, different ones replace what is stored. All or none
   * of a batch are stored. Throws UserError for a row that is none, and what the store throws.
   */
  insert<D extends RowDataset>(series: RowSeries<D>, rows: readonly RowTypes[D][]): Promise<WriteResult>
  /** The rows of a series in `[start, end)`, in order of time. */
  read<D extends RowDataset>(series: RowSeries<D>, range: ReadRange): Promise<RowTypes[D][]>
  close(): Promise<void>
}

const MOST_ROWS = 100_000

/**
 * Opens a store: `openStore('sqlite', './market.db')`, or with the address of a server. Throws UserError for
 * an address that is none, UnavailableError where nobody answers.
 */
export async function openStore(kind: StoreKind, uri: string): Promise<RowStore> {
  const entry = stores.find((one) => one.kind === kind)
  if (!entry)
    throw new UserError(`there is no store ${kind}`, `use ${stores.map((one) => one.kind).join(', ')}`)
  refuseForeignAddress(kind, uri, 'check the kind and the address')
  const store = await entry.open({ uri, readOnly: false, batchRows: null }, libraryClock)
  const prepared = new Set<Table>()
  const prepare = async (table: Table): Promise<void> => {
    if (!prepared.has(table)) await store.prepare([table])
    prepared.add(table)
  }
  return {
    kind,
    insert: async (asked, records) => {
      const [series, table] = placeOf(asked)
      const rows = inOrder(table, toRows(table, asked.dataset, records))
      await prepare(table)
      return writeBatches(store, series, table, rows)
    },
    read: async (asked, { start, end, limit = MOST_ROWS }) => {
      const [series, table] = placeOf(asked)
      const span = { startMs: toMs(start), endMs: toMs(end) }
      await prepare(table)
      return fromRows(table, await store.read(series, table, span, limit))
    },
    close: () => store.close(),
  }
}

function placeOf(asked: RowSeries<RowDataset>): readonly [Series, Table] {
  checkSeries(asked)
  const { market, symbol, period } = asked
  const dataset = datasetNamed(asked.dataset)
  if (!dataset?.markets.includes(market)) throw new UserError(`${market} has no ${asked.dataset}`)
  const series: Series = { market, dataset: asked.dataset, symbol, period: period ?? null }
  return [series, dataset.table(series)]
}

/** The rows by their key. Throws UserError where two have the same. */
function inOrder(table: Table, rows: Rows): Rows {
  const keys = rows.columns.slice(0, table.keyLength)
  const compare = (a: number, b: number): number => {
    for (const values of keys) {
      const order = compareKeys(values[a] ?? null, values[b] ?? null)
      if (order !== 0) return order
    }
    return 0
  }
  const places = Array.from({ length: rows.count }, (_, i) => i).sort(compare)
  const double = places.findIndex((place, i) => i > 0 && compare(places[i - 1] ?? 0, place) === 0)
  if (double < 0) return pickRows(rows, places)
  throw new UserError(
    `rows ${places[double - 1]} and ${places[double]} have the same key`,
    'hand in one of them',
  )
}

/** Numbers as numbers; ids, which are text, too: the longer one is the larger. */
function compareKeys(a: Value, b: Value): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  const [first, second] = [String(a), String(b)]
  return first.length - second.length || (first < second ? -1 : first > second ? 1 : 0)
}

async function writeBatches(store: Store, series: Series, table: Table, rows: Rows): Promise<WriteResult> {
  const total = { written: 0, changed: 0 }
  const extractedAtMs = libraryClock.nowMs()
  for (let from = 0; from < rows.count; from += store.batchRows) {
    const part = sliceRows(rows, from, from + store.batchRows)
    const page = {
      series,
      table,
      rows: part,
      source: 'rest' as const,
      extractedAtMs,
      ledger: [],
      fresh: false,
    }
    const { written, changed } = await store.write([page])
    total.written += written
    total.changed += changed
  }
  return total
}
