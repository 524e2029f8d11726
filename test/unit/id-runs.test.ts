// Runs of ids that an archive alone said nobody has, asked for by their ids once the API is in reach.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { walkTrades } from '../../src/core/archive-trades.ts'
import { idsOf } from '../../src/core/dataset.ts'
import { fetchSeries, type SeriesJob } from '../../src/core/fetch-series.ts'
import { stretchesOf } from '../../src/core/id-ledger.ts'
import { fetchRun, unaskedRow } from '../../src/core/id-runs.ts'
import { isUnasked, type LedgerRow, ledgerRow, withNews } from '../../src/core/ledger.ts'
import { costTasks, unaskedRows } from '../../src/core/plan.ts'
import type { Source } from '../../src/core/source.ts'
import type { SpanJob, Step } from '../../src/core/step.ts'
import { aggTrades } from '../../src/datasets/trades.ts'
import { RefusedError } from '../../src/errors.ts'
import { listing } from '../rig/memory-source.ts'
import { runsFor } from '../rig/seed.ts'
import { type ListedTrade, tradeArchive, tradeSeries, tradeSource, tradeTable } from '../rig/trade-source.ts'

const runs = runsFor('test/unit/id-runs.test.ts')
const START_MS = Date.UTC(2024, 0, 1)
const NOW_MS = Date.UTC(2024, 1, 1)
const run = { firstId: '104', lastId: '108' }
const hole = { startMs: START_MS + 151, endMs: START_MS + 400 }
const ledger = [
  ledgerRow({ startMs: START_MS, endMs: hole.startMs }, 'rows', { source: 'archive' }),
  ledgerRow(hole, 'no-trades', { ...run, source: 'archive', asked: 0 }),
  ledgerRow({ startMs: hole.endMs, endMs: hole.endMs + 500 }, 'rows', { source: 'archive' }),
]

/** Those of the run share the milliseconds of their neighbours: 104 that of 103, 108 that of 109. */
const trades = Array.from({ length: 14 }, (_, i): ListedTrade => {
  const id = 100 + i
  const timeMs = START_MS + (id <= 104 ? Math.min(50 * i, 150) : Math.min(Math.max(50 * i, 250), 400))
  return { id: String(id), timeMs }
})

async function asked(
  has: (trade: ListedTrade) => boolean,
  facts: Partial<Source> = {},
): Promise<{ ids: string[]; row: LedgerRow | undefined; steps: Step[]; asks: number }> {
  const { source, asks } = tradeSource(trades.filter(has), NOW_MS, 2, facts)
  const job: SpanJob = {
    series: tradeSeries,
    dataset: aggTrades,
    table: tradeTable,
    source,
    listing: listing('BTCUSDT'),
    before: ledger,
    span: hole,
    hurried: false,
  }
  const unasked = unaskedRow(job)
  expect(unasked).toMatchObject({ ...hole, ...run })
  if (!unasked) return { ids: [], row: undefined, steps: [], asks: 0 }
  const steps: Step[] = []
  for await (const step of fetchRun(job, unasked)) steps.push(step)
  const rows = steps.flatMap((step) => step.ledger)
  expect(rows.length).toBeLessThanOrEqual(1)
  return { ids: steps.flatMap((step) => idsOf(step.rows)), row: rows[0], steps, asks: asks.length }
}

const isLost = ({ id }: ListedTrade): boolean => id >= run.firstId && id <= run.lastId

describe('a run of ids that REST', () => {
  test('has: its trades are stored, also those that share a millisecond with others', async () => {
    const { ids, row, steps } = await asked(() => true)
    expect(ids).toEqual(trades.filter(isLost).map(({ id }) => id))
    expect(row).toMatchObject({ ...hole, ...run, verdict: 'rows', rows: 5, skipped: 0, source: 'rest' })
    expect(steps.at(-1)?.barrier).toBe(true)
  })

  test('has a part of: the others are counted as left out', async () => {
    for (const lacking of ['104', '106', '108']) {
      const { ids, row } = await asked(({ id }) => id !== lacking)
      expect(ids).toHaveLength(4)
      expect(row).toMatchObject({ ...hole, ...run, verdict: 'rows', rows: 4, skipped: 1 })
    }
  })

  test('has not either: one request, and both have said so', async () => {
    const { ids, row, asks } = await asked((trade) => !isLost(trade))
    expect([ids, asks]).toEqual([[], 1])
    const reason = 'neither the archive nor the API has the ids 104 to 108'
    expect(row).toMatchObject({ ...hole, ...run, verdict: 'no-trades', asked: 2, source: 'rest', reason })
  })

  test('refuses: it stays as it is, and is named', async () => {
    const fetch = (): Promise<never> => Promise.reject(new RefusedError('no such page'))
    const { row, steps } = await asked(() => true, { fetch })
    expect(row).toBeUndefined()
    expect(steps.map(({ refused }) => refused)).toEqual([{ span: hole, reason: 'no such page' }])
  })
})

