// The fewest requests that can do it, at the weight of the exchange's own table; and a dry run that touches
// nothing and promises exactly what the run then costs.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isoTime } from '../../src/core/span.ts'
import { bench, NO_LIMITS, plainSymbol } from '../rig/bench.ts'
import { differences } from '../rig/compare-store.ts'
import { removeWorkFolders, tail } from '../rig/run-petrosa.ts'
import { type SpawnedExchange, spawnExchange } from '../rig/spawn-exchange.ts'

afterAll(removeWorkFolders)

const nowMs = Date.parse('2024-03-22T00:00:30Z')
const endMs = Date.parse('2024-03-20T00:00Z')
const MINUTE_MS = 60_000
const spot = plainSymbol('AAAUSDT')
const futures = plainSymbol('AAAUSDT', { market: 'um' })

let exchange: SpawnedExchange
beforeAll(async () => {
  exchange = await spawnExchange({ symbols: [spot, futures], clock: { manualMs: nowMs }, limits: NO_LIMITS })
})
afterAll(() => exchange.stop())

/** Flags for exactly `rows` candles of a minute. */
const asking = (market: string, rows: number): string[] => {
  const start = isoTime(endMs - rows * MINUTE_MS)
  return [
    '--market',
    market,
    '--symbols',
    'AAAUSDT',
    '--period',
    '1m',
    '--start',
    start,
    '--end',
    isoTime(endMs),
  ]
}

async function klinesCost(): Promise<{ requests: number; weight: number }> {
  const calls = (await exchange.log()).filter((entry) => entry.path.endsWith('/klines'))
  return { requests: calls.length, weight: calls.reduce((sum, entry) => sum + entry.weight, 0) }
}

/** Every file of a folder with the hash of what it holds. */
const filesOf = (folder: string): string[] =>
  readdirSync(folder).map(
    (name) =>
      `${name} ${createHash('sha256')
        .update(readFileSync(join(folder, name)))
        .digest('hex')}`,
  )

describe('requests', () => {
  test.each([1, 999, 1_000, 1_001, 2_000, 2_001, 4_321])('spot: %d rows in one span', async (rows) => {
    await exchange.resetCounts()
    const at = await bench(exchange)
    const run = await at.klines(asking('spot', rows))
    expect(tail(run)).toStartWith('exit 0')
    const requests = Math.ceil(rows / 1_000)
    expect(await klinesCost()).toEqual({ requests, weight: 2 * requests })
    // The clock and the list of symbols cost a request each, 1 and 20 weight units.
    expect(run.result()).toMatchObject({
      rows_written: rows,
      requests: requests + 2,
      weight: 2 * requests + 21,
    })
  })

  // Below 100 rows a futures page weighs 1, below 500 rows 2: pages of 499 are the cheapest there are.
  test.each([
    [1, 1, 1],
    [99, 1, 1],
    [100, 1, 2],
    [499, 1, 2],
    [500, 2, 3],
    [998, 2, 4],
    [1_500, 4, 7],
  ])('um: %d rows in %d requests of weight %d', async (rows, requests, weight) => {
    await exchange.resetCounts()
    const at = await bench(exchange)
    const run = await at.klines(asking('um', rows))
    expect(tail(run)).toStartWith('exit 0')
    expect(await klinesCost()).toEqual({ requests, weight })
    const counts = await exchange.counts()
    expect(run.result()).toMatchObject({ requests: counts.requests, weight: counts.weight.um })
  })
})

describe('--dry-run', () => {
  test('makes no file, and promises what the run then costs', async () => {
    for (const market of ['spot', 'um']) {
      await exchange.resetCounts()
      const at = await bench(exchange)
      const plan = await at.klines([...asking(market, 3_210), '--dry-run'])
      expect(tail(plan)).toStartWith('exit 0')
      expect(readdirSync(at.folder)).toEqual([])
      expect(await klinesCost()).toEqual({ requests: 0, weight: 0 })
      const [planned, ...more] = plan.result().plan ?? []
      expect(more).toEqual([])
      expect(planned).toMatchObject({
        series: `${market}/klines/AAAUSDT/1m`,
        end: isoTime(endMs),
        rows: 3_210,
      })
      const run = await at.klines(asking(market, 3_210))
      expect(await klinesCost()).toEqual({ requests: planned?.requests ?? 0, weight: planned?.weight ?? 0 })
      expect(run.result().rows_written).toBe(planned?.rows ?? 0)
    }
  })

  test('leaves a database as it is, to the last byte, and its folder too', async () => {
    const at = await bench(exchange)
    expect(tail(await at.klines(asking('spot', 1_500)))).toStartWith('exit 0')
    const before = filesOf(at.folder)
    const plan = await at.klines([...asking('spot', 2_750), '--dry-run'])
    expect(tail(plan)).toStartWith('exit 0')
    // Only what is missing is planned: what came before the stored rows.
    expect(plan.result().plan).toMatchObject([
      { rows: 1_250, requests: 2, end: isoTime(endMs - 1_500 * MINUTE_MS) },
    ])
    expect(filesOf(at.folder)).toEqual(before)
    const spans = [{ startMs: endMs - 1_500 * MINUTE_MS, endMs }]
    const expected = [{ spec: spot, period: '1m', spans, closedBeforeMs: nowMs } as const]
    expect(await differences(at.contents, expected)).toEqual([])
  })

  test('leaves alone what a killed run has left', async () => {
    const at = await bench(exchange)
    const killed = at.startKlines([...asking('spot', 20_000), '--log-level', 'debug', '--batch-size', '1000'])
    await killed.said('written', 3)
    killed.kill('SIGKILL')
    await killed.ended
    const content = (): string[] => filesOf(at.folder).filter((file) => !file.includes('-shm'))
    const before = content()
    expect(before).toHaveLength(2)
    expect(tail(await at.klines([...asking('spot', 20_000), '--dry-run']))).toStartWith('exit 0')
    expect(content()).toEqual(before)
  })
})
