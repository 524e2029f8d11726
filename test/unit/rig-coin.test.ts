// COIN-M at the local exchange: windows of 200 days, the newest rows of a window, contracts and coins, and
// contracts that are delivered and forgotten (reference 4.2, 5 and 6.4).
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { DAY_MS } from '../../src/core/calendar.ts'
import { periods } from '../../src/core/series.ts'
import { deliveryMs, indexSpecOf, pairOf } from '../rig/contracts.ts'
import { type LocalExchange, startExchange } from '../rig/exchange.ts'
import { type Candle, candle, candles, expectedRows, type SymbolSpec } from '../rig/market.ts'
import { candleJson } from '../rig/page-bytes.ts'

const minute = 60_000
const nowMs = Date.parse('2024-03-22T10:00:30Z')
const nowMinuteMs = nowMs - 30_000
const listedAtMs = Date.parse('2020-08-10T07:00Z')
const endsAtMs = Date.parse('2024-03-29T08:00Z')
const goneAtMs = endsAtMs + 7 * DAY_MS

const btc: SymbolSpec = { market: 'cm', symbol: 'BTCUSD_PERP', base: 'BTC', quote: 'USD', listedAtMs }
const eth: SymbolSpec = {
  ...btc,
  symbol: 'ETHUSD_PERP',
  base: 'ETH',
  digits: { price: 180_000, priceDecimals: 2 },
}
const march: SymbolSpec = { ...btc, symbol: 'BTCUSD_240329', endsAtMs, goneAtMs }
const settled: SymbolSpec = { ...eth, symbol: 'LTCUSD_PERP', base: 'LTC', endsAtMs: nowMinuteMs - DAY_MS }
const tether: SymbolSpec = { ...march, market: 'um', symbol: 'BTCUSDT_240329', quote: 'USDT' }
const symbols = [btc, eth, march, settled, tether]

let exchange: LocalExchange
beforeAll(async () => {
  exchange = await startExchange({ symbols, clock: { manualMs: nowMs }, limits: { cm: 100_000 }, graceMs: 0 })
})
afterAll(() => exchange.stop())
beforeEach(() => {
  exchange.setNowMs(nowMs)
  exchange.resetCounts()
})

type Row = (string | number)[]
const get = (path: string): Promise<Response> => fetch(exchange.url + path)
async function opens(query: string): Promise<number[]> {
  const response = await get(`/dapi/v1/klines?symbol=BTCUSD_PERP&${query}`)
  expect(response.status).toBe(200)
  return ((await response.json()) as Row[]).map((row) => Number(row[0]))
}
async function refusal(path: string): Promise<{ status: number; code: number; msg: string }> {
  const response = await get(path)
  return { status: response.status, ...((await response.json()) as { code: number; msg: string }) }
}
const from = (startMs: number, count: number, stepMs = minute): number[] =>
  Array.from({ length: count }, (_, i) => startMs + i * stepMs)

