// What archives alone tell, where the API is out of reach: what they lack is asked of the API by the first
// pass that reaches it, once; and symbols whose archives have ended long ago are over.
import { afterAll, afterEach, describe, expect, test } from 'bun:test'
import { DAY_MS, HOUR_MS } from '../../src/core/calendar.ts'
import type { LedgerRow } from '../../src/core/ledger.ts'
import { isoTime, type Span } from '../../src/core/span.ts'
import { type Bench, bench, NO_LIMITS, plainSymbol } from '../rig/bench.ts'
import { differences } from '../rig/compare-store.ts'
import { expectedTrades } from '../rig/expected-trades.ts'
import type { Faults } from '../rig/faults.ts'
import { type Run, removeWorkFolders, tail } from '../rig/run-petrosa.ts'
import { type SpawnedExchange, spawnExchange } from '../rig/spawn-exchange.ts'
import type { SymbolSpec } from '../rig/symbol-spec.ts'

afterAll(removeWorkFolders)
const running: SpawnedExchange[] = []
afterEach(() => Promise.all(running.splice(0).map((exchange) => exchange.stop())))

const nowMs = Date.parse('2024-05-22T13:37:30Z')
const spanOf = (start: string, end: string): Span => ({ startMs: Date.parse(start), endMs: Date.parse(end) })
const rangeOf = ({ startMs, endMs }: Span): string[] => [
  ...['--start', isoTime(startMs), '--end', isoTime(endMs)],
]

async function exchangeOf(symbols: readonly SymbolSpec[], faults: Faults = {}): Promise<SpawnedExchange> {
  const exchange = await spawnExchange({ symbols, clock: { manualMs: nowMs }, limits: NO_LIMITS, faults })
  running.push(exchange)
  return exchange
}

/** A run that ends well, and how many pages of rows it asked the API for. */
async function asking(exchange: SpawnedExchange, run: Promise<Run>): Promise<{ run: Run; pages: number }> {
  await exchange.resetCounts()
  const ended = await run
  const { byEndpoint } = await exchange.counts()
  const pages = Object.entries(byEndpoint)
    .filter(([path]) => /rades|klines/.test(path))
    .reduce((sum, [, count]) => sum + count, 0)
  expect(tail(ended)).toStartWith('exit 0')
  return { run: ended, pages }
}

const emptyOf = (ledger: readonly LedgerRow[]): readonly LedgerRow[] =>
  ledger.filter(({ verdict }) => verdict !== 'rows')

const blocked: Faults = { geoBlocked: ['spot', 'um', 'cm'] }

/** What two passes are asked for: the first is without the API. */
const firsts = [
  ['--source archive', {}, 'archive'],
  ['the API blocked', blocked, 'auto'],
] as const
const seconds = [
  ['a pass', (words: string[]) => words],
  ['gaps --fill', () => ['gaps', '--fill', '--end', '2024-05-17']],
] as const

