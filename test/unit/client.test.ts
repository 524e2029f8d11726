// The client against a scripted network on a virtual clock: what is tried again and for how long, pauses that
// stop every caller, the probe that tells down from unwilling, bodies that are always read, and stops.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { MalformedError, RefusedError, StoppedError, UnavailableError, UserError } from '../../src/errors.ts'
import {
  clientRig,
  errorOf,
  isTime,
  pages,
  request,
  CLIENT_START_MS as START_MS,
  timeBody,
} from '../rig/client-rig.ts'
import type { Scripted } from '../rig/scripted-network.ts'
import { runsFor } from '../rig/seed.ts'

const runs = runsFor('test/unit/client.test.ts')

describe('one request', () => {
  test('asks the right address, once, and says who asks', async () => {
    const { client, clock, network } = clientRig(pages({ body: 'rows' }))
    const reply = await clock.run(client.get(request()))
    expect(reply).toEqual({ value: 'rows', askedAtMs: START_MS })
    expect(network.calls.map(({ url }) => url.href)).toEqual([
      'https://spot.test/base/api/v3/klines?symbol=BTCUSDT&limit=2',
    ])
    expect(network.calls[0]?.init).toMatchObject({
      redirect: 'manual',
      headers: { 'user-agent': 'petrosa/0.0.0-test' },
    })
    expect([client.requests, client.weight, network.unread()]).toEqual([1, 2, 0])
  })

  test('learns what the exchange counts, and tells the request and the weight', async () => {
    const { client, clock, events } = clientRig(
      pages({ body: '[]', headers: { 'x-mbx-used-weight-1m': '345' } }),
    )
    await clock.run(client.get(request()))
    expect(client.budget('spot').used).toBe(345)
    expect(client.budget('um').used).toBe(0)
    expect(events).toEqual([
      { type: 'weight', host: 'spot.test', used: 345, limit: 6_000 },
      {
        type: 'request',
        host: 'spot.test',
        endpoint: '/api/v3/klines',
        code: 200,
        weight: 2,
        durationMs: 50,
      },
    ])
  })

  test('a request that failed on the way is not counted as in flight for ever', async () => {
    const lost = new Error('reset')
    const { client, clock } = clientRig(
      pages(lost, lost, { body: '[]', headers: { 'x-mbx-used-weight-1m': '100' } }),
    )
    await clock.run(client.get(request()))
    expect(client.budget('spot').used).toBe(100)
  })

  test('a senseless header is not learned', async () => {
    const { client, clock } = clientRig(pages({ body: '[]', headers: { 'x-mbx-used-weight-1m': 'many' } }))
    await clock.run(client.get(request()))
    expect(client.budget('spot').used).toBe(2)
  })
})

describe('what is asked again', () => {
  const passing: readonly (readonly [string, Scripted])[] = [
    ['a server error', { status: 500, body: '{"code":-1001,"msg":"Internal error"}' }],
    ['a bad gateway', { status: 502, body: '<html>' }],
    ['overload', { status: 503, body: '{"code":-1008,"msg":"throttled"}' }],
    ['a backend time-out', { status: 408, body: '' }],
    ['a reset', Object.assign(new Error('reset'), { code: 'ECONNRESET' })],
    ['too many bytes', { body: 'x'.repeat(1_001) }],
  ]
  for (const [name, fault] of passing) {
    test(`${name}: until it passes, and no body is left unread`, async () => {
      const { client, clock, network, events } = clientRig(pages(fault, fault, { body: 'rows' }))
      expect((await clock.run(client.get(request()))).value).toBe('rows')
      expect([network.calls.length, network.unread(), client.weight]).toEqual([3, 0, 6])
      const told = events.filter((event) => event.type === 'page-retried')
      expect(told.map(({ attempt }) => attempt)).toEqual([1, 2])
      expect(events.filter((event) => event.type === 'request')).toHaveLength(3)
    })
  }

  test('a page that does not read well is asked for again as a whole', async () => {
    let reads = 0
    const read = (): string => {
      reads += 1
      if (reads < 3) throw new MalformedError('garbled')
      return 'well'
    }
    const { client, clock } = clientRig(pages({ body: 'x' }))
    expect((await clock.run(client.get(request({ read })))).value).toBe('well')
    expect(client.requests).toBe(3)
  })

  test('eight times at most within 16 s, three within 1 s where the neighbour was refused', async () => {
    for (const [hurried, tries, longestMs] of [
      [false, 8, 16_000],
      [true, 3, 1_000],
    ] as const) {
      const { client, clock, network } = clientRig(pages({ status: 500 }))
      expect(await errorOf(clock, client.get(request({ hurried })))).toBeInstanceOf(RefusedError)
      expect(network.calls.filter(({ url }) => !isTime(url))).toHaveLength(tries)
      const lastMs = Math.max(...network.calls.filter(({ url }) => !isTime(url)).map(({ atMs }) => atMs))
      expect(lastMs - START_MS).toBeLessThan(longestMs + tries * 50)
    }
  })

  test('a request that hangs is given up after 20 s and asked again', async () => {
    const { client, clock, network } = clientRig(pages('hang', { body: 'rows' }))
    expect((await clock.run(client.get(request()))).value).toBe('rows')
    expect(clock.sleepers()).toBe(0)
    const [first, second] = network.calls
    expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThanOrEqual(20_000)
    expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeLessThan(21_000)
  })
})

