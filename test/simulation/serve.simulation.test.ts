// Days of serving, simulated: minutes and quarter hours of a few symbols, while the exchange goes down, is
// slow, bans and errs, the store goes away, and somebody sets the clock. Every period's candles are stored
// once, no pass is lost, none is doubled. TEST_SEED replays one life; TEST_RUNS lives more of them.
import { expect, test } from 'bun:test'
import { advance, ceilToPeriod, DAY_MS, floorToPeriod, HOUR_MS, MINUTE_MS } from '../../src/core/calendar.ts'
import { timesOf } from '../../src/core/dataset.ts'
import type { Period, Series } from '../../src/core/series.ts'
import { klines } from '../../src/datasets/klines.ts'
import { chanceOf } from '../rig/chance.ts'
import { expectedRows } from '../rig/market.ts'
import { memoryStamps } from '../rig/memory-stamps.ts'
import { openMemoryStore } from '../rig/memory-store.ts'
import { runsFor } from '../rig/seed.ts'
import { BAN_SECONDS, type ServedLife, startServedLife, type Trouble } from '../rig/served-life.ts'
import { shownMsOf } from '../rig/simulation.ts'
import type { SymbolSpec } from '../rig/symbol-spec.ts'

/** About ten seconds' worth, of a day and a half each. */
const LIVES = 3
/** Of calm, each followed by trouble. */
const STRETCHES = 24
const { seed: firstSeed, numRuns } = runsFor('test/simulation/serve.simulation.test.ts', LIVES)
const LONGEST_MS = 600_000

const BEGIN_MS = Date.parse('2024-03-01T00:00:40Z')
const LOOKBACK_HOURS = 2
const periods: readonly Period[] = ['1m', '15m']
/** When a candle is stored at the latest while all is well: seconds after its close. */
const PROMPT_MS = 5_000
/** When gaps are looked for, after midnight. */
const NIGHT_MS = 3 * HOUR_MS + 40 * MINUTE_MS
/** What may still be missing when it ends: what has closed in the last minutes. */
const LAST_MS = 3 * MINUTE_MS

function specsOf(seed: number): readonly SymbolSpec[] {
  const chance = chanceOf(seed)
  const outageMs = BEGIN_MS + chance.whole(-HOUR_MS, 20 * HOUR_MS)
  return ['A', 'B', 'C'].slice(0, chance.whole(1, 3)).map((base, i) => ({
    ...{ market: 'spot', symbol: `${base}USDT`, base, quote: 'USDT' },
    listedAtMs: i === 1 ? BEGIN_MS + chance.whole(0, 10 * HOUR_MS) : BEGIN_MS - DAY_MS,
    outages: i === 0 ? [{ startMs: outageMs, endMs: outageMs + chance.whole(1, 90) * MINUTE_MS }] : [],
  }))
}

const troubles: readonly [Trouble, ...Trouble[]] = [
  { exchange: 'down' },
  { exchange: 'slow' },
  { exchange: 'banned' },
  { exchange: 'faulty' },
  { store: 'down' },
  { store: 'down', exchange: 'slow' },
]

type Calm = { readonly fromMs: number; readonly toMs: number }

/** Lives through troubles with calm between; gives the calm stretches, and the bans that were met. */
async function live(life: ServedLife): Promise<{ calm: Calm[]; bans: Calm[] }> {
  const { clock, chance } = life
  const calm: Calm[] = []
  const bans: Calm[] = []
  for (let i = 0; i < STRETCHES; i += 1) {
    const fromMs = life.nowMs()
    await clock.advance(chance.whole(20, 110) * MINUTE_MS)
    calm.push({ fromMs, toMs: life.nowMs() })
    if (chance.happens(0.4)) clock.jump(chance.one([-3 * HOUR_MS, -40_000, 1_500, 59_000, 26 * HOUR_MS]))
    const trouble = chance.one(troubles)
    life.trouble(trouble)
    const troubledMs = life.nowMs()
    await clock.advance(chance.whole(10_000, 25 * MINUTE_MS))
    life.trouble({})
    if (trouble.exchange === 'banned') bans.push({ fromMs: troubledMs, toMs: life.nowMs() })
    // What was under way, or sat out, takes its time to end.
    await clock.advance(trouble.exchange === 'banned' ? (BAN_SECONDS + 60) * 1_000 : 6 * MINUTE_MS)
  }
  const fromMs = life.nowMs()
  await clock.advance(30 * MINUTE_MS)
  calm.push({ fromMs, toMs: life.nowMs() })
  return { calm, bans }
}

async function expectComplete(
  life: ServedLife,
  specs: readonly SymbolSpec[],
  endMs: number,
): Promise<number> {
  const store = openMemoryStore(() => life.database)
  let stored = 0
  for (const spec of specs) {
    for (const period of periods) {
      const series: Series = { market: 'spot', dataset: 'klines', symbol: spec.symbol, period }
      const table = klines.table(series)
      const firstMs = floorToPeriod(period, BEGIN_MS - LOOKBACK_HOURS * HOUR_MS)
      const span = { startMs: ceilToPeriod(period, firstMs), endMs: floorToPeriod(period, endMs - LAST_MS) }
      const rows = await store.read(series, table, span, 1_000_000)
      const due = expectedRows(spec, period, span, endMs)
      expect([spec.symbol, period, timesOf(table, rows).length]).toEqual([spec.symbol, period, due.count])
      expect(rows).toEqual(due)
      stored += (await store.holding(series, table))?.rows ?? 0
    }
  }
  return stored
}

