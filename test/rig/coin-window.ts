// The bounds of COIN-M's klines: at most 200 days, of which a missing one follows from the other
// (reference 5).
import { DAY_MS } from '../../src/core/calendar.ts'
import { Refusal } from './endpoint.ts'

export const COIN_WINDOW_MS = 200 * DAY_MS

/** Both bounds of a page, epoch ms, both included. */
export type Bounds = { readonly startMs: number; readonly lastMs: number }

/**
 * The bounds that COIN-M makes of those that were sent: 200 days from the start, up to now; or 200 days up to
 * the end; or, with neither, all time. Refused: more than 200 days (-4088).
 */
export function coinBounds(startMs: number | undefined, lastMs: number | undefined, nowMs: number): Bounds {
  if (startMs !== undefined && lastMs !== undefined && lastMs - startMs > COIN_WINDOW_MS)
    throw new Refusal(-4088, 'Maximum time interval is 200 days.')
  if (startMs !== undefined) return { startMs, lastMs: lastMs ?? Math.min(startMs + COIN_WINDOW_MS, nowMs) }
  return lastMs === undefined
    ? { startMs: 0, lastMs: Infinity }
    : { startMs: Math.max(0, lastMs - COIN_WINDOW_MS), lastMs }
}
