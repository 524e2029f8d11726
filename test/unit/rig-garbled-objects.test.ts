// Faults in pages of objects: each garbles what it says, and ids beyond 2^53 stay what they were.
import { expect, test } from 'bun:test'
import { garbledObjects, isPageOfObjects } from '../rig/garbled-objects.ts'
import { startTradeExchange, tradeRequests } from '../rig/trade-requests.ts'

const row = (id: number, timeMs: number): string =>
  `{"a":92000000000000000${id},"p":"1.50","f":-1,"T":${timeMs},"m":true}`
const rows = [row(10, 1_000), row(11, 1_000), row(12, 2_000)]
const body = `[${rows}]`
const garble = (kind: Parameters<typeof garbledObjects>[0], query = '', rule = {}): string =>
  garbledObjects(kind, { kind, ...rule }, body, new URLSearchParams(query))

test('pages of objects are told from pages of arrays', () => {
  expect([body, '[[1]]', '[]', '{"code":1}'].map(isPageOfObjects)).toEqual([true, false, false, false])
})

test('each fault garbles what it says', () => {
  const [first = '', second = '', third = ''] = rows
  expect(garble('doubled-rows')).toBe(`[${[first, second, second, third]}]`)
  expect(garble('unordered-rows')).toBe(`[${[second, third, first]}]`)
  expect(garble('missing-rows', '', { fromMs: 1_000, toMs: 2_000 })).toBe(`[${third}]`)
  const wrong = '{"a":"9200000000000000011","p":1.50,"f":"-1","T":"1000","m":true}'
  expect(garble('wrong-types')).toBe(`[${[first, wrong, third]}]`)
  expect(garble('slow')).toBe(body)
})

test('a foreign row comes from before the id or the time asked for', () => {
  expect(garble('foreign-rows', 'fromId=9200000000000000010')).toStartWith('[{"a":9200000000000000009,"p":')
  expect(garble('foreign-rows', 'startTime=1000')).toContain('"T":999,"m":true},{"a":9200000000000000010')
  expect(garble('foreign-rows', 'limit=5')).toBe(body)
})

test('faults hit the paths that they name, and leave ids exact', async () => {
  const exchange = await startTradeExchange()
  const { ids } = tradeRequests(() => exchange)
  exchange.setFaults({ refuse: [{ kind: 'doubled-rows', path: '/aggTrades' }] })
  const from = 'symbol=ODDUSDT&fromId=9200000000000000000&limit=2'
  const [first = '', second = ''] = ['9200000000000000000', '9200000000000000001']
  expect(await ids(`/api/v3/historicalTrades?${from}`)).toEqual([first, second])
  expect(await ids(`/api/v3/aggTrades?${from}`)).toEqual([first, second, second])
  expect(exchange.counts().byFault).toEqual({ 'doubled-rows': 1 })
  await exchange.stop()
})
