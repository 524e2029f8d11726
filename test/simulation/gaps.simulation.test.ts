// Holes, simulated: after a pull, rows and coverage of every size (one candle to three years) go missing, the
// exchange fails, processes are stopped and killed, this machine's clock jumps; whatever happened, a few calm
// `gaps --fill` later the rows equal the market, every hole that is left has the right verdict, and one more
// asks for nothing. TEST_SEED replays one story; TEST_RUNS tells more.
import { afterAll, describe, expect, test } from 'bun:test'
import { DAY_MS, floorToPeriod, HOUR_MS, MINUTE_MS } from '../../src/core/calendar.ts'
import { isOpen } from '../../src/core/gap.ts'
import type { Period, Series } from '../../src/core/series.ts'
import { klines } from '../../src/datasets/klines.ts'
import { findDatabases } from '../rig/databases.ts'
import type { FillOutcome } from '../rig/fill-once.ts'
import { freshBed, type GapBed, memoryBed } from '../rig/gap-bed.ts'
import { type GapSimulation, punchHoles, simulateFill, simulateHoles } from '../rig/gap-simulation.ts'
import { candles, expectedRows, page } from '../rig/market.ts'
import { runsFor, runsInStores } from '../rig/seed.ts'
import { closedEndMs, noTrouble, type PassTrouble, simulatePass } from '../rig/simulation.ts'

const FILE = 'test/simulation/gaps.simulation.test.ts'
/** About twenty seconds of computing in memory, and a few in every real store. */
const STORIES = 250
const STORE_STORIES = runsInStores(5)
const MANY_STORIES = 100
const { seed: firstSeed, numRuns } = runsFor(FILE, STORIES)
const LONGEST_MS = 3_600_000
const EVERYTHING = Number.MAX_SAFE_INTEGER
const FILL = { open: true, outages: 'overdue' } as const

const databases = await findDatabases()
afterAll(() => databases.stop())

function specOf({ specs }: GapSimulation, { symbol }: Series) {
  const spec = specs.find((one) => one.symbol === symbol)
  if (!spec) throw new Error(`no spec of ${symbol}`)
  return spec
}

/** The verdict that a place without a candle must have. */
function verdictDue(simulation: GapSimulation, series: Series & { period: Period }, openMs: number): string {
  const spec = specOf(simulation, series)
  const nowMs = simulation.clock.nowMs()
  const isEmpty = (startMs: number, lastMs: number): boolean =>
    page(spec, series.period, { startMs, lastMs, limit: 1, newest: false }, nowMs).length === 0
  if (isEmpty(0, openMs - 1)) return 'unlisted'
  return isEmpty(openMs, nowMs) && spec.status !== undefined ? 'delisted' : 'outage'
}

/** All that the market has is stored, and what is missing is missing for the right reason. */
async function expectWhole(simulation: GapSimulation, { gaps, scanned }: FillOutcome): Promise<void> {
  for (const { series, span } of scanned) {
    if (!span || series.period === null) continue
    const { period } = series
    const spec = specOf(simulation, series)
    const endMs = closedEndMs(period, span.endMs, simulation.clock.nowMs())
    const stored = await simulation.clock.run(
      simulation.store.read(series, klines.table(series), span, EVERYTHING),
    )
    expect(stored).toEqual(expectedRows(spec, period, span, endMs))
    for (const gap of gaps.filter((one) => one.series === series)) {
      const inside = candles(spec, period, gap.span)
      expect([gap.span, gap.filled, inside.length]).toEqual([gap.span, false, 0])
      const due = verdictDue(simulation, { ...series, period }, gap.span.startMs)
      expect([series.symbol, period, gap.span, gap.verdict]).toEqual([
        series.symbol,
        period,
        gap.span,
        due as typeof gap.verdict,
      ])
    }
  }
}

