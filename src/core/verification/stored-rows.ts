// The rows of a series as a stream of bounded pages, in the order in which the series runs: candles and rates
// by their time, trades by their ids.
import {
  type Dataset,
  emptyRows,
  idsOf,
  joinRows,
  type Rows,
  sliceRows,
  type Table,
  timesOf,
} from '../dataset.ts'
import { compareIds, type IdRange, nextId } from '../id.ts'
import type { Series } from '../series.ts'
import type { Span } from '../span.ts'
import type { Store } from '../store.ts'

/** Rows of a page. */
const PAGE_ROWS = 5_000

/** Rows of one time, at most: a rate has a few types. */
const MOST_ROWS_OF_A_TIME = 100_000

/** Trades at the beginning of a span among which the least id is looked for. */
const FIRST_TRADES = 1_000

/** Where rows are read from. */
export type StoredSeries = {
  readonly store: Pick<Store, 'read' | 'readIds' | 'ends'>
  readonly series: Series
  readonly dataset: Dataset
  readonly table: Table
}

/** The rows of a series in `span`, page by page; no page is empty. `pageRows` is for tests. */
export function storedPages(stored: StoredSeries, span: Span, pageRows = PAGE_ROWS): AsyncGenerator<Rows> {
  return stored.dataset.order === 'id'
    ? tradesInSpan(stored, span, pageRows)
    : rowsInSpan(stored, span, pageRows)
}

/** A page ends only between two times, so that of several rows of one time none is lost or told twice. */
async function* rowsInSpan(
  { store, series, table }: StoredSeries,
  span: Span,
  pageRows: number,
): AsyncGenerator<Rows> {
  let startMs = span.startMs
  let limit = pageRows
  while (startMs < span.endMs) {
    const rows = await store.read(series, table, { startMs, endMs: span.endMs }, limit)
    if (rows.count < limit) {
      if (rows.count > 0) yield rows
      return
    }
    const timesMs = timesOf(table, rows)
    const lastMs = timesMs.at(-1) ?? span.endMs
    const whole = timesMs.indexOf(lastMs)
    if (whole > 0) {
      yield sliceRows(rows, 0, whole)
      startMs = lastMs
      limit = pageRows
    } else {
      limit *= 2
      if (limit > MOST_ROWS_OF_A_TIME) throw new Error(`more rows at ${lastMs} than can be: ${series.symbol}`)
    }
  }
}

/**
 * The trades of a span, from the first that lies in it to the last. One between whose time is another, by a
 * hand or a mistake, is among them: it has its place by its id.
 */
async function* tradesInSpan(stored: StoredSeries, span: Span, pageRows: number): AsyncGenerator<Rows> {
  const { store, series, table } = stored
  let fromId = await firstIdIn(stored, span)
  let waiting = emptyRows(table)
  let hasBegun = false
  while (fromId !== null) {
    const rows = await store.readIds(series, table, fromId, pageRows)
    const timesMs = timesOf(table, rows)
    const isInside = (timeMs: number): boolean => timeMs >= span.startMs && timeMs < span.endMs
    const begin = hasBegun ? 0 : timesMs.findIndex(isInside)
    const end = timesMs.findLastIndex(isInside) + 1
    if (end > 0) {
      yield joinRows(waiting, sliceRows(rows, begin, end))
      hasBegun = true
      waiting = sliceRows(rows, end, rows.count)
    } else if (timesMs.every((timeMs) => timeMs >= span.endMs)) return
    const last = idsOf(rows).at(-1)
    fromId = rows.count < pageRows || last === undefined ? null : nextId(last)
  }
}

/** The least id of the trades in a span, as far as their times tell; null where there is none. */
async function firstIdIn({ store, series, table }: StoredSeries, span: Span): Promise<string | null> {
  const ends = await store.ends(series, table)
  if (!ends || ends.firstMs >= span.startMs) return ends?.firstId ?? null
  const rows = await store.read(series, table, span, FIRST_TRADES)
  return [...idsOf(rows)].sort(compareIds)[0] ?? null
}

/** The trades with ids in a range, page by page; no page is empty. */
export async function* tradesByIds(
  { store, series, table }: StoredSeries,
  { firstId, lastId }: IdRange,
): AsyncGenerator<Rows> {
  for (let fromId = firstId; compareIds(fromId, lastId) <= 0; ) {
    const rows = await store.readIds(series, table, fromId, PAGE_ROWS)
    const ids = idsOf(rows)
    const beyond = ids.findIndex((id) => compareIds(id, lastId) > 0)
    const own = beyond < 0 ? rows : sliceRows(rows, 0, beyond)
    if (own.count > 0) yield own
    const last = ids.at(-1)
    if (last === undefined || beyond >= 0 || rows.count < PAGE_ROWS) return
    fromId = nextId(last)
  }
}

/** All rows of a bounded stream, as one page. */
export async function allRows(table: Table, pages: AsyncIterable<Rows>): Promise<Rows> {
  let rows = emptyRows(table)
  for await (const page of pages) rows = joinRows(rows, page)
  return rows
}
