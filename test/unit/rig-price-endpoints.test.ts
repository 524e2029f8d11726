// The endpoints of mark prices, indexes and premiums: windows, weights, pairs and refusals on both futures
// markets (reference 4, 5 and 6.4).
import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { DAY_MS } from '../../src/core/calendar.ts'
import { type LocalExchange, startExchange } from '../rig/exchange.ts'
import type { SymbolSpec } from '../rig/market.ts'
import { candleJson } from '../rig/page-bytes.ts'
import { type PriceDataset, priceCandles, priceDatasets } from '../rig/price-market.ts'

const minute = 60_000
const hour = 3_600_000
const nowMs = Date.parse('2024-03-22T10:00:30Z')
const nowMinuteMs = nowMs - 30_000
const listedAtMs = Date.parse('2020-08-10T07:00Z')
const hole = { startMs: Date.parse('2024-03-12T02:30Z'), endMs: Date.parse('2024-03-12T09:15Z') }
const um: SymbolSpec = {
  ...{ market: 'um', symbol: 'BTCUSDT', base: 'BTC', quote: 'USDT', listedAtMs },
  markHoles: [hole],
}
const cm: SymbolSpec = { ...um, market: 'cm', symbol: 'BTCUSD_PERP', quote: 'USD' }
const delivery: SymbolSpec = {
  ...cm,
  symbol: 'BTCUSD_240329',
  endsAtMs: Date.parse('2024-03-29T08:00Z'),
  goneAtMs: Date.parse('2024-04-05T08:00Z'),
}
const day = { startMs: Date.parse('2024-03-12Z'), endMs: Date.parse('2024-03-13Z') }
const paths: Readonly<Record<PriceDataset, string>> = {
  'mark-price-klines': 'markPriceKlines',
  'index-price-klines': 'indexPriceKlines',
  'premium-index-klines': 'premiumIndexKlines',
}
const every = [um, cm].flatMap((spec) => priceDatasets.map((dataset) => ({ spec, dataset })))

let exchange: LocalExchange
beforeAll(async () => {
  const limits = { um: 100_000, cm: 100_000 }
  exchange = await startExchange({ symbols: [delivery, um, cm], clock: { manualMs: nowMs }, limits })
})
afterAll(() => exchange.stop())
beforeEach(() => {
  exchange.setNowMs(nowMs)
  exchange.setFaults({})
  exchange.resetCounts()
})

const address = ({ market, symbol }: SymbolSpec, dataset: PriceDataset, query: string): string => {
  const pair = symbol.replace(/_PERP$/, '')
  const named = dataset === 'index-price-klines' ? `pair=${pair}` : `symbol=${symbol}`
  const root = market === 'cm' ? '/dapi/v1' : '/fapi/v1'
  return `${exchange.url}${root}/${paths[dataset]}?${named}&${query}`
}
const ask = async (spec: SymbolSpec, dataset: PriceDataset, query: string): Promise<unknown[][]> =>
  (await (await fetch(address(spec, dataset, query))).json()) as unknown[][]
const opens = async (spec: SymbolSpec, dataset: PriceDataset, query: string): Promise<unknown[]> =>
  (await ask(spec, dataset, query)).map(([openMs]) => openMs)
const refusal = async (path: string): Promise<unknown> => (await fetch(exchange.url + path)).json()

test('what is served is what was computed', async () => {
  for (const { spec, dataset } of every) {
    const query = `interval=15m&startTime=${day.startMs}&endTime=${day.endMs - 1}`
    const text = await (await fetch(address(spec, dataset, query))).text()
    expect(text).toBe(`[${priceCandles(spec, dataset, '15m', day).map(candleJson)}]`)
  }
  expect(exchange.counts().klinesRequests).toBe(6)
  expect(exchange.counts().rowsServed).toBe(2 * (96 + 96 + 69))
})

test('USD-M answers the oldest rows of a window, COIN-M the newest', async () => {
  const query = `interval=1h&startTime=${day.startMs}&endTime=${day.endMs - 1}&limit=2`
  for (const { spec, dataset } of every) {
    const firstMs = spec === um ? day.startMs : day.endMs - 2 * hour
    expect(await opens(spec, dataset, query)).toEqual([firstMs, firstMs + hour])
  }
})

