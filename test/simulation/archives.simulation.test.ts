// Passes over a small market with archives, by chance: files that are hidden, gone, garbled or unsorted, rows
// that archives lack, outages, a symbol that is listed late or gone, REST in reach or not. Whatever is wrong,
// what is stored is the market's, the ledger vouches for nothing that is not there, and what nobody has is
// named.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { planJobs } from '../../src/cli/plan-jobs.ts'
import { DAY_MS, HOUR_MS } from '../../src/core/calendar.ts'
import type { Summary } from '../../src/core/events.ts'
import { type LedgerRow, settledSpans } from '../../src/core/ledger.ts'
import { runPass } from '../../src/core/pass.ts'
import { minus, type Span } from '../../src/core/span.ts'
import { klines } from '../../src/datasets/klines.ts'
import { type MemoryArchiveFault, memoryArchives, memoryKey } from '../rig/memory-archives.ts'
import { fromList, listing, memorySource } from '../rig/memory-source.ts'
import { emptyMemoryDatabase, openMemoryStore } from '../rig/memory-store.ts'
import { klineSeries } from '../rig/pages.ts'
import { runsFor } from '../rig/seed.ts'
import { virtualClock } from '../rig/virtual-clock.ts'

const runs = runsFor('test/simulation/archives.simulation.test.ts', 150)
const START_MS = Date.UTC(2024, 0, 1)
const DAYS = 100
const END_MS = START_MS + DAYS * DAY_MS
const nowMs = END_MS + 8 * HOUR_MS
const series = klineSeries('A', { period: '1h' })
const table = klines.table(series)

const hourIn = (fromDay: number, toDay: number): fc.Arbitrary<number> =>
  fc.integer({ min: fromDay * 24, max: toDay * 24 }).map((hour) => START_MS + hour * HOUR_MS)
const someSpans = fc.array(fc.record({ startMs: hourIn(0, DAYS), hours: fc.integer({ min: 1, max: 100 }) }), {
  maxLength: 4,
})
const faultOf = fc.constantFrom<MemoryArchiveFault>('hidden', 'gone', 'garbled', 'unsorted')
const faultyFiles = fc.array(fc.tuple(fc.boolean(), fc.nat({ max: DAYS - 1 }), faultOf), { maxLength: 30 })

const worlds = fc.record({
  listedMs: fc.oneof(fc.constant(START_MS), hourIn(0, DAYS)),
  endedMs: fc.oneof(fc.constant(null), hourIn(DAYS / 2, DAYS)),
  outages: someSpans,
  lacking: someSpans,
  files: faultyFiles,
  hasRest: fc.boolean(),
  stored: someSpans,
  askedMs: hourIn(0, DAYS),
  askedHours: fc.integer({ min: 1, max: DAYS * 24 }),
})
type Case = typeof worlds extends fc.Arbitrary<infer T> ? T : never

/** None of them reaches into the last hours, where holes are too young to be settled. */
const spansOf = (spans: Case['outages']): Span[] =>
  spans.map(({ startMs, hours }) => ({ startMs, endMs: Math.min(END_MS, startMs + hours * HOUR_MS) }))
const isIn = (spans: readonly Span[], timeMs: number): boolean =>
  spans.some((span) => timeMs >= span.startMs && timeMs < span.endMs)

/** The hours that have a candle. */
function opensOf({ listedMs, endedMs, outages }: Case): number[] {
  const all = Array.from({ length: DAYS * 24 + 8 }, (_, i) => START_MS + i * HOUR_MS)
  const out = spansOf(outages)
  return all.filter((at) => at >= listedMs && at < (endedMs ?? Infinity) && !isIn(out, at))
}

type Found = {
  readonly summary: Summary
  readonly storedMs: readonly number[]
  readonly ledger: readonly LedgerRow[]
}

