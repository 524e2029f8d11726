// A bad day of the exchange: errors, cut answers, resets, garbage, pauses, bans and blocks. What can be had
// is had, exactly; what cannot ends with the exit code that says so, and no ban is ever earned.
import { afterAll, afterEach, describe, expect, test } from 'bun:test'
import { isoTime } from '../../src/core/span.ts'
import { bench, plainSymbol } from '../rig/bench.ts'
import { findBinaryDatabases } from '../rig/binary-databases.ts'
import { differences, type Expectation } from '../rig/compare-store.ts'
import type { ProcessOptions } from '../rig/exchange-process.ts'
import { removeWorkFolders, tail } from '../rig/run-petrosa.ts'
import { seedFor } from '../rig/seed.ts'
import { type SpawnedExchange, spawnExchange } from '../rig/spawn-exchange.ts'

afterAll(removeWorkFolders)
const databases = await findBinaryDatabases()

const seed = seedFor('test/binary/faults.test.ts')

const startMs = Date.parse('2024-03-22T00:00:10Z')
const span = { startMs: Date.parse('2024-03-15T05:17Z'), endMs: Date.parse('2024-03-22T00:00Z') }
const outages = [{ startMs: Date.parse('2024-03-17T02:11Z'), endMs: Date.parse('2024-03-17T22:00Z') }]
const symbols = [
  plainSymbol('AAAUSDT'),
  plainSymbol('BBBUSDT', { outages }),
  plainSymbol('CCCUSDT', { listedAtMs: Date.parse('2024-03-16T11:11Z') }),
]
const expected: readonly Expectation[] = symbols.map((spec) => ({
  spec,
  period: '1m',
  spans: [span],
  closedBeforeMs: startMs,
}))
/**
 * What was on its way when a pause began is forgiven for so long: half a second, since on a busy machine a
 * request takes a while to arrive. Whoever does not wait out the pause comes later than that.
 */
const GRACE_MS = 500

const range = ['--period', '1m', '--start', isoTime(span.startMs), '--end', isoTime(span.endMs)]
const flags = ['--symbols', symbols.map((spec) => spec.symbol).join(), ...range]

const running: SpawnedExchange[] = []
afterEach(() => Promise.all(running.splice(0).map((exchange) => exchange.stop())))

async function exchangeWith(options: Partial<ProcessOptions>): Promise<SpawnedExchange> {
  const exchange = await spawnExchange({ symbols, clock: { startMs }, graceMs: GRACE_MS, ...options })
  running.push(exchange)
  return exchange
}

describe.each(databases)('$label', (database) => {
  test('a quarter of all answers fails: finishes, exact, and earns no ban', async () => {
    const rates = {
      'error-500': 0.04,
      'error-503': 0.03,
      overloaded: 0.02,
      'timeout-408': 0.01,
      cut: 0.05,
      reset: 0.05,
      'half-json': 0.004,
      'wrong-types': 0.004,
      'doubled-rows': 0.004,
      'unordered-rows': 0.004,
      'foreign-rows': 0.002,
      html: 0.002,
      'limit-429': 0.02,
    }
    const exchange = await exchangeWith({ faults: { seed, rates }, gzip: true })
    const at = await bench(exchange, database)
    const run = await at.klines(flags)
    expect(tail(run)).toStartWith('exit 0')
    expect(run.result()).toMatchObject({ unsettled: [], errors: [], rows_changed: 0 })
    expect(await differences(at.contents, expected)).toEqual([])
    const counts = await exchange.counts()
    expect(counts).toMatchObject({ bans: 0, violations: 0 })
    expect(Object.keys(counts.byFault).length).toBeGreaterThanOrEqual(3)
  }, 60_000)

  // What the exchange client keeps from a store concerns no store in particular.
  if (database.server) return

  test('each kind of garbage is asked for again, never stored', async () => {
    const kinds = [
      'half-json',
      'wrong-types',
      'doubled-rows',
      'unordered-rows',
      'foreign-rows',
      'html',
    ] as const
    // A page each, so that the pauses of one request do not add up.
    const pageMs = 1_000 * 60_000
    const refuse = kinds.map((kind, i) => {
      const fromMs = span.startMs + i * pageMs
      return { kind, times: 1, symbol: 'AAAUSDT', fromMs, toMs: fromMs + pageMs }
    })
    const exchange = await exchangeWith({ faults: { refuse } })
    const at = await bench(exchange, database)
    const run = await at.klines([...flags, '--log-level', 'debug'])
    expect(tail(run)).toStartWith('exit 0')
    expect(run.log.filter((line) => line.message === 'asking again')).toHaveLength(kinds.length)
    expect(await differences(at.contents, expected)).toEqual([])
    expect((await exchange.counts()).byFault).toEqual(Object.fromEntries(kinds.map((kind) => [kind, 1])))
  }, 30_000)
})

