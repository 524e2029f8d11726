// The first candle of a time where windows answer their newest rows, against lists of candles: however many
// there are, wherever the holes, and at the price of a few requests.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { firstTime } from '../../src/binance/first-time.ts'
import type { AskPage } from '../../src/binance/rest.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/core/calendar.ts'
import type { Period, Series } from '../../src/core/series.ts'
import type { Span } from '../../src/core/span.ts'
import { runsFor } from '../rig/seed.ts'

const runs = runsFor('test/unit/first-time.test.ts')
const NOW_MS = Date.UTC(2024, 2, 22, 13, 37, 30)
const LONGEST_MS = 200 * DAY_MS

/** Pages of the newest candles of a window, as COIN-M answers them; candles stand on the grid of `stepMs`. */
function asker(
  stepMs: number,
  holes: readonly Span[],
  fromMs: number,
): { ask: AskPage; asked: () => number } {
  let asked = 0
  const isThere = (timeMs: number): boolean =>
    timeMs >= fromMs && !holes.some((hole) => timeMs >= hole.startMs && timeMs < hole.endMs)
  const ask: AskPage = async (_series, { span, limit }) => {
    asked += 1
    expect(span.endMs - span.startMs).toBeLessThanOrEqual(LONGEST_MS)
    expect(span.startMs).toBeLessThan(span.endMs)
    const found: number[] = []
    const lastMs = Math.min(span.endMs - 1, NOW_MS)
    for (
      let ms = Math.floor(lastMs / stepMs) * stepMs;
      ms >= span.startMs && found.length < limit;
      ms -= stepMs
    )
      if (isThere(ms)) found.unshift(ms)
    return { rows: { count: found.length, columns: [found] }, servedAtMs: NOW_MS }
  }
  return { ask, asked: () => asked }
}

const series = (period: Period): Series => ({
  market: 'cm',
  dataset: 'klines',
  symbol: 'BTCUSD_PERP',
  period,
})
const steps = { '1m': MINUTE_MS, '1h': HOUR_MS, '1d': DAY_MS } as const

describe('the first candle of a time', () => {
  test('is found among any candles', async () => {
    const anyMs = fc.integer({ min: 0, max: 500 * DAY_MS }).map((backMs) => NOW_MS - backMs)
    const anyHole = fc
      .tuple(anyMs, fc.constantFrom(1, 60, 1_440, 100_000))
      .map(([startMs, minutes]): Span => ({ startMs, endMs: startMs + minutes * MINUTE_MS }))
    const property = fc.asyncProperty(
      fc.constantFrom<(keyof typeof steps)[]>('1h', '1d'),
      fc.array(anyHole, { maxLength: 4 }),
      anyMs,
      anyMs,
      fc.option(anyMs),
      async (period, holes, listedMs, fromMs, until) => {
        const stepMs = steps[period]
        const { ask } = asker(stepMs, holes, listedMs)
        const untilMs = until ?? NOW_MS + DAY_MS
        let expected: number | null = null
        for (
          let ms = Math.ceil(fromMs / stepMs) * stepMs;
          ms < untilMs && ms <= NOW_MS && expected === null;
          ms += stepMs
        )
          if (ms >= listedMs && !holes.some((hole) => ms >= hole.startMs && ms < hole.endMs)) expected = ms
        expect(await firstTime(ask, () => NOW_MS)(series(period), fromMs, untilMs)).toBe(expected)
      },
    )
    await fc.assert(property, runs)
  })

  test.each([
    ['1m', 550, 6],
    ['1m', 100_000, 12],
    ['1h', 700, 6],
    ['1d', 150, 2],
  ] as const)('of %s after a hole of %d places costs at most %d requests', async (period, places, most) => {
    const stepMs = steps[period]
    const startMs = Math.floor((NOW_MS - 1_000 * stepMs) / DAY_MS) * DAY_MS - places * stepMs
    const hole = { startMs, endMs: startMs + places * stepMs }
    const { ask, asked } = asker(stepMs, [hole], 0)
    const untilMs = Math.min(NOW_MS, hole.endMs + 1_000 * stepMs)
    expect(await firstTime(ask, () => NOW_MS)(series(period), hole.startMs + 1, untilMs)).toBe(hole.endMs)
    expect(asked()).toBeLessThanOrEqual(most)
  })
})