test('COIN-M knows a window of 200 days for mark and index, none for the premium', async () => {
  const startMs = Date.parse('2023-01-01Z')
  const wide = `interval=1d&startTime=${startMs}&endTime=${startMs + 201 * DAY_MS}&limit=1500`
  for (const { spec, dataset } of every) {
    const isFree = spec === um || dataset === 'premium-index-klines'
    const body = await ask(spec, dataset, wide)
    if (isFree) expect(body).toHaveLength(202)
    else expect(body).toEqual({ code: -4088, msg: 'Maximum time interval is 200 days.' } as never)
    const fromStart = await opens(spec, dataset, `interval=1d&startTime=${startMs}&limit=1`)
    const lastMs = dataset === 'premium-index-klines' ? Date.parse('2024-03-22Z') : startMs + 200 * DAY_MS
    expect(fromStart).toEqual([spec === um ? startMs : lastMs])
  }
})

test('a page jumps over a hole of the mark price, and its last row is unfinished', async () => {
  const query = `interval=1m&startTime=${hole.startMs - minute}&limit=2`
  expect(await opens(um, 'mark-price-klines', query)).toEqual([hole.startMs - minute, hole.endMs])
  expect(await opens(um, 'index-price-klines', query)).toEqual([hole.startMs - minute, hole.startMs])
  for (const { spec, dataset } of every) {
    const [row] = await ask(spec, dataset, 'interval=1h&limit=1')
    const [whole] = priceCandles(spec, dataset, '1h', { startMs: nowMinuteMs, endMs: nowMs })
    expect(row?.[0]).toBe(nowMinuteMs)
    expect(row?.[8]).not.toBe(whole?.trades)
  }
})

test('weights and limits are those of klines', async () => {
  for (const { spec, dataset } of every) {
    const weights: number[] = []
    for (const limit of [99, 499, 1_000, 1_500]) {
      exchange.resetCounts()
      await ask(spec, dataset, `interval=1m&limit=${limit}`)
      weights.push(exchange.counts().weight[spec.market])
    }
    expect(weights).toEqual([1, 2, 5, 10])
    expect(await ask(spec, dataset, 'interval=1m&limit=1501')).toMatchObject({ code: -1130 })
    expect(await ask(spec, dataset, 'interval=1s')).toMatchObject({ code: -1120 })
  }
})

test('the index is asked for by pair, the others by symbol; a pair without contracts is -4144', async () => {
  expect(await refusal('/fapi/v1/indexPriceKlines?symbol=BTCUSDT&interval=1m')).toMatchObject({
    code: -1102,
  })
  expect(await refusal('/fapi/v1/markPriceKlines?pair=BTCUSDT&interval=1m')).toMatchObject({ code: -1102 })
  expect(await refusal('/dapi/v1/indexPriceKlines?pair=btcusd&interval=1m')).toMatchObject({ code: -1100 })
  expect(await refusal('/dapi/v1/indexPriceKlines?pair=BTCUSD_PERP&interval=1m')).toMatchObject({
    code: -4144,
  })
  expect(await refusal('/dapi/v1/markPriceKlines?symbol=BTCUSD&interval=1m')).toMatchObject({ code: -1121 })
  exchange.setNowMs(delivery.goneAtMs ?? 0)
  const gone = '/dapi/v1/markPriceKlines?symbol=BTCUSD_240329&interval=1m'
  expect(await refusal(gone)).toMatchObject({ code: -1121 })
})

test('a fault can be meant for a pair', async () => {
  exchange.setFaults({ refuse: [{ kind: 'error-503', symbol: 'BTCUSD' }] })
  const status = async (dataset: PriceDataset): Promise<number> =>
    (await fetch(address(cm, dataset, 'interval=1h&limit=1'))).status
  expect([await status('index-price-klines'), await status('mark-price-klines')]).toEqual([503, 200])
})
