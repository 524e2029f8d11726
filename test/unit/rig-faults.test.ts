// Faults really happen on the wire, as often as they were asked for, and only where they may.
import { afterEach, describe, expect, test } from 'bun:test'
import { type LocalExchange, startExchange } from '../rig/exchange.ts'
import { type FaultKind, type Faults, faultKinds } from '../rig/faults.ts'
import type { SymbolSpec } from '../rig/market.ts'

const minute = 60_000
const nowMs = Date.parse('2024-03-22T10:00:30Z')
const startMs = Date.parse('2024-03-01Z')
const btc: SymbolSpec = {
  market: 'spot',
  symbol: 'BTCUSDT',
  base: 'BTC',
  quote: 'USDT',
  listedAtMs: startMs - minute,
}
const eth: SymbolSpec = { ...btc, symbol: 'ETHUSDT' }
/** How long a request that gets no answer is waited for. */
const PATIENCE_MS = 1_000

let exchange: LocalExchange
async function start(faults: Faults): Promise<void> {
  const limits = { spot: 1_000_000 }
  exchange = await startExchange({
    symbols: [btc, eth],
    clock: { manualMs: nowMs },
    limits,
    graceMs: 0,
    faults,
  })
}
afterEach(() => exchange.stop())

const page = (fromMs: number, symbol = 'BTCUSDT'): string =>
  `${exchange.url}/api/v3/klines?symbol=${symbol}&interval=1m&startTime=${fromMs}&limit=100`

type Seen = { readonly status: number; readonly text: string; readonly error: string }
/**
 * Bun asks again by itself when a kept connection closes before the answer; each request here has its own.
 */
const headers = { connection: 'close' }
async function see(url: string): Promise<Seen> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(PATIENCE_MS), headers })
    return { status: response.status, text: await response.text(), error: '' }
  } catch (error) {
    const { name, code } = error as { name: string; code?: unknown }
    return { status: 0, text: '', error: typeof code === 'string' ? code : name }
  }
}
const always = (kind: FaultKind): Faults => ({ rates: { [kind]: 1 }, slowMs: 20 })
type Row = (string | number)[]
const rowsOf = (seen: Seen): Row[] => JSON.parse(seen.text) as Row[]

describe('each kind', () => {
  const answers: [FaultKind, number, string][] = [
    ['error-500', 500, '"code":-1000'],
    ['error-503', 503, '"code":-100'],
    ['overloaded', 503, '"code":-1008'],
    ['timeout-408', 408, '"code":-1007'],
    ['bad-request-400', 400, '"code":-1130'],
    ['blocked-403', 403, 'cloudfront'],
    ['geo-block-451', 451, '"code":0'],
    ['limit-429', 429, '"code":-1003'],
    ['ban-418', 418, 'banned until'],
    ['html', 200, '<html>'],
  ]
  test.each(answers)('%s is an answer %d with %s', async (kind, status, text) => {
    await start(always(kind))
    const seen = await see(page(startMs))
    expect(seen.status).toBe(status)
    expect(seen.text).toContain(text)
    expect(exchange.counts().byFault).toEqual({ [kind]: 1 })
  })

  test('cut and reset close the connection', async () => {
    await start(always('cut'))
    expect(await see(page(startMs))).toMatchObject({ status: 0, error: 'ECONNRESET' })
    exchange.setFaults(always('reset'))
    expect(await see(page(startMs))).toMatchObject({ status: 0, error: 'ECONNRESET' })
  })

  test('a reset of a kept connection is asked again by Bun itself, and costs weight again', async () => {
    await start({})
    await (await fetch(page(startMs))).arrayBuffer()
    exchange.setFaults({ refuse: [{ kind: 'reset', times: 1 }] })
    expect((await fetch(page(startMs))).status).toBe(200)
    expect(exchange.counts()).toMatchObject({ requests: 3, byFault: { reset: 1 }, weight: { spot: 6 } })
  })

  test('a cut body announces more than it sends', async () => {
    await start(always('cut'))
    const response = await fetch(page(startMs))
    expect(Number(response.headers.get('content-length'))).toBeGreaterThan(1_000)
    await expect(response.arrayBuffer()).rejects.toThrow()
  })

  test('hang never answers, slow does', async () => {
    await start(always('hang'))
    expect((await see(page(startMs))).error).toBe('TimeoutError')
    exchange.setFaults(always('slow'))
    const beganMs = performance.now()
    expect(rowsOf(await see(page(startMs)))).toHaveLength(100)
    expect(performance.now() - beganMs).toBeGreaterThan(18)
  })

  test('garbled pages are what their names say', async () => {
    await start({})
    const good = rowsOf(await see(page(startMs)))
    const opens = good.map((row) => Number(row[0]))
    const garbled = async (kind: FaultKind): Promise<Seen> => {
      exchange.setFaults(always(kind))
      return see(page(startMs))
    }
    const half = await garbled('half-json')
    expect(() => rowsOf(half)).toThrow()
    expect(rowsOf(await garbled('wrong-types'))[50]?.map((value) => typeof value)).toEqual(
      good[50]?.map((value) => (typeof value === 'string' ? 'number' : 'string')) ?? [],
    )
    const doubled = rowsOf(await garbled('doubled-rows')).map((row) => Number(row[0]))
    expect(doubled).toEqual(opens.toSpliced(50, 0, opens[50] ?? 0))
    const unordered = rowsOf(await garbled('unordered-rows')).map((row) => Number(row[0]))
    expect(unordered).not.toEqual(opens)
    expect(unordered.toSorted((a, b) => a - b)).toEqual(opens)
    const foreign = rowsOf(await garbled('foreign-rows')).map((row) => Number(row[0]))
    expect(foreign).toEqual([startMs - minute, ...opens])
  })
})

