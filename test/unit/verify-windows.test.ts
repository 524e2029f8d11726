// Which pages are fetched again: the same by the same seed, about as many as asked for, never none; and pages
// around what is suspicious hold all of it.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { advance, countPlaces, floorToPeriod, HOUR_MS } from '../../src/core/calendar.ts'
import type { Period } from '../../src/core/series.ts'
import { minus, type Span } from '../../src/core/span.ts'
import {
  draw,
  type PageGrid,
  pageCount,
  pageSpan,
  pagesAround,
  sampleOf,
} from '../../src/core/verification/windows.ts'
import { runsFor } from '../rig/seed.ts'

const runs = runsFor('test/unit/verify-windows.test.ts')
const START_MS = Date.UTC(2024, 0, 1)

const anyGrid = fc
  .record({
    period: fc.constantFrom<Period | null>('1m', '1h', '3d', '1M', null),
    places: fc.integer({ min: 1, max: 300 }),
    pageRows: fc.integer({ min: 1, max: 50 }),
  })
  .map(({ period, places, pageRows }): PageGrid => {
    const startMs = period === null ? START_MS + 7 : floorToPeriod(period, START_MS)
    const endMs = period === null ? startMs + places * HOUR_MS : advance(period, startMs, places)
    const order = period === null ? 'time' : 'calendar'
    return { order, period, range: { startMs, endMs }, pageRows, rows: places }
  })

describe('pages', () => {
  test('together they are the range, each within its rows', () => {
    const property = fc.property(anyGrid, (grid) => {
      const pages = Array.from({ length: pageCount(grid) }, (_, page) => pageSpan(grid, page))
      expect(pages[0]?.startMs).toBe(grid.range.startMs)
      expect(pages.at(-1)?.endMs).toBe(grid.range.endMs)
      for (const [i, page] of pages.entries()) {
        if (i > 0) expect(page.startMs).toBe(pages[i - 1]?.endMs ?? 0)
        expect(placesIn(grid, page)).toBeLessThanOrEqual(grid.pageRows)
        expect(page.endMs).toBeGreaterThan(page.startMs)
      }
    })
    fc.assert(property, runs)
  })

  test('around suspicious spans: all of them inside, nothing twice, nothing outside of the range', () => {
    const anySpans = fc.array(fc.tuple(fc.nat({ max: 1_000 }), fc.integer({ min: 1, max: 400 })), {
      maxLength: 8,
    })
    const property = fc.property(anyGrid, anySpans, (grid, parts) => {
      const { startMs, endMs } = grid.range
      const at = (part: number): number =>
        startMs + Math.floor(((endMs - startMs) * Math.min(part, 1_000)) / 1_000)
      const spans = parts
        .map(([from, length]): Span => ({ startMs: at(from), endMs: at(from + length) }))
        .filter((span) => span.startMs < span.endMs)
      const pages = pagesAround(grid, spans)
      expect(minus(spans, pages)).toEqual([])
      expect(minus(pages, [grid.range])).toEqual([])
      for (const [i, page] of pages.entries()) {
        if (i > 0) expect(page.startMs).toBeGreaterThanOrEqual(pages[i - 1]?.endMs ?? 0)
        expect(placesIn(grid, page)).toBeLessThanOrEqual(grid.pageRows)
        expect(spans.some((span) => span.startMs < page.endMs && span.endMs > page.startMs)).toBe(true)
      }
    })
    fc.assert(property, runs)
  })
})

function placesIn({ period }: PageGrid, span: Span): number {
  return period === null ? Math.ceil((span.endMs - span.startMs) / HOUR_MS) : countPlaces(period, span)
}

describe('the sample', () => {
  const series = Array.from({ length: 50 }, (_, i) => ({ key: `spot/klines/S${i}USDT/1m`, pages: 200 }))
  const chosen = (share: number, seed: number): string[] => {
    const isWanted = sampleOf(share, seed, series)
    return series.flatMap(({ key, pages }) =>
      Array.from({ length: pages }, (_, page) => page).flatMap((page) =>
        isWanted(key, page) ? [`${key} ${page}`] : [],
      ),
    )
  }

  test('is the same by the same seed, and another by another', () => {
    expect(chosen(0.1, 7)).toEqual(chosen(0.1, 7))
    expect(chosen(0.1, 7)).not.toEqual(chosen(0.1, 8))
    // Fixed for ever: a seed that was told once must ask for the same pages in a later version.
    expect(chosen(0.0005, 1)).toEqual(['spot/klines/S2USDT/1m 76'])
  })

  test('has about the share that was asked for, and all pages at 100%', () => {
    for (const share of [0.01, 0.1, 0.5]) {
      const count = chosen(share, 3).length
      expect(Math.abs(count - 10_000 * share)).toBeLessThan(5 * Math.sqrt(10_000 * share * (1 - share)))
    }
    expect(chosen(1, 3)).toHaveLength(10_000)
  })

  test('spreads over series and pages alike', () => {
    const counts = series.map(
      ({ key }) => chosen(0.1, 11).filter((name) => name.startsWith(`${key} `)).length,
    )
    expect(Math.min(...counts)).toBeGreaterThan(4)
    expect(Math.max(...counts)).toBeLessThan(45)
  })

  test('is never empty where there is a page, and is where there is none', () => {
    const few = [
      { key: 'a', pages: 1 },
      { key: 'b', pages: 2 },
    ]
    for (let seed = 0; seed < 50; seed += 1) {
      const isWanted = sampleOf(0.000_001, seed, few)
      const found = few.flatMap(({ key, pages }) =>
        Array.from({ length: pages }, (_, page) => isWanted(key, page)),
      )
      expect(found.filter(Boolean)).toHaveLength(1)
    }
    expect(sampleOf(1, 1, [{ key: 'a', pages: 0 }])('a', 0)).toBe(false)
  })

  test('draws are numbers from 0 up to 1', () => {
    const property = fc.property(
      fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      fc.string(),
      fc.nat(),
      (seed, key, page) => {
        const drawn = draw(seed, key, page)
        expect(drawn >= 0 && drawn < 1).toBe(true)
      },
    )
    fc.assert(property, runs)
  })
})