/** While all was well, each candle was stored within seconds of its close, and each minute had its pass. */
function expectPrompt(life: ServedLife, specs: readonly SymbolSpec[], calm: readonly Calm[]): number {
  const late: string[] = []
  let prompt = 0
  for (const { symbol } of specs) {
    for (const period of periods) {
      const table = klines.table({ market: 'spot', dataset: 'klines', symbol, period })
      for (const { timeMs, extractedAtMs } of memoryStamps(life.database, table, symbol)) {
        const closeMs = advance(period, timeMs, 1)
        const isCalm = calm.some(({ fromMs, toMs }) => closeMs > fromMs && closeMs < toMs - MINUTE_MS)
        // Some candles the exchange shows late.
        if (!isCalm || shownMsOf(timeMs) > closeMs) continue
        prompt += 1
        if (extractedAtMs - closeMs > PROMPT_MS)
          late.push(`${symbol} ${period} ${timeMs}: ${extractedAtMs - closeMs}`)
      }
    }
  }
  expect(late).toEqual([])
  const fetching = life.passes.filter(({ kind }) => kind === 'fetch')
  for (const { fromMs, toMs } of calm) {
    const due = Math.floor((toMs - 10_000) / MINUTE_MS) - Math.floor(fromMs / MINUTE_MS)
    const began = fetching.filter(({ startedMs }) => startedMs > fromMs && startedMs <= toMs)
    const minutes = new Set(began.map(({ startedMs }) => Math.floor(startedMs / MINUTE_MS)))
    expect(minutes.size).toBeGreaterThanOrEqual(due)
    // One pass a minute, and a few that catch up.
    expect(began.length).toBeLessThanOrEqual(due + 5)
  }
  return prompt
}

/** Gaps are looked for once a night where it was calm, and not before the first night. */
function expectNightly(life: ServedLife, calm: readonly Calm[], endMs: number): void {
  const passes = life.passes.filter(({ kind }) => kind === 'gaps')
  const nights: number[] = []
  for (let atMs = floorToPeriod('1d', BEGIN_MS) + NIGHT_MS; atMs < endMs; atMs += DAY_MS) nights.push(atMs)
  for (const nightMs of nights) {
    const own = passes.filter(({ startedMs }) => startedMs >= nightMs && startedMs < nightMs + DAY_MS)
    const isCalm = calm.some(({ fromMs, toMs }) => fromMs < nightMs && toMs > nightMs + 10 * MINUTE_MS)
    if (isCalm) expect([own.length, (own[0]?.startedMs ?? 0) - nightMs < MINUTE_MS]).toEqual([1, true])
    // One that found the store away or the exchange gone is tried again until it is through.
    else expect(own.length).toBeLessThan(10)
  }
  expect(passes.length).toBe(passes.filter(({ startedMs }) => startedMs >= (nights[0] ?? endMs)).length)
}

async function liveOnce(seed: number): Promise<void> {
  const specs = specsOf(seed)
  const symbols = specs.map(({ symbol }) => symbol).join(',')
  const words = ['--symbols', symbols, '--period', periods.join(','), '--market', 'spot', '--source', 'rest']
  const life = await startServedLife({
    ...{ seed, startMs: BEGIN_MS, specs },
    words: [...words, '--lookback-hours', String(LOOKBACK_HOURS)],
  })
  const { calm, bans } = await live(life)
  const endMs = life.nowMs()
  await life.stop()
  const stored = await expectComplete(life, specs, endMs)
  const written = life.events.flatMap((event) => (event.type === 'batch-written' ? [event] : []))
  // Each candle was new once, and never another one. (What is written before an outage is told is not lost.)
  expect(written.reduce((sum, event) => sum + event.written, 0)).toBe(stored)
  expect(written.reduce((sum, event) => sum + event.changed, 0)).toBe(0)
  expect(expectPrompt(life, specs, calm)).toBeGreaterThan(100)
  const byJob = [...Map.groupBy(life.passes, ({ job }) => job).values()]
  for (const passes of byJob) {
    for (const [i, pass] of passes.entries()) {
      expect(pass.endedMs).not.toBeNull()
      expect(pass.startedMs).toBeGreaterThanOrEqual(passes[i - 1]?.endedMs ?? 0)
    }
  }
  expectNightly(life, calm, endMs)
  for (const { fromMs, toMs } of bans) {
    const met = life.requests.filter(({ atMs }) => atMs > fromMs && atMs < toMs)
    // Those that were on their way when the first answer came.
    const first = met[0]?.atMs ?? 0
    expect(met.filter(({ atMs }) => atMs > first + 1_000 && atMs < first + BAN_SECONDS * 1_000)).toEqual([])
  }
  expect(life.events.filter(({ type }) => type === 'defect')).toEqual([])
}

for (let i = 0; i < numRuns; i += 1) {
  const seed = firstSeed + i
  test(`a life of serving (TEST_SEED=${seed} TEST_RUNS=1)`, () => liveOnce(seed), LONGEST_MS)
}
