// The outages of the real exchange, six years of them: each is found, is an outage and nothing else is, and
// the odd candles around them are kept as they were sent.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { HOUR_MS } from '../../src/core/calendar.ts'
import type { Period, Series } from '../../src/core/series.ts'
import { isoTime, type Span } from '../../src/core/span.ts'
import { type Bench, bench, NO_LIMITS } from '../rig/bench.ts'
import { differences } from '../rig/compare-store.ts'
import { punches } from '../rig/gap-bed.ts'
import { candle } from '../rig/market.ts'
import { spotOutages } from '../rig/outages.ts'
import { removeWorkFolders, tail } from '../rig/run-petrosa.ts'
import { scenarios } from '../rig/scenario.ts'
import { type SpawnedExchange, spawnExchange } from '../rig/spawn-exchange.ts'
import { sqliteDatabase } from '../rig/sqlite-database.ts'
import type { OddCandle, SymbolSpec } from '../rig/symbol-spec.ts'

const { nowMs, span, symbols } = scenarios.wholeHistory
const [plain] = symbols
if (!plain) throw new Error('the scenario has no symbol')

/** A candle as it is, but for its times. */
function odd(period: Period, openMs: number, closeMs: number): OddCandle {
  const regular = candle(plain as SymbolSpec, period, openMs)
  if (!regular) throw new Error(`no candle at ${isoTime(openMs)}`)
  return { ...regular, openMs, closeMs, period }
}

const firstHours = Date.parse('2018-02-09T10:00Z')
/** Reference 7.2 and 7.5: candles cut short by an outage, and days that opened at HH:28:15 after one. */
const oddCandles: readonly OddCandle[] = [
  odd('1h', Date.parse('2018-01-04T03:00Z'), Date.parse('2018-01-04T03:14:14.838Z')),
  odd('1h', Date.parse('2018-02-08T00:00Z'), Date.parse('2018-02-08T00:28:14.788Z')),
  ...[0, 1, 2, 3].map((hour) => {
    const openMs = firstHours + hour * HOUR_MS + 28 * 60_000 + 15_000
    return odd('1h', openMs, openMs + HOUR_MS - 1)
  }),
]
const spec: SymbolSpec = { ...plain, odd: oddCandles }
const series: Series = { market: 'spot', dataset: 'klines', symbol: 'BTCUSDT', period: '1h' }
const expected = [{ spec, period: '1h', spans: [span], closedBeforeMs: span.endMs }] as const

let exchange: SpawnedExchange
let here: Bench
beforeAll(async () => {
  exchange = await spawnExchange({ symbols: [spec], clock: { manualMs: nowMs }, limits: NO_LIMITS })
  here = await bench(exchange)
}, 60_000)
afterAll(async () => {
  await exchange.stop()
  await removeWorkFolders()
})

async function gaps(flags: readonly string[], exitCode: number): Promise<[string, string, string][]> {
  const ended = await here.start(['gaps', ...flags]).ended
  expect(tail(ended)).toStartWith(`exit ${exitCode}\n`)
  return (ended.result().gaps ?? []).map(({ start, end, verdict }) => [start, end, verdict])
}

const as = (verdict: string, spans: readonly Span[]): [string, string, string][] =>
  spans.map(({ startMs, endMs }) => [isoTime(startMs), isoTime(endMs), verdict])

test('each outage of the list is an outage, and nothing else is a gap', async () => {
  const flags = ['--symbols', 'BTCUSDT', '--period', '1h', '--start', isoTime(span.startMs)]
  expect(tail(await here.klines(flags))).toStartWith('exit 0')
  expect(spotOutages.length).toBeGreaterThan(25)
  expect(await gaps([], 0)).toEqual(as('outage', spotOutages))
  expect(await differences(here.contents, expected)).toEqual([])
}, 60_000)

test('forgotten, they are missing until the exchange is asked; then each is an outage again', async () => {
  const hand = punches(sqliteDatabase, here.uri)
  for (const outage of spotOutages) await hand.deleteLedger(series, outage)
  expect(await gaps([], 3)).toEqual(as('missing', spotOutages))
  expect(await gaps(['--fill'], 0)).toEqual(as('outage', spotOutages))
  expect(await gaps(['--fill'], 0)).toEqual(as('outage', spotOutages))
  expect(await differences(here.contents, expected)).toEqual([])
}, 60_000)
