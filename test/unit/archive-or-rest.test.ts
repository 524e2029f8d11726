// The same trades by REST and from an archive: whoever brings them, the ledger says the same of every span.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { walkTrades } from '../../src/core/archive-trades.ts'
import { idsOf } from '../../src/core/dataset.ts'
import { fetchById } from '../../src/core/id-walk.ts'
import { type LedgerRow, ledgerRow, record } from '../../src/core/ledger.ts'
import type { Span } from '../../src/core/span.ts'
import type { Step } from '../../src/core/step.ts'
import { aggTrades } from '../../src/datasets/trades.ts'
import { listing } from '../rig/memory-source.ts'
import { runsFor } from '../rig/seed.ts'
import { type ListedTrade, tradeArchive, tradeSeries, tradeSource, tradeTable } from '../rig/trade-source.ts'

const runs = runsFor('test/unit/archive-or-rest.test.ts')
const START_MS = Date.UTC(2024, 0, 1)
const LATER_MS = Date.UTC(2040, 0, 1)
const FIRST_ID = 9_007_199_254_740_990n
const span: Span = { startMs: START_MS, endMs: START_MS + 1_000 }

/** Trades after FIRST_ID: ids jump here and there, several share a millisecond, some are invalid records. */
const anyTrades = fc
  .array(
    fc.record({
      jump: fc.constantFrom(1, 1, 1, 1, 2, 5),
      pauseMs: fc.constantFrom(0, 0, 1, 1, 2, 30),
      invalid: fc.constantFrom(false, false, true),
    }),
    { minLength: 1, maxLength: 30 },
  )
  .map((steps) => {
    let id = FIRST_ID
    let timeMs = START_MS
    return steps.map((step): ListedTrade => {
      id += BigInt(step.jump)
      timeMs += step.pauseMs
      return { id: String(id), timeMs, invalid: step.invalid }
    })
  })

/** What is settled before the span and after it, so that each side knows which ids it has to explain. */
function around(trades: readonly ListedTrade[]): LedgerRow[] {
  const [first, last] = [String(FIRST_ID), trades.at(-1)?.id ?? '']
  return [
    ledgerRow({ startMs: span.startMs - 9, endMs: span.startMs }, 'rows', { rows: 1, lastId: first }),
    ledgerRow({ startMs: span.endMs, endMs: span.endMs + 9 }, 'rows', { rows: 1, firstId: last }),
  ]
}

type Told = { readonly ids: readonly string[]; readonly ledger: readonly Partial<LedgerRow>[] }

async function told(steps: AsyncGenerator<Step>): Promise<Told> {
  const [ids, news]: [string[], LedgerRow[]] = [[], []]
  for await (const step of steps) {
    expect([step.refused, step.open]).toEqual([null, []])
    ids.push(...idsOf(step.rows))
    news.push(...step.ledger.map((row) => ({ ...row, asked: 2 })))
  }
  // How often somebody was asked (for which rows are told apart), and what he said, is his own matter.
  const ledger = record([], news).put.map(({ startMs, endMs, verdict, rows, skipped, firstId, lastId }) => {
    return { startMs, endMs, verdict, rows, skipped, firstId, lastId }
  })
  return { ids, ledger }
}

const job = { series: tradeSeries, dataset: aggTrades, table: tradeTable, listing: listing('BTCUSDT') }

test('any trades, jumps and records left out: each span has the same rows, ids and counts', async () => {
  const property = fc.asyncProperty(
    anyTrades,
    fc.integer({ min: 1, max: 12 }),
    fc.integer({ min: 1, max: 12 }),
    async (trades, pageRows, pieceRows) => {
      const before = around(trades)
      const own = trades.slice(0, -1)
      const after = { id: trades.at(-1)?.id ?? '', timeMs: span.endMs }
      const { source } = tradeSource(
        [{ id: String(FIRST_ID), timeMs: START_MS - 1 }, ...own, after],
        LATER_MS,
        pageRows,
      )
      const byRest = await told(fetchById({ ...job, source, before, span, hurried: false }))
      const open = tradeArchive(span, own, pieceRows)
      const walk = { ...job, period: null, spans: [span], open, nowMs: () => LATER_MS, before }
      for (const rest of [source, null]) expect(await told(walkTrades({ ...walk, rest }))).toEqual(byRest)
    },
  )
  await fc.assert(property, runs)
})
