// What may go wrong around a program that serves: a locked file, a database that is stopped, a ban, an
// exchange that is away. It stays alive and says so, asks for nothing that it must not, and loses nothing. On
// a quiet machine it is held to milliseconds too, and a database stays away for a minute.
import { Database } from 'bun:sqlite'
import { afterAll, describe, expect, test } from 'bun:test'
import { floorToPeriod } from '../../src/core/calendar.ts'
import { benchAt, exchangeEnv, NO_LIMITS, plainSymbol } from '../rig/bench.ts'
import { embedded, findBinaryDatabases } from '../rig/binary-databases.ts'
import { type Contents, differences } from '../rig/compare-store.ts'
import { type ExchangeOptions, type LocalExchange, startExchange } from '../rig/exchange.ts'
import { isQuiet } from '../rig/real-time.ts'
import { afterwards, removeWorkFolders, tail, workFolder } from '../rig/run-petrosa.ts'
import { eventually, type Serving, servePetrosa } from '../rig/serve-petrosa.ts'
import { wiredDatabase } from '../rig/wired-database.ts'

afterAll(removeWorkFolders)
const servers = (await findBinaryDatabases()).filter(({ server }) => server !== null)

const START_MS = Date.parse('2024-03-22T00:00:10Z')
const spec = plainSymbol('AAAUSDT')
/** Every two seconds, so that not much time has to pass. */
const words = ['klines', '--serve', '--json', '--symbols', 'AAAUSDT', '--period', '1m', '--source', 'rest']
const often = [...words, '--lookback-hours', '1', '--schedule', '*/2 * * * * *']
const LIMIT_MS = 150_000
/** Nobody who asks whether it lives waits longer: a twentieth of what a lock is waited for. */
const ALIVE_MS = 100

async function exchangeWith(options: Partial<ExchangeOptions> = {}): Promise<LocalExchange> {
  const exchange = await startExchange({
    ...{ symbols: [spec], clock: { startMs: START_MS }, limits: NO_LIMITS, ...options },
  })
  afterwards(() => exchange.stop())
  return exchange
}

/** Asks /healthz over and over until `over`; gives how long the answers took, in order. */
async function healthWhile(serving: Serving, over: Promise<unknown>): Promise<number[]> {
  const tookMs: number[] = []
  let isOver = false
  const finish = (): void => {
    isOver = true
  }
  over.then(finish, finish)
  while (!isOver) {
    const askedMs = performance.now()
    expect((await serving.get('/healthz')).status).toBe(200)
    tookMs.push(performance.now() - askedMs)
    await Bun.sleep(20)
  }
  await over
  return tookMs.sort((a, b) => a - b)
}

/** Holds answers to the promise where the machine does nothing else: all but the slowest of a hundred. */
function expectAtOnce(sortedMs: readonly number[]): void {
  const nearlyAll = sortedMs[Math.floor(sortedMs.length * 0.99)] ?? Number.NaN
  if (isQuiet) expect(nearlyAll).toBeLessThan(ALIVE_MS)
}

/** Every candle that had closed `beforeMs` is stored, and no other. */
async function expectStored(contents: Contents, fromMs: number, beforeMs: number): Promise<void> {
  const span = { startMs: fromMs, endMs: floorToPeriod('1m', beforeMs) }
  const expected = [{ spec, period: '1m', spans: [span], closedBeforeMs: beforeMs }] as const
  expect(await differences(contents, expected)).toEqual([])
}

const firstMs = floorToPeriod('1m', START_MS) - 3_600_000

describe.concurrent('the store', () => {
  test(
    'a locked file: alive at once, ready, and stored when the lock is gone',
    async () => {
      const exchange = await exchangeWith({ clock: { startMs: START_MS + 45_000 } })
      const folder = workFolder()
      const at = benchAt(exchange, folder, await embedded.place(folder))
      const serving = await servePetrosa([...often, ...at.flags], {
        cwd: folder,
        env: at.env,
        limitMs: LIMIT_MS,
      })
      await serving.passes(1)
      const other = new Database(at.uri)
      other.run('BEGIN IMMEDIATE')
      // The minute closes while the file is locked.
      const closed = eventually(async () => exchange.nowMs() > START_MS + 55_000)
      const tookMs = await healthWhile(serving, closed)
      expectAtOnce(tookMs)
      expect(tookMs.length).toBeGreaterThan(5)
      // Reading is not held up by it.
      expect((await serving.get('/ready')).status).toBe(200)
      other.run('ROLLBACK')
      other.close()
      await eventually(async () => ((await at.contents.counts()).get('spot/klines_m1/AAAUSDT') ?? 0) > 60)
      await serving.stop()
      await expectStored(at.contents, firstMs, exchange.nowMs())
    },
    LIMIT_MS,
  )

  test.each(servers)(
    '$label stopped for a while: alive, not ready and why, then ready; nothing is lost',
    async (database) => {
      const exchange = await exchangeWith({ clock: { startMs: START_MS + (isQuiet ? -10_000 : 40_000) } })
      const folder = workFolder()
      const { place, flags, proxy } = await wiredDatabase(database, folder)
      afterwards(() => proxy.close())
      const env = exchangeEnv(exchange.url)
      const serving = await servePetrosa([...often, ...flags], { cwd: folder, env, limitMs: LIMIT_MS })
      await serving.passes(1)
      expect((await serving.get('/ready')).status).toBe(200)
      expect(await serving.metric('petrosa_store_up')).toBe(1)
      proxy.set({ kind: 'refuse' })
      proxy.cut()
      const unready = eventually(async () => (await serving.get('/ready')).status === 503)
      const tookMs = await healthWhile(serving, unready)
      const reasons = (await serving.json('/ready')).reasons as string[]
      expect(reasons).toEqual([expect.stringMatching(/^the store does not answer: ./)])
      // A minute closes meanwhile.
      const closed = eventually(async () => exchange.nowMs() > START_MS + 55_000, LIMIT_MS)
      tookMs.push(...(await healthWhile(serving, closed)))
      expectAtOnce(tookMs.sort((a, b) => a - b))
      expect(await serving.metric('petrosa_store_up')).toBe(0)
      proxy.set({ kind: 'none' })
      await eventually(async () => (await serving.get('/ready')).status === 200)
      await eventually(async () => ((await place.contents.counts()).get('spot/klines_m1/AAAUSDT') ?? 0) > 60)
      expect(await serving.metric('petrosa_store_up')).toBe(1)
      const run = await serving.stop()
      expect(run.signal).toBeNull()
      await expectStored(place.contents, firstMs, exchange.nowMs())
    },
    LIMIT_MS,
  )
})

