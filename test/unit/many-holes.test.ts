// Very many holes of one series: what is worked out for each must not look at all of them, since the ledger
// is written inside a transaction.
import { expect, test } from 'bun:test'
import type { Gap } from '../../src/core/gap.ts'
import { planFill } from '../../src/core/gap-fill.ts'
import { outcomeOf } from '../../src/core/gap-outcome.ts'
import { ledgerRow, withNews } from '../../src/core/ledger.ts'
import type { Span } from '../../src/core/span.ts'
import { MINUTE_MS } from '../rig/pages.ts'

const HOLES = 30_000
/** With a look at every hole for every hole each of these takes minutes. */
const LIMIT_MS = 10_000

const range = { startMs: 0, endMs: 2 * HOLES * MINUTE_MS }
/** Every other minute is gone. */
const holes = Array.from({ length: HOLES }, (_, i): Span => {
  const startMs = 2 * i * MINUTE_MS
  return { startMs, endMs: startMs + MINUTE_MS }
})
const gaps = holes.map((span): Gap => ({ span, rowsMissing: 1, verdict: 'lost' }))
const ledger = [ledgerRow(range, 'rows', { rows: 2 * HOLES, source: 'rest' })]

const idsOf = (id: number) => ({ firstId: `${id}`, lastId: `${id}` })

test('the promise of all of them is taken back, and given again', () => {
  const startedMs = performance.now()
  const fill = planFill({
    gaps,
    ledger,
    range,
    fill: true,
    outages: 'none',
    closedUntilMs: range.endMs,
    nowMs: range.endMs,
  })
  expect(fill.spans).toEqual(holes)
  const open = withNews(ledger, fill.takeBack)
  expect(open).toHaveLength(2 * HOLES)
  const filled = holes.map((span) => ledgerRow(span, 'rows', { rows: 1, source: 'rest' }))
  expect(withNews(open, filled)).toEqual(ledger)
  expect(performance.now() - startedMs).toBeLessThan(LIMIT_MS)
})

test('one wish over all of them leaves what is settled', () => {
  const startedMs = performance.now()
  const outages = holes.map((span) => ledgerRow(span, 'outage', { source: 'rest' }))
  const wished = withNews(outages, [ledgerRow(range, 'wanted')])
  expect(wished.filter(({ verdict }) => verdict === 'outage')).toEqual(outages)
  expect(wished).toHaveLength(2 * HOLES)
  expect(performance.now() - startedMs).toBeLessThan(LIMIT_MS)
})

test('what became of each is told, of candles and of trades', () => {
  const startedMs = performance.now()
  const left = gaps.filter((_, i) => i % 3 === 0)
  expect(outcomeOf(gaps, left, holes, '1m')).toMatchObject({ found: HOLES, filled: HOLES - left.length })
  const trades = gaps.map((gap, i) => ({
    ...gap,
    rowsMissing: 2,
    ids: { firstId: `${3 * i}`, lastId: `${3 * i + 1}` },
  }))
  const halves = gaps.map((gap, i) => ({ ...gap, ids: idsOf(3 * i + 1) }))
  const outcome = outcomeOf(trades, halves, holes, null)
  expect(outcome.gaps.filter(({ filled }) => filled).map(({ ids }) => ids)).toEqual(
    gaps.map((_, i) => idsOf(3 * i)),
  )
  expect(performance.now() - startedMs).toBeLessThan(LIMIT_MS)
})
