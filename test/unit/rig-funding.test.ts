// The funding rates of the local exchange: when they are settled, what is sent of them, and the bucket of
// requests that USD-M has for them (reference 4, 4.1, 5 and 10).
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { fundingCsv } from '../rig/archive-csv-trades.ts'
import { type LocalExchange, startExchange } from '../rig/exchange.ts'
import { expectedFunding } from '../rig/expected-trades.ts'
import { fundingRates, MARK_PRICES_FROM_MS, MOST_LATE_MS } from '../rig/funding-market.ts'
import { realDataDir } from '../rig/real-data.ts'
import type { SymbolSpec } from '../rig/symbol-spec.ts'

const hour = 3_600_000
const day = 24 * hour
const nowMs = Date.parse('2024-03-22T10:00:30Z')
const listedAtMs = Date.parse('2023-10-01T08:00Z')
const changesAtMs = Date.parse('2024-03-01T04:00Z')
const specialAtMs = Date.parse('2024-03-10T08:00Z')
const btc: SymbolSpec = { market: 'um', symbol: 'BTCUSDT', base: 'BTC', quote: 'USDT', listedAtMs }
const alice: SymbolSpec = {
  ...btc,
  symbol: 'ALICEUSDT',
  base: 'ALICE',
  endsAtMs: nowMs - day,
  funding: {
    intervals: [
      { fromMs: changesAtMs, hours: 4 },
      { fromMs: changesAtMs + 3 * day + 2 * hour, hours: 1 },
    ],
    specials: [
      { atMs: specialAtMs, offsetMs: 0 },
      { atMs: specialAtMs + hour, offsetMs: 1_234 },
    ],
  },
}
const coin: SymbolSpec = { ...btc, market: 'cm', symbol: 'BTCUSD_PERP', quote: 'USD' }
const delivery: SymbolSpec = { ...coin, symbol: 'BTCUSD_240628', endsAtMs: Date.parse('2024-06-28T08:00Z') }
const whole = { startMs: 0, endMs: nowMs }

let exchange: LocalExchange
beforeAll(async () => {
  const symbols = [btc, alice, coin, delivery]
  const limits = { um: 1e6, cm: 1e6 }
  exchange = await startExchange({
    symbols,
    clock: { manualMs: nowMs },
    graceMs: 0,
    limits,
    fundingLimit: 100,
  })
})
afterAll(() => exchange.stop())
let fresh = nowMs
beforeEach(() => {
  // Each test has a bucket to itself; the clock goes on by less than an interval in all.
  fresh += 300_000
  exchange.setNowMs(fresh)
  exchange.resetCounts()
})

type Item = Readonly<Record<string, string | number>>
const get = (path: string): Promise<Response> => fetch(exchange.url + path)
async function items(path: string): Promise<Item[]> {
  const response = await get(path)
  expect(response.status).toBe(200)
  return (await response.json()) as Item[]
}
async function refusal(path: string): Promise<unknown> {
  const response = await get(path)
  return { status: response.status, ...((await response.json()) as object) }
}
const um = '/fapi/v1/fundingRate'
const cm = '/dapi/v1/fundingRate?symbol=BTCUSD_PERP'
const timesOf = (spec: SymbolSpec, span = whole): number[] =>
  fundingRates(spec, span).map((rate) => rate.timeMs)

