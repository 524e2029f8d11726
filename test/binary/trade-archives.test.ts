// Trades from archives as a user fetches them: a part of a month, files that end too early, spans older than
// the API reaches, and ids that no source has. Nothing is fetched that was not asked for, and nothing lost.
import { afterAll, afterEach, expect, test } from 'bun:test'
import { DAY_MS, MINUTE_MS } from '../../src/core/calendar.ts'
import { isoTime, type Span } from '../../src/core/span.ts'
import { RIG_API_KEY } from '../rig/api-key.ts'
import { type Bench, bench, NO_LIMITS, plainSymbol } from '../rig/bench.ts'
import { differences, type Expectation } from '../rig/compare-store.ts'
import { expectedMarkers, expectedTrades } from '../rig/expected-trades.ts'
import type { Faults } from '../rig/faults.ts'
import { type Run, removeWorkFolders, tail } from '../rig/run-petrosa.ts'
import { type SpawnedExchange, spawnExchange } from '../rig/spawn-exchange.ts'
import type { SymbolSpec } from '../rig/symbol-spec.ts'

afterAll(removeWorkFolders)
const running: SpawnedExchange[] = []
afterEach(() => Promise.all(running.splice(0).map((exchange) => exchange.stop())))

const nowMs = Date.parse('2024-05-22T13:37:30Z')
const lastMinuteMs = Date.parse('2024-05-22T13:37Z')
const spanOf = (start: string, end: string): Span => ({ startMs: Date.parse(start), endMs: Date.parse(end) })

async function exchangeOf(
  spec: SymbolSpec,
  faults: Faults = {},
  ...others: readonly SymbolSpec[]
): Promise<SpawnedExchange> {
  const exchange = await spawnExchange({
    symbols: [spec, ...others],
    clock: { manualMs: nowMs },
    limits: NO_LIMITS,
    faults,
  })
  running.push(exchange)
  return exchange
}

const traded = (rest: Partial<SymbolSpec> = {}): SymbolSpec =>
  plainSymbol('AUSDT', {
    listedAtMs: Date.parse('2024-01-10T00:00Z'),
    trades: { perMinute: 0.5, firstId: 7_000, firstAggId: 5_000 },
    ...rest,
  })

const fetched = (
  at: Bench,
  { market }: SymbolSpec,
  kind: string,
  span: Span,
  source: string,
): Promise<Run> => {
  const range = ['--start', isoTime(span.startMs), '--end', isoTime(span.endMs)]
  return at.run([
    'trades',
    '--market',
    market,
    '--kind',
    kind,
    '--symbols',
    'AUSDT',
    ...range,
    '--source',
    source,
  ])
}

/** The aggregates of a span by number, to know the ids. */
const idsIn = (spec: SymbolSpec, span: Span): string[] =>
  (expectedTrades(spec, 'agg', span).columns[0] ?? []).map(String)

const stored = (spec: SymbolSpec, dataset: 'trades' | 'agg-trades', ...spans: Span[]): Expectation[] => [
  { spec, dataset, spans, closedBeforeMs: nowMs },
]

/** Requests for trades that the exchange has counted. */
const tradeRequests = async (exchange: SpawnedExchange): Promise<number> =>
  Object.entries((await exchange.counts()).byEndpoint)
    .filter(([path]) => /rades/.test(path))
    .reduce((sum, [, count]) => sum + count, 0)

test('records left out of a month elsewhere are no matter of the part of it that is asked for', async () => {
  const span = spanOf('2024-03-05', '2024-03-25')
  const plain = traded()
  const [early] = idsIn(plain, spanOf('2024-03-02', '2024-03-03'))
  const [inside] = idsIn(plain, spanOf('2024-03-12', '2024-03-13'))
  const [late] = idsIn(plain, spanOf('2024-03-28', '2024-03-29'))
  const markers = [early ?? '', inside ?? '', late ?? '']
  const spec = traded({ trades: { perMinute: 0.5, firstId: 7_000, firstAggId: 5_000, markers } })
  for (const source of ['auto', 'archive']) {
    const exchange = await exchangeOf(spec)
    const at = await bench(exchange)
    const run = await fetched(at, spec, 'agg', span, source)
    expect(tail(run)).toStartWith('exit 0')
    expect(run.result()).toMatchObject({ archives: 1, unsettled: [] })
    expect(await tradeRequests(exchange)).toBe(0)
    expect(await differences(at.contents, stored(spec, 'agg-trades', span))).toEqual([])
    const series = { market: 'spot', dataset: 'agg-trades', symbol: 'AUSDT', period: null } as const
    const ledger = await at.contents.ledger(series)
    expect(ledger).toHaveLength(1)
    expect(ledger).toMatchObject([{ ...span, verdict: 'rows', skipped: expectedMarkers(spec, span).length }])
  }
})