describe('windows', () => {
  const startMs = Date.parse('2023-01-01T00:00Z')

  test('bounds are included, and compare with the open time', async () => {
    expect(await opens(`interval=1m&startTime=${startMs}&endTime=${startMs}`)).toEqual([startMs])
    expect(await opens(`interval=1m&startTime=${startMs + 1}&endTime=${startMs + minute}`)).toEqual([
      startMs + minute,
    ])
    expect(await opens(`interval=1m&startTime=${startMs + 1}&endTime=${startMs + 2}`)).toEqual([])
  })

  test('with more rows than the limit, the newest up to the end come back, oldest first', async () => {
    const endMs = startMs + 1_000 * minute
    const query = `interval=1m&startTime=${startMs}&endTime=${endMs}`
    expect(await opens(query)).toEqual(from(endMs - 499 * minute, 500))
    expect(await opens(`${query}&limit=3`)).toEqual(from(endMs - 2 * minute, 3))
    expect(await opens(`${query}&limit=1500`)).toEqual(from(startMs, 1_001))
  })

  test('only a start: 200 days from it, or up to now', async () => {
    expect(await opens(`interval=1d&startTime=${startMs}`)).toEqual(from(startMs, 201, DAY_MS))
    expect(await opens(`interval=1h&startTime=${startMs}&limit=2`)).toEqual(
      from(startMs + 200 * DAY_MS - 3_600_000, 2, 3_600_000),
    )
    const lateMs = nowMinuteMs - 5 * minute
    expect(await opens(`interval=1m&startTime=${lateMs}&limit=3`)).toEqual(from(nowMinuteMs - 2 * minute, 3))
    expect(await opens(`interval=1m&startTime=${nowMs + minute}`)).toEqual([])
  })

  test('only an end: 200 days up to it; nothing that is older', async () => {
    const endMs = startMs + 300 * DAY_MS
    expect(await opens(`interval=1d&endTime=${endMs}`)).toEqual(from(endMs - 200 * DAY_MS, 201, DAY_MS))
  })

  test('neither: the newest rows, however far back they reach', async () => {
    const todayMs = Date.parse('2024-03-22Z')
    expect(await opens('interval=1d')).toEqual(from(todayMs - 499 * DAY_MS, 500, DAY_MS))
  })

  test('more than 200 days are -4088, 200 are not; an end before the start is -1023', async () => {
    const path = `/dapi/v1/klines?symbol=BTCUSD_PERP&interval=1d&startTime=${startMs}`
    expect((await get(`${path}&endTime=${startMs + 200 * DAY_MS}`)).status).toBe(200)
    expect(await refusal(`${path}&endTime=${startMs + 200 * DAY_MS + 1}`)).toEqual({
      status: 400,
      code: -4088,
      msg: 'Maximum time interval is 200 days.',
    })
    expect(await refusal(`${path}&endTime=${startMs - 1}`)).toMatchObject({ status: 400, code: -1023 })
  })

  test('USD-M knows no such window, and answers the oldest', async () => {
    const query = `symbol=BTCUSDT_240329&interval=1d&startTime=${startMs}&endTime=${nowMs}&limit=2`
    const rows = (await (await get(`/fapi/v1/klines?${query}`)).json()) as Row[]
    expect(rows.map((row) => row[0])).toEqual(from(startMs, 2, DAY_MS))
  })

  test('the unfinished candle is the last row, and becomes what it was to be', async () => {
    const query = `/dapi/v1/klines?symbol=BTCUSD_PERP&interval=1m&startTime=${nowMinuteMs}`
    const early = await (await get(query)).text()
    exchange.setNowMs(nowMinuteMs + minute - 1)
    await get(query)
    exchange.setNowMs(nowMinuteMs + minute)
    const [late] = JSON.parse(await (await get(query)).text()) as Row[]
    expect(JSON.parse(early)).toHaveLength(1)
    expect(JSON.stringify(late)).toBe(candleJson(candle(btc, '1m', nowMinuteMs) as Candle))
    expect(early).not.toBe(`[${JSON.stringify(late)}]`)
  })
})

test('limits, weights and refusals are those of futures', async () => {
  const path = '/dapi/v1/klines?symbol=BTCUSD_PERP&interval=1m'
  const weights: number[] = []
  for (const limit of [1, 99, 100, 499, 500, 1_000, 1_001, 1_500]) {
    exchange.resetCounts()
    expect((await get(`${path}&limit=${limit}`)).status).toBe(200)
    weights.push(exchange.counts().weight.cm)
  }
  expect(weights).toEqual([1, 1, 2, 2, 5, 5, 10, 10])
  expect(await refusal(`${path}&limit=1501`)).toMatchObject({ status: 400, code: -1130 })
  expect(await refusal('/dapi/v1/klines?symbol=BTCUSD_PERP&interval=1s')).toMatchObject({ code: -1120 })
  expect(await refusal('/dapi/v1/klines?symbol=BTCUSD&interval=1m')).toMatchObject({ code: -1121 })
  expect(await refusal('/dapi/v1/klines?symbol=btcusd_perp&interval=1m')).toMatchObject({ code: -1100 })
  expect(await refusal('/dapi/v1/klines?pair=BTCUSD&interval=1m')).toMatchObject({ code: -1102 })
  expect(exchange.counts().weight).toMatchObject({ spot: 0, um: 0 })
})