describe('rates', () => {
  test('are settled every 8 hours of UTC, up to 47 ms late', () => {
    const times = timesOf(btc)
    expect(times).toHaveLength(Math.ceil((nowMs - listedAtMs) / (8 * hour)))
    const late = times.map((timeMs) => timeMs % (8 * hour))
    expect(Math.max(...late)).toBe(MOST_LATE_MS)
    expect(late.filter((each) => each === 0).length / late.length).toBeCloseTo(0.42, 1)
    expect(times[0]).toBeGreaterThanOrEqual(listedAtMs)
  })

  test('follow intervals that change, and end with the contract', () => {
    const hours = timesOf(alice, { startMs: changesAtMs - 8 * hour, endMs: changesAtMs + 4 * day })
      .map((timeMs) => Math.round((timeMs - changesAtMs) / hour))
      .slice(0, -1)
    expect(hours.slice(0, 5)).toEqual([-4, 0, 4, 8, 12])
    expect(hours.slice(18, 24)).toEqual([68, 72, 74, 75, 76, 77])
    expect(timesOf(alice).at(-1)).toBeLessThan(nowMs - day)
  })

  test('have eight decimals and either sign; mark prices come with the end of October 2023', () => {
    const rates = fundingRates(btc, whole)
    expect(rates.every((rate) => /^-?\d+\.\d{8}$/.test(rate.rate))).toBeTrue()
    expect(rates.some((rate) => rate.rate.startsWith('-'))).toBeTrue()
    expect(rates.some((rate) => rate.rate === '0.00010000')).toBeTrue()
    for (const rate of rates)
      expect(rate.markPrice).toMatch(rate.timeMs < MARK_PRICES_FROM_MS ? /^$/ : /^\d+\.\d{8}$/)
  })

  test('that are special may share the time of a regular one', () => {
    const span = { startMs: specialAtMs, endMs: specialAtMs + hour + 2_000 }
    const [regular, special, next, other] = fundingRates(alice, span)
    expect([regular, special, next, other].map((rate) => rate?.rateType)).toEqual([
      'Regular',
      'Special',
      'Regular',
      'Special',
    ])
    expect(special?.timeMs).toBe(regular?.timeMs)
    expect(special?.rate).not.toBe(regular?.rate)
    expect(other?.timeMs).toBe((next?.timeMs ?? 0) + 1_234)
  })

  test('are the same in archives: interval, rate, no mark price, nothing special', () => {
    const rates = fundingRates(alice, whole).filter((rate) => rate.rateType === 'Regular')
    const lines = [...fundingCsv(alice, whole)].join('').split('\n')
    expect(lines.pop()).toBe('')
    expect(lines).toEqual(rates.map((rate) => `${rate.timeMs},${rate.hours},${rate.rate}`))
    expect(new Set(rates.map((rate) => rate.hours))).toEqual(new Set([8, 4, 1]))
  })

  test('are expected with canonical decimals, and null for no mark price', () => {
    const rows = expectedFunding(alice, whole)
    expect(rows.count).toBe(fundingRates(alice, whole).length)
    expect(rows.columns[2]).toContain('0.0001')
    expect(rows.columns[3]?.[0]).toBeNull()
    expect(rows.columns[3]?.at(-1)).toMatch(/^\d+\.\d*[1-9]$/)
    expect(new Set(rows.columns[1])).toEqual(new Set(['Regular', 'Special']))
    expect(new Set(expectedFunding(coin, whole).columns[3])).toEqual(new Set([null]))
  })
})

describe('fundingRate', () => {
  test('of one symbol: bounds included, oldest with a start, newest without', async () => {
    const all = timesOf(btc)
    const [first = 0, last = 0] = [all[10], all[20]]
    const times = async (query: string): Promise<unknown[]> =>
      (await items(`${um}?symbol=BTCUSDT&${query}`)).map((item) => item.fundingTime)
    expect(await times(`startTime=${first}&endTime=${last}`)).toEqual(all.slice(10, 21))
    expect(await times(`startTime=${first + 1}&endTime=${last - 1}`)).toEqual(all.slice(11, 20))
    expect(await times(`startTime=${first}&limit=2`)).toEqual(all.slice(10, 12))
    expect(await times(`endTime=${last}&limit=2`)).toEqual(all.slice(19, 21))
    expect(await times('limit=3')).toEqual(all.slice(-3))
    expect(await times('')).toEqual(all.slice(-100))
    expect(await times(`startTime=0&limit=1000`)).toEqual(all)
    expect(await times(`startTime=${nowMs}`)).toEqual([])
  })

  test('shows nothing before it is settled', async () => {
    const [lastMs = 0] = timesOf(btc).slice(-1)
    const newest = async (): Promise<unknown> =>
      (await items(`${um}?symbol=BTCUSDT&limit=1`)).map((item) => item.fundingTime)[0]
    exchange.setNowMs(lastMs)
    expect(await newest()).toBeLessThan(lastMs)
    exchange.setNowMs(lastMs + 1)
    expect(await newest()).toBe(lastMs)
  })

  test('without a symbol: those of all, in order of time', async () => {
    const found = await items(`${um}?startTime=${changesAtMs - day}&limit=50`)
    expect(found).toHaveLength(50)
    const times = found.map((item) => Number(item.fundingTime))
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    const both = [...timesOf(btc), ...timesOf(alice)].filter((timeMs) => timeMs >= changesAtMs - day)
    expect(times).toEqual(both.sort((a, b) => a - b).slice(0, 50))
    expect((await items(um)).map((item) => Number(item.fundingTime)).at(-1)).toBe(timesOf(btc).at(-1))
  })

  test('a page may end between two rates of one time', async () => {
    const found = await items(`${um}?symbol=ALICEUSDT&startTime=${specialAtMs}&limit=1`)
    const next = await items(`${um}?symbol=ALICEUSDT&startTime=${found[0]?.fundingTime}&limit=2`)
    expect(next.map((item) => item.rateType)).toEqual(['Regular', 'Special'])
    expect(next[0]).toEqual(found[0] ?? {})
  })

  test('of COIN-M: a symbol is mandatory, no mark price, nothing for delivery contracts', async () => {
    expect(await refusal('/dapi/v1/fundingRate')).toMatchObject({ status: 400, code: -1102 })
    const found = await items(`${cm}&limit=1000&startTime=0`)
    expect(found.map((item) => item.fundingTime)).toEqual(timesOf(coin))
    expect(Object.keys(found[0] ?? {}).sort()).toEqual(['fundingRate', 'fundingTime', 'symbol'])
    expect(await items('/dapi/v1/fundingRate?symbol=BTCUSD_240628')).toEqual([])
    expect((await get(cm)).headers.get('x-mbx-used-weight-1m')).toBe('4')
  })

  test('refuses what it cannot answer', async () => {
    for (const path of [`${um}?symbol=BTCUSDT`, cm]) {
      expect(await refusal(`${path}&limit=1001`)).toMatchObject({ status: 400, code: -1130 })
      expect(await refusal(`${path}&startTime=2&endTime=1`)).toMatchObject({ status: 400, code: -1023 })
      expect(await refusal(`${path}&fromId=1`)).toMatchObject({ status: 400, code: -1104 })
    }
    expect(await refusal(`${um}?symbol=NOPEUSDT`)).toMatchObject({ status: 400, code: -1121 })
  })

  test('fundingInfo lists adjusted symbols alone', async () => {
    expect(await items('/fapi/v1/fundingInfo')).toMatchObject([
      { symbol: 'ALICEUSDT', fundingIntervalHours: 1, disclaimer: false },
    ])
  })
})

