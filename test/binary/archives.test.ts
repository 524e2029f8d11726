// A year of minutes from archives: months and days where they pay, REST for the tail, everything digit for
// digit, nothing downloaded twice and nothing asked for that is covered. What --dry-run says is what happens.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { DAY_MS, HOUR_MS } from '../../src/core/calendar.ts'
import { isoTime, type Span } from '../../src/core/span.ts'
import type { ArchiveRule } from '../rig/archive-rules.ts'
import { type Bench, bench, NO_LIMITS } from '../rig/bench.ts'
import { findBinaryDatabases } from '../rig/binary-databases.ts'
import { differences, type Expectation } from '../rig/compare-store.ts'
import type { Counts } from '../rig/counts.ts'
import { type Result, removeWorkFolders, tail } from '../rig/run-petrosa.ts'
import { scenarios } from '../rig/scenario.ts'
import { type SpawnedExchange, spawnExchange } from '../rig/spawn-exchange.ts'
import type { SymbolSpec } from '../rig/symbol-spec.ts'

afterAll(removeWorkFolders)
const databases = await findBinaryDatabases()

const { nowMs, span, symbols } = scenarios.archivedYear
const ends = { startMs: span.startMs, endMs: nowMs - 30_000 }
const named = (name: string): SymbolSpec[] => symbols.filter(({ symbol }) => symbol === name)

/**
 * What is asked for: SQLite has a year of one symbol and a contract that is gone, a server some weeks of one
 * symbol. TEST_WHOLE_YEAR=1: everybody has the year of all of them, which takes minutes.
 */
type Choice = { readonly market: 'spot' | 'um'; readonly specs: readonly SymbolSpec[]; readonly of?: Span }
const isWhole = Bun.env.TEST_WHOLE_YEAR === '1'
const spot = symbols.filter(({ market }) => market === 'spot')
const everything: readonly Choice[] = [
  { market: 'spot', specs: isWhole ? spot : spot.slice(0, 1) },
  {
    market: 'um',
    specs: symbols.filter(({ market, onlyInArchives }) => market === 'um' && (isWhole || onlyInArchives)),
  },
]
const weeks = { ...ends, startMs: Date.parse('2025-02-20T00:00Z') }
const one: readonly Choice[] = [{ market: 'spot', specs: named('BTCUSDT').slice(0, 1), of: weeks }]

const stored = (specs: readonly SymbolSpec[], spans: readonly Span[] = [ends]): Expectation[] =>
  specs.map((spec) => ({ spec, period: '1m', spans, closedBeforeMs: nowMs }))

const flagsOf = ({ market, specs, of = ends }: Choice, source = 'auto'): string[] => [
  ...['--market', market, '--symbols', specs.map(({ symbol }) => symbol).join(), '--period', '1m'],
  ...['--start', isoTime(of.startMs), '--end', isoTime(of.endMs), '--source', source],
]

let exchange: SpawnedExchange
beforeAll(async () => {
  exchange = await spawnExchange({ symbols, clock: { manualMs: nowMs }, limits: NO_LIMITS })
  // The first answers must come soon, or the archives count as out of reach: so some files are made before.
  for (const { market, symbol } of symbols) {
    const folder = `${market === 'spot' ? 'spot' : 'futures/um'}/monthly/klines/${symbol}/1m`
    for (const month of ['2024-05', '2024-08', '2024-12'])
      await (await fetch(`${exchange.url}/archive/data/${folder}/${symbol}-1m-${month}.zip.CHECKSUM`)).text()
  }
})
afterAll(() => exchange.stop())
beforeEach(() => exchange.setFaults({}))

/** Requests for candles that the exchange has counted. */
const candleRequests = ({ byEndpoint }: Counts): number =>
  Object.entries(byEndpoint)
    .filter(([path]) => path.endsWith('/klines'))
    .reduce((sum, [, count]) => sum + count, 0)