describe('what is not asked again', () => {
  const final: readonly (readonly [string, Scripted, new (...given: never[]) => Error])[] = [
    ['a bad request', { status: 400, body: '{"code":-1121,"msg":"Invalid symbol."}' }, RefusedError],
    ['an unknown path', { status: 404, body: 'not found' }, RefusedError],
    ['a firewall', { status: 403, body: '<html>' }, UnavailableError],
    ['a location', { status: 451, body: '{"code":0,"msg":"restricted"}' }, UserError],
    ['a key', { status: 401, body: '{"code":-2015,"msg":"Invalid API-key"}' }, UserError],
    ['a redirect', { status: 302, body: '', headers: { location: 'https://elsewhere.test' } }, UserError],
    ['a long ban', { status: 418, body: '', headers: { 'retry-after': '4000' } }, UnavailableError],
  ]
  for (const [name, answer, kind] of final) {
    test(`${name}: one request, its body read`, async () => {
      const { client, clock, network } = clientRig(pages(answer))
      expect(await errorOf(clock, client.get(request()))).toBeInstanceOf(kind)
      expect([network.calls.length, network.unread()]).toEqual([1, 0])
    })
  }

  test('a failure whose body never ends, or is huge, is still the failure of its status', async () => {
    const { client, clock, network } = clientRig(pages({ status: 400, body: 'x'.repeat(100_000) }))
    expect(String(await errorOf(clock, client.get(request())))).toContain('spot.test answered 400')
    expect(network.unread()).toBe(0)
  })
})

describe('down, or only unwilling', () => {
  test('an exchange that still tells the time refuses: the page is named, the run goes on', async () => {
    const { client, clock, network } = clientRig(pages({ status: 500, body: '' }))
    const error = await errorOf(clock, client.get(request()))
    expect(error).toBeInstanceOf(RefusedError)
    expect(String(error)).toContain('answered 500')
    expect(network.calls.filter(({ url }) => isTime(url))).toHaveLength(1)
  })

  test('one that does not is not available: the cause and what to look at are said', async () => {
    const { client, clock, network } = clientRig(() =>
      Object.assign(new Error('x'), { code: 'ConnectionRefused' }),
    )
    const error = await errorOf(clock, client.get(request()))
    expect(error).toMatchObject({ exitCode: 75, advice: expect.stringContaining('BINANCE_API_URL') })
    expect(String(error)).toContain('ConnectionRefused')
    expect(network.calls).toHaveLength(8 + 3)
  })

  test('an address that is something else is for the user to mend', async () => {
    for (const body of ['<html>hello</html>', '{"time":1}', '{"serverTime":"soon"}']) {
      const { client, clock } = clientRig(() => ({ body }))
      expect(await errorOf(clock, client.syncClock('um'))).toMatchObject({
        exitCode: 2,
        message: expect.stringContaining('https://um.test is not the exchange'),
        advice: expect.stringContaining('BINANCE_FUTURES_API_URL'),
      })
    }
    const { client, clock } = clientRig(() => ({ status: 404, body: '' }))
    expect(await errorOf(clock, client.syncClock('spot'))).toMatchObject({ exitCode: 2 })
  })

  test('the clock that the exchange tells is never ahead of it', async () => {
    const { client, clock } = clientRig(({ atMs }) => timeBody(atMs + 3_600_000))
    await clock.run(client.syncClock('spot'))
    const aheadMs = client.nowMs('spot') - (clock.nowMs() + 3_600_000)
    expect(aheadMs).toBeLessThanOrEqual(0)
    expect(aheadMs).toBeGreaterThanOrEqual(-50)
    expect(client.nowMs('um')).toBe(clock.nowMs())
  })
})

