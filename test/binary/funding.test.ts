// Funding rates as a user fetches them: all symbols of a market by one command, within a bucket of requests
// that no header shows, and again and again while time goes on.
import { afterAll, afterEach, describe, expect, test } from 'bun:test'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/core/calendar.ts'
import { isoTime } from '../../src/core/span.ts'
import { bench, NO_LIMITS, plainSymbol } from '../rig/bench.ts'
import { differences, type Expectation } from '../rig/compare-store.ts'
import type { ProcessOptions } from '../rig/exchange-process.ts'
import { removeWorkFolders, tail } from '../rig/run-petrosa.ts'
import { type SpawnedExchange, spawnExchange } from '../rig/spawn-exchange.ts'
import type { SymbolSpec } from '../rig/symbol-spec.ts'

afterAll(removeWorkFolders)
const running: SpawnedExchange[] = []
afterEach(() => Promise.all(running.splice(0).map((exchange) => exchange.stop())))

async function exchangeWith(options: ProcessOptions): Promise<SpawnedExchange> {
  const exchange = await spawnExchange(options)
  running.push(exchange)
  return exchange
}

const nowMs = Date.parse('2024-03-22T13:37:30Z')
const perpetual = (symbol: string, rest: Partial<SymbolSpec> = {}): SymbolSpec =>
  plainSymbol(symbol, { market: 'um', ...rest })
const ratesOf = (specs: readonly SymbolSpec[], startMs: number, endMs: number): readonly Expectation[] =>
  specs.map((spec) => ({ spec, dataset: 'funding', spans: [{ startMs, endMs }], closedBeforeMs: endMs }))

describe('all symbols of a market by one command', () => {
  const deliveryMs = Date.parse('2024-03-29T08:00Z')
  const symbols = [
    ...Array.from({ length: 12 }, (_, i) => perpetual(`${String.fromCharCode(65 + i)}USDT`)),
    perpetual('BTCUSDT_240329', { endsAtMs: deliveryMs }),
    perpetual('GONEUSDT', { status: 'SETTLING', endsAtMs: nowMs - DAY_MS }),
  ]

  test('those that trade, exact, at a request each; contracts that are delivered have none', async () => {
    const exchange = await exchangeWith({ symbols, clock: { manualMs: nowMs }, limits: NO_LIMITS })
    const at = await bench(exchange)
    const startMs = nowMs - 30 * DAY_MS
    const words = ['funding', '--symbols', 'all', '--start', isoTime(startMs)]
    const run = await at.run(words)
    expect(tail(run)).toStartWith('exit 0')
    expect(run.result()).toMatchObject({ series: 13, unsettled: [], errors: [] })
    expect(await differences(at.contents, ratesOf(symbols.slice(0, 13), startMs, nowMs))).toEqual([])
    // One for each symbol, and one more for that which never had a rate.
    expect((await exchange.counts()).byEndpoint['/fapi/v1/fundingRate']).toBe(14)
    const again = await at.run(words)
    expect(again.result()).toMatchObject({ rows_fetched: 0, rows_written: 0, requests: 2 })
    expect((await exchange.counts()).fundingRequests).toBe(14)

    const every = await at.run([...words, '--status', 'all'])
    expect(every.result()).toMatchObject({ series: 14, unsettled: [] })
    expect(await differences(at.contents, ratesOf(symbols, startMs, nowMs))).toEqual([])
  })

  test('the bucket of requests is never exceeded: what does not fit waits for the next one', async () => {
    // A tiny share of 500 requests in five minutes; the next five begin in four seconds.
    const startMs = Date.parse('2024-03-22T13:39:56Z')
    const exchange = await exchangeWith({ symbols, clock: { startMs }, fundingLimit: 10 })
    const at = await bench(exchange)
    const from = startMs - 10 * DAY_MS
    const words = [
      'funding',
      '--symbols',
      'all',
      '--start',
      isoTime(from),
      '--end',
      isoTime(startMs - HOUR_MS),
    ]
    const run = await at.run([...words, '--weight-share', '0.02'])
    expect(tail(run)).toStartWith('exit 0')
    const counts = await exchange.counts()
    expect(counts).toMatchObject({ fundingRequests: 14, maxFundingRequests: 10, limited: 0, bans: 0 })
    expect(await differences(at.contents, ratesOf(symbols.slice(0, 13), from, startMs - HOUR_MS))).toEqual([])
  }, 30_000)
})

describe('while time goes on', () => {
  test('an hour costs a request where a rate came, two where none did, and each is there once', async () => {
    const spec = perpetual('RATEUSDT', {
      listedAtMs: nowMs - 5 * DAY_MS,
      funding: { intervals: [{ fromMs: Date.parse('2024-03-22T15:00Z'), hours: 1 }] },
    })
    const exchange = await exchangeWith({ symbols: [spec], clock: { manualMs: nowMs }, limits: NO_LIMITS })
    const at = await bench(exchange)
    const startMs = nowMs - 2 * DAY_MS
    const words = ['funding', '--symbols', 'RATEUSDT']
    expect(tail(await at.run([...words, '--start', isoTime(startMs)]))).toStartWith('exit 0')
    for (let hour = 1; hour <= 6; hour += 1) {
      // Half a minute after the hour the rate is there, and not yet taken for all that comes.
      const fullMs = Math.floor(nowMs / HOUR_MS) * HOUR_MS + hour * HOUR_MS
      for (const [laterMs, requests] of [
        [MINUTE_MS / 2, 2],
        // At 14 h there is none: a second answer has to say so.
        [3 * MINUTE_MS, hour === 1 ? 4 : 3],
        [20 * MINUTE_MS, 2],
      ] as const) {
        await exchange.setNowMs(fullMs + laterMs)
        const run = await at.run(words)
        expect(tail(run)).toStartWith('exit 0')
        expect(run.result().requests).toBe(requests)
      }
      const endMs = fullMs + 20 * MINUTE_MS
      expect(await differences(at.contents, ratesOf([spec], startMs, endMs))).toEqual([])
    }
  }, 30_000)
})
