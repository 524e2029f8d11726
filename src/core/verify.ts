// Judges a page before it counts: inside what was asked for, in order, no doubles, each row possible. What is
// found wrong names the row, and the page is asked for again as a whole: nothing is ever half stored.
import { MalformedError } from '../errors.ts'
import {
  type Dataset,
  idsOf,
  pickRows,
  type Rows,
  sliceRows,
  type Table,
  timesOf,
  type Window,
} from './dataset.ts'
import { compareIds } from './id.ts'
import { isoTime, type Span, spanText } from './span.ts'

/** Throws MalformedError when `rows` cannot be an answer to `window`. */
export function judge(dataset: Dataset, table: Table, window: Window, rows: Rows): void {
  const timesMs = timesOf(table, rows)
  if (rows.count > window.limit)
    throw new MalformedError(`${rows.count} rows came where ${window.limit} were asked for`)
  if (window.fromId === undefined) judgeSpan(timesMs, window.span)
  judgeOrder(dataset, table, window, rows)
  const flaw = dataset.flaw(rows)
  if (flaw)
    throw new MalformedError(`row ${flaw.row + 1} (${isoTime(timesMs[flaw.row] ?? 0)}): ${flaw.problem}`)
}

function judgeSpan(timesMs: readonly number[], { startMs, endMs }: Span): void {
  for (let row = 0; row < timesMs.length; row += 1) {
    const timeMs = timesMs[row] ?? Number.NaN
    if (timeMs >= startMs && timeMs < endMs) continue
    const place = `row ${row + 1} (${isoTime(timeMs)})`
    throw new MalformedError(`${place} lies outside of ${spanText({ startMs, endMs })}`)
  }
}

/** In order of the key and no row twice: of the id where there is one, else of the time. */
function judgeOrder(dataset: Dataset, table: Table, window: Window, rows: Rows): void {
  const timesMs = timesOf(table, rows)
  const compare = keyComparison(dataset, rows)
  const ids = idsOf(rows)
  if (dataset.order === 'id' && window.fromId !== undefined && rows.count > 0) {
    if (compareIds(ids[0] ?? '', window.fromId) < 0)
      throw new MalformedError(`row 1 (id ${ids[0]}) comes before the id ${window.fromId} that was asked for`)
  }
  // Where the time alone is the key, one look at each is enough.
  const isAscending = (i: number): boolean =>
    dataset.order === 'calendar' && (timesMs[i - 1] ?? Number.NaN) < (timesMs[i] ?? Number.NaN)
  for (let i = 1; i < rows.count; i += 1) {
    if (isAscending(i)) continue
    const order = compare(i - 1, i)
    if (order < 0) continue
    const name = dataset.order === 'id' ? `id ${ids[i]}` : isoTime(timesMs[i] ?? Number.NaN)
    throw new MalformedError(`row ${i + 1} (${name}) ${order === 0 ? 'is there twice' : 'is out of order'}`)
  }
}

/** Compares two rows of a page by their key: negative, zero or positive. */
export function keyComparison(dataset: Dataset, rows: Rows): (a: number, b: number) => number {
  const first = rows.columns[0] ?? []
  if (dataset.order === 'id') return (a, b) => compareIds(String(first[a]), String(first[b]))
  const byTime = (a: number, b: number): number => Number(first[a]) - Number(first[b])
  if (dataset.order === 'calendar') return byTime
  // Rates of one time differ by their type, in any order.
  const types = rows.columns[1] ?? []
  return (a, b) => byTime(a, b) || (types[a] === types[b] ? 0 : -1)
}

/** A page without its invalid records, and the ids and times of those. */
export function siftInvalid(dataset: Dataset, table: Table, rows: Rows): Sifted {
  const [invalid, kept]: [number[], number[]] = [[], []]
  for (let row = 0; dataset.invalid && row < rows.count; row += 1) {
    if (dataset.invalid(rows, row)) invalid.push(row)
    else kept.push(row)
  }
  if (invalid.length === 0) return { rows, skippedIds: [], skippedTimesMs: [] }
  const skipped = pickRows(rows, invalid)
  return {
    rows: pickRows(rows, kept),
    skippedIds: idsOf(skipped),
    skippedTimesMs: timesOf(table, skipped),
  }
}

type Sifted = {
  readonly rows: Rows
  readonly skippedIds: readonly string[]
  readonly skippedTimesMs: readonly number[]
}

/**
 * The rows that had closed when they were served: a candle is finished when its close time has passed
 * (reference 7.3).
 */
export function closedRows(table: Table, rows: Rows, servedAtMs: number): Rows {
  const closeColumn = table.columns.findIndex((column) => column.name === 'close_time')
  const closesMs = rows.columns[closeColumn]
  if (!closesMs) return rows
  // Open candles can only stand at the end, since opens ascend and periods do not overlap.
  let count = rows.count
  while (count > 0 && Number(closesMs[count - 1]) >= servedAtMs) count -= 1
  return sliceRows(rows, 0, count)
}
