// Trades of the local exchange over HTTP: what comes back for which ids and times, as reference 3.2, 4 and 5
// describe it.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import type { LocalExchange } from '../rig/exchange.ts'
import type { SymbolSpec } from '../rig/symbol-spec.ts'
import {
  aggregatesOf,
  cm,
  FIRST_ID,
  NOW_MS as nowMs,
  odd,
  rawsOf,
  spot,
  startTradeExchange,
  tradeRequests,
  um,
  valuesOf,
} from '../rig/trade-requests.ts'

const hour = 3_600_000
const day = 24 * hour
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
const { body, ids, pages, refusal, times } = tradeRequests(() => exchange)

describe('paging by id', () => {
  test('gives exactly the aggregates of the archives, markers too', async () => {
    const joined = await pages('/api/v3/aggTrades?symbol=ODDUSDT&limit=777', '0')
    const columns = aggregatesOf(odd)
    expect(columns).toHaveLength(6_000)
    for (const [at, name] of [...'apqflTmM'].entries()) {
      const from = columns.map((row) => (at > 5 ? row[at]?.toLowerCase() : row[at]))
      expect(valuesOf(joined, name)).toEqual(from as string[])
    }
    expect(joined).toContain(`{"a":${FIRST_ID},"p":"0","q":"0","f":-1,"l":-1,"T":`)
    expect(joined.split('"p":"0","q":"0","f":-1,"l":-1')).toHaveLength(4)
  })

  test('gives exactly the raw trades of the archives, across jumps', async () => {
    const joined = await pages('/api/v3/historicalTrades?symbol=ODDUSDT&limit=1000', '0')
    const columns = rawsOf(odd)
    const names = ['id', 'price', 'qty', 'quoteQty', 'time', 'isBuyerMaker', 'isBestMatch']
    for (const [at, name] of names.entries()) {
      const from = columns.map((row) => (at > 4 ? row[at]?.toLowerCase() : row[at]))
      expect(valuesOf(joined, name)).toEqual(from as string[])
    }
    const found = valuesOf(joined, 'id')
    expect(found[500]).toBe('9200000000000000577')
    expect(await ids('/api/v3/historicalTrades?symbol=ODDUSDT&fromId=9200000000000000500&limit=1')).toEqual([
      '9200000000000000577',
    ])
  })

  test('begins at the id asked for, and ends where trades end', async () => {
    expect(await ids('/api/v3/aggTrades?symbol=BTCUSDT&fromId=1234&limit=3')).toEqual([
      '1234',
      '1235',
      '1236',
    ])
    expect(await ids('/api/v3/aggTrades?symbol=BTCUSDT&fromId=0&limit=1')).toEqual(['0'])
    expect(await ids('/api/v3/aggTrades?symbol=BTCUSDT&fromId=99999999999999999999')).toEqual([])
    expect(await ids('/api/v3/historicalTrades?symbol=BTCUSDT&fromId=7')).toHaveLength(500)
    const last = aggregatesOf(spot, { startMs: nowMs - hour, endMs: nowMs }).at(-1)?.[0] ?? ''
    expect(await ids(`/api/v3/aggTrades?symbol=BTCUSDT&fromId=${last}`)).toEqual([last])
  })
})

