// Trades that several files and REST bring in one pass, and others in a pass before: ids run on over every
// border, so that what a file lacks at its edge is fetched, or told, and never taken for whole.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { gapsOf } from '../../src/cli/gap-scan.ts'
import type { ArchiveFile, ArchiveSource } from '../../src/core/archive.ts'
import { idsOf } from '../../src/core/dataset.ts'
import type { Summary } from '../../src/core/events.ts'
import { fetchSeries } from '../../src/core/fetch-series.ts'
import { type Gap, isOpen } from '../../src/core/gap.ts'
import { compareIds } from '../../src/core/id.ts'
import { runPass } from '../../src/core/pass.ts'
import { costTasks } from '../../src/core/plan.ts'
import type { Source } from '../../src/core/source.ts'
import type { Span } from '../../src/core/span.ts'
import { spansOf, type Task } from '../../src/core/tasks.ts'
import { aggTrades } from '../../src/datasets/trades.ts'
import { type GapBed, memoryBed } from '../rig/gap-bed.ts'
import { listing } from '../rig/memory-source.ts'
import { runsFor } from '../rig/seed.ts'
import { type ListedTrade, tradeArchive, tradeSeries, tradeSource, tradeTable } from '../rig/trade-source.ts'
import { virtualClock } from '../rig/virtual-clock.ts'

const runs = runsFor('test/unit/trade-borders.test.ts', 200)
const START_MS = Date.UTC(2024, 0, 1)
const LATER_MS = Date.UTC(2040, 0, 1)
const PART_MS = 100

const partSpan = (part: number): Span => ({
  startMs: START_MS + part * PART_MS,
  endMs: START_MS + (part + 1) * PART_MS,
})

/** A part of the time: whether a file has it or REST, and in which pass it is fetched. */
type Part = { readonly filed: boolean; readonly pass: 0 | 1 }

type Market = {
  readonly bed: GapBed
  readonly trades: readonly ListedTrade[]
  readonly source: Source
  readonly asks: readonly unknown[]
  readonly archives: ArchiveSource
}

function marketOf(
  trades: readonly ListedTrade[],
  lost: ReadonlySet<string>,
  facts: Partial<Source> = {},
): Market {
  const { source, asks } = tradeSource(trades, LATER_MS, 4, facts)
  const held = trades.filter(({ id }) => !lost.has(id))
  const no = (): never => {
    throw new Error('nobody should ask for this')
  }
  const archives: ArchiveSource = {
    name: 'archive',
    list: no,
    checksum: no,
    symbols: no,
    open: async (_series, { span }) =>
      tradeArchive(
        span,
        held.filter(({ timeMs }) => timeMs >= span.startMs && timeMs < span.endMs),
        5,
      ),
    spent: () => ({ requests: 0, archives: 0, bytes: 0 }),
  }
  return { bed: memoryBed(1_000), trades, source, asks, archives }
}

/** One pass over the parts that are its own. */
async function pass(market: Market, parts: readonly Part[], number: 0 | 1): Promise<Summary> {
  const { archives, bed, source } = market
  const clock = virtualClock({ startMs: LATER_MS })
  const tasks = parts.flatMap(({ filed, pass }, i): Task[] => {
    const span = partSpan(i)
    const file: ArchiveFile = { key: `${i}`, unit: 'day', span, bytes: 1 }
    if (pass !== number) return []
    return [filed ? { kind: 'archive', file, spans: [span] } : { kind: 'rest', span }]
  })
  const spans = parts.flatMap((part, i) => (part.pass === number ? [partSpan(i)] : []))
  await bed.store.prepare([tradeTable])
  const [ledger = []] = await bed.store.ledger([tradeSeries])
  const plan = costTasks(tradeSeries, null, spans, tasks, source)
  const known = { series: tradeSeries, period: null, dataset: aggTrades, table: tradeTable }
  const job = { ...known, source, archives, listing: listing('BTCUSDT'), ledger, plan }
  const signal = new AbortController().signal
  const told = { tell: () => {}, spent: () => ({ requests: 0, weight: 0 }) }
  const options = { command: 'trades', startMs: null, jobs: [job], store: bed.store, workers: 1 }
  return clock.run(runPass({ ...options, clock, signal, ...told }))
}

