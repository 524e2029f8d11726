// kill -9 in the middle of every dataset, by REST and by archives, and a bad day of the exchange for each of
// them: what is stored is consistent after every kill, and exact at the end. All on SQLite, each dataset
// on one of the servers.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { RIG_API_KEY } from '../rig/api-key.ts'
import { type Bench, bench, NO_LIMITS } from '../rig/bench.ts'
import { type BinaryDatabase, findBinaryDatabases } from '../rig/binary-databases.ts'
import { differences, type Expectation, inconsistencies } from '../rig/compare-store.ts'
import { type DatasetCase, datasetCases, WORLD_NOW_MS, worldSymbols } from '../rig/dataset-world.ts'
import type { Faults } from '../rig/faults.ts'
import { removeWorkFolders, tail } from '../rig/run-petrosa.ts'
import { seededRandom, seedFor } from '../rig/seed.ts'
import { type SpawnedExchange, spawnExchange } from '../rig/spawn-exchange.ts'

afterAll(removeWorkFolders)
const databases = await findBinaryDatabases()
const [embedded, ...servers] = databases
const seed = seedFor('test/binary/killed-datasets.test.ts')

const running: SpawnedExchange[] = []
afterAll(() => Promise.all(running.map((exchange) => exchange.stop())))
async function exchangeWith(faults: Faults): Promise<SpawnedExchange> {
  const clock = { manualMs: WORLD_NOW_MS }
  const exchange = await spawnExchange({ symbols: worldSymbols, clock, limits: NO_LIMITS, faults })
  running.push(exchange)
  return exchange
}
/** The one that takes its time with each answer, so that a kill finds the program at work. */
let slow: SpawnedExchange
beforeAll(async () => {
  slow = await exchangeWith({ rates: { slow: 1 }, slowMs: 3, archives: { rates: { slow: 1 }, slowMs: 3 } })
})

/** SQLite for all of them; the first case of each dataset on one of the servers too, in turn. */
function placesOf(turn: number): BinaryDatabase[] {
  const isFirst = datasetCases.findIndex(({ dataset }) => dataset === datasetCases[turn]?.dataset) === turn
  const server = isFirst ? servers[turn % Math.max(1, servers.length)] : undefined
  return [embedded, server].filter((one) => one !== undefined)
}

const KILLS = 2
/** Small writes, so that there is a middle to be killed in, and a log that tells of each. */
const small = ['--batch-size', '200', '--log-level', 'debug']
const keyed = { env: { BINANCE_API_KEY: RIG_API_KEY } }

/** Kills a command some times in its middle; how often it was still at work then. */
async function killed(
  at: Bench,
  words: readonly string[],
  expected: readonly Expectation[],
  random: () => number,
) {
  let midway = 0
  for (let kill = 0; kill < KILLS; kill += 1) {
    const run = at.start([...words, ...small], keyed)
    const commit = 1 + Math.floor(random() * 4)
    // A run that has fewer commits left simply ends.
    await run.said('written', commit).then(
      () => run.kill('SIGKILL'),
      () => undefined,
    )
    if ((await run.ended).signal === 'SIGKILL') midway += 1
    expect(await inconsistencies(at.contents, expected)).toEqual([])
  }
  return midway
}

/** The archives of some days that are published; rates have files of months alone. */
const published = { startMs: Date.parse('2024-03-17T00:00Z'), endMs: Date.parse('2024-03-22T00:00Z') }
function byArchives({
  words,
  expected,
  market,
  dataset,
}: DatasetCase): Pick<DatasetCase, 'words' | 'expected'> {
  // Contracts that are delivered have no premium of their own in the archives of COIN-M.
  const isFiled = (symbol: string): boolean =>
    dataset !== 'premium-index-klines' || market === 'um' || symbol.endsWith('_PERP')
  const own = expected.filter(({ spec }) => isFiled(spec.symbol))
  const start = words.indexOf('--start')
  const range = ['--start', '2024-03-17', '--end', '2024-03-22', '--source', 'archive']
  const names = (words[words.indexOf('--symbols') + 1] ?? '').split(',').filter(isFiled)
  return {
    words: [...words.slice(0, start).with(words.indexOf('--symbols') + 1, names.join()), ...range],
    expected: own.map((one) => ({ ...one, spans: [published] })),
  }
}

describe('kill -9', () => {
  for (const [i, one] of datasetCases.entries()) {
    for (const database of placesOf(i)) {
      test(`${one.name} on ${database.label} by REST`, async () => {
        const at = await bench(slow, database)
        const midway = await killed(at, one.words, one.expected, seededRandom(seed + i))
        expect(midway).toBeGreaterThanOrEqual(1)
        expect(tail(await at.run(one.words, keyed))).toStartWith('exit 0')
        expect(await differences(at.contents, one.expected)).toEqual([])
      }, 60_000)

      if (one.dataset === 'funding') continue
      test(`${one.name} on ${database.label} by archives`, async () => {
        const { words, expected } = byArchives(one)
        const at = await bench(slow, database)
        const midway = await killed(at, words, expected, seededRandom(seed + i))
        expect(midway).toBeGreaterThanOrEqual(1)
        expect(tail(await at.run(words, keyed))).toStartWith('exit 0')
        expect(await differences(at.contents, expected)).toEqual([])
      }, 60_000)
    }
  }

  test('funding rates by archives are those of a run that nobody killed', async () => {
    const words = ['funding', '--market', 'um', '--symbols', 'RATEUSDT,GONEUSDT', '--source', 'archive']
    const range = ['--start', '2023-11-01', '--end', '2024-03-01']
    const whole = await bench(slow)
    const first = await whole.run([...words, ...range])
    expect(tail(first)).toStartWith('exit 0')
    const at = await bench(slow)
    expect(await killed(at, [...words, ...range], [], seededRandom(seed))).toBeGreaterThanOrEqual(1)
    expect(tail(await at.run([...words, ...range]))).toStartWith('exit 0')
    for (const symbol of ['RATEUSDT', 'GONEUSDT']) {
      const series = { market: 'um', dataset: 'funding', symbol, period: null } as const
      const rows = await whole.contents.rows(series)
      expect(rows.count).toBeGreaterThan(200)
      expect(await at.contents.rows(series)).toEqual(rows)
    }
  }, 60_000)
})

// Without pauses (429): they wait for a clock that stands still here. faults.test.ts has them.
test('a bad day of the exchange: every dataset is exact all the same', async () => {
  const rates = {
    'error-500': 0.04,
    'error-503': 0.03,
    cut: 0.04,
    reset: 0.04,
    'half-json': 0.01,
    'wrong-types': 0.01,
    'doubled-rows': 0.01,
    'unordered-rows': 0.01,
    html: 0.005,
  }
  const exchange = await exchangeWith({ seed, rates })
  const at = await bench(exchange)
  for (const { words, name } of datasetCases) {
    const run = await at.run(words, keyed)
    expect(`${name}: ${tail(run)}`).toStartWith(`${name}: exit 0`)
    expect(run.result()).toMatchObject({ unsettled: [], errors: [] })
  }
  expect(
    await differences(
      at.contents,
      datasetCases.flatMap(({ expected }) => expected),
    ),
  ).toEqual([])
  const counts = await exchange.counts()
  expect(counts).toMatchObject({ bans: 0 })
  expect(Object.keys(counts.byFault).length).toBeGreaterThanOrEqual(5)
}, 120_000)
