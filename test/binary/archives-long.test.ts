// Candles that are longer than a day, which archives hold by months only and which begin in the middle of
// them; and symbols of which nothing is left but archives.
import { afterAll, afterEach, describe, expect, test } from 'bun:test'
import { countPlaces, DAY_MS } from '../../src/core/calendar.ts'
import type { Period } from '../../src/core/series.ts'
import { isoTime, minus } from '../../src/core/span.ts'
import { ARCHIVED_NOW_MS, archivedExchange } from '../rig/archive-bench.ts'
import { type Bench, bench, plainSymbol } from '../rig/bench.ts'
import { differences, type Expectation } from '../rig/compare-store.ts'
import { removeWorkFolders, tail } from '../rig/run-petrosa.ts'
import type { SpawnedExchange } from '../rig/spawn-exchange.ts'
import type { SymbolSpec } from '../rig/symbol-spec.ts'

afterAll(removeWorkFolders)
const running: SpawnedExchange[] = []
afterEach(() => Promise.all(running.splice(0).map((exchange) => exchange.stop())))

const listedAtMs = Date.parse('2022-05-20T10:00Z')
const span = { startMs: Date.parse('2022-01-01T00:00Z'), endMs: Date.parse('2025-01-01T00:00Z') }

async function place(...specs: readonly SymbolSpec[]): Promise<{ at: Bench; exchange: SpawnedExchange }> {
  const exchange = await archivedExchange(specs)
  running.push(exchange)
  return { at: await bench(exchange), exchange }
}

const flagsOf = ({ market, symbol }: SymbolSpec, period: Period, source: string): string[] => [
  ...['--market', market, '--symbols', symbol, '--period', period, '--source', source],
]

describe('periods that do not end with a month', () => {
  test.each([
    ['3d', 'archive'],
    ['1w', 'archive'],
    ['1M', 'archive'],
    ['3d', 'auto'],
    ['1w', 'auto'],
  ] as const)('%s from archives (%s): exact, and no outage where a month begins', async (period, source) => {
    const spec = plainSymbol('LONGUSDT', { market: 'um', listedAtMs })
    const { at } = await place(spec)
    const range = ['--start', isoTime(span.startMs), '--end', isoTime(span.endMs)]
    const run = await at.klines([...flagsOf(spec, period, source), ...range])
    expect(tail(run)).toStartWith('exit 0')
    expect(run.result().unsettled).toEqual([])
    const ledger = await at.contents.ledger({ market: 'um', dataset: 'klines', symbol: 'LONGUSDT', period })
    const outages = ledger.filter(({ verdict }) => verdict === 'outage')
    // A week that was not over when its month was filed is in no archive.
    const isFiled = period !== '1w' || source !== 'archive'
    expect(outages.filter((row) => isFiled || countPlaces(period, row) === 0)).toEqual([])
    const spans = minus([span], outages)
    const stored: Expectation = { spec, period, spans, closedBeforeMs: ARCHIVED_NOW_MS }
    expect(await differences(at.contents, [stored])).toEqual([])
  })
})

describe('what only archives could have', () => {
  test('a contract that ended long ago is settled as delisted, and asked for no more', async () => {
    const gone = { endsAtMs: ARCHIVED_NOW_MS - 300 * DAY_MS, onlyInArchives: true }
    const spec = plainSymbol('GONEUSDT', { market: 'um', listedAtMs, ...gone })
    const { at, exchange } = await place(spec, plainSymbol('BTCUSDT', { market: 'um' }))
    const run = await at.klines(flagsOf(spec, '1d', 'auto'))
    expect(tail(run)).toStartWith('exit 0')
    const series = { market: 'um', dataset: 'klines', symbol: 'GONEUSDT', period: '1d' } as const
    expect(await at.contents.ledger(series)).toMatchObject([{ verdict: 'delisted' }])
    await exchange.resetCounts()
    const again = await at.klines(flagsOf(spec, '1d', 'auto'))
    expect(tail(again)).toStartWith('exit 0')
    // Those that find the symbol, by months and by days.
    expect((await exchange.counts()).archives.listings).toBe(2)
  })

  test('a symbol whose archives were never made is told of', async () => {
    const spec = plainSymbol('NEWUSDT', { listedAtMs: ARCHIVED_NOW_MS - 2 * DAY_MS })
    const { at } = await place(spec, plainSymbol('BTCUSDT'))
    const run = await at.klines([...flagsOf(spec, '1M', 'archive'), '--start', '2024-01-01'])
    expect(tail(run)).toStartWith('exit 3')
    expect(run.result().unsettled[0]?.reason).toBe('no archive of it is published yet')
  })
})
