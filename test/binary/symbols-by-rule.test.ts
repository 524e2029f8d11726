// Symbols chosen by rule rather than by name, those too that only the archives still know.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { archivedDays, archivedExchange, minutesOf, minutesStored } from '../rig/archive-bench.ts'
import { bench, exchangeEnv, plainSymbol } from '../rig/bench.ts'
import { differences } from '../rig/compare-store.ts'
import { removeWorkFolders, runPetrosa, tail, workFolder } from '../rig/run-petrosa.ts'
import type { SpawnedExchange } from '../rig/spawn-exchange.ts'

afterAll(removeWorkFolders)

const settled = plainSymbol('ICPUSDTSETTLED', {
  market: 'um',
  onlyInArchives: true,
  endsAtMs: Date.parse('2024-12-29T09:00Z'),
})
const market = [
  ...['AUSDT', 'BUSDT', 'CUSDT'].map((symbol) => plainSymbol(symbol)),
  plainSymbol('AEUR', { base: 'A', quote: 'EUR' }),
  plainSymbol('AUSDT', { market: 'um' }),
  settled,
]

let exchange: SpawnedExchange
beforeAll(async () => {
  exchange = await archivedExchange(market)
})
afterAll(() => exchange.stop())

/** The symbols that a dry run would fetch. */
async function planned(url: string, flags: readonly string[]): Promise<string[]> {
  const run = await runPetrosa(['klines', '--json', '--dry-run', '--source', 'auto', ...flags], {
    cwd: workFolder(),
    env: exchangeEnv(url),
  })
  expect(tail(run)).toStartWith('exit 0')
  const series = (run.result().plan ?? []).map((one) => one.series.split('/')[2] ?? '')
  return [...new Set(series)]
}

describe('symbols by rule', () => {
  test.each([
    ['all that trade', ['--symbols', 'all'], ['AEUR', 'AUSDT', 'BUSDT', 'CUSDT']],
    ['all of a quote asset', ['--symbols', 'all', '--quote', 'EUR'], ['AEUR']],
    ['a pattern, less another', ['--symbols', '*USDT', '--exclude', 'B*'], ['AUSDT', 'CUSDT']],
    ['all of futures', ['--market', 'um', '--symbols', 'all'], ['AUSDT']],
    [
      'all of futures, those too that are gone',
      ['--market', 'um', '--symbols', 'all', '--status', 'all'],
      ['AUSDT', 'ICPUSDTSETTLED'],
    ],
    [
      'what only the archives know, by name',
      ['--market', 'um', '--symbols', 'ICPUSDTSETTLED'],
      ['ICPUSDTSETTLED'],
    ],
    [
      'what only the archives know, by quote asset',
      ['--market', 'um', '--symbols', 'I*', '--status', 'all', '--quote', 'USDT'],
      ['ICPUSDTSETTLED'],
    ],
  ] as const)(
    '%s',
    async (_name, flags, expected) => {
      const range = ['--start', '2024-12-20', '--end', '2024-12-31', '--period', '1m']
      expect(await planned(exchange.url, [...flags, ...range])).toEqual([...expected])
    },
    30_000,
  )

  test('a contract that only the archives know: its rows, and delisted where it ended', async () => {
    const at = await bench(exchange)
    const flags = ['--market', 'um', ...minutesOf(['ICPUSDTSETTLED']), '--source', 'auto']
    const run = await at.klines(flags)
    expect(tail(run)).toStartWith('exit 0')
    expect(await differences(at.contents, minutesStored([settled]))).toEqual([])
    const series = { market: 'um', dataset: 'klines', symbol: 'ICPUSDTSETTLED', period: '1m' } as const
    const verdicts = (await at.contents.ledger(series)).map((row) => [row.verdict, row.startMs, row.endMs])
    const endMs = settled.endsAtMs ?? 0
    expect(verdicts).toEqual([
      ['rows', archivedDays.startMs, endMs],
      ['delisted', endMs, archivedDays.endMs],
    ])
  }, 30_000)
})
