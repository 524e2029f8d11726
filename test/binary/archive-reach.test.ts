// The archives or the API out of reach: the other one does what it can, soon, and it is said once.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { archivedDays, archivedExchange, minutesOf, minutesStored, warnings } from '../rig/archive-bench.ts'
import { bench, exchangeEnv, plainSymbol } from '../rig/bench.ts'
import { differences } from '../rig/compare-store.ts'
import type { Faults } from '../rig/faults.ts'
import { type Run, removeWorkFolders, runPetrosa, tail, workFolder } from '../rig/run-petrosa.ts'
import type { SpawnedExchange } from '../rig/spawn-exchange.ts'

afterAll(removeWorkFolders)

const names = ['AUSDT', 'BUSDT', 'CUSDT']
const specs = names.map((symbol) => plainSymbol(symbol))
const future = plainSymbol('AUSDT', { market: 'um' })
const settled = plainSymbol('ICPUSDTSETTLED', {
  market: 'um',
  onlyInArchives: true,
  endsAtMs: Date.parse('2024-12-29T09:00Z'),
})
const coin = plainSymbol('AUSD_PERP', { market: 'cm', base: 'A', quote: 'USD' })
const market = [...specs, plainSymbol('AEUR', { base: 'A', quote: 'EUR' }), future, settled, coin]

/** The one without faults, which most tests share, and those that have some. */
let exchange: SpawnedExchange
const faulty: SpawnedExchange[] = []
beforeAll(async () => {
  exchange = await archivedExchange(market)
})
afterAll(() => Promise.all([exchange, ...faulty].map((one) => one.stop())))
async function exchangeWith(faults: Faults): Promise<SpawnedExchange> {
  const one = await archivedExchange(market, { faults })
  faulty.push(one)
  return one
}

/** Enough days that their archives pay. */
const days = { startMs: Date.parse('2025-01-04T00:00Z'), endMs: Date.parse('2025-01-09T00:00Z') }
const bySeries = (a: { series: string }, b: { series: string }): number => (a.series < b.series ? -1 : 1)
const dead = 'http://127.0.0.1:9'
const nowhere = 'http://archives.invalid'
const archivesAt = (files: string, listing: string): Record<string, string> => ({
  BINANCE_ARCHIVE_URL: files,
  BINANCE_ARCHIVE_LISTING_URL: listing,
})
const failing = (...of: readonly ('zip' | 'checksum' | 'listing')[]): Faults => ({
  archives: { rules: of.map((one) => ({ kind: 'error-503', of: one }) as const) },
})

type Case = readonly [string, (url: string) => Record<string, string>, Faults | null]
const away: readonly Case[] = [
  ['nobody listens', () => archivesAt(dead, dead), null],
  ['no such host', () => archivesAt(nowhere, nowhere), null],
  ['the listing is there, the files are not', (url) => archivesAt(dead, `${url}/listing`), null],
  ['the listing is no listing', (url) => archivesAt(dead, url), null],
  ['the listing fails', () => ({}), failing('listing')],
  ['the files fail', () => ({}), failing('zip', 'checksum')],
  ['both are silent', () => ({}), { archives: { rates: { hang: 1 } } }],
]
const auto = ['--source', 'auto']
const alone = ['--source', 'archive']