describe.concurrent('the exchange', () => {
  test.each([
    ['short enough to be sat out', 6_000],
    ['too long for that', 330_000],
  ])(
    'a ban that is %s: nothing is asked before it ends, and it is ready throughout',
    async (_, banMs) => {
      const exchange = await exchangeWith({ banMs })
      const folder = workFolder()
      const at = benchAt(exchange, folder, await embedded.place(folder))
      const serving = await servePetrosa([...often, ...at.flags], {
        cwd: folder,
        env: at.env,
        limitMs: LIMIT_MS,
      })
      await serving.passes(1)
      exchange.setFaults({ everywhere: true, refuse: [{ kind: 'ban-418', times: 1 }] })
      await eventually(async () => exchange.counts().bans > 0)
      const asked = exchange.log().length
      const bannedAtMs = exchange.nowMs()
      await eventually(async () => (await exchangeOf(serving)).banned_until !== null)
      while (exchange.nowMs() < bannedAtMs + 5_000) {
        expect((await serving.get('/ready')).status).toBe(200)
        expect((await serving.get('/healthz')).status).toBe(200)
        await Bun.sleep(200)
      }
      expect([exchange.log().length, exchange.counts().violations]).toEqual([asked, 0])
      expect(await serving.metric('petrosa_errors_total', { kind: 'paused' })).toBe(1)
      const until = Date.parse(String((await exchangeOf(serving)).banned_until))
      expect(Math.abs(until - bannedAtMs - banMs)).toBeLessThan(isQuiet ? 2_000 : 10_000)
      if (banMs < 60_000) {
        // It ends, and all goes on.
        await eventually(async () => exchange.log().length > asked)
        expect(exchange.log()[asked]?.atMs).toBeGreaterThanOrEqual(until)
        await eventually(async () => (await exchangeOf(serving)).banned_until === null)
        expect(exchange.counts()).toMatchObject({ bans: 1, violations: 0, limited: 0 })
      }
      const run = await serving.stop()
      expect(run.durationMs).toBeLessThan(LIMIT_MS)
    },
    LIMIT_MS,
  )

  test(
    'away at the start: alive and ready; when it comes, all is fetched',
    async () => {
      const exchange = await exchangeWith()
      await exchange.down()
      const folder = workFolder()
      const at = benchAt(exchange, folder, await embedded.place(folder))
      const serving = await servePetrosa([...often, ...at.flags], {
        cwd: folder,
        env: at.env,
        limitMs: LIMIT_MS,
      })
      expect((await serving.get('/ready')).status).toBe(200)
      expect(await at.exists()).toBe(false)
      await Bun.sleep(1_000)
      await exchange.up()
      await serving.petrosa.said('klines done')
      const run = await serving.stop()
      expect(tail(run)).toStartWith('exit ')
      await expectStored(at.contents, firstMs, exchange.nowMs())
    },
    LIMIT_MS,
  )

  test(
    'away at a restart: what is stored is behind, for the page and the alert, and complete when it comes',
    async () => {
      const exchange = await exchangeWith()
      const folder = workFolder()
      const at = benchAt(exchange, folder, await embedded.place(folder))
      const run = { cwd: folder, env: at.env, limitMs: LIMIT_MS }
      const first = await servePetrosa([...often, ...at.flags], run)
      await first.passes(1)
      await first.stop()
      await exchange.down()
      const serving = await servePetrosa([...often, ...at.flags], run)
      const lag = (): Promise<number | undefined> => serving.metric('petrosa_lag_seconds', { period: '1m' })
      await eventually(async () => (await lag()) !== undefined)
      // The exchange of the test lives in another year than this machine.
      const yearsBehind = (await lag()) ?? 0
      expect(yearsBehind).toBeGreaterThan(365 * 86_400)
      const { series } = (await serving.json('/api/timeline')) as { series: { lag_seconds: number }[] }
      expect(series.map(({ lag_seconds: seconds }) => seconds >= yearsBehind)).toEqual([true])
      await exchange.up()
      await eventually(async () => (await lag()) === 0, LIMIT_MS)
      await serving.stop()
      await expectStored(at.contents, firstMs, exchange.nowMs())
    },
    LIMIT_MS,
  )
})

const exchangeOf = async (serving: Serving): Promise<{ banned_until: string | null }> =>
  (await serving.json('/api/status')).exchange as { banned_until: string | null }
