// Gaps of trades and of rates: ids against a plain look at every one of them, for the whole series and for a
// part of it; and rates against what the ledger counted.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Dataset } from '../../src/core/dataset.ts'
import { type Gap, isOpen } from '../../src/core/gap.ts'
import { findGaps } from '../../src/core/gaps.ts'
import { ANSWERED_EMPTY } from '../../src/core/holes.ts'
import { fetchById } from '../../src/core/id-walk.ts'
import { type LedgerRow, LOST_ROWS, ledgerRow, withNews } from '../../src/core/ledger.ts'
import type { Series } from '../../src/core/series.ts'
import type { Span } from '../../src/core/span.ts'
import type { Store } from '../../src/core/store.ts'
import { funding } from '../../src/datasets/funding.ts'
import { aggTrades } from '../../src/datasets/trades.ts'
import { chanceOf } from '../rig/chance.ts'
import { type GapBed, memoryBed } from '../rig/gap-bed.ts'
import { listing } from '../rig/memory-source.ts'
import { rate, toRows } from '../rig/pages.ts'
import { runsFor } from '../rig/seed.ts'
import { randomTrades, type Tick, tickSource } from '../rig/tick-source.ts'

const runs = runsFor('test/unit/tick-gaps.test.ts', 150)
const LATER_MS = Date.UTC(2040, 0, 1)
const seriesOf = (dataset: Dataset): Series => ({
  market: 'um',
  dataset: dataset.name,
  symbol: 'AUSDT',
  period: null,
})

/** Walks a span into a store and its ledger. */
async function pull(store: Store, ticks: readonly Tick[], span: Span): Promise<void> {
  const series = seriesOf(aggTrades)
  const table = aggTrades.table(series)
  await store.prepare([table])
  const options = { dataset: aggTrades, ticks, pageRows: 7, name: 'rest', nowMs: () => LATER_MS } as const
  const { source } = tickSource({ ...options, before: async () => {} })
  const [before = []] = await store.ledger([series])
  const job = { series, dataset: aggTrades, table, source, listing: listing('AUSDT'), before, span }
  for await (const { rows, ledger, extractedAtMs } of fetchById({ ...job, hurried: false }))
    await store.write([{ series, table, rows, ledger, extractedAtMs, source: 'rest', fresh: false }])
}

async function gapsOf(bed: GapBed, dataset: Dataset, spans: readonly Span[]): Promise<Gap[]> {
  const series = seriesOf(dataset)
  const [ledger = []] = await bed.store.ledger([series])
  const scan = { store: bed.store, series, period: null, dataset, table: dataset.table(series) }
  return findGaps({ ...scan, spans, ledger })
}

const story = fc.record({
  seed: fc.nat(),
  count: fc.integer({ min: 3, max: 80 }),
  gone: fc.array(fc.record({ from: fc.nat({ max: 99 }), length: fc.integer({ min: 1, max: 30 }) }), {
    maxLength: 3,
  }),
  part: fc.record({ from: fc.nat({ max: 99 }), length: fc.integer({ min: 1, max: 100 }) }),
})