// These wait most of the time, so they wait together.
describe.concurrent('archives out of reach', () => {
  test.each(away)(
    '%s: all comes by REST, that is told once, exit 0',
    async (_name, env, faults) => {
      const own = faults ? await exchangeWith(faults) : exchange
      const at = await bench(own)
      const run = await at.klines([...minutesOf(names, days), ...auto], { env: env(own.url) })
      expect(tail(run)).toStartWith('exit 0')
      expect(await differences(at.contents, minutesStored(specs, [days]))).toEqual([])
      expect(run.result()).toMatchObject({ archives: 0, unsettled: [], errors: [] })
      expect(warnings(run)).toHaveLength(1)
      expect(warnings(run)[0]).toEndWith('; going on by the API alone')
      // 16 s of pauses at most, where a host answers with failures.
      expect(run.durationMs).toBeLessThan(45_000)
    },
    60_000,
  )

  test.each([
    ['the listing', archivesAt(dead, dead)],
    ['a file', { BINANCE_ARCHIVE_URL: dead }],
  ] as const)(
    'with the archives only, %s that does not answer may do so later: 75',
    async (_name, env) => {
      const at = await bench(exchange)
      const run = await at.klines([...minutesOf(names, days), ...alone], { env })
      expect(tail(run)).toStartWith('exit 75')
      expect(run.result().errors).toHaveLength(1)
      expect(run.result().errors[0]).toStartWith('the archives are not available: 127.0.0.1:9 did not answer')
      expect(run.result().errors[0]).toContain('BINANCE_ARCHIVE_')
      const later = await at.klines([...minutesOf(names, days), ...alone])
      expect(tail(later)).toStartWith('exit 0')
      expect(later.result().requests).toBe(0)
      expect(await differences(at.contents, minutesStored(specs, [days]))).toEqual([])
    },
    60_000,
  )

  test('a pipeline of several jobs asks and tells once', async () => {
    const at = await bench(exchange)
    const job = { dataset: 'klines', symbols: 'AUSDT', period: '1m', start: '2025-01-04', end: '2025-01-09' }
    const config = { jobs: [job, { ...job, symbols: 'BUSDT' }, { ...job, market: 'um' }] }
    await Bun.write(`${at.folder}/jobs.yaml`, JSON.stringify(config))
    const env = archivesAt(dead, dead)
    const run = await at.run(['run', '--config', 'jobs.yaml', '--source', 'auto'], { env })
    expect(tail(run)).toStartWith('exit 0')
    expect(warnings(run)).toHaveLength(1)
    const [first, second] = specs
    const stored = [first, second, future].filter((spec) => spec !== undefined)
    expect(await differences(at.contents, minutesStored(stored, [days]))).toEqual([])
  }, 60_000)
})

describe.concurrent('the API closed to this place (451)', () => {
  test('archives go on alone, the tail is open and named; once it opens, the rest follows', async () => {
    const blocked = await exchangeWith({ geoBlocked: ['spot', 'um', 'cm'] })
    const at = await bench(blocked)
    const flags = [...minutesOf(names), ...auto]
    const run = await at.klines(flags)
    expect(tail(run)).toStartWith('exit 3')
    expect(warnings(run)[0]).toMatch(/does not serve this location \(451\).*going on by the archives alone/)
    // Without it an archive that is late would look the same.
    expect(run.result().errors).toEqual([expect.stringContaining('does not serve this location (451)')])
    const tailStart = '2025-01-09T00:00:00.000Z'
    expect([...run.result().unsettled].sort(bySeries)).toEqual(
      names.map((name) => ({
        series: `spot/klines/${name}/1m`,
        start: tailStart,
        end: '2025-01-10T00:00:00.000Z',
        reason: 'no archive of it is published yet',
      })),
    )
    const settledSpan = { ...archivedDays, endMs: Date.parse(tailStart) }
    expect(await differences(at.contents, minutesStored(specs, [settledSpan]))).toEqual([])
    await blocked.setFaults({})
    await blocked.resetCounts()
    const again = await at.klines(flags)
    expect(tail(again)).toStartWith('exit 0')
    expect(await differences(at.contents, minutesStored(specs))).toEqual([])
    expect((await blocked.counts()).archives.zips).toBe(0)
  }, 60_000)

  test.each([
    ['nobody listens', archivesAt(dead, dead)],
    ['the files are away', { BINANCE_ARCHIVE_URL: dead }],
  ])(
    'and the archives out of reach too (%s): 2, soon, and the place is what to change',
    async (_, env) => {
      const at = await bench(await exchangeWith({ geoBlocked: ['spot'] }))
      const run = await at.klines([...minutesOf(names, days), ...auto], { env })
      expect(tail(run)).toStartWith('exit 2')
      const { errors } = run.result()
      expect(errors.length).toBeGreaterThanOrEqual(1)
      for (const error of errors)
        expect(error).toMatch(
          /does not serve this location \(451\).*the archives are not available.*permitted location/,
        )
      expect(errors.join()).not.toContain('--source rest')
      expect(run.durationMs).toBeLessThan(8_000)
    },
    60_000,
  )

  test('with --source rest it is said, and what to do: 2', async () => {
    const at = await bench(await exchangeWith({ geoBlocked: ['spot'] }))
    const run = await at.klines([...minutesOf(names, days), '--source', 'rest'])
    expect(tail(run)).toStartWith('exit 2')
    expect(run.result().errors[0]).toContain('does not serve this location (451)')
  }, 60_000)
})

