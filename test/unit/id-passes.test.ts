// Trades in several passes: each goes on where the one before ended, so that in the end every trade is there
// once, whatever lay at the edges.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { idsOf } from '../../src/core/dataset.ts'
import { fetchById } from '../../src/core/id-walk.ts'
import { type LedgerRow, record } from '../../src/core/ledger.ts'
import { type Span, split, union } from '../../src/core/span.ts'
import { aggTrades } from '../../src/datasets/trades.ts'
import { listing } from '../rig/memory-source.ts'
import { runsFor } from '../rig/seed.ts'
import { type ListedTrade, tradeSeries, tradeSource, tradeTable } from '../rig/trade-source.ts'

const runs = runsFor('test/unit/id-passes.test.ts')
const START_MS = Date.UTC(2024, 0, 1)
const LATER_MS = Date.UTC(2040, 0, 1)
const whole: Span = { startMs: START_MS, endMs: START_MS + 200 }

const job = { series: tradeSeries, dataset: aggTrades, table: tradeTable, listing: listing('BTCUSDT') }

/** Trades in order without a jump of ids: several share a millisecond, some are invalid, some far apart. */
const anyTrades = fc
  .array(
    fc.record({
      pauseMs: fc.constantFrom(0, 0, 1, 1, 2, 30, 60),
      invalid: fc.constantFrom(false, false, false, true),
    }),
    { maxLength: 40 },
  )
  .map((steps) => {
    let timeMs = START_MS - 20
    return steps.map(({ pauseMs, invalid }, i): ListedTrade => {
      timeMs += pauseMs
      return { id: String(9_007_199_254_740_990n + BigInt(i)), timeMs, invalid }
    })
  })

function recorded(stored: readonly LedgerRow[], news: readonly LedgerRow[]): LedgerRow[] {
  const { remove, put } = record(stored, news)
  const written = new Set([...remove, ...put.map((row) => row.startMs)])
  return [...stored.filter((row) => !written.has(row.startMs)), ...put].sort((a, b) => a.startMs - b.startMs)
}

describe('one pass after the other', () => {
  test('any trades, pages and cuts: every trade comes once, each left out is counted once', async () => {
    const property = fc.asyncProperty(
      anyTrades,
      fc.array(fc.integer({ min: 1, max: 199 }), { maxLength: 6 }),
      fc.integer({ min: 1, max: 8 }),
      async (trades, cuts, pageRows) => {
        let ledger: LedgerRow[] = []
        const ids: string[] = []
        for (const span of split(
          whole,
          cuts.map((cut) => START_MS + cut),
        )) {
          const { source } = tradeSource(trades, LATER_MS, pageRows)
          for await (const step of fetchById({ ...job, source, before: ledger, span, hurried: false })) {
            expect(step.refused).toBeNull()
            ids.push(...idsOf(step.rows))
            ledger = recorded(ledger, step.ledger)
          }
        }
        const inside = trades.filter(({ timeMs }) => timeMs >= whole.startMs && timeMs < whole.endMs)
        expect(ids).toEqual(inside.filter(({ invalid }) => !invalid).map(({ id }) => id))
        expect(union(ledger)).toEqual([whole])
        const skipped = ledger.reduce((sum, row) => sum + row.skipped, 0)
        expect(skipped).toBe(inside.filter(({ invalid }) => invalid).length)
      },
    )
    await fc.assert(property, runs)
  })
})