/** Runs a command; its result, and what the exchange was asked for. */
async function counted(at: Bench, flags: readonly string[]): Promise<{ result: Result; counts: Counts }> {
  await exchange.resetCounts()
  const run = await at.klines(flags, {})
  expect(tail(run)).toStartWith('exit 0')
  return { result: run.result(), counts: await exchange.counts() }
}

type Planned = { readonly source: string; readonly requests: number; readonly archives: number }
const planOf = (result: Result): readonly Planned[] => (result.plan ?? []) as unknown as readonly Planned[]
const sum = (plan: readonly Planned[], of: 'requests' | 'archives'): number =>
  plan.reduce((total, each) => total + each[of], 0)

/** Where the requests for candles of a symbol begin. */
const startsOf = async (symbol: string): Promise<number[]> =>
  (await exchange.log())
    .filter(({ query }) => query.includes(`symbol=${encodeURIComponent(symbol)}&`))
    .flatMap(({ query }) => /startTime=(\d+)/.exec(query)?.[1] ?? [])
    .map(Number)

for (const database of databases) {
  const choices = database.server && !isWhole ? one : everything
  test(`${database.label}: exact, each archive asked for once, nothing by the second run`, async () => {
    const at = await bench(exchange, database)
    for (const choice of choices) {
      const flags = flagsOf(choice)
      const planned = await counted(at, [...flags, '--dry-run'])
      expect(planned.counts.archives).toMatchObject({ zips: 0, checksums: 0 })
      expect(candleRequests(planned.counts)).toBe(0)
      const plan = planOf(planned.result)

      const { result, counts } = await counted(at, flags)
      expect(result).toMatchObject({ rows_changed: 0, unsettled: [], errors: [] })
      expect(result.archives).toBe(sum(plan, 'archives'))
      const zips = Object.entries(counts.archives.byKey).filter(([key]) => key.endsWith('.zip'))
      expect(zips.map(([, count]) => count)).toEqual(Array(result.archives).fill(1))
      // Whole months and some days; the listing of both, and for what is listed late or gone all of it.
      const least = choice.of ? 4 : 12
      expect(result.archives).toBeGreaterThanOrEqual(least * choice.specs.filter((s) => !s.endsAtMs).length)
      expect(counts.archives.listings).toBeLessThanOrEqual(4 * choice.specs.length + 4)
      // The plan counts what it can know: holes in archives are asked for besides, a request or two each.
      const asked = candleRequests(counts)
      const holes = choice.specs.reduce((total, { outages = [] }) => total + outages.length, 0)
      // Nobody knows beforehand that what lies before the listing is passed in one step.
      const isLate = choice.specs.some(({ listedAtMs }) => listedAtMs > ends.startMs)
      if (!isLate) expect(asked).toBeGreaterThanOrEqual(sum(plan, 'requests'))
      expect(asked).toBeLessThanOrEqual(sum(plan, 'requests') + 4 * (holes + choice.specs.length))

      const again = await counted(at, flags)
      expect(again.result).toMatchObject({ rows_fetched: 0, rows_written: 0, archives: 0 })
      expect(candleRequests(again.counts)).toBe(0)
      expect(again.counts.archives).toMatchObject({ zips: 0, checksums: 0 })
      // What only the archives know has to be found by their list.
      const known = choice.specs.every(({ onlyInArchives }) => !onlyInArchives)
      expect(again.counts.archives.listings).toBe(known ? 0 : 2)
    }
    const all = choices.flatMap(({ specs, of }) => stored(specs, of ? [of] : undefined))
    expect(await differences(at.contents, all)).toEqual([])
  }, 600_000)
}

