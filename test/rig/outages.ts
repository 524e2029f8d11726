// The outages of the real spot exchange: UTC hours in which no listed symbol has a 1h candle (reference 7.5,
// proved on 19 symbols from 2017-12 to 2026-01). Whole hours only; the edges in minutes are not known.
import { DAY_MS, HOUR_MS } from '../../src/core/calendar.ts'
import type { Span } from '../../src/core/span.ts'

/** Day, first hour and last hour (included); the one of 2018-02-08 goes on until 09 h of the next day. */
const hours: readonly (readonly [day: string, first: number, last: number])[] = [
  ['2017-09-06', 16, 19],
  ['2018-01-04', 4, 4],
  ['2018-02-08', 1, 33],
  ['2018-06-26', 2, 11],
  ['2018-06-27', 13, 13],
  ['2018-07-04', 1, 7],
  ['2018-10-19', 6, 8],
  ['2018-11-14', 2, 8],
  ['2019-03-12', 2, 7],
  ['2019-05-15', 3, 12],
  ['2019-08-15', 2, 9],
  ['2019-11-13', 2, 3],
  ['2019-11-25', 2, 3],
  ['2020-02-09', 2, 2],
  ['2020-02-19', 12, 16],
  ['2020-03-04', 10, 10],
  ['2020-04-25', 2, 3],
  ['2020-06-28', 2, 4],
  ['2020-11-30', 6, 6],
  ['2020-12-21', 14, 17],
  ['2020-12-25', 2, 2],
  ['2021-02-11', 4, 4],
  ['2021-03-06', 2, 2],
  ['2021-04-20', 2, 3],
  ['2021-04-25', 5, 7],
  ['2021-08-13', 2, 5],
  ['2021-09-29', 7, 8],
  ['2023-03-24', 13, 13],
]

/** Every known outage as a span, oldest first. */
export const spotOutages: readonly Span[] = hours.map(([day, first, last]) => {
  const dayMs = Math.floor(Date.parse(day) / DAY_MS) * DAY_MS
  return { startMs: dayMs + first * HOUR_MS, endMs: dayMs + (last + 1) * HOUR_MS }
})
