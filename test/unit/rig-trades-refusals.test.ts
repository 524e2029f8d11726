// What the trades' endpoints of the local exchange refuse, weigh and count, and that their answers have the
// keys of recorded ones.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import type { Market } from '../../src/core/series.ts'
import { RIG_API_KEY, WITHDRAWN_API_KEY } from '../rig/api-key.ts'
import type { LocalExchange } from '../rig/exchange.ts'
import { realDataDir } from '../rig/real-data.ts'
import { NOW_MS as nowMs, startTradeExchange, tradeRequests } from '../rig/trade-requests.ts'

const minute = 60_000
const roots = { spot: '/api/v3', um: '/fapi/v1', cm: '/dapi/v1' } as const

let exchange: LocalExchange
beforeAll(async () => {
  exchange = await startTradeExchange()
})
afterAll(() => exchange.stop())
beforeEach(() => {
  exchange.setNowMs(nowMs)
  exchange.resetCounts()
})
const { body, get, refusal } = tradeRequests(() => exchange)

describe('refusals', () => {
  const all = (['spot', 'um', 'cm'] as const).flatMap((market) =>
    ['aggTrades', 'trades', 'historicalTrades'].map((name) => [market, name] as const),
  )
  const symbolOf = (market: Market): string => (market === 'cm' ? 'BTCUSD_PERP' : 'BTCUSDT')

  test.each(all)('of %s %s: parameters', async (market, name) => {
    const path = `${roots[market]}/${name}`
    const symbol = `symbol=${symbolOf(market)}`
    const cases: [string, number][] = [
      ['', -1102],
      ['symbol=', -1105],
      ['symbol=btcusdt', -1100],
      ['symbol=NOPEUSDT', -1121],
      [`${symbol}&interval=1m`, -1104],
      [`${symbol}&limit=0`, -1130],
      [`${symbol}&limit=${market !== 'spot' && name === 'historicalTrades' ? 501 : 1_001}`, -1130],
      [`${symbol}&limit=1&limit=1`, -1101],
    ]
    if (name !== 'trades') cases.push([`${symbol}&fromId=-1`, -1100], [`${symbol}&fromId=`, -1105])
    else cases.push([`${symbol}&fromId=1`, -1104])
    for (const [query, code] of cases)
      expect(await refusal(`${path}?${query}`, RIG_API_KEY)).toMatchObject({ status: 400, code })
  })

  test.each(['spot', 'um', 'cm'] as const)('of %s: ids are not mixed with times', async (market) => {
    const path = `${roots[market]}/aggTrades?symbol=${symbolOf(market)}&fromId=1`
    expect(await refusal(`${path}&startTime=1`)).toMatchObject({ status: 400, code: -1128 })
    expect(await refusal(`${path}&endTime=1`)).toMatchObject({ status: 400, code: -1128 })
  })

  test('of keys: none, one of another form, and one that was withdrawn', async () => {
    for (const path of [
      '/fapi/v1/historicalTrades?symbol=BTCUSDT',
      '/dapi/v1/historicalTrades?symbol=NOPE',
    ]) {
      const malformed = { status: 401, code: -2014, msg: 'API-key format invalid.' }
      expect(await refusal(path)).toEqual(malformed)
      expect(await refusal(path, 'secret')).toEqual(malformed)
      expect(await refusal(path, WITHDRAWN_API_KEY)).toMatchObject({ status: 401, code: -2015 })
    }
    expect((await get('/api/v3/historicalTrades?symbol=BTCUSDT')).status).toBe(200)
  })
})

