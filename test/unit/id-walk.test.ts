// Trades by REST and from archives against lists of trades: whatever the pages, every trade of the span comes
// once, and the ledger vouches for exactly those.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { walkTrades } from '../../src/core/archive-trades.ts'
import { idsOf } from '../../src/core/dataset.ts'
import { compareIds } from '../../src/core/id.ts'
import { fetchById } from '../../src/core/id-walk.ts'
import { type LedgerRow, ledgerRow } from '../../src/core/ledger.ts'
import { lengthMs, type Span, union } from '../../src/core/span.ts'
import type { Step } from '../../src/core/step.ts'
import { aggTrades } from '../../src/datasets/trades.ts'
import { listing } from '../rig/memory-source.ts'
import { runsFor } from '../rig/seed.ts'
import { type ListedTrade, tradeArchive, tradeSeries, tradeSource, tradeTable } from '../rig/trade-source.ts'

const runs = runsFor('test/unit/id-walk.test.ts')
const START_MS = Date.UTC(2024, 0, 1)
const LATER_MS = Date.UTC(2040, 0, 1)
const LENGTH_MS = 200

/** Trades in order: ids run on but for jumps, several share a millisecond, some are invalid. */
const anyTrades = fc
  .array(
    fc.record({
      jump: fc.constantFrom(1, 1, 1, 1, 1, 1, 2, 5),
      pauseMs: fc.constantFrom(0, 0, 0, 1, 1, 2, 30),
      invalid: fc.constantFrom(false, false, false, false, true),
    }),
    { maxLength: 60 },
  )
  .map((steps) => {
    const trades: ListedTrade[] = []
    let id = 9_007_199_254_740_990n
    let timeMs = START_MS - 20
    for (const step of steps) {
      id += BigInt(step.jump)
      timeMs += step.pauseMs
      trades.push({ id: String(id), timeMs, invalid: step.invalid })
    }
    return trades
  })

const anySpan = fc
  .tuple(fc.nat({ max: 60 }), fc.integer({ min: 1, max: LENGTH_MS }))
  .map(([from, length]): Span => ({ startMs: START_MS + from, endMs: START_MS + from + length }))

const valid = (trades: readonly ListedTrade[], span: Span): string[] =>
  trades
    .filter(({ timeMs, invalid }) => !invalid && timeMs >= span.startMs && timeMs < span.endMs)
    .map(({ id }) => id)

async function collect(steps: AsyncGenerator<Step>): Promise<Step[]> {
  const out: Step[] = []
  for await (const step of steps) {
    expect(step.refused).toBeNull()
    out.push(step)
  }
  return out
}

/** What the ledger rows of the steps say, against the trades that are there. */
function expectLedger(ledger: readonly LedgerRow[], trades: readonly ListedTrade[], span: Span): void {
  expect(union(ledger)).toEqual([span])
  expect(ledger.reduce((sum, row) => sum + (row.endMs - row.startMs), 0)).toBe(lengthMs([span]))
  for (const row of ledger) {
    const ids = valid(trades, row)
    if (row.verdict === 'rows') {
      expect(row.rows).toBe(ids.length)
      if (row.firstId !== null && ids.length > 0)
        expect(compareIds(row.firstId, ids[0] ?? '')).toBeLessThanOrEqual(0)
      // What was left out at its end belongs to a row too.
      if (row.lastId !== null && ids.length > 0)
        expect(compareIds(row.lastId, ids.at(-1) ?? '')).toBeGreaterThanOrEqual(0)
    } else {
      const isFirst = trades.every(({ timeMs }) => timeMs >= row.endMs)
      expect(ids).toEqual([])
      expect(row.verdict).toBe(isFirst && row.startMs === span.startMs ? 'unlisted' : 'no-trades')
    }
  }
}

const job = { series: tradeSeries, dataset: aggTrades, table: tradeTable, listing: listing('BTCUSDT') }