/** The market of a case, and passes over it. */
function rig(given: Case) {
  const opensMs = opensOf(given)
  const lacking = spansOf(given.lacking)
  const clock = virtualClock({ startMs: nowMs })
  const faults = new Map(
    given.files.map(([isMonth, day, fault]) => {
      const startMs = START_MS + day * DAY_MS
      return [memoryKey(isMonth ? 'month' : 'day', startMs), fault] as const
    }),
  )
  const archives = memoryArchives({
    opensMs,
    period: '1h',
    lackingMs: new Set(opensMs.filter((at) => isIn(lacking, at))),
    faults,
    publishedUntilMs: END_MS - DAY_MS,
    pieceRows: 50,
  })
  const candles = opensMs.map((openMs) => ({ openMs }))
  const rest = memorySource({ nowMs: () => nowMs, pageRows: 10, answer: fromList(candles, '1h') })
  const database = emptyMemoryDatabase()
  const store = openMemoryStore(() => database, { readOnly: false, batchRows: 40 })
  const known = listing('A', { trading: given.endedMs === null })
  async function pass(span: Span, hasArchives: boolean, hasRest: boolean): Promise<Found> {
    await store.prepare([table])
    const jobs = await planJobs({
      wanted: [{ series, period: '1h', listing: known }],
      dataset: klines,
      store,
      rest: hasRest ? rest.source : null,
      archives: hasArchives ? archives.source : null,
      archivesOnly: !hasRest,
      range: { ...span, lookbackMs: 0 },
      nowMs,
    })
    const spent = (): { requests: number; weight: number } => ({ requests: 0, weight: 0 })
    const signal = new AbortController().signal
    const options = {
      command: 'klines',
      startMs: span.startMs,
      jobs,
      store,
      workers: 2,
      clock,
      signal,
      spent,
    }
    const summary = await clock.run(runPass({ ...options, tell: () => {} }))
    const [ledger = []] = await store.ledger([series])
    const all = { startMs: 0, endMs: nowMs }
    const storedMs = (await store.read(series, table, all, 1e6)).columns[0]?.map(Number) ?? []
    return { summary, storedMs, ledger }
  }
  return { opensMs, archives, rest, pass }
}

type Rig = ReturnType<typeof rig>

/** What must hold whatever went wrong. */
function holds(given: Case, { archives, opensMs }: Rig, found: Found): void {
  const { ledger, storedMs, summary } = found
  const real = new Set(opensMs)
  expect(storedMs.filter((at) => !real.has(at))).toEqual([])
  const stored = new Set(storedMs)
  for (const row of ledger) {
    const own = storedMs.filter((at) => at >= row.startMs && at < row.endMs)
    if (row.verdict === 'rows') expect([row.startMs, own.length]).toEqual([row.startMs, row.rows])
    // The archives' word counts where nobody else has a say.
    const known = row.source === 'archive' ? opensMs.filter(archives.isFiled) : opensMs
    if (row.verdict === 'unlisted') expect(known.filter((at) => at < row.endMs)).toEqual([])
    if (row.verdict === 'delisted') {
      expect(given.endedMs).not.toBe(null)
      expect(opensMs.filter((at) => at >= row.startMs && stored.has(at))).toEqual([])
    }
  }
  // What is not settled is named; nothing is asked for after what is known to be delisted.
  const last = ledger.at(-1)
  const over = last?.verdict === 'delisted' ? [{ startMs: last.endMs, endMs: nowMs }] : []
  const named = [...settledSpans(ledger), ...over, ...summary.unsettled.map(({ span }) => span)]
  expect(minus([askedOf(given)], named)).toEqual([])
}

const askedOf = ({ askedMs, askedHours }: Case): Span => ({
  startMs: askedMs,
  endMs: Math.min(askedMs + askedHours * HOUR_MS, END_MS),
})

test('any market, any faults: what is stored is the market, and what nobody has is named', async () => {
  const property = fc.asyncProperty(worlds, async (given) => {
    const market = rig(given)
    const { archives, opensMs, pass, rest } = market
    const asked = askedOf(given)
    fc.pre(asked.startMs < asked.endMs)
    // Some of it is there already.
    for (const span of spansOf(given.stored)) if (span.startMs < span.endMs) await pass(span, false, true)
    const restBefore = rest.asks.length
    const first = await pass(asked, true, given.hasRest)
    holds(given, market, first)
    expect(new Set(archives.opened).size).toBe(archives.opened.length)
    expect(archives.held()).toBe(0)
    const wanted = opensMs.filter((at) => isIn([asked], at))
    const lost = wanted.filter((at) => !first.storedMs.includes(at))
    if (given.hasRest) {
      expect(lost).toEqual([])
      expect(first.summary).toMatchObject({ unsettled: [], exitCode: 0 })
    } else {
      // The archives' word counts; what they should have and nobody could read is open.
      const open = first.summary.unsettled.map(({ span }) => span)
      expect(lost.filter((at) => archives.isFiled(at) && !isIn(open, at))).toEqual([])
      expect(rest.asks.length).toBe(restBefore)
    }
    const restAfter = rest.asks.length
    archives.opened.length = 0
    const second = await pass(asked, true, given.hasRest)
    holds(given, market, second)
    if (first.summary.exitCode === 0) expect([rest.asks.length, archives.opened]).toEqual([restAfter, []])
    // With the API, all that was open follows.
    const last = await pass(asked, true, true)
    holds(given, market, last)
    const never = wanted.filter((at) => !last.storedMs.includes(at))
    expect(never.filter((at) => given.hasRest || archives.isFiled(at))).toEqual([])
    expect(last.summary.unsettled).toEqual([])
  })
  await fc.assert(property, runs)
}, 120_000)
