// kill -9 after some commit, again and again: what is stored is always consistent, the next run goes on, and
// nothing is fetched twice but what was in flight.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Period } from '../../src/core/series.ts'
import { isoTime } from '../../src/core/span.ts'
import { type Bench, bench, NO_LIMITS, plainSymbol } from '../rig/bench.ts'
import { findBinaryDatabases } from '../rig/binary-databases.ts'
import { differences, type Expectation, inconsistencies } from '../rig/compare-store.ts'
import { removeWorkFolders, tail } from '../rig/run-petrosa.ts'
import { seededRandom, seedFor } from '../rig/seed.ts'
import { type SpawnedExchange, spawnExchange } from '../rig/spawn-exchange.ts'

afterAll(removeWorkFolders)
const databases = await findBinaryDatabases()

const seed = seedFor('test/binary/killed.test.ts')

const nowMs = Date.parse('2024-03-22T00:00:30Z')
const span = { startMs: Date.parse('2024-03-08T05:17Z'), endMs: Date.parse('2024-03-22T00:00Z') }
/** Longer than a page, in the middle of the span. */
const outage = { startMs: Date.parse('2024-03-12T02:11Z'), endMs: Date.parse('2024-03-12T22:00Z') }
const specs = [plainSymbol('WHOLEUSDT'), plainSymbol('HOLEYUSDT', { outages: [outage] })]
const period: Period = '1m'
const expected: readonly Expectation[] = specs.map((spec) => ({
  spec,
  period,
  spans: [span],
  closedBeforeMs: nowMs,
}))

/**
 * Twenty kills on SQLite, five on a server: how many databases, and how often each before it may finish.
 */
const embeddedRounds = { count: 5, kills: 4 }
const serverRounds = { count: 1, kills: 5 }
/** Pages that a kill may lose: so many are in hand, a commit each, while the store writes. */
const LOST = 4
const PAGE_ROWS = 1_000
/** Pages of the whole series, and about as many of the other. */
const PAGES = Math.ceil((span.endMs - span.startMs) / 60_000 / PAGE_ROWS)
/** An answer takes so long, so that a kill finds the program at work. */
const SLOW_MS = 4

let exchange: SpawnedExchange
beforeAll(async () => {
  const faults = { rates: { slow: 1 }, slowMs: SLOW_MS }
  exchange = await spawnExchange({ symbols: specs, clock: { manualMs: nowMs }, limits: NO_LIMITS, faults })
})
afterAll(() => exchange.stop())

const flags = ['--symbols', 'WHOLEUSDT,HOLEYUSDT', '--period', period, '--log-level', 'debug']
const range = ['--start', isoTime(span.startMs), '--end', isoTime(span.endMs)]

/** Runs the program and kills it after its `commit`-th write; says whether it was killed before its end. */
async function killAfter(at: Bench, more: readonly string[], commit: number): Promise<boolean> {
  const running = at.startKlines([...flags, ...more])
  // A run that has fewer commits left simply ends.
  await running.said('written', commit).then(
    () => running.kill('SIGKILL'),
    () => undefined,
  )
  return (await running.ended).signal === 'SIGKILL'
}

const rowsIn = async (at: Bench): Promise<number> =>
  [...(await at.contents.counts()).values()].reduce((sum, rows) => sum + rows, 0)

const wholeRequests = async (): Promise<number> =>
  (await exchange.log()).filter((entry) => entry.query.includes('symbol=WHOLEUSDT')).length

for (const database of databases) {
  describe(database.label, () => {
    const { count, kills } = database.server ? serverRounds : embeddedRounds

    test(`${count * kills} kills: consistent each time, exact at the end, little fetched twice`, async () => {
      const random = seededRandom(seed)
      let midway = 0
      for (let round = 0; round < count; round += 1) {
        const at = await bench(exchange, database)
        await exchange.resetCounts()
        // A commit a page, one page in flight: what is fetched twice can be counted.
        const small = ['--batch-size', String(PAGE_ROWS), '--max-workers', '1']
        for (let kill = 0; kill < kills; kill += 1) {
          // The first commit notes what is wanted. Every other run goes on without being told the range.
          const commit = 1 + Math.floor(random() * (kill === 0 ? 14 : 9))
          const more = kill % 2 === 0 ? [...small, ...range] : small
          const before = await rowsIn(at)
          if (await killAfter(at, more, commit)) midway += (await rowsIn(at)) === before ? 0 : 1
          expect(await inconsistencies(at.contents, expected)).toEqual([])
        }
        const last = await at.klines([...flags, ...small, ...(round % 2 === 0 ? [] : range)])
        expect(tail(last)).toStartWith('exit 0')
        expect(await differences(at.contents, expected)).toEqual([])
        expect(await wholeRequests()).toBeGreaterThanOrEqual(PAGES)
        expect(await wholeRequests()).toBeLessThanOrEqual(PAGES + kills * LOST)
      }
      console.log(
        `${database.label}: ${midway} of ${count * kills} kills between the first and the last commit`,
      )
      expect(midway).toBeGreaterThanOrEqual((count * kills) / 2)
    }, 60_000)

    test('kills with many workers and large batches', async () => {
      const random = seededRandom(seed + 1)
      const at = await bench(exchange, database)
      for (let kill = 0; kill < 3; kill += 1) {
        const running = at.startKlines([...flags, ...range])
        await running.said('page fetched', 1 + Math.floor(random() * 20)).catch(() => undefined)
        running.kill('SIGKILL')
        await running.ended
        expect(await inconsistencies(at.contents, expected)).toEqual([])
      }
      expect(tail(await at.klines(flags))).toStartWith('exit 0')
      expect(await differences(at.contents, expected)).toEqual([])
    }, 30_000)
  })
}
