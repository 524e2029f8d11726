// Answers of the archives fail on their way as they are told to, each kind of request for itself; and the
// archives go on when the markets are closed to us.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { archiveReader } from '../rig/archive-reader.ts'
import type { ArchiveFaults, WireKind } from '../rig/archive-rules.ts'
import { type LocalExchange, startExchange } from '../rig/exchange.ts'
import type { SymbolSpec } from '../rig/market.ts'

const nowMs = Date.parse('2024-06-10T12:00Z')
const listedAtMs = Date.parse('2024-04-20T10:30Z')
const btc: SymbolSpec = { market: 'spot', symbol: 'BTCUSDT', base: 'BTC', quote: 'USDT', listedAtMs }
const eth: SymbolSpec = { ...btc, symbol: 'ETHUSDT' }
const key = 'data/spot/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2024-05.zip'
const otherKey = key.replaceAll('BTC', 'ETH')
/** How long an answer is waited for, and one that is known not to come. */
const PATIENCE_MS = 20_000
const SHORT_PATIENCE_MS = 100

let exchange: LocalExchange
beforeAll(async () => {
  exchange = await startExchange({ symbols: [btc, eth], clock: { manualMs: nowMs }, graceMs: 0 })
})
afterAll(() => exchange.stop())
beforeEach(() => {
  exchange.setFaults({})
  exchange.resetCounts()
})

const set = (archives: ArchiveFaults): void => exchange.setFaults({ archives })
const url = (of: string): string => archiveReader(exchange.url).address(of)

type Seen = { readonly status: number; readonly text: string; readonly error: string }
async function see(of: string, patienceMs = PATIENCE_MS): Promise<Seen> {
  try {
    const response = await fetch(of, {
      signal: AbortSignal.timeout(patienceMs),
      headers: { connection: 'close' },
    })
    return { status: response.status, text: await response.text(), error: '' }
  } catch (error) {
    const { name, code } = error as { name: string; code?: unknown }
    return { status: 0, text: '', error: typeof code === 'string' ? code : name }
  }
}

describe('the wire', () => {
  const answers: [WireKind, number, string][] = [
    ['error-500', 500, '<Code>InternalError</Code>'],
    ['error-503', 503, '<Code>SlowDown</Code>'],
    ['blocked-403', 403, 'cloudfront'],
    ['html', 200, '<html>'],
  ]
  test.each(answers)('%s is an answer %d with %s, to each kind of request', async (kind, status, text) => {
    set({ rates: { [kind]: 1 } })
    for (const each of [url(key), url(`${key}.CHECKSUM`), `${exchange.url}/listing?prefix=data/`]) {
      const seen = await see(each)
      expect([seen.status, seen.text]).toEqual([status, expect.stringContaining(text)])
    }
    expect(exchange.counts().archives.byFault).toEqual({ [kind]: 3 })
  })

  test('cut and reset close, hang and stall wait, slow comes late', async () => {
    const errors: Partial<Record<WireKind, string>> = {
      cut: 'ECONNRESET',
      reset: 'ECONNRESET',
      hang: 'TimeoutError',
      stall: 'TimeoutError',
    }
    for (const [kind, error] of Object.entries(errors)) {
      set({ rules: [{ kind: kind as WireKind, key }] })
      const patienceMs = error === 'TimeoutError' ? SHORT_PATIENCE_MS : PATIENCE_MS
      expect([kind, (await see(url(key), patienceMs)).error]).toEqual([kind, error])
      expect((await see(url(otherKey))).status).toBe(200)
      expect((await see(url(`${key}.CHECKSUM`))).status).toBe(200)
    }
    const stalled = await fetch(url(key))
    const reader = stalled.body?.getReader()
    expect((await reader?.read())?.value?.length).toBeGreaterThan(0)
    expect(await Promise.race([reader?.closed, Bun.sleep(SHORT_PATIENCE_MS).then(() => 'open')])).toBe('open')
    await reader?.cancel()
    set({ rules: [{ kind: 'slow', of: 'listing', key: 'data/' }], slowMs: 20 })
    const beganMs = performance.now()
    expect((await see(`${exchange.url}/listing?delimiter=/&prefix=data/`)).status).toBe(200)
    expect(performance.now() - beganMs).toBeGreaterThan(18)
  })

  test('rates of REST hit the archives too, unless they have their own; a retry draws anew', async () => {
    exchange.setFaults({ seed: 3, rates: { 'error-500': 0.5, 'limit-429': 0.5 } })
    const statuses = new Set<number>()
    for (let i = 0; i < 20; i += 1) statuses.add((await see(url(key))).status)
    expect(statuses).toEqual(new Set([200, 500]))
    exchange.setFaults({ rates: { 'error-500': 1 }, archives: { rates: {} } })
    expect((await see(url(key))).status).toBe(200)
    exchange.setFaults({ archives: { rates: { cut: 1 } } })
    expect((await see(`${exchange.url}/api/v3/klines?symbol=BTCUSDT&interval=1h`)).status).toBe(200)
  })

  test('a rule ends for a key when it has hit it often enough', async () => {
    set({ rules: [{ kind: 'error-503', times: 2 }] })
    const statuses: number[] = []
    for (const each of [key, key, key, otherKey]) statuses.push((await see(url(each))).status)
    expect(statuses).toEqual([503, 503, 200, 503])
  })
})

test('a geo-block closes the hosts of the markets that it names, and no archive', async () => {
  exchange.setFaults({ geoBlocked: ['spot'] })
  for (const path of ['ping', 'time', 'exchangeInfo', 'klines?symbol=BTCUSDT&interval=1h', 'nowhere']) {
    const { status, text } = await see(`${exchange.url}/api/v3/${path}`)
    expect([status, text]).toEqual([451, expect.stringContaining("according to 'b. Eligibility'")])
    expect(JSON.parse(text)).toMatchObject({ code: 0 })
  }
  expect(exchange.counts()).toMatchObject({ byFault: { 'geo-block-451': 5 }, weight: { spot: 0 } })
  expect((await see(`${exchange.url}/fapi/v1/ping`)).status).toBe(200)
  expect((await see(url(key))).status).toBe(200)
})
