// One simulated life of a store with holes: a market of any period with outages, holes punched past the
// store, fills with faults, stops and restarts on a virtual clock. All chance comes from the seed.
import type { FillWish } from '../../src/cli/gap-scan.ts'
import { advance, DAY_MS, floorToPeriod } from '../../src/core/calendar.ts'
import type { Period, Series } from '../../src/core/series.ts'
import type { Listing } from '../../src/core/source.ts'
import type { Span } from '../../src/core/span.ts'
import type { Store } from '../../src/core/store.ts'
import { klines } from '../../src/datasets/klines.ts'
import { type Chance, chanceOf } from './chance.ts'
import { type FillOutcome, fillOnce } from './fill-once.ts'
import type { GapBed } from './gap-bed.ts'
import { listingOf, type PassTrouble, type Simulation, surroundings } from './simulation.ts'
import type { SymbolSpec } from './symbol-spec.ts'
import { type VirtualClock, virtualClock } from './virtual-clock.ts'

export type GapSimulation = Simulation & { readonly bed: GapBed }

type Choice = { readonly periods: readonly [Period, ...Period[]]; readonly places: number }

/** Hours of three years: where a story has so many, its pages are whole ones. */
const THREE_YEARS = 3 * 365 * 24
const MANY_PLACES = 5_000

/** Periods of a story, and how many places of the first of them its market has at most. */
const choices: readonly [Choice, ...Choice[]] = [
  { periods: ['1m'], places: 1_000 },
  { periods: ['1m', '15m'], places: 1_000 },
  { periods: ['1h'], places: 1_000 },
  { periods: ['1h'], places: THREE_YEARS },
  { periods: ['1h', '1d'], places: 600 },
  { periods: ['1d', '3d', '1w', '1M'], places: 1_000 },
]

/** The market of a seed and a store on `bed`; `scale` (up to 1) makes the market smaller. */
export function simulateHoles(seed: number, bed: GapBed, scale: number): GapSimulation {
  const chance = chanceOf(seed)
  const nowMs = Date.UTC(2024, 2, 1) + chance.whole(0, 40 * DAY_MS)
  const clock = virtualClock({ startMs: nowMs, seed })
  const chosen = chance.one(choices)
  const { periods } = chosen
  // Years take a second to tell of: a few stories in a hundred.
  const places = chance.happens(0.75) ? Math.min(chosen.places, 1_000) : chosen.places
  const [shortest] = periods
  const length = chance.whole(10, Math.ceil(places * scale))
  const startMs = advance(shortest, floorToPeriod(shortest, nowMs), -length)
  const specs = Array.from({ length: chance.whole(1, 2) }, (_, i) =>
    specOf(chance, `S${i}USDT`, { startMs, endMs: nowMs }, shortest),
  )
  const series = specs.flatMap(({ symbol }) =>
    periods.map((period) => ({ market: 'spot', dataset: 'klines', symbol, period }) as const),
  )
  return {
    clock,
    bed,
    store: heldStore(bed.store, clock),
    chance,
    specs,
    series,
    startMs,
    batchRows: bed.store.batchRows,
    pageRows: length > MANY_PLACES ? 1_000 : chance.one([1_000, 100, 37]),
    workers: chance.whole(1, 4),
  }
}

/** A symbol with outages from one place to a third of the span, listed or ended inside it now and then. */
function specOf(chance: Chance, symbol: string, span: Span, period: Period): SymbolSpec {
  const lengthMs = span.endMs - span.startMs
  const placeMs = advance(period, span.startMs, 1) - span.startMs
  const within = (): number => span.startMs + chance.whole(0, lengthMs)
  const outage = (): Span => {
    const fromMs = within()
    return { startMs: fromMs, endMs: fromMs + chance.whole(placeMs, chance.one([3 * placeMs, lengthMs / 3])) }
  }
  const ended = chance.happens(0.15)
  return {
    market: 'spot',
    symbol,
    base: symbol.slice(0, 2),
    quote: 'USDT',
    listedAtMs: chance.happens(0.3) ? within() : span.startMs - DAY_MS,
    outages: Array.from({ length: chance.whole(0, 4) }, outage),
    ...(ended ? { status: 'BREAK', endsAtMs: within() } : {}),
  }
}

/** The store, with time standing still while it works: a real one works in real time. */
export function heldStore(store: Store, clock: VirtualClock): Store {
  const held =
    <A extends unknown[], R>(work: (...args: A) => Promise<R>) =>
    (...args: A): Promise<R> =>
      clock.during(work(...args))
  return {
    ...store,
    prepare: held(store.prepare),
    ledger: held(store.ledger),
    write: held(store.write),
    counts: held(store.counts),
    ends: held(store.ends),
    countIds: held(store.countIds),
    fromIds: held(store.fromIds),
    read: held(store.read),
    readIds: held(store.readIds),
  }
}

/** Punches holes of every size: rows that go, coverage that goes, both, and everything of a series. */
export async function punchHoles({ bed, chance, clock, series, startMs }: GapSimulation): Promise<void> {
  const all = { startMs: 0, endMs: Number.MAX_SAFE_INTEGER }
  for (let holes = chance.whole(1, 6); holes > 0; holes -= 1) {
    const [first] = series
    const one = chance.one([first ?? fail(), ...series])
    const places = chance.one([1, 1, 10, 200, 5_000, THREE_YEARS])
    const fromMs = floorToPeriod(one.period, startMs + chance.whole(0, clock.nowMs() - startMs))
    const span = { startMs: fromMs, endMs: advance(one.period, fromMs, chance.whole(1, places)) }
    const what = chance.one(['rows', 'rows', 'rows', 'both', 'ledger', 'all-rows', 'all-ledger'] as const)
    if (what === 'rows' || what === 'both') await bed.deleteRows(one, klines.table(one), span)
    if (what === 'ledger' || what === 'both') await bed.deleteLedger(one, span)
    if (what === 'all-rows') await bed.deleteRows(one, klines.table(one), { ...all, endMs: clock.nowMs() })
    if (what === 'all-ledger') await bed.deleteLedger(one, { ...all, endMs: clock.nowMs() })
  }
}

const fail = (): never => {
  throw new Error('a story without series')
}

/** One `gaps --fill` as a fresh process would run it, to the last closed period or to `endMs`. */
export function simulateFill(
  simulation: GapSimulation,
  wish: FillWish,
  trouble: PassTrouble,
  endMs: number | null = null,
): Promise<FillOutcome> {
  const { clock, series, workers } = simulation
  const { client, clock: own, pages, signal, source, store, tell } = surroundings(simulation, trouble)
  const market = { nowMs: () => client.nowMs('spot'), rest: () => source }
  const listing = (one: Series): Listing => listingOf(simulation, one)
  const asked = { market, listing, store, series, workers, wish, endMs, signal, tell, pages }
  return fillOnce({ ...asked, clock: { ...clock, nowMs: own.nowMs } })
}
