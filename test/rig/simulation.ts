// One simulated life of a store: passes with faults, stops and restarts on a virtual clock, then calm ones.
// All chance comes from the seed, so that a seed that fails can be replayed.
import { Client } from '../../src/binance/client.ts'
import { restSource } from '../../src/binance/rest.ts'
import { DAY_MS, floorToPeriod, HOUR_MS } from '../../src/core/calendar.ts'
import type { PetrosaEvent, Summary } from '../../src/core/events.ts'
import { runPass, type SeriesJob } from '../../src/core/pass.ts'
import { costPlan, planSpans, type Range } from '../../src/core/plan.ts'
import type { Clock } from '../../src/core/retry.ts'
import type { Period, Series } from '../../src/core/series.ts'
import type { Listing, Source } from '../../src/core/source.ts'
import type { Span } from '../../src/core/span.ts'
import type { Store } from '../../src/core/store.ts'
import { klines } from '../../src/datasets/klines.ts'
import { StoppedError, UnavailableError } from '../../src/errors.ts'
import { type Chance, chanceOf } from './chance.ts'
import { jumpingClock, killableStore } from './hardships.ts'
import { marketNetwork } from './market-network.ts'
import { listing } from './memory-source.ts'
import { emptyMemoryDatabase, openMemoryStore } from './memory-store.ts'
import type { SymbolSpec } from './symbol-spec.ts'
import { type VirtualClock, virtualClock } from './virtual-clock.ts'
import { testWorld } from './world.ts'

const MINUTE_MS = 60_000

export type Simulation = {
  readonly clock: VirtualClock
  readonly store: Store
  readonly chance: Chance
  readonly specs: readonly SymbolSpec[]
  readonly series: readonly (Series & { readonly period: Period })[]
  readonly startMs: number
  readonly batchRows: number
  readonly pageRows: number
  readonly workers: number
}

/** The market and the store of a seed, at the time when the story begins. */
export function simulate(seed: number): Simulation {
  const chance = chanceOf(seed)
  const nowMs = Date.UTC(2024, 2, 1) + chance.whole(0, 40 * DAY_MS)
  const clock = virtualClock({ startMs: nowMs, seed })
  const startMs = nowMs - chance.whole(1, 30) * HOUR_MS - chance.whole(0, HOUR_MS)
  const specs = Array.from({ length: chance.whole(1, 3) }, (_, i) =>
    specOf(chance, `S${i}USDT`, startMs, nowMs),
  )
  const periods = chance.one<readonly Period[]>([['1m'], ['15m'], ['1h'], ['1m', '1h']])
  const series = specs.flatMap(({ symbol }) =>
    periods.map((period) => ({ market: 'spot', dataset: 'klines', symbol, period }) as const),
  )
  const database = emptyMemoryDatabase()
  const batchRows = chance.one([7, 100, 1_000])
  const store = openMemoryStore(() => database, { readOnly: false, batchRows })
  const pageRows = chance.one([1_000, 100, 37])
  return {
    clock,
    store,
    chance,
    specs,
    series,
    startMs,
    batchRows,
    pageRows,
    workers: chance.whole(1, 4),
  }
}

function specOf(chance: Chance, symbol: string, startMs: number, nowMs: number): SymbolSpec {
  const lengthMs = nowMs - startMs
  const outage = (): Span => {
    const fromMs = startMs + chance.whole(-HOUR_MS, lengthMs + 2 * HOUR_MS)
    return { startMs: fromMs, endMs: fromMs + chance.whole(1, chance.one([5, 60, 600])) * MINUTE_MS }
  }
  const ended = chance.happens(0.15)
  return {
    market: 'spot',
    symbol,
    base: symbol.slice(0, 2),
    quote: 'USDT',
    listedAtMs: chance.happens(0.3) ? startMs + chance.whole(0, lengthMs) : startMs - DAY_MS,
    outages: Array.from({ length: chance.whole(0, 3) }, outage),
    ...(ended ? { status: 'BREAK', endsAtMs: startMs + chance.whole(0, lengthMs) } : {}),
  }
}

export type PassTrouble = {
  /** The part of requests (0 to 1) that meet a fault, and of writes that fail. */
  readonly faults: number
  /** When the pass is told to stop, ms after it began; null for never. */
  readonly stopAfterMs: number | null
  /** The exchange refuses windows that begin in this span. */
  readonly refused: Span | null
  readonly down: boolean
  /** The process is killed at the write after so many; null for never. */
  readonly killAfterWrites: number | null
  /** How far this machine's clock may be off the exchange's, and by how much it jumps on the way, ms. */
  readonly clockJumpMs: number
}

export const noTrouble: PassTrouble = {
  faults: 0,
  stopAfterMs: null,
  refused: null,
  down: false,
  killAfterWrites: null,
  clockJumpMs: 0,
}

export type PassOutcome = {
  readonly summary: Summary
  readonly pages: number
  readonly events: readonly PetrosaEvent[]
}

/** The exchange and the store as a fresh process meets them: everything but the database is new. */
export type Surroundings = {
  readonly client: Client
  readonly source: Source
  readonly store: Store
  /** This machine's clock. */
  readonly clock: Clock
  readonly signal: AbortSignal
  /** What was told so far. */
  readonly events: readonly PetrosaEvent[]
  readonly tell: (event: PetrosaEvent) => void
  /** Pages asked for so far. */
  pages(): number
}

