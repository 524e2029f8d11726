// Which series a run takes: names, patterns, quote assets, shards. Unknown names are refused before any work,
// and the shards of a run make the whole, each series once.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readdirSync } from 'node:fs'
import type { Period } from '../../src/core/series.ts'
import { isoTime } from '../../src/core/span.ts'
import { bench, NO_LIMITS, plainSymbol } from '../rig/bench.ts'
import { binaryDatabases } from '../rig/binary-databases.ts'
import { differences } from '../rig/compare-store.ts'
import { removeWorkFolders, tail } from '../rig/run-petrosa.ts'
import { type SpawnedExchange, spawnExchange } from '../rig/spawn-exchange.ts'

afterAll(removeWorkFolders)

const nowMs = Date.parse('2024-03-22T00:00:30Z')
const span = { startMs: Date.parse('2024-03-20T00:00Z'), endMs: Date.parse('2024-03-21T00:00Z') }
const range = ['--start', isoTime(span.startMs), '--end', isoTime(span.endMs)]

const usdt = ['BTCUSDT', 'ETHUSDT', 'BTCDOMUSDT', '1000SATSUSDT', '币安人生USDT', '123USDT', '１２３USDT']
const specs = [
  ...usdt.map((symbol) => plainSymbol(symbol)),
  plainSymbol('ETHBTC', { base: 'ETH', quote: 'BTC' }),
  plainSymbol('OLDUSDT', { status: 'BREAK', endsAtMs: Date.parse('2024-03-01T00:00Z') }),
]
const all = [...usdt, 'ETHBTC'].sort()

let exchange: SpawnedExchange
beforeAll(async () => {
  exchange = await spawnExchange({ symbols: specs, clock: { manualMs: nowMs }, limits: NO_LIMITS })
})
afterAll(() => exchange.stop())

/** The symbols that a dry run with these flags would fetch, in their order. */
async function planned(flags: readonly string[]): Promise<string[]> {
  const at = await bench(exchange)
  const run = await at.klines([...flags, '--period', '1h', ...range, '--dry-run'])
  expect(tail(run)).toStartWith('exit 0')
  return (run.result().plan ?? []).map(({ series }) => series.split('/')[2] ?? '')
}

