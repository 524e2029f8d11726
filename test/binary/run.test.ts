// petrosa run, the compiled program: every job, then gaps --fill over what they hold, then a report that fits
// a screen. What fails stops nothing else, and the exit code says the worst of what is left.
import { afterAll, afterEach, describe, expect, test } from 'bun:test'
import { DAY_MS, HOUR_MS } from '../../src/core/calendar.ts'
import type { Series } from '../../src/core/series.ts'
import { isoTime } from '../../src/core/span.ts'
import { funding } from '../../src/datasets/funding.ts'
import { klines } from '../../src/datasets/klines.ts'
import { type Bench, type BenchOptions, bench, NO_LIMITS, plainSymbol } from '../rig/bench.ts'
import { differences } from '../rig/compare-store.ts'
import type { FaultRule } from '../rig/faults.ts'
import { punches } from '../rig/gap-bed.ts'
import { type Result, type Run, removeWorkFolders, startPetrosa, tail } from '../rig/run-petrosa.ts'
import { type SpawnedExchange, spawnExchange } from '../rig/spawn-exchange.ts'
import { sqliteDatabase } from '../rig/sqlite-database.ts'

afterAll(removeWorkFolders)

const nowMs = Date.parse('2024-03-22T00:00:30Z')
const lastMs = nowMs - 30_000
const names = ['BTCUSDT', 'ETHUSDT', 'BNBUSDT']
const symbols = [...names, 'AAAUSDT'].flatMap((symbol) => [
  plainSymbol(symbol),
  plainSymbol(symbol, { market: 'um' }),
])

let exchange: SpawnedExchange | null = null
afterEach(() => exchange?.stop())

async function started(): Promise<Bench> {
  const clock = { manualMs: nowMs }
  exchange = await spawnExchange({ symbols, clock, limits: NO_LIMITS, banMs: 600_000 })
  return bench(exchange)
}

type JobResult = { readonly name: string; readonly exit_code: number; readonly errors: readonly string[] }
type RunResult = Result & { readonly jobs: readonly JobResult[] }

async function run(
  here: Bench,
  flags: readonly string[],
  exitCode: number,
  options?: BenchOptions,
): Promise<RunResult> {
  const ended = await here.run(['run', ...flags], options)
  expect(tail(ended)).toStartWith(`exit ${exitCode}\n`)
  return ended.result() as RunResult
}

/** The same as people see it, on a screen of 80 columns and 24 lines. */
async function runText(here: Bench, flags: readonly string[] = []): Promise<string[]> {
  const env = { ...here.env, LOG_LEVEL: 'critical' }
  const ended: Run = await startPetrosa(['run', ...here.flags, ...flags], { cwd: here.folder, env }).ended
  const lines = ended.stdout.trimEnd().split('\n')
  expect(lines.length).toBeLessThan(24)
  for (const line of lines) expect([line, Bun.stringWidth(line) <= 80]).toEqual([line, true])
  return lines
}

const of = (symbol: string): Series => ({ market: 'spot', dataset: 'klines', symbol, period: '15m' })
const specOf = (symbol: string) =>
  symbols.find((one) => one.symbol === symbol && one.market === 'spot') ?? plainSymbol('')
const lastDay = (some = names) =>
  some.map((symbol) => ({
    spec: specOf(symbol),
    period: '15m' as const,
    spans: [{ startMs: lastMs - DAY_MS, endMs: lastMs }],
    closedBeforeMs: lastMs,
  }))

/** What is wrong with the candles of the default symbols; other series do not count. */
const klineDifferences = async (here: Bench): Promise<string[]> =>
  (await differences(here.contents, lastDay())).filter((line) => !line.endsWith(' that nobody asked for'))

const total = async (here: Bench): Promise<number> =>
  [...(await here.contents.counts()).values()].reduce((sum, rows) => sum + rows, 0)

const config = (here: Bench, text: string): Promise<string[]> =>
  Bun.write(`${here.folder}/c.yaml`, text).then(() => ['--config', 'c.yaml'])

