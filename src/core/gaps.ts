// Where rows are missing, and why: the rows themselves against the calendar, the ids or the settled spans of
// their dataset, minus what the ledger proves empty. All counting is the store's, along its key.
import { calendarGaps } from './calendar-gaps.ts'
import type { Gap, GapScan } from './gap.ts'
import { idGaps } from './id-gaps.ts'
import { timeGaps } from './time-gaps.ts'

/** Every gap of a series in the spans that are asked for, in order of time. Throws what the store throws. */
export async function findGaps(scan: GapScan): Promise<Gap[]> {
  const gaps = await gapsByOrder(scan)
  return gaps.sort((a, b) => a.span.startMs - b.span.startMs || a.span.endMs - b.span.endMs)
}

function gapsByOrder(scan: GapScan): Promise<Gap[]> {
  switch (scan.dataset.order) {
    case 'calendar':
      if (scan.period === null) throw new Error(`${scan.dataset.name} without a period`)
      return calendarGaps({ ...scan, period: scan.period })
    case 'time':
      return timeGaps(scan)
    case 'id':
      return idGaps(scan)
  }
}
