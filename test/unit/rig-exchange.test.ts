// The local exchange over HTTP: bounds, limits, weights, refusals and counters, as reference 2 to 7 describe
// them.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { advance } from '../../src/core/calendar.ts'
import { type LocalExchange, startExchange } from '../rig/exchange.ts'
import { candle, type SymbolSpec } from '../rig/market.ts'
import { candleJson } from '../rig/page-bytes.ts'

const minute = 60_000
const nowMs = Date.parse('2024-03-22T10:00:30Z')
const nowMinuteMs = nowMs - 30_000
const listedAtMs = Date.parse('2024-01-01Z')
const btc: SymbolSpec = { market: 'spot', symbol: 'BTCUSDT', base: 'BTC', quote: 'USDT', listedAtMs }
const outage = { startMs: Date.parse('2024-02-01Z'), endMs: Date.parse('2024-02-03Z') }
const symbols: SymbolSpec[] = [
  { ...btc, outages: [outage] },
  { ...btc, symbol: '币安人生USDT', base: '币安人生' },
  { ...btc, symbol: 'GONEUSDT', base: 'GONE', status: 'BREAK', endsAtMs: listedAtMs + 86_400_000 },
  { ...btc, symbol: 'SOONUSDT', base: 'SOON', listedAtMs: nowMs + 1 },
  { ...btc, market: 'um' },
  { ...btc, market: 'um', symbol: 'ENDEDUSDT', endsAtMs: listedAtMs + 86_400_000 },
  { ...btc, market: 'um', symbol: 'OLDUSDT', inExchangeInfo: false },
]

let exchange: LocalExchange
beforeAll(async () => {
  exchange = await startExchange({ symbols, clock: { manualMs: nowMs }, graceMs: 0 })
})
afterAll(() => exchange.stop())
let minutesOn = 0
beforeEach(() => {
  // Each test has the weight of a minute to itself; the minute stands still in between.
  minutesOn = 0
  exchange.setNowMs(nowMs)
  exchange.resetCounts()
})

type Row = (string | number)[]
const get = (path: string): Promise<Response> => fetch(exchange.url + path)
async function opens(query: string, market = 'spot'): Promise<number[]> {
  const path = market === 'spot' ? '/api/v3/klines' : '/fapi/v1/klines'
  const response = await get(`${path}?symbol=BTCUSDT&${query}`)
  expect(response.status).toBe(200)
  return ((await response.json()) as Row[]).map((row) => Number(row[0]))
}
async function refusal(path: string): Promise<{ status: number; code: number; msg: string }> {
  const response = await get(path)
  return { status: response.status, ...((await response.json()) as { code: number; msg: string }) }
}
const from = (startMs: number, count: number, stepMs = minute): number[] =>
  Array.from({ length: count }, (_, i) => startMs + i * stepMs)

