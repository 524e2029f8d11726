// The client of the archives against a scripted network on a virtual clock: what is asked again and for how
// long, what is not published, what is down, silence, and stops. No body is left unread.
import { describe, expect, test } from 'bun:test'
import { STALL_MS } from '../../src/binance/silence.ts'
import { MalformedError, RefusedError, StoppedError, UnavailableError, UserError } from '../../src/errors.ts'
import { archiveRig } from '../rig/archive-rig.ts'
import { errorOf } from '../rig/client-rig.ts'
import type { Scripted } from '../rig/scripted-network.ts'

const KEY = 'data/futures/um/daily/klines/龙虾USDT/1m/龙虾USDT-1m-2024-01-01.zip'
const LOST = Object.assign(new Error('reset'), { code: 'ECONNRESET' })
const NO_SUCH_KEY = '<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>'

/** Answers in their order, the last one for ever. */
const answers =
  (...list: readonly Scripted[]) =>
  (_: unknown, number: number): Scripted =>
    list[number - 1] ?? list.at(-1) ?? {}
const read = (text: string): string => text

describe('one file', () => {
  test('is asked for by its encoded key, as it is, and told', async () => {
    const { client, clock, network, events } = archiveRig(answers({ body: 'sum' }))
    expect(await clock.run(client.text(KEY, 100, read))).toBe('sum')
    expect(network.calls.map(({ url }) => url.href)).toEqual([
      `https://files.test/base/${KEY.split('/').map(encodeURIComponent).join('/')}`,
    ])
    expect(network.calls[0]?.init).toMatchObject({
      redirect: 'manual',
      headers: { 'user-agent': 'petrosa/0.0.0-test', 'accept-encoding': 'identity' },
    })
    expect(events).toEqual([
      { type: 'request', host: 'files.test', endpoint: 'checksum', code: 200, weight: 0, durationMs: 50 },
    ])
    expect([client.requests, network.unread(), clock.sleepers()]).toEqual([1, 0, 0])
  })

  const passing: readonly (readonly [string, Scripted])[] = [
    ['a server error', { status: 503, body: '<Error><Code>SlowDown</Code></Error>' }],
    ['a time-out', { status: 408 }],
    ['a reset', LOST],
    ['a cut body', { body: 'hal', headers: { 'content-length': '4' } }],
    ['a body that is too long', { body: 'x'.repeat(101) }],
    ['silence', 'hang'],
  ]
  for (const [name, fault] of passing) {
    test(`is asked for again after ${name}`, async () => {
      const { client, clock, network, events } = archiveRig(answers(fault, fault, { body: 'half' }))
      expect(await clock.run(client.text(KEY, 100, read))).toBe('half')
      expect([client.requests, network.unread(), clock.sleepers()]).toEqual([3, 0, 0])
      expect(events.filter((event) => event.type === 'page-retried')).toHaveLength(2)
      expect(events.filter((event) => event.type === 'request')).toHaveLength(3)
    })
  }

  test('that reads badly is asked for again, and refused in the end, without blaming the host', async () => {
    const { client, clock, network } = archiveRig(answers({ body: 'x' }))
    const bad = client.text(KEY, 100, () => {
      throw new MalformedError('garbled')
    })
    const error = await errorOf(clock, bad)
    expect(error).toBeInstanceOf(RefusedError)
    expect(String(error)).toContain(`${KEY}: garbled`)
    expect(network.calls).toHaveLength(8)
  })

  test('that is not there is not published, at once: 404, and 403 as S3 says it', async () => {
    const hidden = '<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>'
    for (const [status, body] of [
      [404, NO_SUCH_KEY],
      [404, '<html>'],
      [403, hidden],
    ] as const) {
      const { client, clock, network } = archiveRig(answers({ status, body }))
      const error = await errorOf(clock, client.text(KEY, 100, read))
      expect(error).toBeInstanceOf(RefusedError)
      expect(String(error)).toContain('not published')
      expect([network.calls.length, network.unread()]).toEqual([1, 0])
    }
  })

  test('from a host that refuses this address or place says so, and what to do', async () => {
    const firewall = archiveRig(answers({ status: 403, body: '<html>Request blocked</html>' }))
    expect(await errorOf(firewall.clock, firewall.client.text(KEY, 9, read))).toBeInstanceOf(UnavailableError)
    const place = archiveRig(answers({ status: 451 }))
    expect(await errorOf(place.clock, place.client.text(KEY, 9, read))).toMatchObject({
      exitCode: 2,
      advice: expect.stringContaining('--source rest'),
    })
    const elsewhere = archiveRig(answers({ status: 302, headers: { location: 'https://else.test' } }))
    expect(await errorOf(elsewhere.clock, elsewhere.client.text(KEY, 9, read))).toBeInstanceOf(UserError)
    expect([firewall, place, elsewhere].map(({ network }) => network.unread())).toEqual([0, 0, 0])
  })

  test('that a live host never gives is refused; from a dead host nothing more is asked', async () => {
    const isProbe = (url: URL): boolean => url.pathname === '/base/'
    for (const probe of [
      { status: 200, body: '<html>' },
      { status: 404, body: '' },
    ]) {
      const live = archiveRig(({ url }) => (isProbe(url) ? probe : { status: 500 }))
      expect(await errorOf(live.clock, live.client.text(KEY, 9, read))).toBeInstanceOf(RefusedError)
      expect([live.network.calls.length, live.network.unread()]).toEqual([9, 0])
      expect(live.clock.monotonicMs()).toBeLessThan(20_000)
    }
    const dead = archiveRig(answers(LOST))
    const error = await errorOf(dead.clock, dead.client.text(KEY, 9, read))
    expect(error).toMatchObject({ exitCode: 75, advice: expect.stringContaining('BINANCE_ARCHIVE_URL') })
    expect(String(error)).toContain('ECONNRESET')
    expect(dead.network.calls).toHaveLength(8 + 2)
  })

  test('waits as long as it is asked to', async () => {
    const { client, clock, network, events } = archiveRig(
      answers({ status: 429, headers: { 'retry-after': '40' } }, { body: 'sum' }),
    )
    expect(await clock.run(client.text(KEY, 100, read))).toBe('sum')
    expect((network.calls[1]?.atMs ?? 0) - (network.calls[0]?.atMs ?? 0)).toBeGreaterThanOrEqual(40_000)
    expect(events.filter((event) => event.type === 'exchange-paused')).toHaveLength(1)
    const long = archiveRig(answers({ status: 429, headers: { 'retry-after': '400' } }))
    expect(await errorOf(long.clock, long.client.text(KEY, 9, read))).toBeInstanceOf(UnavailableError)
  })
})