describe.each(firsts)('%s: what the archive lacks', (_, faults, source) => {
  test.each(seconds)('of trades is asked of the API by %s, once', async (_name, second) => {
    const span = spanOf('2024-05-12', '2024-05-17')
    const spec = plainSymbol('AUSDT', { trades: { perMinute: 3, firstId: 7_000, firstAggId: 5_000 } })
    const lackedMs = Date.parse('2024-05-14T05:00Z')
    const key = 'data/spot/daily/aggTrades/AUSDT/AUSDT-aggTrades-2024-05-14.zip'
    const lacked = { startMs: lackedMs, endMs: lackedMs + HOUR_MS }
    const rule = { kind: 'missing-rows', key, fromMs: lacked.startMs, toMs: lacked.endMs } as const
    const archives = { archives: { rules: [rule] } }
    const exchange = await exchangeOf([spec], { ...faults, ...archives })
    const at = await bench(exchange)
    const words = (from: string): string[] => [
      ...['trades', '--symbols', 'AUSDT', '--source', from],
      ...rangeOf(span),
    ]
    expect((await asking(exchange, at.run(words(source)))).pages).toBe(0)
    const series = { market: 'spot', dataset: 'agg-trades', symbol: 'AUSDT', period: null } as const
    const ids = (expectedTrades(spec, 'agg', lacked).columns[0] ?? []).map(String)
    const reason = `the archive does not have the ids ${ids[0]} to ${ids.at(-1)}; the API was not asked`
    expect(emptyOf(await at.contents.ledger(series))).toMatchObject([
      { verdict: 'no-trades', source: 'archive', asked: 0, reason },
    ])
    // Without the API it stays so, and is explained.
    expect((await asking(exchange, at.run(words('archive')))).run.result().archives).toBe(0)
    expect(tail(await at.run(['gaps', '--end', '2024-05-17', '--source', 'archive']))).toStartWith('exit 0')
    await exchange.setFaults(archives)
    const filled = await asking(exchange, at.run(second(words('auto')), { env: { SOURCE: 'auto' } }))
    expect(filled.run.result()).toMatchObject({ rows_written: ids.length, archives: 0 })
    expect(filled.pages).toBeLessThanOrEqual(2)
    const stored = [{ spec, dataset: 'agg-trades', spans: [span], closedBeforeMs: nowMs }] as const
    expect(await differences(at.contents, stored)).toEqual([])
    for (const again of [words('auto'), ['gaps', '--fill', '--end', '2024-05-17']])
      expect((await asking(exchange, at.run(again, { env: { SOURCE: 'auto' } }))).pages).toBe(0)
  })

  test.each(seconds)('of candles is asked of the API by %s, once', async (_name, second) => {
    const span = spanOf('2024-05-12', '2024-05-17')
    const day = Date.parse('2024-05-14T00:00Z')
    const outage = { startMs: day + 9 * HOUR_MS, endMs: day + 10 * HOUR_MS }
    const spec = plainSymbol('AUSDT', { outages: [outage] })
    const key = 'data/spot/daily/klines/AUSDT/1m/AUSDT-1m-2024-05-14.zip'
    const rule = { kind: 'missing-rows', key, fromMs: day, toMs: day + HOUR_MS } as const
    const archives = { archives: { rules: [rule] } }
    const exchange = await exchangeOf([spec], { ...faults, ...archives })
    const at = await bench(exchange)
    const words = (from: string): string[] => [
      ...['klines', '--symbols', 'AUSDT', '--period', '1m', '--source', from],
      ...rangeOf(span),
    ]
    expect((await asking(exchange, at.run(words(source)))).pages).toBe(0)
    const series = { market: 'spot', dataset: 'klines', symbol: 'AUSDT', period: '1m' } as const
    const reason = 'its archive has no candle here; the API was not asked'
    const alone = { verdict: 'outage', source: 'archive', asked: 0, reason }
    expect(emptyOf(await at.contents.ledger(series))).toMatchObject([alone, { ...alone, ...outage }])
    await exchange.setFaults(archives)
    const filled = await asking(exchange, at.run(second(words('auto')), { env: { SOURCE: 'auto' } }))
    expect(filled.run.result()).toMatchObject({ rows_written: 60, archives: 0 })
    const stored = [{ spec, period: '1m', spans: [span], closedBeforeMs: nowMs }] as const
    expect(await differences(at.contents, stored)).toEqual([])
    expect(emptyOf(await at.contents.ledger(series))).toMatchObject([
      { ...outage, verdict: 'outage', source: 'rest' },
    ])
    for (const again of [words('auto'), ['gaps', '--fill', '--end', '2024-05-17']])
      expect((await asking(exchange, at.run(again, { env: { SOURCE: 'auto' } }))).pages).toBe(0)
  })
})

test('a pattern without the API: symbols whose archives have ended long ago are over, not late', async () => {
  const ended = plainSymbol('OLDUSDT', { endsAtMs: nowMs - 300 * DAY_MS, onlyInArchives: true })
  const young = plainSymbol('NEWUSDT')
  const exchange = await exchangeOf([ended, young], blocked)
  const at = await bench(exchange)
  const flags = ['--symbols', '*USDT', '--period', '1h', '--source', 'auto']
  const until = async (span: Span): Promise<Run> => at.klines([...flags, ...rangeOf(span)])
  const run = await until(spanOf('2023-07-01', '2024-05-01'))
  expect(tail(run)).toStartWith('exit 0')
  const series = { market: 'spot', dataset: 'klines', symbol: 'OLDUSDT', period: '1h' } as const
  expect((await at.contents.ledger(series)).at(-1)).toMatchObject({
    verdict: 'delisted',
    endMs: Date.parse('2024-05-01T00:00Z'),
    source: 'archive',
  })
  // Without an end only what trades is late: the archives go by no clock of this machine.
  expect(await late(at, [...flags, '--start', '2024-05-01'])).toEqual(['spot/klines/NEWUSDT/1h'])
  expect(await late(at, flags)).toEqual(['spot/klines/NEWUSDT/1h'])
})

/** The series that a pass leaves open. */
async function late(at: Bench, flags: readonly string[]): Promise<string[]> {
  const run = await at.klines(flags)
  expect(tail(run)).toStartWith('exit 3')
  return [...new Set(run.result().unsettled.map(({ series }) => series))]
}