describe('the bucket of USD-M', () => {
  test('is shared, weighs nothing, and is counted where no header shows it', async () => {
    for (let i = 0; i < 60; i += 1) await get(`${um}?symbol=BTCUSDT&limit=1`)
    for (let i = 0; i < 40; i += 1) await get('/fapi/v1/fundingInfo')
    await get(cm)
    const last = await get('/fapi/v1/ping')
    expect(last.headers.get('x-mbx-used-weight-1m')).toBe('1')
    expect(exchange.counts()).toMatchObject({
      fundingRequests: 100,
      maxFundingRequests: 100,
      limited: 0,
      weight: { um: 1, cm: 1 },
      byEndpoint: { [um]: 60, '/fapi/v1/fundingInfo': 40, '/dapi/v1/fundingRate': 1 },
    })
  })

  test('when empty answers 429 until its five minutes are over, and then bans', async () => {
    const windowMs = Math.floor(exchange.nowMs() / 300_000) * 300_000
    for (let i = 0; i < 100; i += 1) await get(`${um}?limit=1`)
    const refused = await get(`${um}?limit=1`)
    expect(refused.status).toBe(429)
    expect(await refused.json()).toMatchObject({ code: -1003 })
    expect(Number(refused.headers.get('retry-after'))).toBe((windowMs + 300_000 - exchange.nowMs()) / 1_000)
    expect((await get('/fapi/v1/ping')).status).toBe(200)
    expect(exchange.counts()).toMatchObject({ limited: 1, bans: 0 })
    exchange.setNowMs(windowMs + 300_000)
    expect((await get(`${um}?limit=1`)).status).toBe(200)
    for (let i = 0; i < 100; i += 1) await get(`${um}?limit=1`)
    expect((await get(`${um}?limit=1`)).status).toBe(418)
    expect((await get('/fapi/v1/ping')).status).toBe(418)
    expect(exchange.counts()).toMatchObject({ bans: 1 })
    fresh += 2 * day
  })
})

const folder = realDataDir('test/unit/rig-funding.test.ts')
describe.skipIf(folder === null)('recorded answers have the same keys', () => {
  type Recorded = { readonly response: readonly Item[] | null }[]
  const cases: [string, string, readonly string[]][] = [
    // Both keys came after the recording.
    ['fapi_v1_fundingRate', `${um}?symbol=BTCUSDT`, ['markPrice', 'rateType']],
    ['dapi_v1_fundingRate', cm, []],
    ['fapi_v1_fundingInfo', '/fapi/v1/fundingInfo', []],
  ]
  test.each(cases)('%s', async (name, path, newer) => {
    const recorded = (await Bun.file(join(folder ?? '', `rest-recorded/${name}.json`)).json()) as Recorded
    const theirs = recorded.flatMap(({ response }) => response ?? []).flatMap((item) => Object.keys(item))
    exchange.setNowMs(fresh)
    const [item = {}] = await items(path)
    expect(new Set(Object.keys(item))).toEqual(new Set([...theirs, ...newer]))
  })
})
