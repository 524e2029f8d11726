// When a hole is settled and when it stays open: by its age, by what was answered before, and how far apart
// the answers are.
import { expect, test } from 'bun:test'
import {
  ANSWERED_EMPTY,
  APART_MS,
  type EmptinessContext,
  settleEmptiness,
  YOUNG_MS,
} from '../../src/core/holes.ts'
import { type LedgerRow, ledgerRow } from '../../src/core/ledger.ts'
import type { Span } from '../../src/core/span.ts'

const MINUTE_MS = 60_000
const PERIOD = '1m'
const NOW_MS = Date.UTC(2024, 2, 1, 12, 0, 30)
const YOUNG_FROM_MS = Date.UTC(2024, 2, 1, 11, 0)

/** A hole of minutes, counted from the minute in which holes begin to be young. */
const hole = (from: number, to: number): Span => ({
  startMs: YOUNG_FROM_MS + from * MINUTE_MS,
  endMs: YOUNG_FROM_MS + to * MINUTE_MS,
})
const context = (before: readonly LedgerRow[] = [], nowMs = NOW_MS): EmptinessContext => ({
  nowMs,
  before,
  source: 'rest',
})
const answered = (span: Span, checkedAtMs: number): LedgerRow =>
  ledgerRow(span, 'wanted', { asked: 1, checkedAtMs, reason: ANSWERED_EMPTY })

test('the numbers of the contract: an hour, and a minute', () => {
  expect([YOUNG_MS, APART_MS]).toEqual([3_600_000, 60_000])
})

test('a hole that ended more than an hour ago is settled at once, with what was asked', () => {
  const { ledger, open } = settleEmptiness(hole(-5, 0), 'outage', 1, context(), PERIOD)
  const reason = 'the exchange has no candle here (asked 1 time)'
  const facts = { source: 'rest', asked: 1, checkedAtMs: NOW_MS, reason } as const
  expect(ledger).toEqual([ledgerRow(hole(-5, 0), 'outage', facts)])
  expect(open).toEqual([])
  expect(settleEmptiness(hole(-5, 0), 'unlisted', 2, context(), PERIOD).ledger[0]).toMatchObject({
    verdict: 'unlisted',
    reason: 'the exchange has no candle here (asked 2 times)',
  })
})

test('what an archive lacks was asked of nobody: that is what it says, and no answer is counted', () => {
  const alone = { ...context(), source: 'archive' } as const
  const { ledger } = settleEmptiness(hole(-5, 0), 'outage', 1, alone, PERIOD)
  const reason = 'its archive has no candle here; the API was not asked'
  expect(ledger).toMatchObject([{ verdict: 'outage', source: 'archive', asked: 0, reason }])
  expect(settleEmptiness(hole(-5, 0), 'outage', 1, { ...alone, before: ledger }, PERIOD).ledger).toEqual(
    ledger,
  )
  // An older program counted the archive as one answer.
  for (const asked of [0, 1]) {
    const before = ledger.map((row) => ({ ...row, asked }))
    expect(settleEmptiness(hole(-5, 0), 'outage', 2, context(before), PERIOD).ledger).toMatchObject([
      { source: 'rest', asked: 2, reason: 'the exchange has no candle here (asked 2 times)' },
    ])
  }
})

test('a hole that ends a place later is young: wanted, named, with the time of the first answer', () => {
  const { ledger, open } = settleEmptiness(hole(0, 1), 'outage', 1, context(), PERIOD)
  expect(ledger).toEqual([answered(hole(0, 1), NOW_MS)])
  expect(open).toEqual([{ span: hole(0, 1), reason: expect.stringContaining('ask again in a minute') }])
})

test('a hole across the hour is cut there: the old part is settled, the young one stays open', () => {
  const { ledger, open } = settleEmptiness(hole(-30, 20), 'outage', 1, context(), PERIOD)
  expect(ledger.map(({ verdict, startMs, endMs }) => ({ verdict, startMs, endMs }))).toEqual([
    { verdict: 'outage', ...hole(-30, 0) },
    { verdict: 'wanted', ...hole(0, 20) },
  ])
  expect(open.map(({ span }) => span)).toEqual([hole(0, 20)])
})

test('two answers a minute apart settle a young hole; two within the minute do not', () => {
  const first = answered(hole(50, 55), NOW_MS)
  const apart = settleEmptiness(hole(50, 55), 'outage', 1, context([first], NOW_MS + APART_MS), PERIOD)
  expect(apart.open).toEqual([])
  expect(apart.ledger).toEqual([expect.objectContaining({ ...hole(50, 55), verdict: 'outage', asked: 2 })])

  const soon = settleEmptiness(hole(50, 55), 'outage', 1, context([first], NOW_MS + APART_MS - 1), PERIOD)
  expect(soon.open).toHaveLength(1)
  // The time of the first answer stays, so that asking often does not put off the end.
  expect(soon.ledger).toEqual([{ ...first, asked: 2 }])
})

test('a wish that was never answered is no answer, nor is one about a part of the hole', () => {
  const wish = ledgerRow(hole(50, 55), 'wanted', { checkedAtMs: NOW_MS })
  const refused = ledgerRow(hole(50, 55), 'wanted', { asked: 1, checkedAtMs: NOW_MS, reason: 'refused' })
  for (const before of [
    [wish],
    [refused],
    [answered(hole(51, 55), NOW_MS)],
    [answered(hole(50, 54), NOW_MS)],
  ]) {
    const found = settleEmptiness(hole(50, 55), 'outage', 1, context(before, NOW_MS + APART_MS), PERIOD)
    expect(
      found.ledger.some(({ verdict, startMs }) => verdict === 'wanted' && startMs <= hole(54, 55).startMs),
    ).toBe(true)
  }
})

test('a hole that grows is settled as far as two answers reach; the rest waits', () => {
  const first = answered(hole(50, 55), NOW_MS)
  const later = answered(hole(55, 56), NOW_MS + APART_MS - 5)
  const { ledger, open } = settleEmptiness(
    hole(50, 57),
    'outage',
    1,
    context([first, later], NOW_MS + APART_MS),
    PERIOD,
  )
  expect(ledger.map(({ verdict, startMs, endMs }) => ({ verdict, startMs, endMs }))).toEqual([
    { verdict: 'outage', ...hole(50, 55) },
    { verdict: 'wanted', ...hole(55, 56) },
    { verdict: 'wanted', ...hole(56, 57) },
  ])
  expect(ledger[1]?.checkedAtMs).toBe(later.checkedAtMs)
  expect(open.map(({ span }) => span)).toEqual([hole(55, 56), hole(56, 57)])
})
