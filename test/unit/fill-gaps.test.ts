// Which stored series the jobs of a pipeline hold, by their names alone, and which jobs one run fills.
import { describe, expect, test } from 'bun:test'
import { groupedJobs, holderOf } from '../../src/cli/fill-gaps.ts'
import { type Job, jobsOf } from '../../src/cli/jobs.ts'
import { parseSeriesKey } from '../../src/core/series.ts'
import { runContext } from '../rig/run-context.ts'
import { testWorld } from '../rig/world.ts'

async function jobs(yaml: string): Promise<Job[]> {
  const world = testWorld({ env: {}, files: { 'c.yaml': yaml } })
  return jobsOf(await runContext(world, ['--config', 'c.yaml'], () => {}))
}

async function held(job: string, keys: readonly string[]): Promise<string[]> {
  const [one] = await jobs(`jobs:\n  - ${job}`)
  if (!one) throw new Error('no job')
  const holds = holderOf(one)
  return keys.filter((key) => {
    const series = parseSeriesKey(key)
    if (!series) throw new Error(`no series ${key}`)
    return holds(series)
  })
}

describe('the series of a job', () => {
  const spot = ['spot/klines/BTCUSDT/1h', 'spot/klines/BTCUSDC/1h', 'spot/klines/ETHUSDT/1h']

  test('names, patterns and what they leave out', async () => {
    expect(await held('{symbols: BTCUSDT, period: 1h}', spot)).toEqual(['spot/klines/BTCUSDT/1h'])
    expect(await held("{symbols: 'BTC*', period: 1h}", spot)).toEqual(spot.slice(0, 2))
    expect(await held("{symbols: all, exclude: 'ETH*', period: 1h}", spot)).toEqual(spot.slice(0, 2))
    expect(await held('{symbols: all, quote: USDC, period: 1h}', spot)).toEqual(['spot/klines/BTCUSDC/1h'])
  })

  test('its market, dataset and periods only', async () => {
    const others = [
      'um/klines/BTCUSDT/1h',
      'spot/klines/BTCUSDT/1d',
      'spot/agg-trades/BTCUSDT',
      'um/funding/BTCUSDT',
      'spot/klines/BTCUSDT/1M',
    ]
    expect(await held('{symbols: BTCUSDT, period: 1h}', others)).toEqual([])
    expect(await held('{symbols: BTCUSDT, period: [1h, 1M]}', others)).toEqual(['spot/klines/BTCUSDT/1M'])
    expect(await held('{symbols: BTCUSDT, dataset: funding}', others)).toEqual(['um/funding/BTCUSDT'])
    expect(await held('{symbols: BTCUSDT, dataset: agg-trades}', others)).toEqual(['spot/agg-trades/BTCUSDT'])
  })

  test('the quote asset of a contract stands before its date', async () => {
    const contracts = ['um/klines/BTCUSDT_240628/1h', 'um/klines/BTCUSDT/1h', 'um/klines/BTCUSDC/1h']
    expect(await held('{symbols: all, market: um, quote: USDT, period: 1h}', contracts)).toEqual(
      contracts.slice(0, 2),
    )
    const coins = ['cm/klines/BTCUSD_PERP/1h']
    expect(await held('{symbols: all, market: cm, quote: USD, period: 1h}', coins)).toEqual(coins)
  })

  test('its shard', async () => {
    const keys = Array.from({ length: 40 }, (_, i) => `spot/klines/A${i}USDT/1h`)
    const parts = await Promise.all(
      [0, 1, 2].map((i) => held(`{symbols: all, period: 1h, shard: ${i}/3}`, keys)),
    )
    expect(parts.flat().sort()).toEqual(keys.sort())
    for (const part of parts) expect(part.length).toBeLessThan(keys.length)
  })
})

describe('jobs that are filled together', () => {
  test('those that differ in what they mean and when; not those of another store or source', async () => {
    const all = await jobs(
      [
        'jobs:',
        '  - {symbols: BTCUSDT, period: 1h, start: 2024-01-01}',
        '  - {symbols: ETHUSDT, dataset: funding, lookback-hours: 9}',
        '  - {symbols: ETHUSDT, source: rest}',
        '  - {symbols: BNBUSDT, period: 1d, schedule: "5 0 * * *"}',
        '  - {symbols: BNBUSDT, SQLITE_PATH: ./other.db}',
      ].join('\n'),
    )
    const places = groupedJobs(all).map((group) => group.map((job) => all.indexOf(job)))
    expect(places).toEqual([[0, 1, 3], [2], [4]])
  })
})
