// The grid of all sixteen periods against calendar arithmetic on Date fields, which shares nothing with the
// division by lengths that the code does, and against facts measured on the exchange (reference 7.1).
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  advance,
  ceilToPeriod,
  countPlaces,
  DAY_MS,
  emptyPlaces,
  fixedGrid,
  floorToPeriod,
  HOUR_MS,
  openTimes,
} from '../../src/core/calendar.ts'
import { type Period, periods } from '../../src/core/series.ts'
import type { Span } from '../../src/core/span.ts'
import { runsFor } from '../rig/seed.ts'

const runs = runsFor('test/unit/calendar.test.ts')

/** A Date a number of units after `date`, counted by its UTC fields; negative units go back. */
function stepped(period: Period, date: Date, places: number): Date {
  const step = Number.parseInt(period, 10) * places
  const next = new Date(date)
  switch (period.at(-1)) {
    case 's':
      next.setUTCSeconds(next.getUTCSeconds() + step)
      return next
    case 'm':
      next.setUTCMinutes(next.getUTCMinutes() + step)
      return next
    case 'h':
      next.setUTCHours(next.getUTCHours() + step)
      return next
    case 'd':
      next.setUTCDate(next.getUTCDate() + step)
      return next
    case 'w':
      next.setUTCDate(next.getUTCDate() + 7 * step)
      return next
    default:
      next.setUTCMonth(next.getUTCMonth() + step)
      return next
  }
}

/** The open time of the candle that `timeMs` lies in, by the fields of its date. */
function openOf(period: Period, timeMs: number): number {
  const date = new Date(timeMs)
  const count = Number.parseInt(period, 10)
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()]
  const [hour, minute, second] = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()]
  switch (period.at(-1)) {
    case 's':
      return Date.UTC(year, month, day, hour, minute, second)
    case 'm':
      return Date.UTC(year, month, day, hour, minute - (minute % count))
    case 'h':
      return Date.UTC(year, month, day, hour - (hour % count))
    case 'w':
      return Date.UTC(year, month, day - ((date.getUTCDay() + 6) % 7))
    case 'M':
      return Date.UTC(year, month, 1)
    default: {
      // The first three-day candle of BTCUSDT opened on 2017-08-17; from there on every third day.
      const days = Math.round((Date.UTC(year, month, day) - Date.UTC(2017, 7, 17)) / DAY_MS)
      return Date.UTC(year, month, day - (((days % count) + count) % count))
    }
  }
}

/** Times from 1930 to 2050; half of them to the day, where mistakes at the edges are. */
const times = fc.oneof(
  fc.integer({ min: Date.UTC(1930, 0, 1), max: Date.UTC(2050, 0, 1) }),
  fc.integer({ min: -14_610, max: 29_220 }).map((day) => day * DAY_MS),
  fc.integer({ min: -480, max: 960 }).map((month) => Date.UTC(1970, month, 1)),
)
const anyPeriod = fc.constantFrom(...periods)

/** A span of up to 40 places, at times with bounds that lie on no open time. */
const spansOfPlaces = fc
  .record({ period: anyPeriod, timeMs: times, places: fc.nat({ max: 40 }), early: fc.nat({ max: 3 }) })
  .map(({ period, timeMs, places, early }) => {
    const endMs = stepped(period, new Date(openOf(period, timeMs)), places).getTime() + early * 499
    return { period, span: { startMs: timeMs, endMs } }
  })

/** Every open time in the span, by stepping through it with Date fields. */
function opensIn(period: Period, span: Span): number[] {
  const out: number[] = []
  let date = new Date(openOf(period, span.startMs))
  while (date.getTime() < span.endMs) {
    if (date.getTime() >= span.startMs) out.push(date.getTime())
    date = stepped(period, date, 1)
  }
  return out
}

describe.each(periods)('%s', (period) => {
  test('a time lies in the candle that its date says', () => {
    const property = fc.property(times, (timeMs) => {
      expect(floorToPeriod(period, timeMs)).toBe(openOf(period, timeMs))
    })
    fc.assert(property, runs)
  })

  test('the next open time, and the one so many places away, in both directions', () => {
    const property = fc.property(times, fc.integer({ min: -50, max: 50 }), (timeMs, places) => {
      const open = new Date(openOf(period, timeMs))
      const nextMs = stepped(period, open, 1).getTime()
      expect(ceilToPeriod(period, timeMs)).toBe(open.getTime() === timeMs ? timeMs : nextMs)
      expect(advance(period, timeMs, places)).toBe(stepped(period, open, places).getTime())
      expect(advance(period, advance(period, timeMs, places), -places)).toBe(open.getTime())
    })
    fc.assert(property, runs)
  })

  test('the last millisecond of a candle is still in it, the next is not', () => {
    const property = fc.property(times, (timeMs) => {
      const openMs = floorToPeriod(period, timeMs)
      const nextMs = advance(period, openMs, 1)
      expect(floorToPeriod(period, nextMs - 1)).toBe(openMs)
      expect(floorToPeriod(period, nextMs)).toBe(nextMs)
      expect(ceilToPeriod(period, openMs + 1)).toBe(nextMs)
      expect(ceilToPeriod(period, openMs)).toBe(openMs)
    })
    fc.assert(property, runs)
  })
})