describe('pauses', () => {
  const limited: Scripted = {
    status: 429,
    body: '{"code":-1003,"msg":"Too many"}',
    headers: { 'retry-after': '30' },
  }

  test('stop every caller of the host, and no other; nothing is asked until the end', async () => {
    const { client, clock, network, events } = clientRig(pages(limited, { body: 'rows' }))
    const calls = Promise.all(
      [1, 2, 3, 4].map(async (second) => {
        await clock.wait(second * 1_000)
        return client.get(request())
      }),
    )
    await clock.advance(5_000)
    await clock.run(client.get(request({ market: 'um' })))
    expect((await clock.run(calls)).map(({ value }) => value)).toEqual(['rows', 'rows', 'rows', 'rows'])
    const pausedMs = START_MS + 1_050
    const spot = network.calls.filter(({ url }) => url.host === 'spot.test').map(({ atMs }) => atMs)
    expect(spot.filter((atMs) => atMs > pausedMs && atMs < pausedMs + 30_000)).toEqual([])
    expect(spot).toHaveLength(5)
    expect(events.filter((event) => event.type === 'exchange-paused')).toMatchObject([
      { host: 'spot.test', untilMs: pausedMs + 30_000 },
    ])
  })

  test('five are sat out; the sixth ends the run with 75', async () => {
    const { client, clock, network } = clientRig(pages(limited))
    expect(await errorOf(clock, client.get(request()))).toMatchObject({
      exitCode: 75,
      advice: expect.stringContaining('--weight-share'),
    })
    expect(network.calls).toHaveLength(6)
    expect(clock.monotonicMs()).toBeGreaterThanOrEqual(5 * 30_000)
  })

  test('a ban is sat out until the time in its text', async () => {
    const untilMs = START_MS + 200_000
    const banned: Scripted = { status: 418, body: `{"code":-1003,"msg":"IP banned until ${untilMs}."}` }
    const { client, clock, network } = clientRig(pages({}, banned, { body: 'rows' }))
    await clock.run(client.syncClock('spot'))
    await clock.run(client.get(request()))
    expect(network.calls[2]?.atMs).toBeGreaterThanOrEqual(untilMs)
    expect(network.calls).toHaveLength(3)
  })
})

describe('a stop', () => {
  const troubles: Scripted[] = [
    { body: 'rows' },
    { status: 500 },
    { status: 429, headers: { 'retry-after': '9' } },
    'hang',
    new Error('reset'),
  ]

  test('at any moment ends every call with its reason, and leaves nobody waiting', async () => {
    const story = fc.record({
      atMs: fc.nat({ max: 40_000 }),
      answers: fc.array(fc.constantFrom(...troubles), { minLength: 1, maxLength: 9 }),
      seed: fc.nat(),
    })
    const property = fc.asyncProperty(story, async ({ atMs, answers, seed }) => {
      const { client, clock, network, stop } = clientRig(
        ({ atMs: ms, url }, number) =>
          isTime(url) ? timeBody(ms) : (answers[number % answers.length] ?? 'hang'),
        seed,
      )
      const stopped = new StoppedError()
      const ends = [1, 2, 3].map(() =>
        client.get(request()).then(
          () => 'done',
          (error: unknown) => error,
        ),
      )
      await clock.advance(atMs)
      stop.abort(stopped)
      const later = client.get(request()).catch((error: unknown) => error)
      const asked = network.calls.length
      for (const end of [...(await Promise.all(ends)), await later]) {
        const known =
          end === 'done' || end === stopped || end instanceof RefusedError || end instanceof UnavailableError
        expect(known).toBe(true)
      }
      expect(await later).toBe(stopped)
      await clock.settle()
      expect([network.calls.length, clock.sleepers()]).toEqual([asked, 0])
      expect(network.unread()).toBe(0)
    })
    await fc.assert(property, runs)
  })
})