test('/ping and /time weigh 1, on the own count of COIN-M', async () => {
  expect(await (await get('/dapi/v1/ping')).json()).toEqual({})
  const response = await get('/dapi/v1/time')
  expect(await response.json()).toEqual({ serverTime: nowMs })
  expect(exchange.counts().weight).toEqual({ spot: 0, um: 0, cm: 2 })
})

describe('exchangeInfo', () => {
  type Info = { serverTime: number; symbols: Record<string, unknown>[]; rateLimits: unknown[] }
  const info = async (root = '/dapi/v1'): Promise<Info> =>
    (await (await get(`${root}/exchangeInfo`)).json()) as Info
  const names = async (): Promise<unknown[]> => (await info()).symbols.map((each) => each.symbol)

  test('tells contracts by pair, kind, size and dates, and their state under a name of its own', async () => {
    const { symbols: shown, serverTime } = await info()
    expect(shown).toMatchObject([
      { symbol: 'BTCUSD_PERP', pair: 'BTCUSD', contractType: 'PERPETUAL', contractSize: 100 },
      { symbol: 'ETHUSD_PERP', pair: 'ETHUSD', contractSize: 10, deliveryDate: 4_133_404_800_000 },
      { symbol: 'BTCUSD_240329', pair: 'BTCUSD', contractType: 'CURRENT_QUARTER', deliveryDate: endsAtMs },
      { symbol: 'LTCUSD_PERP', contractStatus: 'SETTLING', deliveryDate: settled.endsAtMs },
    ])
    expect(shown[0]).toMatchObject({ contractStatus: 'TRADING', onboardDate: listedAtMs, marginAsset: 'BTC' })
    expect(shown[0]).not.toHaveProperty('status')
    expect(nowMs - serverTime).toBe(22 * 3_600_000)
    expect(exchange.counts().weight.cm).toBe(1)
  })

  test('a delivered contract is listed for a while, then forgotten, and -1121 to whoever asks', async () => {
    const klines = '/dapi/v1/klines?symbol=BTCUSD_240329&interval=1h&limit=1'
    exchange.setNowMs(endsAtMs)
    expect((await info()).symbols[2]).toMatchObject({
      contractType: 'CURRENT_QUARTER DELIVERING',
      contractStatus: 'DELIVERING',
    })
    exchange.setNowMs(goneAtMs - 1)
    expect(await names()).toContain('BTCUSD_240329')
    expect((await get(klines)).status).toBe(200)
    exchange.setNowMs(goneAtMs)
    expect(await names()).toEqual(['BTCUSD_PERP', 'ETHUSD_PERP', 'LTCUSD_PERP'])
    expect(await refusal(klines)).toMatchObject({ status: 400, code: -1121 })
    expect((await info('/fapi/v1')).symbols).toEqual([])
    expect(await refusal('/fapi/v1/klines?symbol=BTCUSDT_240329&interval=1h')).toMatchObject({ code: -1121 })
  })

  test('USD-M tells the pair of a delivery contract too', async () => {
    expect((await info('/fapi/v1')).symbols).toMatchObject([
      { symbol: 'BTCUSDT_240329', pair: 'BTCUSDT', contractType: 'CURRENT_QUARTER', status: 'TRADING' },
    ])
  })
})