describe('rates', () => {
  test('are met, and are the same for the same seed in any order', async () => {
    const rates = { 'error-503': 0.1, reset: 0.05, cut: 0.05 }
    await start({ seed: 7, rates })
    const urls = Array.from({ length: 600 }, (_, i) => page(startMs + i * minute))
    const outcomes = async (order: string[]): Promise<Map<string, number>> => {
      const seen = new Map<string, number>()
      for (let i = 0; i < order.length; i += 8) {
        const some = order.slice(i, i + 8)
        await Promise.all(some.map(async (url) => seen.set(url, (await see(url)).status)))
      }
      return seen
    }
    const first = await outcomes(urls)
    const { byFault } = exchange.counts()
    expect(Math.abs((byFault['error-503'] ?? 0) - 60)).toBeLessThan(20)
    expect(Math.abs((byFault.reset ?? 0) - 30)).toBeLessThan(16)
    expect(Math.abs((byFault.cut ?? 0) - 30)).toBeLessThan(16)
    expect([...first.values()].filter((status) => status === 0).length).toBe(
      (byFault.reset ?? 0) + (byFault.cut ?? 0),
    )
    exchange.setFaults({ seed: 7, rates })
    const again = await outcomes(urls.toReversed())
    expect([...again].toSorted()).toEqual([...first].toSorted())
    exchange.setFaults({ seed: 8, rates })
    expect([...(await outcomes(urls))].toSorted()).not.toEqual([...first].toSorted())
  })

  test('a retry draws anew, so that a run comes through', async () => {
    await start({ seed: 3, rates: { 'error-500': 0.5 } })
    const statuses: (number | null)[] = []
    for (let i = 0; i < 20; i += 1) statuses.push((await see(page(startMs))).status)
    expect(new Set(statuses)).toEqual(new Set([200, 500]))
  })

  test('spare /time and exchangeInfo unless told otherwise', async () => {
    await start(always('error-500'))
    expect((await see(`${exchange.url}/api/v3/time`)).status).toBe(200)
    expect((await see(`${exchange.url}/api/v3/exchangeInfo`)).status).toBe(200)
    exchange.setFaults({ ...always('error-500'), everywhere: true })
    expect((await see(`${exchange.url}/api/v3/time`)).status).toBe(500)
  })
})

describe('rules', () => {
  test('hit requests that begin in their span, always, and nothing else', async () => {
    const rule = {
      kind: 'bad-request-400',
      symbol: 'BTCUSDT',
      fromMs: startMs,
      toMs: startMs + minute,
    } as const
    await start({ refuse: [rule] })
    for (let i = 0; i < 3; i += 1) expect((await see(page(startMs))).status).toBe(400)
    expect((await see(page(startMs + minute))).status).toBe(200)
    expect((await see(page(startMs, 'ETHUSDT'))).status).toBe(200)
    expect((await see(page(startMs).replace('1m', '5m'))).status).toBe(400)
    exchange.setFaults({ refuse: [{ ...rule, period: '5m' }] })
    expect((await see(page(startMs))).status).toBe(200)
  })

  test('end when they have hit often enough, or at their time', async () => {
    await start({ refuse: [{ kind: 'error-500', times: 2 }] })
    const statuses: (number | null)[] = []
    for (let i = 0; i < 3; i += 1) statuses.push((await see(page(startMs))).status)
    expect(statuses).toEqual([500, 500, 200])
    exchange.setFaults({ refuse: [{ kind: 'error-500', untilMs: nowMs }] })
    expect((await see(page(startMs))).status).toBe(200)
  })

  test('late candles are missing from every page until their time', async () => {
    const late = { fromMs: startMs + 5 * minute, toMs: startMs + 7 * minute, untilMs: nowMs + minute }
    await start({ refuse: [{ kind: 'missing-rows', ...late }] })
    const opens = rowsOf(await see(page(startMs))).map((row) => Number(row[0]))
    expect(opens).toHaveLength(98)
    expect(opens.filter((openMs) => openMs >= late.fromMs && openMs < late.toMs)).toEqual([])
    exchange.setNowMs(late.untilMs)
    expect(rowsOf(await see(page(startMs)))).toHaveLength(100)
  })

  test('a 429 by fault binds: whoever goes on at once is banned', async () => {
    await start({ refuse: [{ kind: 'limit-429', times: 1 }], retryAfterSeconds: 3 })
    const limited = await fetch(page(startMs))
    expect([limited.status, limited.headers.get('retry-after')]).toEqual([429, '3'])
    expect((await see(page(startMs))).status).toBe(418)
    expect(exchange.counts()).toMatchObject({ limited: 1, bans: 1 })
  })
})

test('down refuses connections; up listens on the same port again', async () => {
  await start({})
  expect((await see(page(startMs))).status).toBe(200)
  await exchange.down()
  expect((await see(page(startMs))).error).toMatch(/ConnectionRefused|ECONNREFUSED/)
  await exchange.up()
  expect((await see(page(startMs))).status).toBe(200)
})

test('rows of broken answers are not counted as served', async () => {
  await start({ refuse: [{ kind: 'cut', times: 1 }] })
  await see(page(startMs))
  expect(exchange.counts().rowsServed).toBe(0)
  await see(page(startMs))
  expect(exchange.counts().rowsServed).toBe(100)
  expect(exchange.log().map((entry) => entry.fault)).toEqual(['cut', null])
})

test('every kind is known by name once', () => {
  expect(new Set(faultKinds).size).toBe(faultKinds.length)
})
