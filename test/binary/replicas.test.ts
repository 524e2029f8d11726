// Three `petrosa serve` on one server, as real processes in real time: one is killed with -9, one is stopped
// with SIGSTOP for two lease times and continued. Every series has an owner again within a lease and a half,
// the exchange never refuses anything, and what is stored is the market, without a hole. Short leases always;
// the default lease where REAL_TIME_TESTS=1.
import { afterAll, describe, expect, test } from 'bun:test'
import { REPLICA_PREFIX } from '../../src/core/lease.ts'
import { settledSpans } from '../../src/core/ledger.ts'
import { type Series, seriesKey } from '../../src/core/series.ts'
import { exchangeEnv, plainSymbol } from '../rig/bench.ts'
import { type BinaryDatabase, findBinaryDatabases, type Place } from '../rig/binary-databases.ts'
import { inconsistencies } from '../rig/compare-store.ts'
import { type LocalExchange, startExchange } from '../rig/exchange.ts'
import { testInRealTime } from '../rig/real-time.ts'
import { afterwards, removeWorkFolders, workFolder } from '../rig/run-petrosa.ts'
import { eventually, type Serving, servePetrosa } from '../rig/serve-petrosa.ts'

afterAll(removeWorkFolders)
const servers = (await findBinaryDatabases()).filter(({ label }) => /postgresql|mongodb/.test(label))

const START_MS = Date.parse('2024-03-22T00:00:10Z')
const LOOKBACK_MS = 360_000
const specs = ['A', 'B', 'C', 'D', 'E', 'F'].map((base) => plainSymbol(`${base}${base}USDT`))
const series: readonly Series[] = specs.map(({ symbol }) => ({
  ...{ market: 'spot', dataset: 'klines', symbol, period: '1s' },
}))
const words = [
  ...['serve', '--json', '--symbols', specs.map(({ symbol }) => symbol).join(','), '--period', '1s'],
  ...['--market', 'spot', '--source', 'rest', '--schedule', '*/2 * * * * *'],
  ...['--lookback-hours', String(LOOKBACK_MS / 3_600_000)],
]
/** So much later than it should a busy machine may see things. */
const PATIENCE_MS = 3_000
/** How far what is stored may lag behind when it ends: a pass or two on a busy machine. */
const MOST_LAG_MS = 15_000

/** Looks all the time how long some series has had no owner. */
async function watchOwners({ server }: BinaryDatabase, { uri }: Place): Promise<() => Promise<number>> {
  if (!server) throw new Error('no server')
  const store = await server.open({ uri, readOnly: false, batchRows: null })
  const keys = series.map(seriesKey)
  let longestMs = 0
  let isOver = false
  const since = new Map<string, number>()
  const looking = (async () => {
    while (!isOver) {
      const view = await store.leases?.renew({ holder: 'observer', lastsMs: 1 })
      const nowMs = performance.now()
      for (const key of keys) {
        if (view?.live.includes(key)) since.delete(key)
        else since.set(key, since.get(key) ?? nowMs)
        longestMs = Math.max(longestMs, nowMs - (since.get(key) ?? nowMs))
      }
      await Bun.sleep(100)
    }
  })()
  return async () => {
    isOver = true
    await looking
    await store.close()
    return longestMs
  }
}

/** Whether every one of the programs had something to do in its last pass. */
async function allWork(all: readonly Serving[]): Promise<boolean> {
  const totals = await Promise.all(
    all.map(async (one) => {
      const { last_pass: last } = (await one.json('/api/status')) as { last_pass: { series?: number } | null }
      return last?.series ?? 0
    }),
  )
  return totals.every((total) => total > 0)
}

async function live(database: BinaryDatabase, leaseSeconds: number): Promise<void> {
  const exchange: LocalExchange = await startExchange({ symbols: specs, clock: { startMs: START_MS } })
  afterwards(() => exchange.stop())
  const folder = workFolder()
  const place = await database.place(folder)
  const leaseMs = leaseSeconds * 1_000
  const env = { ...exchangeEnv(exchange.url), LEASE_SECONDS: String(leaseSeconds), LOG_LEVEL: 'debug' }
  const limitMs = 120_000 + 10 * leaseMs
  const start = (): Promise<Serving> =>
    servePetrosa([...words, ...place.flags], { cwd: folder, env, limitMs })
  const [a, b, c] = await Promise.all([start(), start(), start()])
  await eventually(() => allWork([a, b, c]), 30_000 + 2 * leaseMs)
  const stopWatching = await watchOwners(database, place)
  a.petrosa.kill('SIGKILL')
  expect((await a.petrosa.ended).signal).toBe('SIGKILL')
  await Bun.sleep(2 * leaseMs)
  process.kill(b.petrosa.pid, 'SIGSTOP')
  await Bun.sleep(2 * leaseMs)
  process.kill(b.petrosa.pid, 'SIGCONT')
  await eventually(() => allWork([b, c]), 30_000 + 2 * leaseMs)
  const longestMs = await stopWatching()
  const endMs = exchange.nowMs()
  await eventually(async () => {
    const ends = await Promise.all(series.map(async (one) => settledSpans(await place.contents.ledger(one))))
    return ends.every((spans) => (spans.at(-1)?.endMs ?? 0) > endMs)
  })
  const stoppedMs = exchange.nowMs()
  for (const run of await Promise.all([b.stop(), c.stop()])) expect(run.signal).toBeNull()
  expect(longestMs).toBeLessThan(1.5 * leaseMs + PATIENCE_MS)
  const { limited, bans, violations } = exchange.counts()
  expect({ limited, bans, violations }).toEqual({ limited: 0, bans: 0, violations: 0 })
  const firstMs = START_MS - LOOKBACK_MS
  const expected = specs.map((spec) => {
    const spans = [{ startMs: firstMs - 60_000, endMs: stoppedMs + MOST_LAG_MS }]
    return { spec, period: '1s', spans, closedBeforeMs: stoppedMs + MOST_LAG_MS } as const
  })
  expect(await inconsistencies(place.contents, expected)).toEqual([])
  for (const one of series) {
    const settled = settledSpans(await place.contents.ledger(one))
    // One span, from the first candle to the last: nothing was left out, whoever fetched it.
    expect(settled).toHaveLength(1)
    expect(settled[0]?.startMs).toBeLessThanOrEqual(firstMs + 60_000)
    expect(settled[0]?.endMs).toBeGreaterThan(endMs)
  }
  const saidBy = (one: Serving): string[] => one.log.map(({ message }) => message)
  expect([...saidBy(b), ...saidBy(c)]).toContain('took series over')
  expect(saidBy(b)).toContain('series went to another replica')
  expect([...b.log, ...c.log].filter(({ level }) => level === 'ERROR')).toEqual([])
}

describe.each(servers)('three programs on $label', (database) => {
  test(
    'one killed, one stopped for two leases and continued; leases of 3 s',
    () => live(database, 3),
    120_000,
  )
  testInRealTime('the same with leases of 30 s', () => live(database, 30), 600_000)
})

describe('the keys of programs', () => {
  test('are no series', () => expect(series.map(seriesKey).join()).not.toContain(REPLICA_PREFIX))
})