/** The ids that are stored, and what of the time is an open gap. */
async function found({ bed }: Market): Promise<{ ids: readonly string[]; open: readonly Gap[] }> {
  const rows = await bed.store.readIds(tradeSeries, tradeTable, '0', 10_000)
  const [ledger = []] = await bed.store.ledger([tradeSeries])
  const { gaps } = await gapsOf(bed.store, { series: tradeSeries, dataset: aggTrades, ledger })
  return { ids: idsOf(rows), open: gaps.filter(isOpen) }
}

/** Trades of a part: their ids run on but for jumps, some are invalid records, some are in no file. */
const anyTrade = fc.record({
  jump: fc.constantFrom(1, 1, 1, 1, 3),
  atMs: fc.nat({ max: PART_MS - 1 }),
  invalid: fc.constantFrom(false, false, false, true),
  lost: fc.constantFrom(false, false, true),
})
const anyPart = fc.record({
  filed: fc.constantFrom(true, true, false),
  pass: fc.constantFrom<(0 | 1)[]>(0, 1),
  trades: fc.array(anyTrade, { maxLength: 8 }),
})

describe('ids run on over borders', () => {
  test('of files, REST and passes: every trade is stored, and nothing is lost without a word', async () => {
    const property = fc.asyncProperty(fc.array(anyPart, { minLength: 1, maxLength: 5 }), async (parts) => {
      const lost = new Set<string>()
      let id = 1_000n
      const trades = parts.flatMap(({ trades: own }, part) => {
        const timesMs = own.map(({ atMs }) => partSpan(part).startMs + atMs).sort((a, b) => a - b)
        const listed = own.map((one, i): ListedTrade => {
          id += BigInt(one.jump)
          // REST asks for its own span: what the file after it began with is then a gap that is known.
          const isKept = i === 0 && parts[part - 1]?.filed === false && parts[part - 1]?.pass === 1
          if (one.lost && !isKept) lost.add(String(id))
          return { id: String(id), timeMs: timesMs[i] ?? 0, invalid: one.invalid }
        })
        // Each part has a trade whose id is known to all.
        id += 1n
        return [...listed, { id: String(id), timeMs: partSpan(part).endMs - 1 }]
      })
      const market = marketOf(trades, lost)
      for (const number of [0, 1] as const) {
        const summary = await pass(market, parts, number)
        expect(summary.unsettled).toEqual([])
        expect(summary.exitCode).toBe(0)
      }
      const { ids, open } = await found(market)
      const [first] = trades.filter((trade) => !parts[0]?.filed || !lost.has(trade.id))
      const due = trades.filter((trade) => compareIds(trade.id, first?.id ?? '') >= 0 && !trade.invalid)
      expect(ids).toEqual(due.map((trade) => trade.id))
      expect(open).toEqual([])
    })
    await fc.assert(property, runs)
  })
})

describe('files that are opened before their turn', () => {
  test.each([
    ['small ones: two', 1, ['0', '1', '2']],
    ['large ones: one', 600 * 1024 ** 2, ['0', '1']],
    ['such that fill a disk: none', 5 * 1024 ** 3, ['0']],
  ] as const)('%s', async (_, bytes, opened) => {
    const trades = [0, 1, 2, 3].map((part) => ({ id: `${10 + part}`, timeMs: partSpan(part).startMs }))
    const { archives, source } = marketOf(trades, new Set())
    const keys: string[] = []
    const open: ArchiveSource['open'] = (series, file) => {
      keys.push(file.key)
      return archives.open(series, file)
    }
    const tasks = trades.map((_, i): Task => {
      const span = partSpan(i)
      return { kind: 'archive', file: { key: `${i}`, unit: 'day', span, bytes }, spans: [span] }
    })
    const plan = costTasks(tradeSeries, null, tasks.flatMap(spansOf), tasks, source)
    const known = { series: tradeSeries, period: null, dataset: aggTrades, table: tradeTable, ledger: [] }
    const job = { ...known, source, archives: { ...archives, open }, listing: listing('BTCUSDT'), plan }
    const steps = fetchSeries(job, { nowMs: () => LATER_MS, tell: () => {} })
    await steps.next()
    expect(keys).toEqual([...opened])
    await steps.return(undefined)
  })
})
