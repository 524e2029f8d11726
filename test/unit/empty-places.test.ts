// Which places of a period's grid are empty: the question that every gap starts from. Against a model that
// looks at each place by itself; the candles may open off the grid, twice in a place, or outside the span.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  advance,
  countPlaces,
  emptyPlaces,
  floorToPeriod,
  HOUR_MS,
  openTimes,
} from '../../src/core/calendar.ts'
import { type Period, periods } from '../../src/core/series.ts'
import type { Span } from '../../src/core/span.ts'
import { runsFor } from '../rig/seed.ts'

const runs = runsFor('test/unit/empty-places.test.ts')

/** The holes, place by place: a run of empty places ends where a filled one begins, or with the span. */
function holesOf(period: Period, span: Span, opensMs: readonly number[]): Span[] {
  const filled = new Set(opensMs.map((openMs) => floorToPeriod(period, openMs)))
  const holes: Span[] = []
  let startMs: number | null = null
  for (const placeMs of openTimes(period, span)) {
    if (filled.has(placeMs)) {
      if (startMs !== null) holes.push({ startMs, endMs: placeMs })
      startMs = null
    } else {
      startMs ??= placeMs
    }
  }
  if (startMs !== null) holes.push({ startMs, endMs: span.endMs })
  return holes
}

/** How far into a place: at its open, or anywhere in hundredths. */
const part = fc.oneof(
  fc.constant(0),
  fc.nat({ max: 99 }).map((hundredths) => hundredths / 100),
)

/**
 * A span with candles in some of its places and beside it; `shift` moves a candle's open off the grid, in its
 * place.
 */
const pages = fc
  .record({
    period: fc.constantFrom(...periods),
    timeMs: fc.integer({ min: Date.UTC(1965, 0, 1), max: Date.UTC(2040, 0, 1) }),
    aligned: fc.boolean(),
    places: fc.nat({ max: 25 }),
    candles: fc.array(
      fc.record({
        place: fc.integer({ min: -3, max: 28 }),
        shift: part,
      }),
      { maxLength: 40 },
    ),
    cut: part,
  })
  .map(({ period, timeMs, aligned, places, candles, cut }) => {
    const within = (place: number, offset: number): number => {
      const openMs = advance(period, timeMs, place)
      return openMs + Math.floor(offset * (advance(period, openMs, 1) - openMs))
    }
    const span = { startMs: aligned ? within(0, 0) : timeMs, endMs: within(places, cut) }
    const opensMs = candles.map(({ place, shift }) => within(place, shift)).sort((a, b) => a - b)
    return { period, span, opensMs }
  })

describe('against a look at every place', () => {
  test('holes are the runs of unfilled places', () => {
    const property = fc.property(pages, ({ period, span, opensMs }) => {
      expect(emptyPlaces(period, span, opensMs)).toEqual(holesOf(period, span, opensMs))
    })
    fc.assert(property, runs)
  })

  test('filled and empty places are all places', () => {
    const property = fc.property(pages, ({ period, span, opensMs }) => {
      const filled = new Set(opensMs.map((openMs) => floorToPeriod(period, openMs)))
      const places = [...openTimes(period, span)]
      const empty = emptyPlaces(period, span, opensMs).map((hole) => countPlaces(period, hole))
      const sum = empty.reduce((total, count) => total + count, 0)
      expect(sum + places.filter((placeMs) => filled.has(placeMs)).length).toBe(places.length)
    })
    fc.assert(property, runs)
  })
})

describe('by example', () => {
  const atHour = (hour: number, minute = 0): number => Date.UTC(2018, 1, 9, hour, minute, minute ? 15 : 0)
  const morning = { startMs: atHour(9), endMs: atHour(14) }

  test('candles that opened at HH:28:15 after the outage of February 2018 fill their hours', () => {
    const opensMs = [10, 11, 12, 13].map((hour) => atHour(hour, 28))
    expect(emptyPlaces('1h', morning, opensMs)).toEqual([{ startMs: atHour(9), endMs: atHour(10) }])
  })

  test('nothing stored is one hole, from the first open time to the end', () => {
    expect(emptyPlaces('1h', morning, [])).toEqual([morning])
    const ragged = { startMs: morning.startMs - 1, endMs: morning.endMs + 1 }
    expect(emptyPlaces('1h', ragged, [])).toEqual([{ startMs: atHour(9), endMs: atHour(14) + 1 }])
  })

  test('a span that holds no open time has no hole', () => {
    expect(emptyPlaces('1h', { startMs: atHour(9) + 1, endMs: atHour(10) }, [])).toEqual([])
    expect(emptyPlaces('1d', { startMs: atHour(9), endMs: atHour(10) }, [])).toEqual([])
  })

  test('a late candle fills its place also where the span ends before it opens', () => {
    const span = { startMs: atHour(9), endMs: atHour(9) + HOUR_MS / 4 }
    expect(emptyPlaces('1h', span, [atHour(9, 28)])).toEqual([])
  })
})
