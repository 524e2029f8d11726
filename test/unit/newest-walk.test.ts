// The walk of a span where windows answer their newest rows and may not be long (COIN-M), against lists of
// candles: whatever the holes, every candle comes once, every hole is proved, and one costs a few requests.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { DAY_MS, HOUR_MS } from '../../src/core/calendar.ts'
import { ledgerRow } from '../../src/core/ledger.ts'
import { type Span, union } from '../../src/core/span.ts'
import { runsFor } from '../rig/seed.ts'
import { candlesOf, WALK_START_MS, walk } from '../rig/span-walk.ts'

const runs = runsFor('test/unit/newest-walk.test.ts', 100)
const LONGEST_MS = 200 * DAY_MS
const newestFirst = { longestWindowMs: LONGEST_MS }
const at = (hour: number): number => WALK_START_MS + hour * HOUR_MS
const hours = (from: number, to: number): Span => ({ startMs: at(from), endMs: at(to) })

describe('windows that answer their newest rows', () => {
  test('any candles, span and page: every candle once, every hole proved, no window too long', async () => {
    const anyHole = fc
      .tuple(fc.integer({ min: 0, max: 400 }), fc.constantFrom(1, 1, 5, 40, 200))
      .map(([from, length]) => hours(from, from + length))
    const property = fc.asyncProperty(
      fc.array(anyHole, { maxLength: 5 }),
      fc.integer({ min: -50, max: 100 }),
      fc.integer({ min: 1, max: 400 }),
      fc.integer({ min: 2, max: 60 }),
      fc.boolean(),
      async (holes, from, length, pageRows, trading) => {
        const candles = candlesOf('1h', hours(0, 500), holes)
        const span = hours(from, from + length)
        const nowMs = at(600)
        const done = await walk({ candles, span, pageRows, nowMs, trading, newestFirst })
        expect(done.steps.flatMap((step) => step.refused ?? [])).toEqual([])
        const inside = (one: Span): number[] =>
          candles.map(({ openMs }) => openMs).filter((ms) => ms >= one.startMs && ms < one.endMs)
        expect(done.opensMs).toEqual(inside(span))
        expect(union(done.ledger)).toEqual([span])
        for (const row of done.ledger) expect(row.rows).toBe(inside(row).length)
        for (const { span: asked } of done.requests)
          expect(asked.endMs - asked.startMs).toBeLessThanOrEqual(LONGEST_MS)
      },
    )
    await fc.assert(property, runs)
  })

  test('a hole longer than a page is searched through once, and proved by the page behind it', async () => {
    const hole = hours(40, 240)
    const span = hours(0, 300)
    const candles = candlesOf('1h', hours(-10, 320), [hole])
    const before = [ledgerRow(hours(-10, 0), 'rows', { rows: 10 })]
    const { ledger, requests } = await walk({
      candles,
      span,
      pageRows: 50,
      nowMs: at(320),
      before,
      newestFirst,
    })
    expect(ledger.find((row) => row.verdict === 'outage')).toMatchObject({ ...hole, asked: 1 })
    const searched = requests.filter(({ limit }) => limit === 99)
    const pages = requests.filter(({ limit }) => limit !== 99)
    // The first page ends in the hole, a second finds nothing, and the one behind it begins before the hole.
    expect(pages.map((page) => (page.span.startMs - WALK_START_MS) / HOUR_MS)).toEqual([0, 39, 39, 289])
    expect(searched).toHaveLength(1)
  })
})
