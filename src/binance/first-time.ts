// The first row of a series where windows answer the newest rows: COIN-M cuts a window that holds too much at
// its beginning (reference 5), so the first row is found by halving windows until one holds all of its rows.

import { DAY_MS, fixedGrid, MINUTE_MS } from '../core/calendar.ts'
import type { Rows } from '../core/dataset.ts'
import type { Series } from '../core/series.ts'
import type { Source } from '../core/source.ts'
import type { AskPage } from './rest.ts'

/** The longest window that is answered (reference 5). */
const WINDOW_MS = 200 * DAY_MS

/** No COIN-M contract has rows before this (reference 5: its first month is 2020-07, mark prices 2020-06). */
const BEGAN_MS = Date.UTC(2020, 0, 1)

/** The shortest period of futures; that of months, which has no fixed length, is longer. */
const SHORTEST_MS = MINUTE_MS

/** A request of the least weight: fewer than 100 rows. */
const PROBE_ROWS = 99

/** Finds the time of the first row from a time on; null where there is none. Weighs 1 a request. */
export function firstTime(ask: AskPage, nowMs: () => number): NonNullable<Source['first']> {
  return async (series, fromMs, untilMs, hurried = false) => {
    const endMs = Math.min(untilMs, nowMs() + 1)
    let startMs = Math.max(fromMs, BEGAN_MS)
    while (startMs < endMs) {
      const windowEndMs = Math.min(endMs, startMs + WINDOW_MS)
      const firstMs = await firstIn(ask, series, startMs, windowEndMs, hurried)
      if (firstMs !== null) return firstMs
      startMs = windowEndMs
    }
    return null
  }
}

/** The same in one window that may be asked for: the part that is known to be empty grows by halves. */
async function firstIn(
  ask: AskPage,
  series: Series,
  fromMs: number,
  untilMs: number,
  hurried: boolean,
): Promise<number | null> {
  const look = async (startMs: number, endMs: number): Promise<Rows> =>
    (await ask(series, { span: { startMs, endMs }, limit: PROBE_ROWS }, hurried)).rows
  const lengthMs = (series.period && fixedGrid(series.period)?.lengthMs) || SHORTEST_MS
  let emptyToMs = fromMs
  let foundMs: number | null = null
  let endMs = untilMs
  while (emptyToMs < endMs) {
    const rows = await look(emptyToMs, endMs)
    const timeMs = rows.columns[0]?.[0]
    if (typeof timeMs === 'number') {
      // With room to spare the answer holds all rows of the window, and its first is the first of all.
      if (rows.count < PROBE_ROWS) return timeMs
      foundMs = timeMs
    } else {
      if (foundMs === null) return null
      emptyToMs = endMs
    }
    // What fits an answer is asked for as a whole, anything longer by its first half.
    const leftMs = foundMs - emptyToMs
    endMs = leftMs < PROBE_ROWS * lengthMs ? foundMs : emptyToMs + Math.ceil(leftMs / 2)
  }
  return foundMs
}
