// The grid of every period: when candles open, in UTC epoch milliseconds. Facts: reference 7.1 (3d opens on
// epoch days 1 mod 3, 1w on Mondays, 1M on the first of the month). A place is one open time of the grid; a
// candle fills the place whose period it opens in, so that the misaligned opens of 2017/18 have a place too.
import type { Period } from './series.ts'
import type { Span } from './span.ts'

const SECOND_MS = 1_000
export const MINUTE_MS = 60 * SECOND_MS
export const HOUR_MS = 60 * MINUTE_MS
export const DAY_MS = 24 * HOUR_MS

type Grid = { readonly lengthMs: number; readonly offsetMs: number }

const every = (lengthMs: number, offsetMs = 0): Grid => ({ lengthMs, offsetMs })

/** Length and first open of the periods of fixed length; months have neither. */
const grids: Readonly<Record<Exclude<Period, '1M'>, Grid>> = {
  '1s': every(SECOND_MS),
  '1m': every(MINUTE_MS),
  '3m': every(3 * MINUTE_MS),
  '5m': every(5 * MINUTE_MS),
  '15m': every(15 * MINUTE_MS),
  '30m': every(30 * MINUTE_MS),
  '1h': every(HOUR_MS),
  '2h': every(2 * HOUR_MS),
  '4h': every(4 * HOUR_MS),
  '6h': every(6 * HOUR_MS),
  '8h': every(8 * HOUR_MS),
  '12h': every(12 * HOUR_MS),
  '1d': every(DAY_MS),
  '3d': every(3 * DAY_MS, DAY_MS),
  '1w': every(7 * DAY_MS, 4 * DAY_MS),
}

/** Length and offset of a period of fixed length, for stores that count places in SQL; null for months. */
export function fixedGrid(period: Period): Grid | null {
  return period === '1M' ? null : grids[period]
}

/** How many months lie between 1970-01 and the month that `timeMs` is in. */
function monthOf(timeMs: number): number {
  const date = new Date(timeMs)
  return (date.getUTCFullYear() - 1970) * 12 + date.getUTCMonth()
}

const monthOpenMs = (month: number): number => Date.UTC(1970, month, 1)

/** The number of the place that `timeMs` lies in, counted from the grid's first open; negative before it. */
function placeNumber(period: Period, timeMs: number): number {
  if (period === '1M') return monthOf(timeMs)
  const grid = grids[period]
  return Math.floor((timeMs - grid.offsetMs) / grid.lengthMs)
}

function placeOpenMs(period: Period, place: number): number {
  if (period === '1M') return monthOpenMs(place)
  const grid = grids[period]
  return place * grid.lengthMs + grid.offsetMs
}

/** The open time of the place that `timeMs` lies in. */
export function floorToPeriod(period: Period, timeMs: number): number {
  return placeOpenMs(period, placeNumber(period, timeMs))
}

/** The first open time at or after `timeMs`. */
export function ceilToPeriod(period: Period, timeMs: number): number {
  const openMs = floorToPeriod(period, timeMs)
  return openMs === timeMs ? openMs : advance(period, openMs, 1)
}

/** The open time `places` places after (before, when negative) the place that `timeMs` lies in. */
export function advance(period: Period, timeMs: number, places: number): number {
  return placeOpenMs(period, placeNumber(period, timeMs) + places)
}

/** How many open times of the grid lie in `span`. */
export function countPlaces(period: Period, span: Span): number {
  const firstMs = ceilToPeriod(period, span.startMs)
  const endMs = ceilToPeriod(period, span.endMs)
  return Math.max(0, placeNumber(period, endMs) - placeNumber(period, firstMs))
}

/** Every open time of the grid in `span`, in order. */
export function* openTimes(period: Period, span: Span): Generator<number> {
  for (let place = placeNumber(period, ceilToPeriod(period, span.startMs)); ; place += 1) {
    const openMs = placeOpenMs(period, place)
    if (openMs >= span.endMs) return
    yield openMs
  }
}

/**
 * The runs of places in `span` that none of `opensMs` (ascending) fills, each as a span from its first open
 * time to the open time of the next filled place or the end of `span`. A candle fills the place that its open
 * time lies in, also where it opens before the span begins or after it ends.
 */
export function emptyPlaces(period: Period, span: Span, opensMs: readonly number[]): Span[] {
  const holes: Span[] = []
  const lengthMs = fixedGrid(period)?.lengthMs ?? null
  let nextMs = ceilToPeriod(period, span.startMs)
  for (const openMs of opensMs) {
    // Nearly every candle is the next one on a grid of fixed length.
    if (openMs === nextMs && openMs < span.endMs && lengthMs !== null) {
      nextMs += lengthMs
      continue
    }
    const placeMs = floorToPeriod(period, openMs)
    if (placeMs >= span.endMs) break
    if (placeMs > nextMs) holes.push({ startMs: nextMs, endMs: placeMs })
    nextMs = Math.max(nextMs, advance(period, placeMs, 1))
  }
  if (nextMs < span.endMs) holes.push({ startMs: nextMs, endMs: span.endMs })
  return holes
}
