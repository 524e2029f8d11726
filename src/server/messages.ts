// The program's own events as GET /events tells them: what a page can show, in the words and units of the
// results. What comes by the hundreds a second (pages, requests) is not told one by one; the board of the
// pass has it.
import type { PetrosaEvent } from '../core/events.ts'
import { seriesKey } from '../core/series.ts'
import { isoTime, type Span } from '../core/span.ts'
import type { Message } from './event-streams.ts'

const times = (span: Span): { start: string; end: string } => ({
  start: isoTime(span.startMs),
  end: isoTime(span.endMs),
})

/** The message that an event is, or null where it is none. */
export function messageOf(event: PetrosaEvent): Message | null {
  switch (event.type) {
    case 'pass-started':
      return { event: event.type, data: { command: event.command, series: event.series.length } }
    case 'pass-planned': {
      const { seriesToDo, rowsToDo, requestsToDo } = event
      return { event: event.type, data: { series: seriesToDo, rows: rowsToDo, requests: requestsToDo } }
    }
    case 'batch-written': {
      const { rows, written, changed } = event
      return { event: event.type, data: { rows, new: written, changed } }
    }
    case 'hole-settled': {
      const { row, series } = event
      const data = { series: seriesKey(series), ...times(row), verdict: row.verdict, reason: row.reason }
      return { event: event.type, data }
    }
    case 'span-unsettled': {
      const { series, span, reason } = event.unsettled
      return { event: event.type, data: { series: seriesKey(series), ...times(span), reason } }
    }
    case 'exchange-paused': {
      const { host, untilMs, reason } = event
      return { event: event.type, data: { host, until: isoTime(untilMs), reason } }
    }
    case 'warning':
    case 'note':
      return { event: event.type, data: { message: event.message } }
    default:
      return null
  }
}