describe('--symbols', () => {
  test.each([
    ['names, in the order asked for, each once', 'ETHUSDT,BTCUSDT,ETHUSDT', [], ['ETHUSDT', 'BTCUSDT']],
    ['all that trade', 'all', [], all],
    ['a pattern at the end', 'BTC*', [], ['BTCDOMUSDT', 'BTCUSDT']],
    [
      'a pattern in front, less an exclusion',
      '*USDT',
      ['--exclude', '1*,*DOM*'],
      ['BTCUSDT', 'ETHUSDT', '币安人生USDT', '１２３USDT'],
    ],
    ['a quote asset', 'all', ['--quote', 'BTC'], ['ETHBTC']],
    ['names that are not ASCII', '币安人生USDT,１２３USDT', [], ['币安人生USDT', '１２３USDT']],
    ['a pattern and a name that fits it', 'ETHUSDT,ETH*', [], ['ETHUSDT', 'ETHBTC']],
  ] as const)('%s', async (_title, symbols, more, expected) => {
    expect(await planned(['--symbols', symbols, ...more])).toEqual([...expected])
  })

  test('names that a careless collation takes for the same are stored apart, exactly', async () => {
    const at = await bench(exchange)
    const symbols = ['123USDT', '１２３USDT', '币安人生USDT']
    const run = await at.klines(['--symbols', symbols.join(), '--period', '1h', ...range])
    expect(tail(run)).toStartWith('exit 0')
    const expected = specs
      .filter((spec) => symbols.includes(spec.symbol))
      .map((spec) => ({ spec, period: '1h' as const, spans: [span], closedBeforeMs: nowMs }))
    expect(await differences(at.contents, expected)).toEqual([])
  })

  test.each([
    ['BTCUDST', /unknown symbol on spot: BTCUDST \(did you mean BTCUSDT/],
    ['BTCUSDT,ETHUST,NOTHINGLIKEIT', /unknown symbols on spot: ETHUST \(did you mean ETHUSDT.*NOTHINGLIKEIT/],
    ['btcusdt', /did you mean BTCUSDT/],
    ['ZZZ*', /no symbol of spot fits ZZZ\*/],
  ] as const)('%s is refused before any work', async (symbols, says) => {
    await exchange.resetCounts()
    const at = await bench(exchange)
    const run = await at.klines(['--symbols', symbols, '--period', '1h', ...range])
    expect(tail(run)).toStartWith('exit 2\n')
    expect(run.result().errors[0]).toMatch(says)
    expect((await exchange.counts()).klinesRequests).toBe(0)
    expect(readdirSync(at.folder)).toEqual([])
  })
})

/** As interface.md says it: the first four bytes of sha256(series), big-endian, modulo n. */
const shardOf = (series: string, of: number): number =>
  new Bun.CryptoHasher('sha256').update(series).digest().readUInt32BE(0) % of

const periods: readonly Period[] = ['1h', '4h', '1d']
const everything = specs
  .filter((spec) => spec.status === undefined)
  .flatMap((spec) => periods.map((period) => ({ spec, period, spans: [span], closedBeforeMs: nowMs })))
const keyOf = ({ spec, period }: (typeof everything)[number]): string =>
  `spot/klines/${spec.symbol}/${period}`
const mine = (index: number): typeof everything =>
  everything.filter((one) => shardOf(keyOf(one), 3) === index)

describe.each(binaryDatabases)('shards: $label', (database) => {
  const flags = ['--symbols', 'all', '--period', periods.join(), ...range]
  test('--shard: the three make the whole, each series once', async () => {
    for (const index of [0, 1, 2]) {
      const at = await bench(exchange, database)
      const run = await at.klines([...flags, '--shard', `${index}/3`])
      expect(tail(run)).toStartWith('exit 0')
      expect(run.result().series).toBe(mine(index).length)
      expect(await differences(at.contents, mine(index))).toEqual([])
    }
    expect([0, 1, 2].flatMap(mine)).toHaveLength(everything.length)
    expect([0, 1, 2].every((index) => mine(index).length > 0)).toBe(true)
  })

  test('the hash is read big-endian: seven shards can tell, three cannot (256 mod 3 is 1)', async () => {
    const at = await bench(exchange, database)
    for (const index of [0, 1, 2, 3, 4, 5, 6]) {
      const run = await at.klines([...flags, '--shard', `${index}/7`, '--dry-run'])
      const theirs = everything.map(keyOf).filter((key) => shardOf(key, 7) === index)
      expect((run.result().plan ?? []).map(({ series }) => series).sort()).toEqual(theirs.sort())
    }
  })

  test('SHARDS and JOB_COMPLETION_INDEX, all at once into one database', async () => {
    const at = await bench(exchange, database)
    const runs = await Promise.all(
      [0, 1, 2].map((index) =>
        at.klines(flags, { env: { SHARDS: '3', JOB_COMPLETION_INDEX: String(index) } }),
      ),
    )
    for (const [index, run] of runs.entries()) {
      expect(tail(run)).toStartWith('exit 0')
      expect(run.result().series).toBe(mine(index).length)
    }
    expect(await differences(at.contents, everything)).toEqual([])
  })

  test('a part that is no part is refused', async () => {
    const at = await bench(exchange, database)
    for (const shard of ['3/3', '0/0', 'x']) {
      const run = await at.klines([...flags, '--shard', shard])
      expect(tail(run)).toMatch(/^exit 2\n[\s\S]*--shard takes i\/n/)
    }
    const alone = await at.klines(flags, { env: { SHARDS: '3' } })
    expect(tail(alone)).toMatch(/^exit 2\n[\s\S]*SHARDS is set without JOB_COMPLETION_INDEX/)
  })
})
