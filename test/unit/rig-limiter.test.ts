// Limits and bans of the local exchange: whoever cannot keep to them here would be banned there.
import { afterEach, describe, expect, test } from 'bun:test'
import { type ExchangeOptions, type LocalExchange, startExchange } from '../rig/exchange.ts'
import { startLimiter } from '../rig/limiter.ts'

const minute = 60_000
const startMs = Date.parse('2024-03-22T10:00:10Z')
let exchange: LocalExchange | null = null
afterEach(async () => {
  await exchange?.stop()
  exchange = null
})

async function start(options: Partial<ExchangeOptions>): Promise<LocalExchange> {
  exchange = await startExchange({ symbols: [], clock: { manualMs: startMs }, graceMs: 0, ...options })
  return exchange
}

describe('a client that goes on', () => {
  test('is told to wait for the next minute, then banned, then banned for longer', async () => {
    const { url, setNowMs, counts } = await start({ limits: { spot: 2 } })
    const ping = (): Promise<Response> => fetch(`${url}/api/v3/ping`)
    expect((await ping()).status).toBe(200)
    expect((await ping()).headers.get('x-mbx-used-weight-1m')).toBe('2')

    const limited = await ping()
    expect([limited.status, limited.headers.get('retry-after')]).toEqual([429, '50'])
    expect(await limited.json()).toMatchObject({
      code: -1003,
      msg: expect.stringContaining('limit is 2 request weight'),
    })

    const banned = await ping()
    expect([banned.status, banned.headers.get('retry-after')]).toEqual([418, '120'])
    const message = `Way too much request weight used; IP banned until ${startMs + 120_000}.`
    expect(await banned.json()).toMatchObject({ code: -1003, msg: expect.stringContaining(message) })
    expect(counts()).toMatchObject({ limited: 1, bans: 1, violations: 0 })

    setNowMs(startMs + 100_000)
    expect((await ping()).headers.get('retry-after')).toBe('240')
    expect(counts()).toMatchObject({ bans: 1, violations: 1 })
    setNowMs(startMs + 100_000 + 239_999)
    expect((await ping()).status).toBe(418)
    setNowMs(startMs + 100_000 + 239_999 + 480_000)
    expect((await ping()).status).toBe(200)
    expect(counts()).toMatchObject({ limited: 1, bans: 1, violations: 2 })
  })

  test('and one that waits is served again', async () => {
    const { url, setNowMs, counts } = await start({ limits: { um: 1 } })
    await fetch(`${url}/fapi/v1/ping`)
    const limited = await fetch(`${url}/fapi/v1/ping`)
    expect(await limited.json()).toMatchObject({ msg: expect.stringContaining('is 1 requests per minute') })
    setNowMs(startMs + Number(limited.headers.get('retry-after')) * 1_000)
    expect((await fetch(`${url}/fapi/v1/ping`)).status).toBe(200)
    expect(counts()).toMatchObject({ limited: 1, bans: 0, violations: 0 })
  })

  test('the markets are limited each for itself', async () => {
    const { url } = await start({ limits: { spot: 1 } })
    await fetch(`${url}/api/v3/ping`)
    expect((await fetch(`${url}/api/v3/ping`)).status).toBe(429)
    expect((await fetch(`${url}/fapi/v1/ping`)).status).toBe(200)
  })
})

test('requests that were on their way when the limit was told are refused, not punished', () => {
  let realMs = 0
  const limiter = startLimiter(
    { market: 'spot', limit: 1, banMs: 120_000, graceMs: 50, foreign: 0 },
    () => realMs,
  )
  limiter.spend(1, startMs)
  expect(limiter.spend(1, startMs).kind).toBe('limited')
  realMs = 49
  expect(limiter.spend(1, startMs).kind).toBe('limited')
  realMs = 50
  expect(limiter.spend(1, startMs).kind).toBe('banned')
  realMs = 99
  expect(limiter.spend(1, startMs)).toMatchObject({ kind: 'banned', untilMs: startMs + 120_000 })
  expect(limiter.counts()).toMatchObject({ limited: 2, bans: 1, violations: 0 })
})

test('a foreign program on the same address spends weight too', () => {
  const limiter = startLimiter({ market: 'spot', limit: 100, banMs: 1, graceMs: 0, foreign: 60 }, () => 0)
  const minuteMs = Math.floor(startMs / minute) * minute
  expect(limiter.spend(2, minuteMs)).toEqual({ kind: 'served', used: 2 })
  expect(limiter.spend(2, minuteMs + 30_000)).toEqual({ kind: 'served', used: 34 })
  expect(limiter.spend(50, minuteMs + 59_000).kind).toBe('limited')
})

test('a ban never lasts more than three days', () => {
  const limiter = startLimiter({ market: 'spot', limit: 0, banMs: 120_000, graceMs: 0, foreign: 0 }, () => 0)
  for (let i = 0; i < 40; i += 1) limiter.spend(1, startMs)
  expect(limiter.spend(1, startMs)).toMatchObject({ kind: 'banned', untilMs: startMs + 259_200_000 })
})