test('weights are those of each endpoint, and counters count each by its path', async () => {
  const weights: Record<string, number> = {
    '/api/v3/aggTrades?symbol=BTCUSDT&limit=1000': 4,
    '/api/v3/historicalTrades?symbol=BTCUSDT': 25,
    '/api/v3/trades?symbol=BTCUSDT': 25,
    '/fapi/v1/aggTrades?symbol=BTCUSDT': 20,
    '/fapi/v1/historicalTrades?symbol=BTCUSDT': 20,
    '/fapi/v1/trades?symbol=BTCUSDT': 5,
    '/dapi/v1/aggTrades?symbol=BTCUSD_PERP': 20,
    '/dapi/v1/historicalTrades?symbol=BTCUSD_PERP': 20,
    '/dapi/v1/trades?symbol=BTCUSD_PERP': 5,
  }
  const paths = Object.keys(weights)
  for (const [i, path] of paths.entries()) {
    // A fresh minute, so that the header shows this request alone.
    exchange.setNowMs(nowMs + (i + 1) * minute)
    const response = await get(path, RIG_API_KEY)
    expect([path, response.headers.get('x-mbx-used-weight-1m')]).toEqual([path, String(weights[path])])
  }
  const counts = exchange.counts()
  expect(counts.byEndpoint).toEqual(Object.fromEntries(paths.map((path) => [path.split('?')[0] ?? '', 1])))
  expect(counts.rowsServed).toBe(1_000 + 500 + 500 + 500 + 100 + 500 + 500 + 100 + 500)
  expect(counts.klinesRequests).toBe(0)
  expect(exchange.log().map((entry) => entry.path)).toEqual(paths.map((path) => path.split('?')[0] ?? ''))
})

const folder = realDataDir('test/unit/rig-trades-refusals.test.ts')
describe.skipIf(folder === null)('recorded answers have the same keys', () => {
  type Recorded = { readonly response: readonly Record<string, unknown>[] }[]
  /** Keys that Binance added after the recording. */
  const newer: Readonly<Record<string, readonly string[]>> = {
    '/fapi/v1/aggTrades': ['nq'],
    '/fapi/v1/trades': ['isRPITrade'],
  }
  const paths = [
    '/api/v3/aggTrades',
    '/api/v3/historicalTrades',
    '/api/v3/trades',
    '/fapi/v1/aggTrades',
    '/fapi/v1/trades',
  ]
  test.each(paths)('%s', async (path) => {
    const name = path.slice(1).replaceAll('/', '_')
    const recorded = (await Bun.file(join(folder ?? '', `rest-recorded/${name}.json`)).json()) as Recorded
    // The recorder lost the name of `m` in some answers.
    const theirs = new Set(
      recorded
        .flatMap(({ response }) => (Array.isArray(response) ? response : []))
        .flatMap((row) => Object.keys(row))
        .map((key) => (key === '' ? 'm' : key)),
    )
    const [row = {}] = JSON.parse(await body(`${path}?symbol=BTCUSDT&limit=1`)) as Record<string, unknown>[]
    expect(new Set(Object.keys(row))).toEqual(new Set([...theirs, ...(newer[path] ?? [])]))
  })

  test('/dapi/v1/historicalTrades is refused in the same words', async () => {
    const name = 'rest-recorded/dapi_v1_historicalTrades.json'
    const recorded = (await Bun.file(join(folder ?? '', name)).json()) as {
      query: string
      response: object
    }[]
    for (const { query, response } of recorded)
      expect(await (await get(`/dapi/v1/historicalTrades?${query}`)).json()).toEqual(response)
  })
})

test('COIN-M has contracts and what they are in the base asset', async () => {
  const [row = {}] = JSON.parse(await body('/dapi/v1/trades?symbol=BTCUSD_PERP&limit=1')) as Record<
    string,
    unknown
  >[]
  expect(Object.keys(row)).toEqual(['id', 'price', 'qty', 'baseQty', 'time', 'isBuyerMaker'])
  const [aggregate = {}] = JSON.parse(await body('/dapi/v1/aggTrades?symbol=BTCUSD_PERP&limit=1')) as Record<
    string,
    unknown
  >[]
  expect(Object.keys(aggregate)).toEqual([...'apqflTm'])
})
