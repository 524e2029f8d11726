// A pass over series of candles in memory, on a virtual clock, with a store in memory: what tests of whole
// passes share. Series have forty one-minute candles each, in pages of ten and batches of fifteen.
import { advance } from '../../src/core/calendar.ts'
import type { PetrosaEvent, Summary } from '../../src/core/events.ts'
import { runPass, type SeriesJob } from '../../src/core/pass.ts'
import { costPlan, planSpans } from '../../src/core/plan.ts'
import type { Page, Store } from '../../src/core/store.ts'
import { klines } from '../../src/datasets/klines.ts'
import {
  fromList,
  listing,
  type MemorySource,
  type MemorySourceOptions,
  memorySource,
} from './memory-source.ts'
import { emptyMemoryDatabase, type MemoryDatabase, openMemoryStore } from './memory-store.ts'
import { klineSeries } from './pages.ts'
import { candlesOf } from './span-walk.ts'
import { type VirtualClock, virtualClock } from './virtual-clock.ts'

export const PASS_START_MS = Date.UTC(2024, 0, 1)
export const PASS_PLACES = 40
export const PASS_SPAN = { startMs: PASS_START_MS, endMs: advance('1m', PASS_START_MS, PASS_PLACES) }
export const passTable = klines.table(klineSeries('A'))
export const passCandles = candlesOf('1m', PASS_SPAN)

export type PassGiven = {
  readonly symbols?: readonly string[]
  readonly workers?: number
  readonly before?: MemorySourceOptions['before']
  readonly answer?: MemorySourceOptions['answer']
  readonly nowMs?: number
  /** Where an earlier pass wrote. */
  readonly database?: MemoryDatabase
  /** What an earlier pass wants is known from the ledger alone, without a start. */
  readonly noStart?: boolean
  readonly failWrite?: (pages: readonly Page[]) => void
}

export type PassRig = {
  readonly clock: VirtualClock
  readonly database: MemoryDatabase
  readonly store: Store
  readonly writes: (readonly Page[])[]
  readonly stop: AbortController
  readonly events: PetrosaEvent[]
  readonly exchange: MemorySource
  pass(): Promise<Summary>
}

/** Series of forty one-minute candles each, in pages of ten and batches of fifteen. */
export function passRig(given: PassGiven = {}): PassRig {
  const clock = virtualClock({ startMs: given.nowMs ?? PASS_SPAN.endMs + 86_400_000 })
  const database = given.database ?? emptyMemoryDatabase()
  const memory = openMemoryStore(() => database, { readOnly: false, batchRows: 15 })
  const writes: (readonly Page[])[] = []
  const store: Store = {
    ...memory,
    write: async (pages) => {
      await clock.wait(30)
      given.failWrite?.(pages)
      const result = await memory.write(pages)
      writes.push(pages)
      return result
    },
  }
  const stop = new AbortController()
  const exchange = memorySource({
    nowMs: clock.nowMs,
    pageRows: 10,
    answer: given.answer ?? fromList(passCandles, '1m'),
    before: async (ask) => {
      await clock.wait(20, stop.signal)
      await given.before?.(ask)
    },
  })
  const events: PetrosaEvent[] = []
  const pass = async (): Promise<Summary> => {
    await memory.prepare([passTable])
    const series = (given.symbols ?? ['A']).map((symbol) => klineSeries(symbol))
    const ledgers = await memory.ledger(series)
    const jobs = series.map((one, i): SeriesJob => {
      const ledger = ledgers[i] ?? []
      const range = { startMs: given.noStart ? null : PASS_START_MS, endMs: PASS_SPAN.endMs, lookbackMs: 0 }
      const known = listing(one.symbol)
      const spans = planSpans({
        series: one,
        period: '1m',
        range,
        ledger,
        listing: known,
        nowMs: clock.nowMs(),
      })
      const plan = costPlan(one, '1m', spans, exchange.source)
      return {
        series: one,
        period: '1m',
        dataset: klines,
        table: passTable,
        source: exchange.source,
        listing: known,
        ledger,
        plan,
      }
    })
    const spent = (): { requests: number; weight: number } => ({
      requests: exchange.asks.length,
      weight: 2 * exchange.asks.length,
    })
    const options = {
      command: 'klines',
      startMs: PASS_START_MS,
      jobs,
      store,
      clock,
      signal: stop.signal,
      spent,
    }
    return clock.run(
      runPass({ ...options, workers: given.workers ?? 2, tell: (event) => void events.push(event) }),
    )
  }
  return { clock, database, store, writes, stop, events, exchange, pass }
}