describe('with nothing configured but a store', () => {
  test('the default symbols, klines and rates of the last day; then there is nothing to do', async () => {
    const here = await started()
    const first = await run(here, [], 0)
    expect(first.jobs).toMatchObject([
      { name: `spot klines ${names.join(',')} 15m`, exit_code: 0, series: 3, rows_written: 288, errors: [] },
      { name: `um funding ${names.join(',')}`, exit_code: 0, series: 3, rows_written: 9, errors: [] },
    ])
    expect(first).toMatchObject({ series: 6, rows_written: 297, gaps_found: 0, gaps_filled: 0, gaps: [] })
    expect(await here.contents.counts()).toEqual(
      new Map([
        ...names.map((name) => [`spot/klines_m15/${name}`, 96] as const),
        ...names.map((name) => [`um/funding_rates/${name}`, 3] as const),
      ]),
    )
    const dump = await here.contents.dump()
    expect(await run(here, [], 0)).toMatchObject({ rows_fetched: 0, rows_written: 0, unsettled: [] })
    expect((await runText(here)).at(-1)).toMatch(/^0 new rows, .*: all is stored or settled$/)
    expect(await here.contents.dump()).toEqual(dump)
  })

  test('rows that were lost are found and fetched, of its own series only', async () => {
    const here = await started()
    await run(here, [], 0)
    await here.klines(['--symbols', 'AAAUSDT'])
    const hand = punches(sqliteDatabase, here.uri)
    const hole = { startMs: lastMs - 9 * HOUR_MS, endMs: lastMs - 6 * HOUR_MS }
    for (const symbol of ['ETHUSDT', 'AAAUSDT'])
      await hand.deleteRows(of(symbol), klines.table(of(symbol)), hole)
    const rates: Series = { market: 'um', dataset: 'funding', symbol: 'BTCUSDT', period: null }
    await hand.deleteRows(rates, funding.table(rates), { startMs: 0, endMs: lastMs - 4 * HOUR_MS })
    expect(await run(here, [], 0)).toMatchObject({
      gaps_found: 2,
      gaps_filled: 2,
      gaps: [],
      rows_written: 15,
    })
    expect(await klineDifferences(here)).toEqual([])
    expect((await here.contents.counts()).get('spot/klines_m15/AAAUSDT')).toBe(84)
    expect(await run(here, ['--symbols', 'AAAUSDT'], 0)).toMatchObject({ gaps_found: 1, gaps_filled: 1 })
  })

  test('a plan touches nothing', async () => {
    const here = await started()
    const planned = await run(here, ['--dry-run'], 0)
    expect(planned.plan).toHaveLength(6)
    expect(await Bun.file(here.uri).exists()).toBe(false)
  })
})

describe('what fails stops nothing else', () => {
  const jobs = (...own: readonly string[]): string =>
    `period: 15m\njobs:\n${own.map((job) => `  - ${job}\n`).join('')}`

  test('an unknown symbol: the other jobs are done, and it is said', async () => {
    const here = await started()
    const flags = await config(here, jobs('symbols: BTCUSDT', 'symbols: NOSUCHUSDT', 'symbols: ETHUSDT'))
    const result = await run(here, flags, 2)
    expect(result.jobs.map(({ exit_code }) => exit_code)).toEqual([0, 2, 0])
    expect(result.errors).toHaveLength(1)
    expect(result.errors[0]).toStartWith('spot klines NOSUCHUSDT 15m: unknown symbol on spot: NOSUCHUSDT')
    expect(await differences(here.contents, lastDay(['BTCUSDT', 'ETHUSDT']))).toEqual([])
    const lines = await runText(here, flags)
    expect(lines.map((line) => line.split(/ {2,}/).at(-1))).toEqual(
      expect.arrayContaining(['done', 'failed', 'done']),
    )
    expect(lines.at(-1)).toEndWith('1 job failed')
  })

  test('a ban by one market: 75, it is not asked again, and the other market is filled', async () => {
    const here = await started()
    await run(here, [], 0)
    const hole = { startMs: lastMs - 9 * HOUR_MS, endMs: lastMs - 6 * HOUR_MS }
    await punches(sqliteDatabase, here.uri).deleteRows(of('ETHUSDT'), klines.table(of('ETHUSDT')), hole)
    await exchange?.setFaults({ everywhere: true, refuse: [{ kind: 'ban-418', market: 'um', times: 1 }] })
    await exchange?.resetCounts()
    const result = await run(here, [], 75)
    expect(result.jobs.map(({ exit_code }) => exit_code)).toEqual([0, 75])
    expect(result).toMatchObject({ gaps_found: 1, gaps_filled: 1 })
    expect(await exchange?.counts()).toMatchObject({ bans: 1, violations: 0 })
    expect(await klineDifferences(here)).toEqual([])
  })

  test('what a job left open is filled at the end, if it can be: done', async () => {
    const here = await started()
    const [fromMs, toMs] = [lastMs - HOUR_MS / 2, lastMs - HOUR_MS / 4]
    const late: FaultRule = { kind: 'missing-rows', symbol: 'ETHUSDT', fromMs, toMs }
    await exchange?.setFaults({ refuse: [{ ...late, times: 2 }] })
    const mended = await run(here, ['--market', 'spot'], 0)
    expect(mended).toMatchObject({ unsettled: [], rows_written: 288, gaps_found: 1, gaps_filled: 1 })
    expect(mended.jobs.map(({ exit_code }) => exit_code)).toEqual([0])
    expect(await differences(here.contents, lastDay())).toEqual([])
  })

  test('what cannot be filled is open, and named once', async () => {
    const here = await started()
    const [fromMs, toMs] = [lastMs - HOUR_MS / 2, lastMs - HOUR_MS / 4]
    await exchange?.setFaults({ refuse: [{ kind: 'missing-rows', symbol: 'ETHUSDT', fromMs, toMs }] })
    const open = await run(here, ['--market', 'spot'], 3)
    const span = { series: 'spot/klines/ETHUSDT/15m', start: isoTime(fromMs), end: isoTime(toMs) }
    expect(open.jobs.map(({ exit_code }) => exit_code)).toEqual([3])
    expect(open.unsettled).toMatchObject([span])
    expect(open.gaps).toMatchObject([{ ...span, rows_missing: 1, verdict: 'unpublished', filled: false }])
    const lines = await runText(here, ['--market', 'spot'])
    expect(lines.at(-2)).toStartWith('open: spot/klines/ETHUSDT/15m 2024-03-21 23:30 1 row unpublished')
    expect(lines.at(-1)).toEndWith('1 span open, run it again later')
  })

  test('a report of many jobs that fail fits the screen too', async () => {
    const here = await started()
    const many = Array.from(
      { length: 40 },
      (_, i) => `symbols: NOSUCH${i}USDTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTT`,
    )
    const lines = await runText(here, await config(here, jobs('symbols: BTCUSDT', ...many)))
    expect(lines.filter((line) => line.endsWith('failed'))).not.toBeEmpty()
    expect(lines.at(-1)).toEndWith('40 jobs failed')
  })
})

