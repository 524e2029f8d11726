// The symbols of new jobs while serving: what nobody knows is refused, and an exchange that is away keeps no
// job from being taken.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { jobsOf } from '../../src/cli/jobs.ts'
import { KeptConnections } from '../../src/cli/kept-connections.ts'
import { namesKey, refuseUnknownNames } from '../../src/cli/new-names.ts'
import { fetchServeJob, type ServeJob } from '../../src/cli/serve-jobs.ts'
import { StoppedError } from '../../src/errors.ts'
import type { World } from '../../src/world.ts'
import { exchangeEnv } from '../rig/bench.ts'
import { type LocalExchange, startExchange } from '../rig/exchange.ts'
import { runContext } from '../rig/run-context.ts'
import { virtualClock } from '../rig/virtual-clock.ts'
import { hastyWait, testWorld } from '../rig/world.ts'

let exchange: LocalExchange
beforeAll(async () => {
  const listed = { base: 'BTC', quote: 'USDT', listedAtMs: Date.UTC(2024, 0, 1) }
  exchange = await startExchange({
    symbols: (['spot', 'um'] as const).map((market) => ({ market, symbol: 'BTCUSDT', ...listed })),
    clock: { startMs: Date.parse('2024-03-22T00:30:30Z') },
  })
})
afterAll(() => exchange.stop())

const worldOf = (options: Partial<World> = {}): World =>
  testWorld({
    ...{ nowMs: Date.now, monotonicMs: () => performance.now(), wait: hastyWait },
    fetch: (url, init) => fetch(url, init),
    ...options,
    env: { ...exchangeEnv(exchange.url), SQLITE_PATH: 'a.db' },
  })

async function jobsFor(world: World, words: string): Promise<ServeJob[]> {
  const context = await runContext(world, words.split(' '), () => undefined)
  return jobsOf(context).map((job) => fetchServeJob(job, world.nowMs()))
}

async function refuse(words: string, world = worldOf(), stopping = new AbortController().signal) {
  const context = await runContext(world, [], () => undefined)
  await refuseUnknownNames(context, new KeptConnections(world), await jobsFor(world, words), stopping)
}

test.each([
  ['--symbols BTCUSDT --market um --source rest'],
  ['--symbols BTC* --period 1h,4h'],
  ['--symbols all --status all'],
])('%s: taken', async (words) => {
  await refuse(words)
})

test.each([
  ['--symbols BTCUSDT,NOSUCHUSDT', 'unknown symbol on spot: NOSUCHUSDT'],
  ['--symbols BTCUSD --source rest --market um', 'did you mean BTCUSDT?'],
  ['--symbols NOSUCH*', 'no symbol of spot fits NOSUCH*'],
])('%s: refused', async (words, said) => {
  expect(await refuse(words).catch(String)).toContain(said)
})

const away = (): Promise<Response> => Promise.reject(new Error('ECONNREFUSED'))
const closed = async (): Promise<Response> => new Response('{"code":0,"msg":"restricted"}', { status: 451 })

test.each([
  ['out of reach', away, '--source rest'],
  ['closed to this place', closed, '--source rest'],
  ['out of reach, with its archives', away, '--source archive'],
])('an exchange that is %s: taken', async (_, fetching, words) => {
  await refuse(`--symbols NOSUCHUSDT ${words}`, worldOf({ fetch: fetching }))
})

const never: World['fetch'] = (_, init) =>
  new Promise((_resolve, reject) => {
    init?.signal?.addEventListener('abort', () => reject(init.signal?.reason))
  })

test('an exchange that is silent is waited for so long, and the jobs are taken', async () => {
  const clock = virtualClock({ startMs: Date.parse('2024-03-22T00:30:30Z') })
  const done = refuse('--symbols NOSUCHUSDT', worldOf({ ...clock, fetch: never }))
  await clock.advance(19_000)
  expect(Bun.peek.status(done)).toBe('pending')
  await clock.advance(2_000)
  await done
})

test('being told to stop waits for nothing', async () => {
  const stop = new AbortController()
  const done = refuse('--symbols NOSUCHUSDT', worldOf({ fetch: never }), stop.signal)
  await Bun.sleep(10)
  stop.abort(new StoppedError())
  await done
})

test('other settings of the same symbols are no other question', async () => {
  const keyOf = async (words: string) => (await jobsFor(worldOf(), words)).map(namesKey)
  const key = await keyOf('--symbols BTCUSDT --market um')
  expect(await keyOf('--symbols BTCUSDT --market um --max-workers 2 --start 7d --period 1h')).toEqual(key)
  expect(await keyOf('--symbols BTCUSDT --market um --exclude A*')).not.toEqual(key)
})