describe('what is planned', () => {
  const [spec] = named('ETHUSDT')
  if (!spec) throw new Error('no ETHUSDT')
  const choice: Choice = { market: 'spot', specs: [spec] }
  const day = (text: string): number => Date.parse(`${text}T00:00Z`)
  const fetch = (at: Bench, startMs: number, endMs: number, source = 'auto', ...more: string[]) =>
    counted(at, [...flagsOf({ ...choice, of: { startMs, endMs } }, source), ...more])

  const differencesOf = (at: Bench, startMs: number, endMs: number): Promise<string[]> =>
    differences(at.contents, stored([spec], [{ startMs, endMs }]))

  test('of a plain symbol is exactly what happens, and no covered row is asked for again', async () => {
    const at = await bench(exchange)
    // Some of February by REST first: less than half of it, so that its archive pays all the same.
    const known = { startMs: day('2025-02-10'), endMs: day('2025-02-12') + 5 * HOUR_MS }
    await fetch(at, known.startMs, known.endMs, 'rest')
    const plan = planOf((await fetch(at, day('2025-01-20'), ends.endMs, 'auto', '--dry-run')).result)
    const { result, counts } = await fetch(at, day('2025-01-20'), ends.endMs)
    expect(result.archives).toBe(sum(plan, 'archives'))
    expect(candleRequests(counts)).toBe(sum(plan, 'requests'))
    const starts = await startsOf('ETHUSDT')
    expect(starts.filter((startMs) => startMs < day('2025-04-09'))).toEqual([])
    expect(await differencesOf(at, day('2025-01-20'), ends.endMs)).toEqual([])
  }, 60_000)

  test('takes a month where more than half of it is missing, else its days; REST for little', async () => {
    const monthKey = 'data/spot/monthly/klines/ETHUSDT/1m/ETHUSDT-1m-2025-01.zip'
    const keysOf = async (fromDay: string, toDay: string): Promise<string[]> => {
      const at = await bench(exchange)
      const { counts } = await fetch(at, day(fromDay), day(toDay))
      return Object.keys(counts.archives.byKey).filter((key) => key.endsWith('.zip'))
    }
    expect(await keysOf('2025-01-16', '2025-02-01')).toEqual([monthKey])
    const days = await keysOf('2025-01-17', '2025-02-01')
    expect(days).toHaveLength(15)
    expect(days.every((key) => key.startsWith('data/spot/daily/'))).toBe(true)
    expect(await keysOf('2025-01-29', '2025-02-01')).toEqual([])
  }, 60_000)

  test('a month that is missing is made of its days; days that are not there come by REST', async () => {
    const rules: readonly ArchiveRule[] = [
      { kind: 'hidden', key: 'data/spot/monthly/klines/ETHUSDT/1m/ETHUSDT-1m-2025-01.zip' },
      { kind: 'hidden', key: 'data/spot/daily/klines/ETHUSDT/1m/ETHUSDT-1m-2025-01-13.zip' },
    ]
    await exchange.setFaults({ archives: { rules } })
    const at = await bench(exchange)
    const { result, counts } = await fetch(at, day('2025-01-01'), day('2025-02-01'))
    expect(result).toMatchObject({ archives: 30, unsettled: [] })
    expect(candleRequests(counts)).toBe(Math.ceil(DAY_MS / 60_000 / 1_000))
    expect(
      await differences(
        at.contents,
        stored([spec], [{ startMs: day('2025-01-01'), endMs: day('2025-02-01') }]),
      ),
    ).toEqual([])
  }, 60_000)

  test('what is published late is open with archives alone, and taken when it is there', async () => {
    const at = await bench(exchange)
    const of = { startMs: day('2025-04-04'), endMs: day('2025-04-10') }
    const words = flagsOf({ ...choice, of }, 'archive')
    const run = await at.klines(words)
    expect(tail(run)).toStartWith('exit 3')
    expect(run.result().unsettled.map(({ start, reason }) => [start, reason])).toEqual([
      ['2025-04-09T00:00:00.000Z', 'no archive of it is published yet'],
    ])
    // At nine in the morning it is there.
    await exchange.setNowMs(nowMs + 2 * HOUR_MS)
    const later = await at.klines(words)
    await exchange.setNowMs(nowMs)
    expect(tail(later)).toStartWith('exit 0')
    expect(later.result()).toMatchObject({ archives: 1, rows_written: 1_440 })
    expect(
      await differences(
        at.contents,
        stored([spec], [{ startMs: day('2025-04-04'), endMs: day('2025-04-10') }]),
      ),
    ).toEqual([])
  }, 60_000)
})