describe('the exchange bans', () => {
  test('a ban of three seconds is waited for, in silence', async () => {
    const faults = { refuse: [{ kind: 'ban-418', times: 1, fromMs: span.startMs + 1 } as const] }
    const exchange = await exchangeWith({ banMs: 3_000, faults })
    const at = await bench(exchange)
    const run = await at.klines(flags)
    expect(tail(run)).toStartWith('exit 0')
    expect(run.log.find((line) => line.level === 'WARNING')?.message).toContain('banned')
    expect(await differences(at.contents, expected)).toEqual([])
    const log = await exchange.log()
    const ban = log.find((entry) => entry.fault === 'ban-418')
    // What was on its way when the ban began cannot be called back.
    const during = log.filter(
      (entry) => ban && entry.atMs > ban.atMs + GRACE_MS && entry.atMs < ban.atMs + 3_000,
    )
    expect(during).toEqual([])
    expect(await exchange.counts()).toMatchObject({ bans: 1, violations: 0 })
  }, 30_000)

  // The exchange's time and the machine's are years apart here, in both directions.
  test.each(['2024-03-22T00:00:10Z', '2099-03-22T00:00:10Z'])(
    'a pause at the very first request and one at the list of symbols are waited for (%s)',
    async (time) => {
      const kind = 'limit-429'
      const refuse = [
        { kind, times: 1, path: '/time' },
        { kind, times: 1, path: '/exchangeInfo' },
      ] as const
      const clock = { startMs: Date.parse(time) }
      const exchange = await exchangeWith({ clock, faults: { everywhere: true, refuse } })
      const at = await bench(exchange)
      const run = await at.klines(flags)
      expect(tail(run)).toStartWith('exit 0')
      expect(run.stderr).not.toContain('TimeoutOverflow')
      expect(run.log.filter((line) => line.level === 'WARNING')).toHaveLength(2)
      expect(await exchange.counts()).toMatchObject({ bans: 0, violations: 0, byFault: { [kind]: 2 } })
      expect(await differences(at.contents, expected)).toEqual([])
    },
    30_000,
  )

  test.each(['2024-03-22T00:00:10Z', '2099-03-22T00:00:10Z'])(
    'a short ban at the very first request is waited for (%s)',
    async (time) => {
      const refuse = [{ kind: 'ban-418', times: 1, path: '/time' }] as const
      const clock = { startMs: Date.parse(time) }
      const exchange = await exchangeWith({ banMs: 2_000, clock, faults: { everywhere: true, refuse } })
      const at = await bench(exchange)
      expect(tail(await at.klines(flags))).toStartWith('exit 0')
      expect(await exchange.counts()).toMatchObject({ bans: 1, violations: 0 })
    },
    30_000,
  )
})

describe('the exchange says no', () => {
  const cases = [
    {
      title: 'a ban of ten minutes',
      kind: 'ban-418',
      exitCode: 75,
      says: /banned.*until 20\d\d-.*run again after/,
    },
    { title: 'a firewall page (403)', kind: 'blocked-403', exitCode: 75, says: /403.*wait some minutes/ },
    { title: 'a geo-block (451)', kind: 'geo-block-451', exitCode: 2, says: /451.*permitted location/ },
  ] as const
  for (const { title, kind, exitCode, says } of cases) {
    test.each([true, false])(
      `${title} ends the run at once with exit ${exitCode} (first request: %p)`,
      async (everywhere) => {
        const exchange = await exchangeWith({ banMs: 600_000, faults: { everywhere, refuse: [{ kind }] } })
        const at = await bench(exchange)
        const run = await at.klines(flags)
        expect(tail(run)).toStartWith(`exit ${exitCode}\n`)
        expect(run.durationMs).toBeLessThan(5_000)
        const errors = run.result().errors
        expect(errors.length).toBeGreaterThanOrEqual(1)
        expect(errors.filter((error) => !says.test(error))).toEqual([])
        // Workers that were under way at the same moment are forgiven; nobody asks again.
        expect((await exchange.counts()).byFault[kind]).toBeLessThanOrEqual(everywhere ? 1 : 3)
        expect(await exchange.counts()).toMatchObject({ violations: 0 })
      },
    )
  }
})
