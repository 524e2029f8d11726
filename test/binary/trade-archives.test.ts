// Trades from archives as a user fetches them: a part of a month, files that end too early, spans older than
// the API reaches, and ids that no source has. Nothing is fetched that was not asked for, and nothing lost.
import { afterAll, afterEach, expect, test } from 'bun:test'
import { DAY_MS, MINUTE_MS } from '../../src/core/calendar.ts'
import { isoTime, type Span } from '../../src/core/span.ts'
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

async function exchangeOf(spec: SymbolSpec, faults: Faults = {}): Promise<SpawnedExchange> {
  const exchange = await spawnExchange({
    symbols: [spec],
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
