// The exchange down, from the start and in the middle, and single spans that it refuses for good: the run
// ends in bounded time, says what is open, has stored all else, and the next run takes up what is left.
import { afterAll, describe, expect, test } from 'bun:test'
import { isoTime } from '../../src/core/span.ts'
import { bench, NO_LIMITS, plainSymbol } from '../rig/bench.ts'
import { findBinaryDatabases } from '../rig/binary-databases.ts'
import { differences, type Expectation, inconsistencies } from '../rig/compare-store.ts'
import type { ProcessOptions } from '../rig/exchange-process.ts'
import type { FaultKind } from '../rig/faults.ts'
import { removeWorkFolders, tail } from '../rig/run-petrosa.ts'
import { type SpawnedExchange, spawnExchange } from '../rig/spawn-exchange.ts'

afterAll(removeWorkFolders)
const databases = await findBinaryDatabases()

const nowMs = Date.parse('2024-03-22T00:00:30Z')
const span = { startMs: nowMs - 30_000 - 5_000 * 60_000, endMs: nowMs - 30_000 }
/** The second of five pages. */
const page = { startMs: span.startMs + 1_000 * 60_000, endMs: span.startMs + 2_000 * 60_000 }
/** Tries and pauses of one request add up to 16 s at most, and a quick probe decides what it means. */
const BOUND_MS = 25_000

/** Ways to fail that never end, a symbol each. */
const kinds: readonly FaultKind[] = [
  'error-500',
  'bad-request-400',
  'wrong-types',
  'cut',
  'reset',
  'half-json',
]
const refusedSpecs = kinds.map((kind) => plainSymbol(`${kind.replaceAll('-', '').toUpperCase()}USDT`))
const refuse = kinds.map((kind, i) => ({
  kind,
  symbol: refusedSpecs[i]?.symbol ?? '',
  fromMs: page.startMs,
  toMs: page.endMs,
}))
const specs = [plainSymbol('AAAUSDT'), plainSymbol('BBBUSDT')]

const expecting = (all: readonly ReturnType<typeof plainSymbol>[]): Expectation[] =>
  all.map((spec) => ({ spec, period: '1m', spans: [span], closedBeforeMs: nowMs }))
const range = ['--period', '1m', '--start', isoTime(span.startMs), '--end', isoTime(span.endMs)]
const named = (all: readonly { readonly symbol: string }[]): string[] => [
  '--symbols',
  all.map((spec) => spec.symbol).join(),
]

const running: SpawnedExchange[] = []
afterAll(() => Promise.all(running.map((exchange) => exchange.stop())))

async function exchangeWith(options: Partial<ProcessOptions>): Promise<SpawnedExchange> {
  const exchange = await spawnExchange({
    symbols: specs,
    clock: { manualMs: nowMs },
    limits: NO_LIMITS,
    ...options,
  })
  running.push(exchange)
  return exchange
}

// These wait most of the time, so they wait together.
describe.concurrent.each(databases)('$label', (database) => {
  test('down from the start: exit 75 in bounded time, and nothing is lost', async () => {
    const exchange = await exchangeWith({})
    const port = Number(new URL(exchange.url).port)
    await exchange.stop()
    const at = await bench(exchange, database)
    const run = await at.klines([...named(specs), ...range])
    expect(tail(run)).toStartWith('exit 75\n')
    expect(run.durationMs).toBeLessThan(BOUND_MS)
    expect(run.result().errors[0]).toMatch(
      /exchange is not available.*(ConnectionRefused|ECONNREFUSED).*run the same command again/,
    )
    await exchangeWith({ port })
    expect(tail(await at.klines([...named(specs), ...range]))).toStartWith('exit 0')
    expect(await differences(at.contents, expecting(specs))).toEqual([])
  }, 120_000)

  test('down in the middle: exit 75 in bounded time, and the next run completes it', async () => {
    const exchange = await exchangeWith({ faults: { rates: { slow: 1 }, slowMs: 50 } })
    const port = Number(new URL(exchange.url).port)
    const at = await bench(exchange, database)
    const first = at.startKlines([...named(specs), ...range, '--log-level', 'debug', '--batch-size', '1000'])
    await first.said('page fetched', 4)
    await exchange.stop()
    const run = await first.ended
    expect(tail(run)).toStartWith('exit 75\n')
    expect(run.durationMs).toBeLessThan(BOUND_MS)
    expect(run.result().rows_written).toBeGreaterThanOrEqual(4_000)
    expect(await inconsistencies(at.contents, expecting(specs))).toEqual([])
    await exchangeWith({ port })
    const second = await at.klines(named(specs).concat('--period', '1m'))
    expect(tail(second)).toStartWith('exit 0')
    expect(run.result().rows_written + second.result().rows_written).toBe(10_000)
    expect(await differences(at.contents, expecting(specs))).toEqual([])
  }, 120_000)

  test('a span that is refused for good is named, all else is stored, and it is taken up later', async () => {
    const exchange = await exchangeWith({ symbols: refusedSpecs, faults: { refuse } })
    const at = await bench(exchange, database)
    const run = await at.klines([...named(refusedSpecs), ...range, '--max-workers', String(kinds.length)])
    expect(tail(run)).toStartWith('exit 3\n')
    const open = run.result().unsettled
    expect(open.map(({ series, start, end }) => ({ series, start, end })).sort(bySeries)).toEqual(
      refusedSpecs
        .map(({ symbol }) => ({
          series: `spot/klines/${symbol}/1m`,
          start: isoTime(page.startMs),
          end: isoTime(page.endMs),
        }))
        .sort(bySeries),
    )
    expect(open.filter(({ reason }) => reason === '')).toEqual([])
    const spans = [
      { startMs: span.startMs, endMs: page.startMs },
      { startMs: page.endMs, endMs: span.endMs },
    ]
    const rest = expecting(refusedSpecs).map((one) => ({ ...one, spans }))
    expect(await differences(at.contents, rest)).toEqual([])

    await exchange.setFaults({})
    await exchange.resetCounts()
    const second = await at.klines(named(refusedSpecs).concat('--period', '1m'))
    expect(tail(second)).toStartWith('exit 0')
    expect(second.result()).toMatchObject({ unsettled: [], rows_written: kinds.length * 1_000 })
    expect((await exchange.counts()).klinesRequests).toBe(kinds.length)
    expect(await differences(at.contents, expecting(refusedSpecs))).toEqual([])
  }, 120_000)
})

const bySeries = (a: { series: string }, b: { series: string }): number => (a.series < b.series ? -1 : 1)
