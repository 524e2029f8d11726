// The pause after a close: the last trades of a candle arrive up to two seconds late, so a pass that begins
// right after a close waits until its candles are final.
import { floorToPeriod } from '../core/calendar.ts'
import { CLOSE_MARGIN_MS } from '../core/plan.ts'
import type { Period } from '../core/series.ts'
import type { World } from '../world.ts'

/** Waits until the last closed candles of every period are final. Seconds are planned with the margin in. */
export async function closeMargin(
  world: World,
  periods: readonly (Period | null)[],
  nowMs: () => number,
): Promise<void> {
  const sinceMs = periods.flatMap((period) =>
    period === null || period === '1s' ? [] : [nowMs() - floorToPeriod(period, nowMs())],
  )
  const waitMs = CLOSE_MARGIN_MS - Math.min(...sinceMs)
  if (Number.isFinite(waitMs) && waitMs > 0) await world.wait(waitMs, world.signal)
}