describe('bounds', () => {
  const startMs = Date.parse('2024-03-01T00:00Z')

  test('both are included, and compare with the open time', async () => {
    expect(await opens(`interval=1m&startTime=${startMs}&endTime=${startMs}`)).toEqual([startMs])
    expect(await opens(`interval=1m&startTime=${startMs + 1}&endTime=${startMs + minute}`)).toEqual([
      startMs + minute,
    ])
    expect(await opens(`interval=1m&startTime=${startMs}&endTime=${startMs + minute - 1}`)).toEqual([startMs])
    expect(await opens(`interval=1m&startTime=${startMs + 1}&endTime=${startMs + 2}`)).toEqual([])
  })

  test('both, or only the start: the oldest rows', async () => {
    const first = from(startMs, 500)
    expect(await opens(`interval=1m&startTime=${startMs}`)).toEqual(first)
    expect(await opens(`interval=1m&startTime=${startMs}&endTime=${nowMs}`, 'um')).toEqual(first)
  })

  test('only the end, or none: the newest rows, oldest first', async () => {
    expect(await opens(`interval=1m&endTime=${startMs}&limit=3`)).toEqual(from(startMs - 2 * minute, 3))
    expect(await opens('interval=1m&limit=3')).toEqual(from(nowMinuteMs - 2 * minute, 3))
    expect(await opens('interval=1h&limit=2', 'um')).toEqual(from(nowMinuteMs - 3_600_000, 2, 3_600_000))
  })

  test('before the listing: the first candle; nothing in the future', async () => {
    expect(await opens('interval=1M&startTime=0&limit=1')).toEqual([listedAtMs])
    expect(await opens('interval=3d&startTime=0&limit=1')).toEqual([listedAtMs])
    expect(await opens('interval=1w&startTime=0&limit=1', 'um')).toEqual([listedAtMs])
    expect(await opens(`interval=1m&startTime=${nowMs + minute}`)).toEqual([])
  })

  test('an outage is jumped over: the page goes on behind it', async () => {
    const before = outage.startMs - minute
    expect(await opens(`interval=1m&startTime=${before}&limit=3`)).toEqual([before, ...from(outage.endMs, 2)])
    expect(await opens(`interval=1m&startTime=${outage.startMs}&endTime=${outage.endMs - 1}`)).toEqual([])
    expect(await opens(`interval=1m&endTime=${outage.endMs}&limit=2`)).toEqual([before, outage.endMs])
    expect(await opens(`interval=1m&startTime=${outage.startMs}&limit=1`, 'um')).toEqual([outage.startMs])
  })

  test('spot reads microseconds and clamps; a start behind the end is -1023 on futures', async () => {
    expect(await opens(`interval=1m&startTime=${startMs * 1_000}&limit=1`)).toEqual([startMs])
    const reversed = `symbol=BTCUSDT&interval=1m&startTime=${startMs + 1}&endTime=${startMs}`
    expect(await (await get(`/api/v3/klines?${reversed}`)).json()).toEqual([])
    expect(await refusal(`/fapi/v1/klines?${reversed}`)).toMatchObject({ status: 400, code: -1023 })
  })
})

describe('the unfinished candle', () => {
  test('is the last row, closes in the future, and is not yet what it will be', async () => {
    const rows = (await (await get('/api/v3/klines?symbol=BTCUSDT&interval=1h&limit=2')).json()) as Row[]
    const last = rows.at(-1) ?? []
    expect(last[0]).toBe(nowMinuteMs)
    expect(last[6]).toBe(advance('1h', nowMinuteMs, 1) - 1)
    const [spec] = symbols
    const whole = spec && candle(spec, '1h', nowMinuteMs)
    expect(last[5]).not.toBe(whole?.volume ?? '')
    expect(Number(last[8])).toBeLessThan(whole?.trades ?? 0)
    expect(JSON.stringify(rows[0])).toBe(
      spec ? candleJson(candle(spec, '1h', nowMinuteMs - 3_600_000) as never) : '',
    )
  })

  test('becomes what it was to be, though a page with it had been served before', async () => {
    const query = `/api/v3/klines?symbol=BTCUSDT&interval=1m&startTime=${nowMinuteMs}&endTime=${nowMinuteMs}`
    const early = await (await get(query)).text()
    exchange.setNowMs(nowMinuteMs + minute)
    const late = await (await get(query)).text()
    const [spec] = symbols
    expect(early).not.toBe(late)
    expect(late).toBe(`[${spec ? candleJson(candle(spec, '1m', nowMinuteMs) as never) : ''}]`)
    expect(await (await get(query)).text()).toBe(late)
  })
})

test('a page that ends in an outage of now is longer when it is over', async () => {
  const query = `interval=1m&startTime=${outage.startMs - 2 * minute}`
  exchange.setNowMs(outage.startMs + minute)
  expect(await opens(query)).toHaveLength(2)
  expect(await opens('interval=1m&limit=2')).toEqual(from(outage.startMs - 2 * minute, 2))
  exchange.setNowMs(outage.endMs + 2 * minute)
  expect(await opens(query)).toHaveLength(5)
  expect(await opens('interval=1m&limit=2')).toEqual(from(outage.endMs + minute, 2))
})