describe('trades', () => {
  test('every id without a row is in one gap; what was deleted is lost, what nobody has is not', async () => {
    const property = fc.asyncProperty(story, async ({ seed, count, gone, part }) => {
      const span = { startMs: 0, endMs: 100_000 }
      const ticks = randomTrades(chanceOf(seed), span, count)
      const bed = memoryBed(5)
      await pull(bed.store, ticks, span)
      const series = seriesOf(aggTrades)
      const cut = ({ from, length }: { from: number; length: number }): Span => ({
        startMs: from * 1_000,
        endMs: (from + length) * 1_000,
      })
      for (const hole of gone) await bed.deleteRows(series, aggTrades.table(series), cut(hole))
      const isGone = (tick: Tick): boolean =>
        gone.map(cut).some(({ startMs, endMs }) => tick.timeMs >= startMs && tick.timeMs < endMs)
      const lost = ticks.filter((tick) => !tick.invalid && isGone(tick)).map(({ id }) => id)
      const held = new Set(ticks.filter((tick) => !tick.invalid && !isGone(tick)).map(({ id }) => id))
      const [first, last] = [ticks[0]?.id ?? 0n, ticks.at(-1)?.id ?? 0n]
      const due: bigint[] = []
      for (let id = first; id <= last; id += 1n) if (!held.has(id)) due.push(id)

      const gaps = await gapsOf(bed, aggTrades, [span])
      const idsOf = (some: readonly Gap[]): bigint[] =>
        some
          .flatMap(({ ids }) => {
            const out: bigint[] = []
            for (let id = BigInt(ids?.firstId ?? 1); id <= BigInt(ids?.lastId ?? 0); id += 1n) out.push(id)
            return out
          })
          .sort((a, b) => (a < b ? -1 : 1))
      // After the last trade of all there may be records that are none.
      expect(idsOf(gaps).filter((id) => id <= last)).toEqual(due)
      const open = idsOf(gaps.filter(isOpen))
      expect(lost.filter((id) => !open.includes(id))).toEqual([])
      if (lost.length === 0) expect(open).toEqual([])
      for (const { ids, rowsMissing } of gaps)
        if (ids) expect(rowsMissing).toBe(Number(BigInt(ids.lastId) - BigInt(ids.firstId)) + 1)

      // Of a part, the gaps that overlap it, as they were in the whole.
      const some = cut(part)
      const inPart = (await gapsOf(bed, aggTrades, [some])).filter(
        (gap) => gap.span.startMs < some.endMs && gap.span.endMs > some.startMs,
      )
      const inWhole = gaps.filter((gap) => gap.span.startMs < some.endMs && gap.span.endMs > some.startMs)
      expect(idsOf(inPart.filter(isOpen))).toEqual(idsOf(inWhole.filter(isOpen)))
    })
    await fc.assert(property, runs)
  })

  test('what was never asked for after the last trade is missing, and how much nobody knows', async () => {
    const bed = memoryBed(5)
    const ticks = [1n, 2n, 3n].map((id) => ({ id, timeMs: Number(id) * 1_000 }))
    await pull(bed.store, ticks, { startMs: 1_000, endMs: 10_000 })
    const late = { startMs: 10_000, endMs: 20_000 }
    expect(await gapsOf(bed, aggTrades, [{ startMs: 1_000, endMs: 20_000 }])).toEqual([
      { span: late, rowsMissing: 0, verdict: 'missing' },
    ])
    expect(await gapsOf(bed, aggTrades, [{ startMs: 1_000, endMs: 10_000 }])).toEqual([])
  })

  test('a series that asks for little: two questions where nothing is missing', async () => {
    const bed = memoryBed(1_000)
    const ticks = Array.from({ length: 500 }, (_, i) => ({ id: BigInt(i + 5), timeMs: i * 10 }))
    await pull(bed.store, ticks, { startMs: 0, endMs: 5_000 })
    let questions = 0
    const series = seriesOf(aggTrades)
    const asked = <A extends unknown[], R>(work: (...args: A) => R) => {
      return (...args: A): R => {
        questions += 1
        return work(...args)
      }
    }
    const store = {
      counts: asked(bed.store.counts),
      ends: asked(bed.store.ends),
      countIds: asked(bed.store.countIds),
      fromIds: asked(bed.store.fromIds),
    }
    const [ledger = []] = await bed.store.ledger([series])
    const spans = [{ startMs: 0, endMs: 5_000 }]
    const scan = { series, period: null, dataset: aggTrades, table: aggTrades.table(series), spans, ledger }
    expect(await findGaps({ ...scan, store })).toEqual([])
    expect(questions).toBe(2)
  })
})

describe('rates', () => {
  const series = seriesOf(funding)
  const table = funding.table(series)
  const span = { startMs: 0, endMs: 1_000 }

  async function stored(ledger: readonly LedgerRow[], times: readonly number[]): Promise<GapBed> {
    const bed = memoryBed(100)
    await bed.store.prepare([table])
    const rows = toRows(
      table,
      times.map((timeMs) => rate(timeMs)),
    )
    await bed.store.write([
      { series, table, rows, ledger: withNews([], ledger), source: 'rest', extractedAtMs: 0, fresh: false },
    ])
    return bed
  }

  test('a settled span with fewer rows than were counted has lost them, nobody knows where', async () => {
    const ledger = [
      ledgerRow({ startMs: 0, endMs: 500 }, 'rows', { rows: 5, source: 'rest' }),
      ledgerRow({ startMs: 500, endMs: 1_000 }, 'rows', { rows: 2, source: 'archive' }),
    ]
    const bed = await stored(ledger, [10, 20, 30, 600, 700])
    const lost = { span: { startMs: 0, endMs: 500 }, rowsMissing: 2, verdict: 'lost' } as const
    expect(await gapsOf(bed, funding, [span])).toEqual([lost])
    expect(await gapsOf(bed, funding, [{ startMs: 400, endMs: 410 }])).toEqual([lost])
    expect(await gapsOf(bed, funding, [{ startMs: 500, endMs: 1_000 }])).toEqual([])
  })

  test('what is not settled is missing or not published; what is explained is no gap to fill', async () => {
    const wanted = (startMs: number, reason: string | null, asked: number): LedgerRow =>
      ledgerRow({ startMs, endMs: startMs + 100 }, 'wanted', { reason, asked })
    const ledger = [
      ledgerRow({ startMs: 0, endMs: 100 }, 'unlisted'),
      ledgerRow({ startMs: 100, endMs: 300 }, 'rows', { rows: 1, source: 'rest' }),
      wanted(300, null, 0),
      wanted(400, ANSWERED_EMPTY, 1),
      wanted(500, LOST_ROWS, 0),
    ]
    const bed = await stored(ledger, [200])
    const verdicts = (await gapsOf(bed, funding, [span])).map((gap) => [gap.verdict, gap.span.startMs])
    expect(verdicts).toEqual([
      ['unlisted', 0],
      ['missing', 300],
      ['unpublished', 400],
      ['lost', 500],
      ['missing', 600],
    ])
  })
})