describe('candles', () => {
  const day = { startMs: Date.parse('2023-06-12Z'), endMs: Date.parse('2023-06-13Z') }
  const week = { startMs: day.startMs, endMs: day.startMs + 7 * DAY_MS }
  const units = (text: string): bigint => {
    const [whole = '', fraction = ''] = text.split('.')
    return BigInt(whole + fraction.padEnd(8, '0'))
  }
  const sum = (rows: readonly Candle[], field: 'volume' | 'quoteVolume' | 'takerBase' | 'takerQuote') =>
    rows.reduce((total, row) => total + units(row[field]), 0n)

  test('count volume in whole contracts, and their worth in coins', () => {
    for (const [spec, size] of [[btc, 100] as const, [eth, 10] as const]) {
      for (const row of candles(spec, '1h', day)) {
        expect([row.volume, row.takerBase].join()).toMatch(/^\d+,\d+$/)
        expect(row.quoteVolume).toMatch(/^\d+\.\d{1,8}$/)
        const coins = (Number(row.volume) * size) / Number(row.close)
        expect(Math.abs(Number(row.quoteVolume) / coins - 1)).toBeLessThan(0.05)
        expect(units(row.takerQuote) <= units(row.quoteVolume)).toBeTrue()
      }
    }
  })

  test('of every period are the sums of the minutes they are made of', () => {
    const minutes = candles(eth, '1m', week)
    expect(sum(minutes, 'volume')).toBeGreaterThan(0n)
    const made = periods.filter((period) => !['1s', '3d', '1M'].includes(period))
    for (const period of made) {
      const rows = candles(eth, period, week)
      for (const field of ['volume', 'quoteVolume', 'takerBase', 'takerQuote'] as const)
        expect([period, sum(rows, field)]).toEqual([period, sum(minutes, field)])
    }
  })

  test('end with the delivery, or go on flat after a settlement, unstored', () => {
    const last = { startMs: endsAtMs - 10 * 3_600_000, endMs: endsAtMs + 10 * 3_600_000 }
    for (const spec of [march, tether]) {
      expect(candles(spec, '1h', last)).toHaveLength(10)
      expect(candles(spec, '1d', last).at(-1)?.openMs).toBe(Date.parse('2024-03-29Z'))
      expect(expectedRows(spec, '1h', last, Infinity).count).toBe(10)
    }
    const after = { startMs: nowMinuteMs - DAY_MS - 7_200_000, endMs: nowMinuteMs }
    const rows = candles(settled, '1h', after)
    expect(rows).toHaveLength(26)
    expect(rows.slice(2).every((row) => row.volume === '0' && row.quoteVolume === '0')).toBeTrue()
    expect(expectedRows(settled, '1h', after, Infinity).count).toBe(2)
  })

  test('are what a store must hold, as numbers', () => {
    const rows = expectedRows(btc, '1h', day, Infinity)
    candles(btc, '1h', day).forEach((row, i) => {
      expect(rows.columns[6]?.[i]).toBe(row.volume)
      expect(units(String(rows.columns[7]?.[i]))).toBe(units(row.quoteVolume))
      expect(rows.columns[9]?.[i]).toBe(row.takerBase)
    })
  })

  test('specs that cannot be are refused', () => {
    expect(() => candles({ ...btc, symbol: 'BTCUSD_240628' }, '1d', day)).toThrow('must end')
    expect(() => candles({ ...march, endsAtMs: endsAtMs + 1 }, '1d', day)).toThrow('must end')
    expect(() => candles({ ...btc, digits: { volumeDecimals: 1 } }, '1d', day)).toThrow('whole contracts')
    expect(() => candles({ ...eth, digits: { price: 1 } }, '1d', day)).toThrow('exact sums')
  })
})

test('names tell pair and day; the perpetual contract speaks for the index of its pair', () => {
  const spot: SymbolSpec = { ...btc, market: 'spot', symbol: 'BTCUSD' }
  expect([btc, march, tether, spot].map(pairOf)).toEqual(['BTCUSD', 'BTCUSD', 'BTCUSDT', 'BTCUSD'])
  expect(deliveryMs('BTCUSD_240329')).toBe(endsAtMs)
  expect([deliveryMs('BTCUSD_PERP'), deliveryMs('BTCUSDT')]).toEqual([null, null])
  const old = { ...march, listedAtMs: 0 }
  expect(indexSpecOf([spot, old, btc, march], 'BTCUSD')).toBe(btc)
  expect(indexSpecOf([march, old], 'BTCUSD')).toBe(old)
  expect(indexSpecOf(symbols, 'BTCUSDT')).toBe(tether)
  expect(indexSpecOf(symbols, 'XRPUSD')).toBeUndefined()
})