describe('open times in a span', () => {
  test('are those of the calendar, and as many as are counted', () => {
    const property = fc.property(spansOfPlaces, ({ period, span }) => {
      const opens = opensIn(period, span)
      expect([...openTimes(period, span)]).toEqual(opens)
      expect(countPlaces(period, span)).toBe(opens.length)
      expect(emptyPlaces(period, span, opens)).toEqual([])
    })
    fc.assert(property, runs)
  })

  test('none in an empty or upside-down span', () => {
    const property = fc.property(anyPeriod, times, fc.nat({ max: 1e10 }), (period, timeMs, backMs) => {
      const span = { startMs: timeMs, endMs: timeMs - backMs }
      expect(countPlaces(period, span)).toBe(0)
      expect([...openTimes(period, span)]).toEqual([])
      expect(emptyPlaces(period, span, [])).toEqual([])
    })
    fc.assert(property, runs)
  })

  test('long spans are counted, not walked', () => {
    const year = { startMs: Date.UTC(2024, 0, 1), endMs: Date.UTC(2025, 0, 1) }
    const counts = {
      '1s': 31_622_400,
      '1m': 527_040,
      '15m': 35_136,
      '1h': 8_784,
      '1d': 366,
      '1w': 53,
      '1M': 12,
    } as const
    for (const [period, count] of Object.entries(counts))
      expect(countPlaces(period as Period, year)).toBe(count)
    expect(countPlaces('1M', { startMs: Date.UTC(1900, 0, 1), endMs: Date.UTC(2100, 0, 1) })).toBe(2_400)
  })
})

describe('measured on the exchange', () => {
  test('three-day candles open on 2017-08-17, 2024-01-01, 2026-01-05 and 2026-07-13', () => {
    for (const day of ['2017-08-17', '2024-01-01', '2026-01-05', '2026-07-13']) {
      const openMs = Date.parse(day)
      expect(floorToPeriod('3d', openMs)).toBe(openMs)
      expect(floorToPeriod('3d', openMs - 1)).toBe(openMs - 3 * DAY_MS)
      expect(floorToPeriod('3d', openMs + 3 * DAY_MS - 1)).toBe(openMs)
    }
  })

  test('weeks open on Mondays, months on their first day', () => {
    expect(floorToPeriod('1w', Date.parse('2017-08-17'))).toBe(1_502_668_800_000)
    expect(floorToPeriod('1w', Date.parse('2024-12-31'))).toBe(Date.parse('2024-12-30'))
    expect(floorToPeriod('1M', 1_596_240_000_000)).toBe(1_596_240_000_000)
    expect(floorToPeriod('1M', 1_596_239_999_999)).toBe(Date.parse('2020-07-01'))
  })

  test('leap years: 2024, 2000 and not 1900 or 2023', () => {
    const lengthOfFebruary = (year: number): number => {
      const openMs = Date.UTC(year, 1, 1)
      return (advance('1M', openMs, 1) - openMs) / DAY_MS
    }
    expect([2024, 2000, 1900, 2023].map(lengthOfFebruary)).toEqual([29, 29, 28, 28])
    expect(floorToPeriod('1M', Date.parse('2024-02-29T23:59:59.999Z'))).toBe(Date.parse('2024-02-01'))
  })

  test('before 1970 the grid goes on in the same way', () => {
    expect(floorToPeriod('1m', -1)).toBe(-60_000)
    expect(floorToPeriod('3d', 0)).toBe(-2 * DAY_MS)
    expect(floorToPeriod('1w', 0)).toBe(Date.parse('1969-12-29'))
    expect(floorToPeriod('1M', -1)).toBe(Date.parse('1969-12-01'))
  })

  test('the zone of the machine does not matter', () => {
    const zone = process.env.TZ
    try {
      for (const other of ['Pacific/Kiritimati', 'America/Los_Angeles']) {
        process.env.TZ = other
        expect(new Date(0).getTimezoneOffset()).not.toBe(0)
        const newYearMs = Date.UTC(2024, 0, 1)
        expect(floorToPeriod('1M', newYearMs)).toBe(newYearMs)
        expect(floorToPeriod('1M', newYearMs - 1)).toBe(Date.UTC(2023, 11, 1))
        expect(floorToPeriod('1d', newYearMs)).toBe(newYearMs)
      }
    } finally {
      process.env.TZ = zone ?? 'UTC'
    }
  })

  test('stores are given the grid that the code uses', () => {
    expect(fixedGrid('1M')).toBeNull()
    for (const period of periods) {
      const grid = fixedGrid(period)
      if (grid === null) continue
      const openMs = floorToPeriod(period, Date.UTC(2024, 4, 17, 13, 37))
      expect((openMs - grid.offsetMs) % grid.lengthMs).toBe(0)
      expect(advance(period, openMs, 1) - openMs).toBe(grid.lengthMs)
    }
    expect(fixedGrid('4h')).toEqual({ lengthMs: 4 * HOUR_MS, offsetMs: 0 })
  })
})