describe('bounds', () => {
  const startMs = nowMs - 2 * hour
  const inMarket = (spec: SymbolSpec, from: number, to: number): number[] =>
    aggregatesOf(spec, { startMs: from, endMs: to + 1 }).map((row) => Number(row[5]))

  test.each(['spot', 'um', 'cm'] as const)('are both included on %s', async (market) => {
    const spec = market === 'spot' ? spot : market === 'um' ? um : cm
    const path = `${roots[market]}/aggTrades?symbol=${spec.symbol}`
    const all = inMarket(spec, startMs, startMs + hour)
    const [first = 0, last = 0] = [all[3], all.at(-9)]
    const found = await times(`${path}&startTime=${first}&endTime=${last}`)
    expect(found).toEqual(inMarket(spec, first, last))
    expect([found[0], found.at(-1)]).toEqual([first, last])
    expect(await times(`${path}&startTime=${first}&endTime=${first}`)).toEqual(
      all.filter((timeMs) => timeMs === first),
    )
    expect(await times(`${path}&startTime=${first + 1}&endTime=${last - 1}`)).toEqual(
      inMarket(spec, first + 1, last - 1),
    )
  })

  test('with a start the oldest are meant, without one the newest, oldest first', async () => {
    const all = inMarket(spot, startMs, nowMs - 1)
    const path = '/api/v3/aggTrades?symbol=BTCUSDT'
    expect(await times(`${path}&startTime=${startMs}&limit=5`)).toEqual(all.slice(0, 5))
    expect(await times(`${path}&startTime=${startMs}&endTime=${nowMs}&limit=5`)).toEqual(all.slice(0, 5))
    expect(await times(`${path}&endTime=${nowMs - hour}&limit=5`)).toEqual(
      all.filter((timeMs) => timeMs <= nowMs - hour).slice(-5),
    )
    expect(await times(`${path}&limit=5`)).toEqual(all.slice(-5))
    expect(await times('/fapi/v1/trades?symbol=BTCUSDT&limit=5')).toEqual(
      rawsOf(um, { startMs, endMs: nowMs })
        .slice(-5)
        .map((row) => Number(row[4])),
    )
    expect(await ids('/fapi/v1/historicalTrades?symbol=BTCUSDT&limit=5')).toEqual(
      await ids('/fapi/v1/trades?symbol=BTCUSDT&limit=5'),
    )
  })

  test('spot reads microseconds, and answers nothing for a start behind the end', async () => {
    const path = '/api/v3/aggTrades?symbol=BTCUSDT&limit=1'
    const milliseconds = await times(`${path}&startTime=${startMs}`)
    expect(await times(`${path}&startTime=${startMs}000`)).toEqual(milliseconds)
    expect(await times(`${path}&startTime=${nowMs}&endTime=${startMs}`)).toEqual([])
  })

  test('nothing is shown before it was traded', async () => {
    const path = '/api/v3/aggTrades?symbol=BTCUSDT&limit=1'
    const [lastMs = 0] = await times(path)
    exchange.setNowMs(lastMs)
    expect((await times(path))[0]).toBeLessThan(lastMs)
    exchange.setNowMs(lastMs + 1)
    expect(await times(path)).toEqual([lastMs])
  })

  test('a symbol without trades has none, and one that has ended keeps its last ones', async () => {
    for (const name of ['aggTrades', 'trades', 'historicalTrades'])
      expect(await body(`/api/v3/${name}?symbol=SILENTUSDT`)).toBe('[]')
    expect(await body('/fapi/v1/aggTrades?symbol=ENDEDUSDT')).toBe('[]')
    expect(await body('/fapi/v1/historicalTrades?symbol=ENDEDUSDT')).toBe('[]')
    expect(await times('/fapi/v1/trades?symbol=ENDEDUSDT')).toHaveLength(500)
  })
})

describe('futures', () => {
  const bounds = (from: number, to: number): string => `startTime=${from}&endTime=${to}`
  const paths = ['/fapi/v1/aggTrades?symbol=BTCUSDT', '/dapi/v1/aggTrades?symbol=BTCUSD_PERP']

  test.each(paths)('%s: an hour or more between the bounds is too much', async (path) => {
    const startMs = nowMs - 3 * hour
    expect(await times(`${path}&${bounds(startMs, startMs + hour - 1)}`)).toHaveLength(240)
    expect(await refusal(`${path}&${bounds(startMs, startMs + hour)}`)).toEqual({
      status: 400,
      code: -1127,
      msg: 'More than 1 hours between startTime and endTime.',
    })
    expect(await refusal(`${path}&${bounds(nowMs, startMs)}`)).toMatchObject({ code: -1023 })
  })

  test.each(paths)('%s: aggregates of the last 24 hours, by time and by id', async (path) => {
    const spec = path.startsWith('/fapi') ? um : cm
    const [edge = ''] = aggregatesOf(spec, { startMs: nowMs - day, endMs: nowMs })[0] ?? []
    expect((await ids(`${path}&${bounds(nowMs - day - 1_800_000, nowMs - day + 1_799_999)}`))[0]).toBe(edge)
    expect((await ids(`${path}&startTime=0&limit=1`))[0]).toBe(edge)
    expect(await ids(`${path}&${bounds(nowMs - day - hour, nowMs - day - 1)}`)).toEqual([])
    expect(await ids(`${path}&endTime=${nowMs - day - 1}`)).toEqual([])
    expect(await ids(`${path}&fromId=0&limit=1`)).toEqual([edge])
    expect(await ids(`${path}&fromId=${edge}&limit=1`)).toEqual([edge])
  })

  test('raw trades of the last month, with a key', async () => {
    const [edge = ''] = rawsOf(um, { startMs: nowMs - 30 * day, endMs: nowMs })[0] ?? []
    expect(await ids('/fapi/v1/historicalTrades?symbol=BTCUSDT&fromId=0&limit=1')).toEqual([edge])
    expect(await ids('/fapi/v1/historicalTrades?symbol=BTCUSDT')).toHaveLength(100)
    const joined = await pages('/fapi/v1/historicalTrades?symbol=BTCUSDT&limit=500', edge)
    expect(valuesOf(joined, 'quoteQty')).toEqual(
      rawsOf(um, { startMs: nowMs - 30 * day, endMs: nowMs }).map((row) => row[3] ?? ''),
    )
  })

  test('nq is q without the trades of retail price improvement', async () => {
    const found = await body('/fapi/v1/aggTrades?symbol=BTCUSDT&limit=1000')
    const quantities = valuesOf(found, 'q').map(Number)
    const plain = valuesOf(found, 'nq').map(Number)
    expect(plain.every((value, i) => value <= (quantities[i] ?? 0))).toBeTrue()
    const differing = plain.filter((value, i) => value !== quantities[i]).length
    expect(differing).toBeGreaterThan(20)
    expect(differing).toBeLessThan(500)
  })
})