/** What a process meets in this trouble; the stop comes so long after now. */
export function surroundings(simulation: Simulation, trouble: PassTrouble): Surroundings {
  const { clock, chance, specs, pageRows } = simulation
  const stop = new AbortController()
  const network = marketNetwork({
    specs,
    clock,
    latencyMs: () => chance.whole(1, 80),
    shownMs: (_symbol, _period, openMs) => shownMsOf(openMs),
    trouble: (url) => troubleOf(chance, trouble, url),
  })
  const own = jumpingClock(clock, chance, trouble.clockJumpMs)
  const world = testWorld({ ...own, fetch: network.fetch, signal: stop.signal })
  const events: PetrosaEvent[] = []
  const tell = (event: PetrosaEvent): void => void events.push(event)
  const urls = { spot: 'https://exchange.test', um: 'https://exchange.test', cm: 'https://exchange.test' }
  const client = new Client(world, { urls, weightShare: 0.9, apiKey: null, tell })
  client.budget('spot').setLimit(chance.one([6_000, 120]))
  // As every command begins: by what the exchange says of its clock, however wrong this machine's is.
  client.budget('spot').setOffset(clock.nowMs() - clock.monotonicMs())
  const rest = restSource(client, klines, 'spot')
  const source = {
    ...rest,
    page: (_: Series, places: number | null) => ({ rows: Math.min(places ?? Infinity, pageRows), weight: 2 }),
  }
  if (trouble.stopAfterMs !== null) {
    const tellToStop = (): void => stop.abort(new StoppedError())
    clock.wait(trouble.stopAfterMs).then(tellToStop, tellToStop)
  }
  const store = killableStore(troubledStore(simulation, trouble), chance, trouble.killAfterWrites, stop)
  return { client, source, store, clock: own, signal: stop.signal, events, tell, pages: network.pages }
}

/** What the exchange says of the symbol of a series. */
export function listingOf({ specs }: Simulation, { symbol }: Series): Listing {
  const spec = specs.find((one) => one.symbol === symbol)
  return listing(symbol, { trading: spec?.status === undefined })
}

/** One pass as a fresh process would run it. */
export async function simulatePass(
  simulation: Simulation,
  range: Range,
  trouble: PassTrouble,
): Promise<PassOutcome> {
  const { series, workers } = simulation
  const { client, clock, events, pages, signal, source, store, tell } = surroundings(simulation, trouble)
  await store.prepare([...new Set(series.map((one) => klines.table(one)))])
  const ledgers = await store.ledger(series)
  // The exchange's clock, as a command reads it before it plans.
  const nowMs = simulation.clock.nowMs()
  const jobs = series.map((one, i): SeriesJob => {
    const known = listingOf(simulation, one)
    const ledger = ledgers[i] ?? []
    const spans = planSpans({ series: one, period: one.period, range, ledger, listing: known, nowMs })
    const plan = costPlan(one, one.period, spans, source)
    return {
      series: one,
      period: one.period,
      dataset: klines,
      table: klines.table(one),
      source,
      listing: known,
      ledger,
      plan,
    }
  })
  const running = runPass({
    command: 'klines',
    startMs: range.startMs,
    jobs,
    store,
    workers,
    clock,
    signal,
    tell,
    spent: () => ({ requests: client.requests, weight: client.weight }),
  })
  const summary = await simulation.clock.run(running)
  return { summary, pages: pages(), events }
}

/** Every ninth minute's candle comes late, by up to a minute after its close. */
export function shownMsOf(openMs: number): number {
  const minute = Math.floor(openMs / MINUTE_MS)
  return minute % 9 === 4 ? openMs + MINUTE_MS + ((minute * 7_919) % MINUTE_MS) : 0
}

function troubleOf(chance: Chance, trouble: PassTrouble, url: URL): Response | Error | null {
  if (trouble.down) return new TypeError('connection refused')
  const startMs = Number(url.searchParams.get('startTime') ?? 0)
  const { refused } = trouble
  if (refused && startMs >= refused.startMs && startMs < refused.endMs)
    return new Response('{"code":-1100,"msg":"Illegal characters"}', { status: 400 })
  if (!chance.happens(trouble.faults)) return null
  switch (chance.whole(0, 4)) {
    case 0:
      return new Response('{"code":-1001,"msg":"Internal error"}', { status: 500 })
    case 1:
      return new Response('[[1700000000000,"1.0","1.', { status: 200 })
    case 2:
      return new Response('{}', { status: 429, headers: { 'retry-after': String(chance.whole(1, 3)) } })
    case 3:
      return new Response('[]', { status: 502 })
    default:
      return new TypeError('connection reset')
  }
}

/** The store with slow writes, some of which fail: before they are done, or after, with their answer lost. */
function troubledStore({ store, clock, chance }: Simulation, trouble: PassTrouble): Store {
  return {
    ...store,
    async write(pages, options) {
      await clock.wait(chance.whole(0, 400))
      const fails = chance.happens(trouble.faults / 10)
      const error = new UnavailableError('the store went away', 'start it')
      if (fails && chance.happens(0.5)) throw error
      const result = await store.write(pages, options)
      if (fails) throw error
      return result
    },
  }
}

/** The end of what can be settled of a series at `nowMs`, when everything up to `endMs` was asked for. */
export function closedEndMs(period: Period, endMs: number, nowMs: number): number {
  return floorToPeriod(period, Math.min(endMs, nowMs))
}
