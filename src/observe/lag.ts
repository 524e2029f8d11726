// How far behind the store is, series by series: not how old its newest row is, but for how long the oldest
// row that could be there and is not has been waiting. It is 0 while everything that has closed is settled.
import { advance, floorToPeriod, HOUR_MS, MINUTE_MS } from '../core/calendar.ts'
import type { PetrosaEvent } from '../core/events.ts'
import { type Series, seriesKey } from '../core/series.ts'

/** Series that are followed; more than any exchange has. */
const MOST_SERIES = 100_000

export type Lag = {
  readonly tell: (event: PetrosaEvent) => void
  /** Each series that is followed, and its lag in seconds. */
  seconds(): Generator<{ readonly series: Series; readonly seconds: number }>
}

/** Follows passes; `monotonicMs` is a clock that never jumps. */
export function startLag(monotonicMs: () => number): Lag {
  /** By series: until when its rows are settled, epoch ms. */
  const settled = new Map<string, { readonly series: Series; untilMs: number }>()
  let offsetMs = 0
  /** Whether that is the exchange's clock. */
  let isExact = false
  const set = (series: Series, untilMs: number): void => {
    const key = seriesKey(series)
    const known = settled.get(key)
    if (known) known.untilMs = untilMs
    else if (settled.size < MOST_SERIES) settled.set(key, { series, untilMs })
  }
  return {
    tell(event) {
      if (event.type === 'pass-due') {
        offsetMs = event.nowMs - monotonicMs()
        isExact = true
        for (const { series, fromMs } of event.due) set(series, fromMs ?? lastClosed(series, event.nowMs))
      } else if (event.type === 'series-followed') {
        if (!isExact) offsetMs = event.nowMs - monotonicMs()
        const known = settled.get(seriesKey(event.series))
        set(event.series, Math.max(known?.untilMs ?? 0, event.fromMs))
      } else if (event.type === 'series-left') for (const key of event.series) settled.delete(key)
      else if (event.type === 'batch-written') {
        for (const { series, settledUntilMs } of event.parts) {
          const known = settled.get(seriesKey(series))
          if (known && settledUntilMs !== null) known.untilMs = Math.max(known.untilMs, settledUntilMs)
        }
      }
    },
    *seconds() {
      const nowMs = monotonicMs() + offsetMs
      for (const { series, untilMs } of settled.values()) {
        yield { series, seconds: Math.max(0, nowMs - nextDue(series, untilMs)) / 1_000 }
      }
    },
  }
}

/** Until when a series is settled that lacks nothing at `nowMs`. */
function lastClosed({ period }: Series, nowMs: number): number {
  return period === null ? nowMs : floorToPeriod(period, nowMs)
}

/**
 * When the first row after what is settled could be had. Rates come by the hour, trades are taken by the
 * minute.
 */
function nextDue({ dataset, period }: Series, untilMs: number): number {
  if (period !== null) return advance(period, untilMs, 1)
  return untilMs + (dataset === 'funding' ? HOUR_MS : MINUTE_MS)
}