/** Tells the story of a seed; gives the exit codes of the fills that met trouble. */
async function tellStory(seed: number, bed: GapBed, scale: number): Promise<readonly number[]> {
  const simulation = simulateHoles(seed, bed, scale)
  const { chance, clock, startMs } = simulation
  const range = { startMs, endMs: null, lookbackMs: DAY_MS }
  const troubleOf = (): PassTrouble => ({
    faults: chance.one([0, 0.05, 0.3]),
    stopAfterMs: chance.happens(0.5) ? chance.whole(0, chance.one([300, 3_000, 30_000])) : null,
    refused: null,
    down: chance.happens(0.1),
    killAfterWrites: chance.happens(0.25) ? chance.whole(0, 6) : null,
    clockJumpMs: chance.happens(0.25) ? chance.one([HOUR_MS, 400 * DAY_MS]) : 0,
  })
  await simulatePass(simulation, range, chance.happens(0.2) ? troubleOf() : noTrouble)
  await clock.advance(chance.one([1_000, 61_000]))
  await simulatePass(simulation, { ...range, startMs: null }, noTrouble)
  await punchHoles(simulation)
  // After more than a week outages are asked for again; of minutes that would be too many to tell of.
  const longestMs = simulation.series[0]?.period === '1m' ? 5 * HOUR_MS : 8 * DAY_MS
  await clock.advance(chance.one([1_000, 3 * MINUTE_MS, 5 * HOUR_MS, longestMs]))
  const troubled: number[] = []
  for (let fills = chance.whole(0, 2); fills > 0; fills -= 1) {
    const trouble = troubleOf()
    const { summary } = await simulateFill(simulation, FILL, trouble).catch((error: unknown) => {
      // Told to stop before the pass began, or a store that fails while it is looked at.
      if (error instanceof Error && /^(Stopped|Unavailable)Error$/.test(error.name)) return { summary: null }
      throw error
    })
    // Nobody hears what a killed process would have said.
    if (summary && trouble.killAfterWrites === null) troubled.push(summary.exitCode)
    if (chance.happens(0.3)) await punchHoles(simulation)
    await clock.advance(chance.one([1_000, 61_000]))
  }
  // What is older than an hour takes one fill, and the second asks for nothing.
  const oldMs = clock.nowMs() - HOUR_MS
  const untilMs = Math.min(...simulation.series.map(({ period }) => floorToPeriod(period, oldMs)))
  expect((await simulateFill(simulation, FILL, noTrouble, untilMs)).summary?.errors ?? []).toEqual([])
  const second = await simulateFill(simulation, FILL, noTrouble, untilMs)
  expect([second.pages, second.gaps.filter(isOpen), second.summary]).toEqual([0, [], null])
  await expectWhole(simulation, second)
  // Young holes take two answers a minute apart, so the end is one that every period has reached by now.
  const endMs = Math.min(...simulation.series.map(({ period }) => floorToPeriod(period, clock.nowMs())))
  for (const pauseMs of [61_000, 61_000, 2 * HOUR_MS]) {
    const { summary } = await simulateFill(simulation, FILL, noTrouble)
    expect(summary?.errors ?? []).toEqual([])
    await clock.advance(pauseMs)
  }
  await simulateFill(simulation, FILL, noTrouble, endMs)
  const last = await simulateFill(simulation, FILL, noTrouble, endMs)
  expect([last.pages, last.gaps.filter(isOpen), last.summary]).toEqual([0, [], null])
  await expectWhole(simulation, last)
  return troubled
}

async function tell(seed: number, makeBed: () => Promise<GapBed>, scale: number): Promise<readonly number[]> {
  const bed = await makeBed()
  try {
    return await tellStory(seed, bed, scale)
  } catch (error) {
    throw new Error(`story ${seed} (replay: TEST_SEED=${seed} TEST_RUNS=1 bun test ${FILE})`, {
      cause: error,
    })
  } finally {
    await bed.close()
  }
}

describe('whatever went missing, two fills later the store equals the market and nothing is asked', () => {
  test(
    'in memory',
    async () => {
      const ends = new Set<number>()
      for (let run = 0; run < numRuns; run += 1) {
        const batchRows = [7, 100, 1_000][(firstSeed + run) % 3] ?? 100
        for (const code of await tell(firstSeed + run, async () => memoryBed(batchRows), 1)) ends.add(code)
      }
      if (numRuns >= MANY_STORIES) expect([...ends].sort((a, b) => a - b)).toEqual([0, 3, 75, 130])
    },
    LONGEST_MS,
  )

  test.each(databases.found)(
    'in $label',
    async (database) => {
      for (let run = 0; run < Math.min(numRuns, STORE_STORIES); run += 1)
        await tell(firstSeed + run, () => freshBed(database, null), 0.3)
    },
    LONGEST_MS,
  )
})
