// SIGINT and SIGTERM, wherever they meet the program: it ends within ten seconds with 130 or 143, what is
// stored is consistent, and the next run goes on. A second signal ends it at once.
import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { isoTime } from '../../src/core/span.ts'
import { bench, NO_LIMITS, plainSymbol } from '../rig/bench.ts'
import { binaryDatabases } from '../rig/binary-databases.ts'
import { differences, type Expectation, inconsistencies } from '../rig/compare-store.ts'
import type { Faults } from '../rig/faults.ts'
import { type Run, type RunningPetrosa, removeWorkFolders, tail } from '../rig/run-petrosa.ts'
import { type SpawnedExchange, spawnExchange } from '../rig/spawn-exchange.ts'

afterAll(removeWorkFolders)

const nowMs = Date.parse('2024-03-22T00:00:10Z')
const span = { startMs: nowMs - 10_000 - 20_000 * 60_000, endMs: nowMs - 10_000 }
const spec = plainSymbol('AAAUSDT')
const expected: readonly Expectation[] = [{ spec, period: '1m', spans: [span], closedBeforeMs: nowMs }]
const named = ['--symbols', 'AAAUSDT', '--period', '1m', '--log-level', 'debug']
const range = [...named, '--start', isoTime(span.startMs), '--end', isoTime(span.endMs)]
const slow: Faults = { rates: { slow: 1 }, slowMs: 20 }
const signals = [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const

const TEN_SECONDS_MS = 10_000

/** Sends the signal and gives the finished run, and how long it took to end. */
async function stop(
  running: RunningPetrosa,
  signal: 'SIGINT' | 'SIGTERM',
): Promise<{ run: Run; tookMs: number }> {
  const sentMs = performance.now()
  running.kill(signal)
  const run = await running.ended
  return { run, tookMs: performance.now() - sentMs }
}

const started: SpawnedExchange[] = []
async function exchangeWith(
  options: Partial<Parameters<typeof spawnExchange>[0] & object>,
): Promise<SpawnedExchange> {
  const exchange = await spawnExchange({
    symbols: [spec],
    clock: { manualMs: nowMs },
    limits: NO_LIMITS,
    ...options,
  })
  started.push(exchange)
  return exchange
}
let exchange: SpawnedExchange
beforeAll(async () => {
  exchange = await exchangeWith({ faults: slow })
})
afterAll(() => Promise.all(started.map((each) => each.stop())))

describe.each(binaryDatabases)('$label', (database) => {
  test.each(signals)('%s in the middle: exit %d, and the next run goes on', async (signal, exitCode) => {
    const at = await bench(exchange, database)
    const running = at.startKlines([...range, '--batch-size', '1000'])
    await running.said('written', 5)
    const { run, tookMs } = await stop(running, signal)
    expect(tail(run)).toStartWith(`exit ${exitCode}\n`)
    expect(tookMs).toBeLessThan(TEN_SECONDS_MS)
    expect(run.result().errors).toEqual([
      'stopped before the end; run the same command again: it goes on from here',
    ])
    const { rows_written: rowsWritten } = run.result()
    expect(rowsWritten).toBeGreaterThanOrEqual(4_000)
    expect(rowsWritten).toBeLessThan(20_000)
    expect(await inconsistencies(at.contents, expected)).toEqual([])
    const next = await at.klines(named)
    expect(tail(next)).toStartWith('exit 0')
    expect(next.result().rows_written).toBe(20_000 - rowsWritten)
    expect(await differences(at.contents, expected)).toEqual([])
  })

  test('what was fetched and not yet written is written before the end', async () => {
    const at = await bench(exchange, database)
    const running = at.startKlines(range)
    await running.said('page fetched', 3)
    const { run } = await stop(running, 'SIGTERM')
    expect(run.result().rows_written).toBeGreaterThanOrEqual(3_000)
    expect(run.result().rows_written).toBe(run.result().rows_fetched)
    expect(await inconsistencies(at.contents, expected)).toEqual([])
  })
})

describe('while the program waits', () => {
  test('for the next minute of request weight', async () => {
    const small = await exchangeWith({ clock: { startMs: nowMs }, limits: { spot: 40 } })
    const at = await bench(small)
    const running = at.startKlines(range)
    await running.said('page fetched', 6)
    // 21 and 2 a page of 36 units are spent: nothing more happens in this minute.
    await Bun.sleep(500)
    const pages = (await small.counts()).klinesRequests
    expect(pages).toBeLessThanOrEqual(8)
    const { run, tookMs } = await stop(running, 'SIGINT')
    expect(tail(run)).toStartWith('exit 130\n')
    expect(tookMs).toBeLessThan(TEN_SECONDS_MS)
    expect(run.result().rows_written).toBe(pages * 1_000)
    expect(await small.counts()).toMatchObject({ limited: 0, bans: 0 })
  })

  test('for the end of a ban', async () => {
    const faults: Faults = { refuse: [{ kind: 'ban-418', fromMs: span.startMs + 1 }] }
    const banning = await exchangeWith({ banMs: 120_000, faults })
    const at = await bench(banning)
    const running = at.startKlines(range)
    await running.said('page fetched')
    await Bun.sleep(300)
    const { run, tookMs } = await stop(running, 'SIGTERM')
    expect(tail(run)).toStartWith('exit 143\n')
    expect(tookMs).toBeLessThan(TEN_SECONDS_MS)
    expect(run.result().rows_written).toBe(1_000)
    expect(await banning.counts()).toMatchObject({ bans: 1, violations: 0 })
  })

  test.each([true, false])(
    'for an answer that never comes (to the first request: %p)',
    async (everywhere) => {
      const hanging = await exchangeWith({ faults: { everywhere, refuse: [{ kind: 'hang' }] } })
      const at = await bench(hanging)
      const running = at.startKlines(range)
      while ((await hanging.counts()).byFault.hang === undefined) await Bun.sleep(20)
      const { run, tookMs } = await stop(running, 'SIGTERM')
      expect(tail(run)).toStartWith('exit 143\n')
      expect(tookMs).toBeLessThan(TEN_SECONDS_MS)
      expect(run.result()).toMatchObject({ rows_written: 0 })
    },
  )

  test('for a locked database: the first signal waits for it, the second does not', async () => {
    const at = await bench(exchange)
    const running = at.startKlines([...range, '--batch-size', '1000'])
    await running.said('written', 2)
    const other = new Database(join(at.folder, 'binary.db'))
    other.run('PRAGMA busy_timeout = 5000')
    other.run('BEGIN IMMEDIATE')
    await Bun.sleep(700)
    running.kill('SIGINT')
    await Bun.sleep(800)
    const { run, tookMs } = await stop(running, 'SIGINT')
    other.run('ROLLBACK')
    other.close()
    expect(tail(run)).toStartWith('exit 130\n')
    // One statement may hold up the signal for as long as it waits for the lock.
    expect(tookMs).toBeLessThan(2_000)
    expect(run.stdout).toBe('')
    expect(await inconsistencies(at.contents, expected)).toEqual([])
    expect(tail(await at.klines(named))).toStartWith('exit 0')
    expect(await differences(at.contents, expected)).toEqual([])
  })
})