test('jobs of trades, aggregates and single ones: what of them was lost is fetched again', async () => {
  const spec = plainSymbol('TICKUSDT', { trades: { perMinute: 8 } })
  exchange = await spawnExchange({ symbols: [spec], clock: { manualMs: nowMs }, limits: NO_LIMITS })
  const here = await bench(exchange)
  const own = ['dataset: agg-trades', 'dataset: trades', 'period: 1m'].map(
    (what) => `{symbols: TICKUSDT, ${what}}`,
  )
  const flags = await config(
    here,
    `start: ${isoTime(lastMs - 2 * HOUR_MS)}\njobs:\n${own.map((job) => `  - ${job}\n`).join('')}`,
  )
  const first = await run(here, flags, 0)
  expect(first.jobs.map(({ name }) => name)).toEqual([
    'spot agg-trades TICKUSDT',
    'spot trades TICKUSDT',
    'spot klines TICKUSDT 1m',
  ])
  expect(first).toMatchObject({ series: 3, gaps_found: 0, gaps: [], unsettled: [] })
  const [stored, whole] = [await here.contents.counts(), await total(here)]
  expect([...stored.keys()]).toEqual(
    ['agg_trades', 'klines_m1', 'trades'].map((table) => `spot/${table}/TICKUSDT`),
  )
  await sqliteDatabase.exec(here.uri, 'DELETE FROM agg_trades WHERE agg_trade_id % 97 = 3')
  await sqliteDatabase.exec(here.uri, 'DELETE FROM trades WHERE trade_id % 131 < 9')
  const lost = whole - (await total(here))
  expect(lost).toBeGreaterThan(20)
  const mended = await run(here, flags, 0)
  expect(mended).toMatchObject({ rows_written: lost, gaps: [], unsettled: [] })
  expect(mended.gaps_filled).toBe(mended.gaps_found)
  expect(await here.contents.counts()).toEqual(stored)
  expect(await run(here, flags, 0)).toMatchObject({ rows_fetched: 0, gaps_found: 0 })
})

describe('a configuration that makes no sense is refused before anything is asked, with its line', () => {
  test.each([
    [
      'an unknown key',
      'period: 1h\njobs:\n  - symbols: BTCUSDT\n    perod: 1h',
      "line 4: unknown key 'perod'",
    ],
    ['a value that is none', 'jobs:\n  - period: 7m', 'line 2: period'],
    [
      'a dataset that the market lacks',
      'jobs:\n  - period: 1h\n  - dataset: funding\n    market: spot',
      'line 3: ',
    ],
    [
      'what belongs to the process',
      'jobs:\n  - period: 1h\n    port: 80',
      "line 3: 'port' is no setting of a job",
    ],
    ['a kind', 'jobs:\n  - dataset: trades\n    kind: raw', 'line 3: '],
    ['jobs that are no list', 'jobs: klines', "line 1: 'jobs' is no list"],
  ])('%s', async (_, text, words) => {
    const here = await started()
    await exchange?.resetCounts()
    const result = await here.run(['run', ...(await config(here, text))])
    expect(result.exitCode).toBe(2)
    expect(result.stderr).toContain(words)
    expect((await exchange?.counts())?.requests).toBe(0)
    expect(await Bun.file(here.uri).exists()).toBe(false)
  })
})

test('told to stop, it says what it has done and what ended it', async () => {
  const here = await started()
  await exchange?.setFaults({ rates: { slow: 1 }, slowMs: 1_500 })
  const running = here.start(['run', '--period', '1m', '--start', isoTime(lastMs - 30 * DAY_MS)])
  await running.said('planned')
  running.kill('SIGINT')
  const ended = await running.ended
  expect(tail(ended)).toStartWith('exit 130\n')
  expect(ended.result()).toMatchObject({ command: 'run', series: 3 })
})
