// Gaps of a calendar against a naive reading, place by place: what holds a row, what the ledger explains, and
// what is missing or lost; and how few questions to the store that takes.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { advance, countPlaces, floorToPeriod, openTimes } from '../../src/core/calendar.ts'
import { type Gap, type GapVerdict, isOpen } from '../../src/core/gap.ts'
import { findGaps } from '../../src/core/gaps.ts'
import { ANSWERED_EMPTY, NOT_PUBLISHED } from '../../src/core/holes.ts'
import { type LedgerRow, LOST_ROWS, ledgerRow, type Verdict } from '../../src/core/ledger.ts'
import type { Period } from '../../src/core/series.ts'
import type { Span } from '../../src/core/span.ts'
import type { Store } from '../../src/core/store.ts'
import { klines } from '../../src/datasets/klines.ts'
import { emptyMemoryDatabase, openMemoryStore } from '../rig/memory-store.ts'
import { klineSeries } from '../rig/pages.ts'
import { runsFor } from '../rig/seed.ts'

const runs = runsFor('test/unit/gaps.test.ts')
const START_MS = Date.UTC(2024, 0, 1)

/** A store that knows only when its rows open, and counts the questions. */
function storeOf(opensMs: readonly number[]): { store: Store; questions: () => number } {
  let questions = 0
  const store: Store = {
    ...openMemoryStore(emptyMemoryDatabase),
    counts: async (_series, _table, spans) => {
      questions += 1
      return spans.map(({ startMs, endMs }) => opensMs.filter((ms) => ms >= startMs && ms < endMs).length)
    },
  }
  return { store, questions: () => questions }
}

type Found = { readonly gaps: readonly Gap[]; readonly questions: number }

async function gapsOf(
  period: Period,
  opensMs: readonly number[],
  span: Span,
  ledger: readonly LedgerRow[] = [],
): Promise<Found> {
  const series = klineSeries('BTCUSDT', { period })
  const { store, questions } = storeOf(opensMs)
  const table = klines.table(series)
  const gaps = await findGaps({ store, series, period, dataset: klines, table, spans: [span], ledger })
  return { gaps, questions: questions() }
}

const PLACES = 40
const cell = fc.record({
  row: fc.boolean(),
  odd: fc.boolean(),
  verdict: fc.constantFrom<Verdict | null>('rows', 'rows', 'outage', 'unlisted', 'delisted', 'wanted', null),
  reason: fc.constantFrom(null, ANSWERED_EMPTY, NOT_PUBLISHED, LOST_ROWS, 'interrupted'),
})

/** The verdict that is due on a place without a row. */
function verdictDue(verdict: Verdict | null, reason: string | null): GapVerdict {
  if (verdict === null) return 'missing'
  if (verdict === 'rows') return 'lost'
  if (verdict !== 'wanted') return verdict
  if (reason === LOST_ROWS) return 'lost'
  return reason === ANSWERED_EMPTY || reason === NOT_PUBLISHED ? 'unpublished' : 'missing'
}

const anyLine = fc.record({
  period: fc.constantFrom<Period>('1s', '1m', '1h', '1d', '3d', '1w', '1M'),
  cells: fc
    .array(fc.tuple(cell, fc.integer({ min: 1, max: 9 })), { minLength: 1, maxLength: 12 })
    .map((stretches) =>
      stretches.flatMap(([one, length]) => Array.from({ length }, () => one)).slice(0, PLACES),
    ),
  from: fc.integer({ min: -3, max: 10 }),
  length: fc.integer({ min: 1, max: PLACES }),
  intoFirst: fc.boolean(),
})

test('random rows and ledgers: each empty place is in one gap, with the verdict due', async () => {
  const property = fc.asyncProperty(anyLine, async ({ period, cells, from, length, intoFirst }) => {
    const baseMs = floorToPeriod(period, START_MS)
    const placeMs = (place: number): number => advance(period, baseMs, place)
    // Also where the ledger says that there is none: somebody may have written it since.
    const opensMs = cells.flatMap(({ row, odd }, place) => {
      if (!row) return []
      return [placeMs(place) + (odd ? Math.floor((placeMs(place + 1) - placeMs(place)) / 3) : 0)]
    })
    const ledger = cells.flatMap(({ verdict, reason }, place) => {
      if (verdict === null) return []
      const asked = reason === LOST_ROWS || reason === null ? 0 : 1
      const facts = verdict === 'wanted' ? { reason, asked } : {}
      return [ledgerRow({ startMs: placeMs(place), endMs: placeMs(place + 1) }, verdict, facts)]
    })
    // Spans that begin inside a place begin to count with the next one.
    const startMs = placeMs(from) + (intoFirst ? 1 : 0)
    const span = { startMs, endMs: placeMs(from + length) }
    const { gaps } = await gapsOf(period, opensMs, span, ledger)

    const held = new Set(opensMs.map((ms) => floorToPeriod(period, ms)))
    const due: string[] = []
    for (const openMs of openTimes(period, span)) {
      if (held.has(openMs)) continue
      const row = ledger.find(({ startMs, endMs }) => startMs <= openMs && openMs < endMs)
      due.push(`${openMs} ${verdictDue(row?.verdict ?? null, row?.reason ?? null)}`)
    }
    const found = gaps.flatMap((gap) => [...openTimes(period, gap.span)].map((ms) => `${ms} ${gap.verdict}`))
    expect(found).toEqual(due)
    for (const gap of gaps) {
      expect(gap.rowsMissing).toBe(countPlaces(period, gap.span))
      expect(gap.rowsMissing).toBeGreaterThan(0)
      expect(isOpen(gap)).toBe(['missing', 'lost', 'unpublished'].includes(gap.verdict))
    }
    // One gap is as long as its verdict holds.
    for (const [i, gap] of gaps.entries()) {
      const next = gaps[i + 1]
      expect(next?.span.startMs === gap.span.endMs && next.verdict === gap.verdict).toBe(false)
    }
  })
  await fc.assert(property, runs)
})

test('a whole series costs one question, an empty one too, and one that is explained', async () => {
  const span = { startMs: START_MS, endMs: advance('1m', START_MS, 5_000) }
  const opensMs = [...openTimes('1m', span)]
  expect(await gapsOf('1m', opensMs, span)).toEqual({ gaps: [], questions: 1 })
  expect(await gapsOf('1m', [], span)).toMatchObject({ gaps: [{ rowsMissing: 5_000 }], questions: 1 })
  const explained = await gapsOf('1m', [], span, [ledgerRow(span, 'outage')])
  expect(explained).toMatchObject({ gaps: [{ span, verdict: 'outage' }], questions: 1 })
})

test('the questions grow with the logarithm of the places, whatever the holes', async () => {
  for (const places of [10, 100, 1_000, 3_000]) {
    const span = { startMs: START_MS, endMs: advance('1m', START_MS, places) }
    for (const keep of [
      (i: number) => i % 3 !== 1,
      (i: number) => i !== places - 2,
      (i: number) => i % 97 > 0,
    ]) {
      const opensMs = [...openTimes('1m', span)].filter((_, i) => keep(i))
      const { gaps, questions } = await gapsOf('1m', opensMs, span)
      expect(gaps.reduce((sum, gap) => sum + gap.rowsMissing, 0)).toBe(places - opensMs.length)
      expect(questions).toBeLessThanOrEqual(Math.ceil(Math.log(places) / Math.log(16)) + 1)
    }
  }
})
