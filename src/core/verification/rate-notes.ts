// What is unusual in funding rates: times that are not the hour. Rates are posted some milliseconds after it
// (reference 10: up to 47), and their interval changes, so that more cannot be known without asking.
import { HOUR_MS } from '../calendar.ts'
import { timesOf } from '../dataset.ts'
import { isoTime } from '../span.ts'
import type { CheckContext, RowCheck } from './check-context.ts'
import { NoteRuns } from './runs.ts'

/** A rate may be so far from its hour, ms. */
const JITTER_MS = 1_000

/** The notes of a series of funding rates. */
export function rateNotes({ table }: CheckContext): RowCheck {
  const runs = new NoteRuns()
  let number = 0
  return {
    page(rows) {
      for (const timeMs of timesOf(table, rows)) {
        const hourMs = Math.round(timeMs / HOUR_MS) * HOUR_MS
        const span = { startMs: timeMs, endMs: timeMs + 1 }
        if (Math.abs(timeMs - hourMs) > JITTER_MS)
          runs.note('times', number, span, `a rate of ${isoTime(timeMs)}`, 'at the hour, or a second from it')
        number += 1
      }
      return runs.take()
    },
    end: () => runs.take(true),
  }
}