describe('refusals', () => {
  const cases: [string, number][] = [
    ['symbol=BTCUSDT', -1102],
    ['interval=1m', -1102],
    ['symbol=&interval=1m', -1105],
    ['symbol=btcusdt&interval=1m', -1100],
    ['symbol=BTC%20USDT&interval=1m', -1100],
    ['symbol=NOPEUSDT&interval=1m', -1121],
    ['symbol=BTCUSDT&interval=7m', -1120],
    ['symbol=BTCUSDT&interval=1D', -1120],
    ['symbol=BTCUSDT&interval=1m&limit=0', -1130],
    ['symbol=BTCUSDT&interval=1m&limit=ten', -1100],
    ['symbol=BTCUSDT&interval=1m&startTime=-1', -1100],
    ['symbol=BTCUSDT&interval=1m&startTime=', -1105],
    ['symbol=BTCUSDT&interval=1m&fromId=1', -1104],
    ['symbol=BTCUSDT&symbol=BTCUSDT&interval=1m', -1101],
    ['symbol=BTCUSDT&interval=1m&a=1&b=2&c=3&d=4&e=5', -1101],
  ]
  test.each(cases)('%s is %d on both markets', async (query, code) => {
    expect(await refusal(`/api/v3/klines?${query}`)).toMatchObject({ status: 400, code })
    expect(await refusal(`/fapi/v1/klines?${query}`)).toMatchObject({ status: 400, code })
  })

  test('the largest limits are those of each market, and seconds are for spot alone', async () => {
    const query = `symbol=BTCUSDT&interval=1m&startTime=${listedAtMs}`
    expect(await opens(`interval=1m&startTime=${listedAtMs}&limit=1000`)).toHaveLength(1_000)
    expect(await refusal(`/api/v3/klines?${query}&limit=1001`)).toMatchObject({ status: 400, code: -1130 })
    expect(await opens(`interval=1m&startTime=${listedAtMs}&limit=1500`, 'um')).toHaveLength(1_500)
    expect(await refusal(`/fapi/v1/klines?${query}&limit=1501`)).toMatchObject({ status: 400, code: -1130 })
    expect(await opens('interval=1s&limit=60')).toHaveLength(60)
    expect(await refusal('/fapi/v1/klines?symbol=BTCUSDT&interval=1s')).toMatchObject({
      status: 400,
      code: -1120,
    })
  })

  test('an unknown path is 404, JSON unless HTML is asked for', async () => {
    expect((await get('/api/v1/klines')).status).toBe(404)
    const page = await fetch(`${exchange.url}/nowhere`, { headers: { accept: 'text/html' } })
    expect(page.headers.get('content-type')).toBe('text/html')
  })
})

describe('exchangeInfo and time', () => {
  type Info = { serverTime: number; rateLimits: { limit: number }[]; symbols: Record<string, unknown>[] }
  const info = async (path: string): Promise<Info> => (await (await get(path)).json()) as Info

  test('spot shows delisted symbols and no dates, and hides what is not listed yet', async () => {
    const { symbols: shown, rateLimits } = await info('/api/v3/exchangeInfo')
    expect(shown.map((each) => [each.symbol, each.status])).toEqual([
      ['BTCUSDT', 'TRADING'],
      ['币安人生USDT', 'TRADING'],
      ['GONEUSDT', 'BREAK'],
    ])
    expect(shown[0]).not.toHaveProperty('onboardDate')
    expect(rateLimits[0]?.limit).toBe(6_000)
    expect((await get('/api/v3/klines?symbol=GONEUSDT&interval=1h')).status).toBe(200)
    expect(await refusal('/api/v3/klines?symbol=SOONUSDT&interval=1h')).toMatchObject({ code: -1121 })
  })

  test('spot can be asked for some symbols', async () => {
    const list = encodeURIComponent(JSON.stringify(['GONEUSDT', '币安人生USDT']))
    expect((await info(`/api/v3/exchangeInfo?symbols=${list}`)).symbols).toHaveLength(2)
    expect((await info('/api/v3/exchangeInfo?symbol=BTCUSDT')).symbols).toHaveLength(1)
    expect((await info('/api/v3/exchangeInfo?symbolStatus=BREAK')).symbols).toHaveLength(1)
    const twice = encodeURIComponent(JSON.stringify(['BTCUSDT', 'BTCUSDT']))
    expect(await refusal(`/api/v3/exchangeInfo?symbols=${twice}`)).toMatchObject({ code: -1151 })
    expect(await refusal('/api/v3/exchangeInfo?symbol=NOPE')).toMatchObject({ status: 400, code: -1121 })
    expect(await refusal('/api/v3/exchangeInfo?symbol=BTCUSDT&symbolStatus=BREAK')).toMatchObject({
      code: -1128,
    })
    expect(await refusal('/api/v3/exchangeInfo?symbolStatus=GONE')).toMatchObject({ code: -1122 })
  })

  test('futures show contract dates, and a clock that nobody should read', async () => {
    const { symbols: shown, serverTime, rateLimits } = await info('/fapi/v1/exchangeInfo')
    expect(nowMs - serverTime).toBe(37 * 3_600_000)
    expect(rateLimits[0]?.limit).toBe(2_400)
    expect(shown).toMatchObject([
      {
        symbol: 'BTCUSDT',
        contractType: 'PERPETUAL',
        status: 'TRADING',
        deliveryDate: 4_133_404_800_000,
        onboardDate: listedAtMs,
      },
      { symbol: 'ENDEDUSDT', status: 'SETTLING', deliveryDate: listedAtMs + 86_400_000 },
    ])
    expect((await get('/fapi/v1/klines?symbol=OLDUSDT&interval=1h')).status).toBe(200)
  })

  test('/time tells the clock of the exchange', async () => {
    expect(await (await get('/api/v3/time')).json()).toEqual({ serverTime: nowMs })
    expect(await (await get('/fapi/v1/time')).json()).toEqual({ serverTime: nowMs })
  })
})

