// Counts a day against a naive reading, place by place: every empty place is in one finding, an error where
// the ledger does not explain it, and no finding says more or less than the days it names lack.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { advance, floorToPeriod } from '../../src/core/calendar.ts'
import { type LedgerRow, ledgerRow, type Verdict } from '../../src/core/ledger.ts'
import type { Period } from '../../src/core/series.ts'
import { DayCounts } from '../../src/core/verification/days.ts'
import type { Found } from '../../src/core/verification/findings.ts'
import { runsFor } from '../rig/seed.ts'

const runs = runsFor('test/unit/verify-days.test.ts')

const PLACES = 60
const cell = fc.record({
  row: fc.boolean(),
  odd: fc.boolean(),
  verdict: fc.constantFrom<Verdict | null>('rows', 'rows', 'outage', 'unlisted', 'wanted', null),
})
const anyLine = fc.record({
  period: fc.constantFrom<Period>('1m', '15m', '1h', '8h', '1d', '3d', '1w', '1M'),
  cells: fc
    .array(fc.tuple(cell, fc.integer({ min: 1, max: 12 })), { minLength: 1, maxLength: 14 })
    .map((stretches) =>
      stretches.flatMap(([one, length]) => Array.from({ length }, () => one)).slice(0, PLACES),
    ),
  from: fc.integer({ min: 0, max: 80 }),
  pageRows: fc.integer({ min: 1, max: 20 }),
})

test('each empty place is found once, as an error or with its reason', () => {
  const property = fc.property(anyLine, ({ period, cells, from, pageRows }) => {
    const baseMs = advance(period, floorToPeriod(period, Date.UTC(2024, 0, 1)), from)
    const placeMs = (place: number): number => advance(period, baseMs, place)
    const range = { startMs: baseMs, endMs: placeMs(cells.length) }
    const ledger: LedgerRow[] = cells.flatMap(({ verdict }, i) =>
      verdict === null ? [] : [ledgerRow({ startMs: placeMs(i), endMs: placeMs(i + 1) }, verdict)],
    )
    const opensMs = cells.flatMap(({ row, odd }, i) => (row ? [placeMs(i) + (odd ? 1 : 0)] : []))
    const days = new DayCounts(period, range, ledger)
    const found: Found[] = []
    for (let at = 0; at < opensMs.length; at += pageRows) {
      days.page(opensMs.slice(at, at + pageRows))
      found.push(...days.take())
    }
    found.push(...days.take(true))

    const explains = (verdict: Verdict | null): boolean =>
      verdict !== null && verdict !== 'rows' && verdict !== 'wanted'
    for (const [i, { row, verdict }] of cells.entries()) {
      if (row) continue
      const severity = explains(verdict) ? 'note' : 'error'
      const own = found.filter(
        (one) =>
          one.severity === severity &&
          one.span.startMs <= placeMs(i) &&
          placeMs(i) < one.span.endMs &&
          (severity === 'error' || one.expected?.endsWith(`${verdict}`)),
      )
      expect(own).toHaveLength(1)
    }
    const missing = (text: string | null): number => Number(/^\d+/.exec(text ?? '')?.[0])
    const told = found.reduce((sum, { stored }) => sum + missing(stored), 0)
    expect(told).toBe(cells.filter(({ row }) => !row).length)
    for (const { span, stored } of found) {
      // It begins and ends with a place that lacks its row.
      const first = cells[cells.findIndex((_, i) => placeMs(i) === span.startMs)]
      const last = cells[cells.findIndex((_, i) => placeMs(i + 1) === span.endMs)]
      expect([first?.row, last?.row, missing(stored) > 0]).toEqual([false, false, true])
    }
  })
  fc.assert(property, runs)
})