/** What two passes of a day have stored: by an archive without REST, then by REST of what it left. */
async function inTwoPasses(
  day: readonly ListedTrade[],
  held: readonly ListedTrade[],
): Promise<{ ids: string[]; ledger: readonly LedgerRow[]; asks: number; asksAgain: number }> {
  const file = { startMs: START_MS, endMs: START_MS + 10_000 }
  const { source, asks } = tradeSource(day, NOW_MS, 7)
  const base = { series: tradeSeries, dataset: aggTrades, table: tradeTable, period: null }
  const ids = new Set<string>()
  let stored: readonly LedgerRow[] = []
  const take = async (steps: AsyncIterable<Step>): Promise<void> => {
    for await (const step of steps) {
      for (const id of idsOf(step.rows)) ids.add(id)
      expect([step.open, step.refused]).toEqual([[], null])
      stored = withNews(stored, step.ledger)
    }
  }
  const open = tradeArchive(file, held, 5)
  const nowMs = (): number => NOW_MS
  await take(walkTrades({ ...base, spans: [file], open, nowMs, before: [], rest: null }))
  const pass = async (): Promise<void> => {
    const spans = unaskedRows(stored, source, NOW_MS).map(({ startMs, endMs }) => ({ startMs, endMs }))
    const tasks = spans.map((span) => ({ kind: 'rest', span }) as const)
    const plan = costTasks(tradeSeries, null, spans, tasks, source)
    const job: SeriesJob = { ...base, source, listing: listing('BTCUSDT'), ledger: stored, plan }
    await take(fetchSeries(job, { nowMs, tell: () => undefined }))
  }
  await pass()
  const asked = asks.length
  await pass()
  return { ids: [...ids].sort(), ledger: stored, asks: asked, asksAgain: asks.length - asked }
}

test('whatever an archive lacks, also in one millisecond: the next pass has it, and asks once', async () => {
  const oneTrade = fc.record({
    pauseMs: fc.constantFrom(0, 0, 1, 2, 30),
    kind: fc.constantFrom('both', 'both', 'both', 'invalid', 'rest', 'rest', 'nobody'),
  })
  const property = fc.asyncProperty(fc.array(oneTrade, { maxLength: 60 }), async (made) => {
    let timeMs = START_MS
    const all = made.map(({ pauseMs, kind }, i) => {
      timeMs += pauseMs
      return { id: String(100 + i), timeMs, invalid: kind === 'invalid', kind }
    })
    const day = all.filter(({ kind }) => kind !== 'nobody')
    const held = day.filter(({ kind }) => kind !== 'rest')
    const { ids, ledger, asksAgain } = await inTwoPasses(day, held)
    // Before its first and after its last record nobody can tell that a file lacks any.
    const [first, last] = [held[0]?.id ?? '', held.at(-1)?.id ?? '']
    const known = all.filter(({ id }) => id >= first && id <= last)
    const has = known.filter(({ kind }) => kind === 'both' || kind === 'rest')
    expect(ids).toEqual(has.map(({ id }) => id))
    expect(ledger.some(isUnasked)).toBe(false)
    expect(asksAgain).toBe(0)
    const named = ledger.filter(({ verdict }) => verdict === 'no-trades')
    const namedIds = named.reduce((sum, row) => sum + Number(row.lastId) - Number(row.firstId) + 1, 0)
    const skipped = stretchesOf(ledger).reduce((sum, one) => sum + one.skipped, 0)
    if (held.length > 0) expect(skipped + namedIds).toBe(known.length - has.length)
  })
  await fc.assert(property, runs)
})
