// Two and three programs behind one address that fetch as fast as they may, with nobody between them: each
// learns from the exchange's headers what the others spend. The exchange counts them together, and none of
// them ever earns a 429, while what it allows is used. TEST_SEED replays; TEST_RUNS tries more.
import { expect, test } from 'bun:test'
import { Client } from '../../src/binance/client.ts'
import { MINUTE_MS } from '../../src/core/calendar.ts'
import { StoppedError } from '../../src/errors.ts'
import type { World } from '../../src/world.ts'
import { type Chance, chanceOf } from '../rig/chance.ts'
import { startLimiter } from '../rig/limiter.ts'
import { runsFor } from '../rig/seed.ts'
import { virtualClock } from '../rig/virtual-clock.ts'
import { testWorld } from '../rig/world.ts'

const RUNS = 10
const { seed: firstSeed, numRuns } = runsFor('test/simulation/shared-weight.simulation.test.ts', RUNS)
const RUN_LIMIT_MS = 60_000

const SHARE = 0.9
const MINUTES = 4
/** Of what may be used so much is, at least, once all of them are at work. */
const USED_AT_LEAST = 0.8

type Program = { readonly workers: number; readonly weight: number; readonly lateMs: number }

function programsOf(chance: Chance): Program[] {
  return Array.from({ length: chance.whole(2, 3) }, () => ({
    workers: chance.one([1, 4, 16]),
    weight: chance.one([2, 2, 5]),
    lateMs: chance.whole(0, 90_000),
  }))
}

async function spend(seed: number): Promise<void> {
  const chance = chanceOf(seed)
  const startMs = Date.UTC(2024, 2, 1, 12) + chance.whole(0, MINUTE_MS)
  const clock = virtualClock({ startMs, seed })
  const limit = chance.one([6_000, 2_400, 1_000])
  const limiter = startLimiter({ market: 'spot', limit, banMs: 120_000, graceMs: 0, foreign: 0 }, () =>
    clock.monotonicMs(),
  )
  const slowest = chance.one([20, 100, 400])
  const perMinute = new Map<number, number>()
  const fetch: World['fetch'] = async (address, init) => {
    const url = new URL(address)
    const signal = init?.signal ?? undefined
    await clock.wait(chance.whole(1, slowest), signal)
    const nowMs = clock.nowMs()
    const isTime = url.pathname.endsWith('/time')
    const weight = isTime ? 1 : Number(url.searchParams.get('weight'))
    const verdict = limiter.spend(weight, nowMs)
    const minute = Math.floor(nowMs / MINUTE_MS)
    perMinute.set(minute, (perMinute.get(minute) ?? 0) + weight)
    await clock.wait(chance.whole(1, slowest), signal)
    if (verdict.kind === 'banned') return new Response('{}', { status: 418 })
    const headers = { 'x-mbx-used-weight-1m': String(verdict.used) }
    const status = verdict.kind === 'served' ? 200 : 429
    return new Response(isTime ? JSON.stringify({ serverTime: nowMs }) : '[]', { status, headers })
  }
  const stop = new AbortController()
  const urls = { spot: 'https://exchange.test', um: 'https://um.test', cm: 'https://cm.test' }
  const programs = programsOf(chance)
  const running = programs.flatMap(({ workers, weight, lateMs }) => {
    const world = testWorld({ ...clock, fetch, signal: stop.signal })
    const client = new Client(world, { urls, weightShare: SHARE, apiKey: null, tell: () => undefined })
    client.budget('spot').setLimit(limit)
    return Array.from({ length: workers }, async () => {
      await clock.wait(lateMs, stop.signal)
      await client.syncClock('spot')
      for (;;) {
        const query = { weight: String(weight) }
        await client.get({ market: 'spot', path: '/page', query, weight, mostBytes: 100, read: () => null })
      }
    })
  })
  const ended = Promise.allSettled(running)
  await clock.advance(MINUTES * MINUTE_MS)
  stop.abort(new StoppedError())
  await clock.run(ended)
  const { limited, bans, maxWeight } = limiter.counts()
  const about = JSON.stringify({ limit, slowest, programs })
  expect({ about, limited, bans }).toEqual({ about, limited: 0, bans: 0 })
  expect(maxWeight).toBeLessThanOrEqual(limit)
  const workers = programs.reduce((sum, one) => sum + one.workers * one.weight, 0)
  const couldUse = (workers * MINUTE_MS) / (2 * slowest)
  const last = perMinute.get(Math.floor(startMs / MINUTE_MS) + MINUTES - 1) ?? 0
  expect(last).toBeGreaterThan(USED_AT_LEAST * Math.min(couldUse / 2, SHARE * limit))
}

for (let i = 0; i < numRuns; i += 1) {
  const seed = firstSeed + i
  test(`programs share an address (TEST_SEED=${seed} TEST_RUNS=1)`, () => spend(seed), RUN_LIMIT_MS)
}