describe('silence', () => {
  test('in the middle of a body ends the try; a body that goes on slowly does not', async () => {
    const slow = (pauseMs: number, wait: (ms: number) => Promise<void>): Response => {
      let sent = 0
      const body = new ReadableStream<Uint8Array>(
        {
          async pull(controller) {
            if (sent > 0) await wait(pauseMs)
            sent += 1
            if (sent > 5) controller.close()
            else controller.enqueue(Buffer.from('x'))
          },
        },
        { highWaterMark: 0 },
      )
      return new Response(body)
    }
    let pauseMs = STALL_MS - 1_000
    const rig = archiveRig(answers({}), {
      fetch: async () => slow(pauseMs, (ms) => rig.clock.wait(ms)),
    })
    const readAll = async (response: Response, heard: () => void): Promise<number> => {
      let bytes = 0
      for await (const chunk of response.body ?? []) {
        bytes += chunk.length
        heard()
      }
      return bytes
    }
    expect(await rig.clock.run(rig.client.file(KEY, readAll))).toBe(5)
    expect(rig.client.requests).toBe(1)
    pauseMs = STALL_MS + 1_000
    // This fake body does not know of the signal, so that the try ends with it; a real one ends at once.
    const error = await errorOf(
      rig.clock,
      rig.client.file(KEY, async (response, heard) => {
        await readAll(response, heard)
        throw new Error('the connection was aborted')
      }),
    )
    expect(String(error)).toContain('has sent nothing for 30 s')
  })
})

describe('the listing', () => {
  test('is asked for with its query, and garbled pages again', async () => {
    const { client, clock, network } = archiveRig(answers({ body: 'bad' }, { body: 'good' }))
    const good = client.listing({ delimiter: '/', prefix: 'data/a&b/', marker: '龙' }, 100, (text) => {
      if (text === 'bad') throw new MalformedError('garbled')
      return text
    })
    expect(await clock.run(good)).toBe('good')
    expect(network.calls[0]?.url.href).toBe(
      `https://listing.test/bucket?delimiter=%2F&prefix=data%2Fa%26b%2F&marker=${encodeURIComponent('龙')}`,
    )
  })

  test('that is none is for the user to mend; one that does not answer is down', async () => {
    for (const scripted of [{ body: '<html>' }, { status: 404, body: '' }]) {
      const { client, clock } = archiveRig(answers(scripted))
      const listing = client.listing({}, 100, () => {
        throw new MalformedError('no list')
      })
      expect(await errorOf(clock, listing)).toMatchObject({
        exitCode: 2,
        message: expect.stringContaining('https://listing.test/bucket is not the listing of the archives'),
        advice: 'check BINANCE_ARCHIVE_LISTING_URL',
      })
    }
    const down = archiveRig(answers(LOST))
    expect(await errorOf(down.clock, down.client.listing({}, 100, read))).toMatchObject({
      exitCode: 75,
      advice: expect.stringContaining('BINANCE_ARCHIVE_LISTING_URL'),
    })
  })
})

test('a stop ends a request at any moment with its reason, and leaves nobody waiting', async () => {
  for (const scripted of ['hang', { status: 500 }, LOST, { status: 429 }, { body: 'sum' }] as const) {
    for (const atMs of [0, 20, 60, 500, 9_000]) {
      const { client, clock, network, stop } = archiveRig(answers(scripted))
      const end = client.text(KEY, 9, read).catch((error: unknown) => error)
      await clock.advance(atMs)
      const stopped = new StoppedError()
      stop.abort(stopped)
      const came = await end
      if (came !== 'sum') expect(came === stopped || came instanceof RefusedError).toBe(true)
      await clock.settle()
      expect([clock.sleepers(), network.unread()]).toEqual([0, 0])
      expect(await client.text(KEY, 9, read).catch((error: unknown) => error)).toBe(stopped)
    }
  }
})
