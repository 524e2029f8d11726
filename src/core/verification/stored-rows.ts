// The rows of a series as a stream of bounded pages, in the order in which the series runs. A store reads by
// time, and many trades share one: a page ends only between two times, so that none is lost or told twice.
import { type Dataset, idsOf, pickRows, type Rows, sliceRows, type Table, timesOf } from '../dataset.ts'
import { compareIds } from '../id.ts'
import type { Series } from '../series.ts'
import type { Span } from '../span.ts'
import type { Store } from '../store.ts'

/** Rows of a page. Trades have no index on time in every store: each page of them costs a walk. */
const PAGE_ROWS = { calendar: 5_000, time: 5_000, id: 50_000 } as const

/** Rows of one time, at most: no exchange has so many. */
const MOST_ROWS_OF_A_TIME = 400_000

/** Where rows are read from. */
export type StoredSeries = {
  readonly store: Pick<Store, 'read'>
  readonly series: Series
  readonly dataset: Dataset
  readonly table: Table
}

/** The rows of a series in `span`, page by page; no page is empty. `pageRows` is for tests. */
export async function* storedPages(
  { store, series, dataset, table }: StoredSeries,
  span: Span,
  pageRows: number = PAGE_ROWS[dataset.order],
): AsyncGenerator<Rows> {
  let startMs = span.startMs
  let limit = pageRows
  while (startMs < span.endMs) {
    const read = await store.read(series, table, { startMs, endMs: span.endMs }, limit)
    const rows = dataset.order === 'id' ? inOrderOfIds(table, read) : read
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

/** Rows of one time by their ids: not every store sorts them. */
function inOrderOfIds(table: Table, rows: Rows): Rows {
  const timesMs = timesOf(table, rows)
  const ids = idsOf(rows)
  const compare = (a: number, b: number): number =>
    Number(timesMs[a]) - Number(timesMs[b]) || compareIds(ids[a] ?? '', ids[b] ?? '')
  for (let row = 1; row < rows.count; row += 1) {
    if (compare(row - 1, row) <= 0) continue
    return pickRows(rows, Array.from(ids, (_, place) => place).sort(compare))
  }
  return rows
}

/** All rows of a bounded span, as one page. */
export async function allRows(stored: StoredSeries, span: Span): Promise<Rows> {
  const columns: Rows['columns'][number][] = stored.table.columns.map(() => [])
  let count = 0
  for await (const page of storedPages(stored, span)) {
    count += page.count
    for (const [i, values] of page.columns.entries()) columns[i] = columns[i]?.concat(values) ?? values
  }
  return { count, columns }
}
