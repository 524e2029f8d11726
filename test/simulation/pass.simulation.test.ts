// Whole passes, simulated: a random market, faults, refusals, stops, kills and restarts, late candles, a
// store that fails, clocks that jump. Whatever happened, a few calm passes later the store equals the market,
// and a further pass asks nothing. TEST_SEED replays one story; TEST_RUNS tells more of them.
import { expect, test } from 'bun:test'
import { ceilToPeriod, DAY_MS, HOUR_MS } from '../../src/core/calendar.ts'
import { timesOf } from '../../src/core/dataset.ts'
import type { Summary } from '../../src/core/events.ts'
import { settledSpans } from '../../src/core/ledger.ts'
import type { Range } from '../../src/core/plan.ts'
import { seriesKey } from '../../src/core/series.ts'
import { minus } from '../../src/core/span.ts'
import { klines } from '../../src/datasets/klines.ts'
import { expectedRows } from '../rig/market.ts'
import { runsFor } from '../rig/seed.ts'
import {
  closedEndMs,
  noTrouble,
  type PassTrouble,
  type Simulation,
  simulate,
  simulatePass,
} from '../rig/simulation.ts'

/** About ten seconds' worth. */
const STORIES = 200
/** So many stories are sure to meet every end that a pass can have. */
const MANY_STORIES = 100
const { seed: firstSeed, numRuns } = runsFor('test/simulation/pass.simulation.test.ts', STORIES)
const MINUTE_MS = 60_000
const LONGEST_MS = 600_000

const EVERYTHING = Number.MAX_SAFE_INTEGER

/** The rows of the market must be stored wherever the ledger says so, and nothing else may be. */
async function expectHonest(simulation: Simulation): Promise<void> {
  const { store, specs, series, clock } = simulation
  const ledgers = await store.ledger(series)
  for (const [i, one] of series.entries()) {
    const spec = specs.find(({ symbol }) => symbol === one.symbol)
    if (!spec) throw new Error(`no spec of ${one.symbol}`)
    const table = klines.table(one)
    for (const { verdict, startMs, endMs } of ledgers[i] ?? []) {
      const stored = await store.read(one, table, { startMs, endMs }, EVERYTHING)
      const due = expectedRows(spec, one.period, { startMs, endMs }, clock.nowMs())
      if (verdict === 'rows') expect(stored).toEqual(due)
      else if (verdict !== 'wanted')
        expect([seriesKey(one), verdict, startMs, due.count]).toEqual([seriesKey(one), verdict, startMs, 0])
    }
    const all = await store.read(one, table, { startMs: 0, endMs: EVERYTHING }, EVERYTHING)
    const settled = settledSpans(ledgers[i] ?? [])
    for (const timeMs of timesOf(table, all))
      expect(settled.some((span) => span.startMs <= timeMs && timeMs < span.endMs)).toBe(true)
  }
}

/** Everything from the start to `endMs` is stored and settled. */
async function expectComplete(simulation: Simulation, endMs: number): Promise<void> {
  const { store, specs, series, startMs, clock } = simulation
  const ledgers = await store.ledger(series)
  for (const [i, one] of series.entries()) {
    const spec = specs.find(({ symbol }) => symbol === one.symbol)
    if (!spec) throw new Error(`no spec of ${one.symbol}`)
    const span = {
      startMs: ceilToPeriod(one.period, startMs),
      endMs: closedEndMs(one.period, endMs, clock.nowMs()),
    }
    const stored = await store.read(one, klines.table(one), span, EVERYTHING)
    expect(stored).toEqual(expectedRows(spec, one.period, span, span.endMs))
    // After the end of a symbol nothing more is asked for once that end is settled.
    if (ledgers[i]?.at(-1)?.verdict !== 'delisted')
      expect(minus([span], settledSpans(ledgers[i] ?? []))).toEqual([])
    expect((ledgers[i] ?? []).filter(({ verdict }) => verdict === 'wanted')).toEqual([])
  }
}

/** What the pass says of itself fits what it met. Nobody hears what a killed process would have said. */
function expectSaid(trouble: PassTrouble, summary: Summary): void {
  const allowed = trouble.stopAfterMs === null ? [0, 3, 75] : [0, 3, 75, 130]
  expect({ errors: summary.errors, known: allowed.includes(summary.exitCode) }).toMatchObject({ known: true })
  expect(summary.exitCode === 3).toBe(summary.unsettled.length > 0 && summary.errors.length === 0)
}

/** Tells the story of a seed; gives the exit codes of the passes that met trouble. */
async function tellStory(seed: number): Promise<readonly number[]> {
  const troubled: number[] = []
  const simulation = simulate(seed)
  const { chance, clock, startMs } = simulation
  const range: Range = { startMs, endMs: null, lookbackMs: 24 * HOUR_MS }
  for (let passes = chance.whole(0, 4); passes > 0; passes -= 1) {
    const refusedMs = startMs + chance.whole(0, 30 * HOUR_MS)
    const trouble: PassTrouble = {
      faults: chance.one([0, 0.05, 0.3]),
      stopAfterMs: chance.happens(0.5) ? chance.whole(0, chance.one([300, 3_000, 30_000])) : null,
      refused: chance.happens(0.3) ? { startMs: refusedMs, endMs: refusedMs + 4 * HOUR_MS } : null,
      down: chance.happens(0.1),
      killAfterWrites: chance.happens(0.25) ? chance.whole(0, 6) : null,
      clockJumpMs: chance.happens(0.25) ? chance.one([HOUR_MS, 400 * DAY_MS]) : 0,
    }
    const { summary } = await simulatePass(simulation, range, trouble)
    if (trouble.killAfterWrites === null) {
      troubled.push(summary.exitCode)
      expectSaid(trouble, summary)
    }
    await expectHonest(simulation)
    await clock.advance(chance.one([1_000, 59_000, 61_000, 17 * MINUTE_MS, 3 * HOUR_MS]))
  }
  // Once wanted, never forgotten: where a pass has begun, no later one needs to name the start.
  const begun = (await simulation.store.ledger(simulation.series)).every((ledger) => ledger.length > 0)
  const endMs = clock.nowMs()
  const calm: Range = { ...range, startMs: begun && chance.happens(0.7) ? null : startMs, endMs }
  const exitCodes: number[] = []
  for (const pauseMs of [61_000, 61_000, 2 * HOUR_MS, 61_000]) {
    const { summary } = await simulatePass(simulation, calm, noTrouble)
    expect(summary.errors).toEqual([])
    exitCodes.push(summary.exitCode)
    await expectHonest(simulation)
    await clock.advance(pauseMs)
  }
  expect(exitCodes.at(-1)).toBe(0)
  await expectComplete(simulation, endMs)
  expect((await simulatePass(simulation, calm, noTrouble)).pages).toBe(0)
  return troubled
}

test(
  'whatever happened, the store comes to equal the market, and then nothing is asked any more',
  async () => {
    const ends = new Set<number>()
    for (let run = 0; run < numRuns; run += 1) {
      try {
        for (const exitCode of await tellStory(firstSeed + run)) ends.add(exitCode)
      } catch (error) {
        throw new Error(`story ${firstSeed + run} (replay: TEST_SEED=${firstSeed + run} TEST_RUNS=1)`, {
          cause: error,
        })
      }
    }
    if (numRuns >= MANY_STORIES) expect([...ends].sort((a, b) => a - b)).toEqual([0, 3, 75, 130])
  },
  LONGEST_MS,
)