describe.concurrent('petrosa symbols', () => {
  const list = (url: string, flags: readonly string[], env: Record<string, string> = {}): Promise<Run> =>
    runPetrosa(['symbols', '--json', ...flags], {
      cwd: workFolder(),
      env: { ...exchangeEnv(url), SOURCE: 'auto', ...env },
    })
  const symbolsOf = (run: Run): string[] =>
    (run.result() as unknown as { symbols: { symbol: string; status: string }[] }).symbols.map(
      ({ symbol, status }) => `${symbol} ${status}`,
    )
  const noApi = { BINANCE_API_URL: dead, BINANCE_FUTURES_API_URL: dead, BINANCE_COIN_FUTURES_API_URL: dead }

  test('--status all has what only the archives know', async () => {
    const { url } = exchange
    const run = await list(url, ['--market', 'um', '--status', 'all'])
    expect(tail(run)).toStartWith('exit 0')
    expect(symbolsOf(run)).toEqual(['AUSDT TRADING', 'ICPUSDTSETTLED ARCHIVED'])
    expect(symbolsOf(await list(url, ['--market', 'um']))).toEqual(['AUSDT TRADING'])
  }, 60_000)

  test('--status all needs no API: down or blocked, the listing does, and it is said', async () => {
    const { url } = await exchangeWith({ geoBlocked: ['um'] })
    const flags = ['--market', 'um', '--status', 'all']
    for (const run of [await list(url, flags), await list(url, flags, noApi)]) {
      expect(tail(run)).toStartWith('exit 0')
      expect(symbolsOf(run)).toEqual(['AUSDT UNKNOWN', 'ICPUSDTSETTLED UNKNOWN'])
      expect(warnings(run)).toHaveLength(1)
      expect(warnings(run)[0]).toEndWith(
        'going on by the list of the archives alone, which does not say who trades',
      )
    }
  }, 60_000)

  test.each([
    ['spot', ['AEUR UNKNOWN', 'AUSDT UNKNOWN', 'BUSDT UNKNOWN', 'CUSDT UNKNOWN']],
    ['cm', ['AUSD_PERP UNKNOWN']],
  ] as const)(
    '--status all needs no API on %s either, only the listing',
    async (name, expected) => {
      const run = await list(exchange.url, ['--market', name, '--status', 'all'], noApi)
      expect(tail(run)).toStartWith('exit 0')
      expect(symbolsOf(run)).toEqual([...expected])
    },
    60_000,
  )

  test('who trades only the API knows, and with --source rest nobody else is asked: 75', async () => {
    const { url } = exchange
    const rest = ['--market', 'um', '--status', 'all', '--source', 'rest']
    const tries = [list(url, ['--market', 'um'], noApi), list(url, rest, noApi)]
    for (const run of await Promise.all(tries)) expect(tail(run)).toStartWith('exit 75')
  }, 60_000)

  test('--status all without the listing: what the exchange lists, and 75 says what is missing', async () => {
    const run = await list(exchange.url, ['--market', 'um', '--status', 'all'], archivesAt(dead, dead))
    expect(tail(run)).toStartWith('exit 75')
    expect(symbolsOf(run)).toEqual(['AUSDT TRADING'])
    expect(run.result().errors).toEqual([expect.stringMatching(/^delisted symbols may be missing.*127/)])
  }, 60_000)

  test('all symbols of a fetch without the listing: those listed are stored, and 75 says it', async () => {
    const at = await bench(exchange)
    const every = ['--market', 'um', ...minutesOf(['all'], days), '--status', 'all', ...auto]
    const run = await at.klines(every, { env: archivesAt(dead, dead) })
    expect(tail(run)).toStartWith('exit 75')
    expect(run.result().errors).toEqual([expect.stringMatching(/^delisted symbols may be missing/)])
    expect(await differences(at.contents, minutesStored([future], [days]))).toEqual([])
  }, 60_000)

  test('--dataset: the symbols that have it', async () => {
    const flags = ['--market', 'um', '--status', 'all', '--dataset', 'funding']
    const run = await list(exchange.url, flags)
    expect(tail(run)).toStartWith('exit 0')
    expect(symbolsOf(run)).toContain('AUSDT TRADING')
    const none = await list(exchange.url, ['--market', 'spot', '--dataset', 'funding'])
    expect(tail(none)).toStartWith('exit 2')
  }, 60_000)

  test('with neither, it is not available: 75', async () => {
    const { url } = exchange
    const run = await list(url, ['--status', 'all'], { ...noApi, ...archivesAt(dead, dead) })
    expect(tail(run)).toStartWith('exit 75')
  }, 60_000)
})
