// Judges a page before it counts: inside what was asked for, in order, no doubles, each row possible. What is
// found wrong names the row, and the page is asked for again as a whole: nothing is ever half stored.
import { MalformedError } from '../errors.ts'
import { type Dataset, type Rows, sliceRows, type Table, timesOf, type Window } from './dataset.ts'
import { isoTime, spanText } from './span.ts'

/** Throws MalformedError when `rows` cannot be an answer to `window`. */
export function judge(dataset: Dataset, table: Table, window: Window, rows: Rows): void {
  const timesMs = timesOf(table, rows)
  if (rows.count > window.limit)
    throw new MalformedError(`${rows.count} rows came where ${window.limit} were asked for`)
  let beforeMs = Number.NEGATIVE_INFINITY
  for (let i = 0; i < rows.count; i += 1) {
    const timeMs = timesMs[i] ?? Number.NaN
    if (!(timeMs >= window.span.startMs && timeMs < window.span.endMs)) {
      throw new MalformedError(`row ${i + 1} (${timeText(timeMs)}) lies outside of ${spanText(window.span)}`)
    }
    if (timeMs <= beforeMs) {
      const problem = timeMs === beforeMs ? 'is there twice' : 'is out of order'
      throw new MalformedError(`row ${i + 1} (${timeText(timeMs)}) ${problem}`)
    }
    beforeMs = timeMs
  }
  const flaw = dataset.flaw(rows)
  if (flaw)
    throw new MalformedError(`row ${flaw.row + 1} (${timeText(timesMs[flaw.row] ?? 0)}): ${flaw.problem}`)
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

const LATEST_MS = 8.64e15

function timeText(timeMs: number): string {
  return Math.abs(timeMs) <= LATEST_MS ? isoTime(timeMs) : String(timeMs)
}