test('files that end too early: REST brings what they lack, between them and before its own', async () => {
  const spec = traded()
  const days = ['2024-05-18', '2024-05-19', '2024-05-21']
  const rules = days.map((day) => {
    const endMs = Date.parse(`${day}T00:00Z`) + DAY_MS
    const key = `data/spot/daily/aggTrades/AUSDT/AUSDT-aggTrades-${day}.zip`
    return { kind: 'missing-rows', key, fromMs: endMs - 10 * MINUTE_MS, toMs: endMs } as const
  })
  const exchange = await exchangeOf(spec, { archives: { rules } })
  const at = await bench(exchange)
  const span = { startMs: Date.parse('2024-05-17T00:00Z'), endMs: lastMinuteMs }
  const run = await fetched(at, spec, 'agg', span, 'auto')
  expect(tail(run)).toStartWith('exit 0')
  expect(run.result().archives).toBeGreaterThanOrEqual(4)
  expect(await differences(at.contents, stored(spec, 'agg-trades', span))).toEqual([])
  const gaps = await at.run(['gaps'])
  expect(tail(gaps)).toStartWith('exit 0')
})

test('futures: what the API does not reach comes from archives, the rest from the API', async () => {
  const spec = traded({ market: 'um' })
  const at = await bench(await exchangeOf(spec))
  const span = { startMs: Date.parse('2024-05-12T00:00Z'), endMs: lastMinuteMs }
  const run = await fetched(at, spec, 'agg', span, 'auto')
  expect(tail(run)).toStartWith('exit 0')
  expect(run.result().archives).toBeGreaterThanOrEqual(9)
  expect(await differences(at.contents, stored(spec, 'agg-trades', span))).toEqual([])
  expect(tail(await at.run(['gaps']))).toStartWith('exit 0')
})

test('single trades of futures without a key: the archives do, also where ids jump', async () => {
  const plain = traded({ market: 'um' })
  const span = spanOf('2024-05-12', '2024-05-17')
  const [first] = (expectedTrades(plain, 'raw', spanOf('2024-05-14', '2024-05-15')).columns[0] ?? []).map(
    String,
  )
  const jumps = [{ after: first ?? '', size: 1 }]
  const spec = traded({ market: 'um', trades: { perMinute: 0.5, firstId: 7_000, firstAggId: 5_000, jumps } })
  const at = await bench(await exchangeOf(spec))
  const run = await fetched(at, spec, 'raw', span, 'auto')
  expect(tail(run)).toStartWith('exit 0')
  expect(run.result()).toMatchObject({ archives: 5, unsettled: [], errors: [] })
  expect(await differences(at.contents, stored(spec, 'trades', span))).toEqual([])
})

test('parts of days at both ends, and what gaps fills, come from archives too without a key', async () => {
  const spec = traded({ market: 'um' })
  const at = await bench(await exchangeOf(spec))
  const parts = [
    spanOf('2024-05-12T12:00Z', '2024-05-14T06:00Z'),
    spanOf('2024-05-16T02:00Z', '2024-05-16T08:00Z'),
  ]
  for (const part of parts) {
    const run = await fetched(at, spec, 'raw', part, 'auto')
    expect(tail(run)).toStartWith('exit 0')
    expect(run.result()).toMatchObject({ unsettled: [], errors: [] })
  }
  expect(await differences(at.contents, stored(spec, 'trades', ...parts))).toEqual([])
  const end = isoTime(parts[1]?.endMs ?? 0)
  const gaps = await at.run(['gaps', '--fill', '--source', 'auto', '--end', end])
  expect(tail(gaps)).toStartWith('exit 0')
  const whole = spanOf('2024-05-12T12:00Z', end)
  expect(await differences(at.contents, stored(spec, 'trades', whole))).toEqual([])
})

test('what only a key would bring is named at the end, once all archives are stored', async () => {
  const spec = traded({ market: 'um' })
  const other = { ...spec, symbol: 'BUSDT', base: 'B' }
  const exchange = await exchangeOf(spec, {}, other)
  const at = await bench(exchange)
  const words = ['trades', '--market', 'um', '--kind', 'raw', '--symbols', 'AUSDT,BUSDT', '--source', 'auto']
  const span = { startMs: Date.parse('2024-05-18T12:00Z'), endMs: lastMinuteMs }
  const run = await at.run([...words, '--start', isoTime(span.startMs), '--end', isoTime(span.endMs)])
  expect(tail(run)).toStartWith('exit 2')
  const { errors, unsettled } = run.result()
  expect(errors).toEqual([expect.stringContaining('answers only with an API key; set BINANCE_API_KEY')])
  expect(unsettled.map(({ series }) => series).sort()).toEqual(['um/trades/AUSDT', 'um/trades/BUSDT'])
  const both = (to: Span): Expectation[] => [spec, other].flatMap((one) => stored(one, 'trades', to))
  for (const { end, reason, start } of unsettled) {
    expect([end, reason]).toEqual([isoTime(span.endMs), errors[0] ?? ''])
    expect(Date.parse(start)).toBeGreaterThan(Date.parse('2024-05-20T00:00Z'))
    const had = { startMs: span.startMs, endMs: Date.parse(start) }
    expect(await differences(at.contents, both(had))).toEqual([])
  }
  const keyed = await at.run(words, { env: { BINANCE_API_KEY: RIG_API_KEY } })
  expect(tail(keyed)).toStartWith('exit 0')
  expect(await differences(at.contents, both(span))).toEqual([])
})