describe('by REST', () => {
  test('any trades, span and page size: every trade once, and all of the span settled', async () => {
    const property = fc.asyncProperty(
      anyTrades,
      anySpan,
      fc.integer({ min: 1, max: 12 }),
      fc.boolean(),
      async (trades, span, pageRows, short) => {
        const { source } = tradeSource(trades, LATER_MS, pageRows, short ? { longestWindowMs: 7 } : {})
        const steps = await collect(fetchById({ ...job, source, before: [], span, hurried: false }))
        expect(steps.flatMap((step) => idsOf(step.rows))).toEqual(valid(trades, span))
        expectLedger(
          steps.flatMap((step) => step.ledger),
          trades,
          span,
        )
      },
    )
    await fc.assert(property, runs)
  })

  test('goes on by the id after the last one, and sees what is missing between', async () => {
    const trades = [1, 2, 3, 7, 8].map((id) => ({ id: String(id), timeMs: START_MS + 10 * id }))
    const span = { startMs: START_MS + 25, endMs: START_MS + 100 }
    const before = [
      ledgerRow({ startMs: START_MS, endMs: span.startMs }, 'rows', { rows: 2, firstId: '1', lastId: '2' }),
    ]
    const { source, asks } = tradeSource(trades, LATER_MS, 100)
    const steps = await collect(fetchById({ ...job, source, before, span, hurried: false }))
    expect(asks.map(({ fromId }) => fromId)).toEqual(['3', '4', '9'])
    const ledger = steps.flatMap((step) => step.ledger)
    expect(ledger.map(({ verdict, firstId, lastId }) => [verdict, firstId, lastId])).toEqual([
      ['rows', '3', '3'],
      ['no-trades', '4', '6'],
      ['rows', '7', '7'],
      ['rows', '8', '8'],
    ])
  })

  test('a jump that is younger than an hour stays open', async () => {
    const trades = [1, 3].map((id) => ({ id: String(id), timeMs: START_MS + 10 * id }))
    const span = { startMs: START_MS, endMs: START_MS + 100 }
    const { source } = tradeSource(trades, START_MS + 60_000, 100)
    const steps = await collect(fetchById({ ...job, source, before: [], span, hurried: false }))
    const hole = { startMs: START_MS + 11, endMs: START_MS + 30 }
    expect(steps.flatMap((step) => step.open).map((one) => one.span)).toEqual([hole])
    expect(steps.flatMap((step) => step.ledger).find((row) => row.verdict === 'wanted')).toMatchObject(hole)
  })
})

describe('from an archive', () => {
  const blocks = (trades: readonly ListedTrade[], blockRows: number): ListedTrade[] => {
    const half = Math.ceil(trades.length / 2)
    const out: ListedTrade[] = []
    for (let from = 0; from < half; from += blockRows) {
      out.push(...trades.slice(from, Math.min(half, from + blockRows)))
      out.push(...trades.slice(half + from, half + from + blockRows))
    }
    return out
  }

  test('trades in halves that interleave, some doubled, some missing: REST fills what it has', async () => {
    const property = fc.asyncProperty(
      anyTrades,
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 20 }),
      fc.nat({ max: 8 }),
      fc.boolean(),
      async (trades, pieceRows, blockRows, lost, doubled) => {
        const span = { startMs: START_MS, endMs: START_MS + 2_000 }
        const inside = trades.filter(({ timeMs }) => timeMs >= span.startMs && timeMs < span.endMs)
        const kept = inside.filter(
          (_, i) => lost === 0 || i === 0 || i === inside.length - 1 || i % 9 !== lost,
        )
        const file = blocks(kept, blockRows)
        const open = tradeArchive(span, doubled ? [...file, ...file.slice(0, 5)] : file, pieceRows)
        const { source } = tradeSource(trades, LATER_MS, 3)
        const walk = { ...job, period: null, spans: [span], open, nowMs: () => LATER_MS, before: [] }
        const steps = await collect(walkTrades({ ...walk, rest: source }))
        const stored = new Set(steps.flatMap((step) => idsOf(step.rows)))
        // What the file lacks beside its own first and last trade, REST brings; markers may hide the edges.
        expect([...stored].sort()).toEqual(valid(trades, span).sort())
        expect(union(steps.flatMap((step) => step.ledger))).toEqual(inside.length === 0 ? [span] : [span])
        const counted = steps
          .flatMap((step) => step.ledger)
          .filter((row) => row.verdict === 'rows')
          .reduce((sum, row) => sum + row.rows, 0)
        expect(counted).toBe(stored.size)
      },
    )
    await fc.assert(property, runs)
  })

  test('what neither the file nor REST has is settled, and its ids are named', async () => {
    const trades = [1, 2, 5, 6].map((id) => ({ id: String(id), timeMs: START_MS + 10 * id }))
    const span = { startMs: START_MS, endMs: START_MS + 100 }
    const { source, asks } = tradeSource(trades, LATER_MS, 100)
    const walk = { ...job, period: null, spans: [span], nowMs: () => LATER_MS, before: [] }
    const open = tradeArchive(span, trades, 100)
    for (const rest of [source, null]) {
      const steps = await collect(walkTrades({ ...walk, open, rest }))
      const settled = steps.flatMap((step) => step.ledger).filter((row) => row.verdict === 'no-trades')
      expect(settled).toMatchObject([
        { firstId: '3', lastId: '4', startMs: START_MS + 21, endMs: START_MS + 50 },
      ])
      expect(steps.find((step) => step.ledger.includes(settled[0] as LedgerRow))?.barrier).toBe(true)
    }
    expect(asks.map(({ fromId }) => fromId)).toEqual(['3'])
  })
})