describe('weights', () => {
  const used = async (path: string): Promise<number> => {
    // A fresh minute, so that the header shows this request alone.
    minutesOn += 1
    exchange.setNowMs(nowMs + minutesOn * minute)
    return Number((await get(path)).headers.get('x-mbx-used-weight-1m'))
  }

  test('are those of each endpoint', async () => {
    expect(await used('/api/v3/ping')).toBe(1)
    expect(await used('/api/v3/exchangeInfo')).toBe(20)
    expect(await used('/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=1')).toBe(2)
    expect(await used('/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=1000')).toBe(2)
    const futures = '/fapi/v1/klines?symbol=BTCUSDT&interval=1m'
    expect(await used(futures)).toBe(5)
    const byLimit = [1, 99, 100, 499, 500, 1_000, 1_001, 1_500]
    const weights: (number | null)[] = []
    for (const limit of byLimit) weights.push(await used(`${futures}&limit=${limit}`))
    expect(weights).toEqual([1, 1, 2, 2, 5, 5, 10, 10])
  })

  test('add up within a calendar minute, each market for itself, refused requests too', async () => {
    exchange.setNowMs(nowMs + 100 * minute)
    await get('/api/v3/klines?symbol=NOPE&interval=1m')
    await get('/fapi/v1/ping')
    expect((await get('/api/v3/ping')).headers.get('x-mbx-used-weight-1m')).toBe('3')
    exchange.setNowMs(nowMs + 100 * minute + 30_000)
    expect((await get('/api/v3/ping')).headers.get('x-mbx-used-weight-1m')).toBe('1')
    expect(exchange.counts().weight).toEqual({ spot: 4, um: 1, cm: 0 })
    expect(exchange.counts().maxWeight).toEqual({ spot: 3, um: 1, cm: 0 })
  })
})

test('counters count requests, endpoints, rows and statuses; the log tells each', async () => {
  await get('/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=7')
  await get('/api/v3/klines?symbol=nope&interval=1m')
  await get('/nowhere')
  expect(exchange.counts()).toMatchObject({
    requests: 3,
    klinesRequests: 2,
    rowsServed: 7,
    byStatus: { 200: 1, 400: 1, 404: 1 },
    byEndpoint: { '/api/v3/klines': 2, '/nowhere': 1 },
  })
  expect(exchange.log().map(({ atMs, status, weight }) => [atMs, status, weight])).toEqual([
    [nowMs, 200, 2],
    [nowMs, 400, 2],
    [nowMs, 404, 0],
  ])
})

test('gzip is given to those who accept it', async () => {
  const zipped = await startExchange({ symbols, clock: { manualMs: nowMs }, gzip: true })
  const url = `${zipped.url}/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=500&endTime=${nowMinuteMs - 1}`
  const raw = await fetch(url, { decompress: false, headers: { 'accept-encoding': 'gzip' } })
  expect(raw.headers.get('content-encoding')).toBe('gzip')
  const plain = await fetch(url, { headers: { 'accept-encoding': 'identity' } })
  expect(plain.headers.get('content-encoding')).toBeNull()
  expect(Buffer.from(Bun.gunzipSync(await raw.arrayBuffer())).toString()).toBe(await plain.text())
  await zipped.stop()
})
