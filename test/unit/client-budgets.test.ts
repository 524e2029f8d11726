// What clients of one program share: the weight that is spent, and every pause. A ban binds them all until
// it ends, also one that is too long to be waited for.
import { describe, expect, test } from 'bun:test'
import { DAY_MS, MINUTE_MS } from '../../src/core/calendar.ts'
import { UnavailableError } from '../../src/errors.ts'
import { clientRig, errorOf, pages, request, CLIENT_START_MS as START_MS } from '../rig/client-rig.ts'
import type { Scripted } from '../rig/scripted-network.ts'

const banned = (seconds: number): Scripted => ({
  status: 418,
  body: '',
  headers: { 'retry-after': String(seconds) },
})

describe('clients that share budgets', () => {
  test('spend one weight, and count their own requests', async () => {
    const { client, clock, another } = clientRig(pages({ body: '[]' }))
    const other = another()
    await clock.run(client.get(request({ weight: 40 })))
    await clock.run(other.get(request({ weight: 2 })))
    expect([client.budget('spot').used, other.budget('spot').used]).toEqual([42, 42])
    expect([client.requests, client.weight, other.requests, other.weight]).toEqual([1, 40, 1, 2])
  })

  test('know the clock that one of them has read', async () => {
    const { client, clock, another } = clientRig(() => ({ body: '{"serverTime":5000}' }))
    await clock.run(client.syncClock('spot'))
    expect(another().nowMs('spot')).toBe(client.nowMs('spot'))
  })
})

describe('a ban that is too long to be waited for', () => {
  const seconds = 3_600

  test('ends whoever asks, at once, and nothing more is asked before it is over', async () => {
    const { client, clock, network, another } = clientRig(pages(banned(seconds), { body: 'rows' }))
    for (const one of [client, client, another(), another()]) {
      const error = await errorOf(clock, one.get(request()))
      expect(error).toBeInstanceOf(UnavailableError)
      expect(String(error)).toContain('has banned this address until 2024-01-01T13:00:20')
    }
    expect(network.calls).toHaveLength(1)
    await clock.advance(seconds * 1_000 - 10 * MINUTE_MS)
    expect(await errorOf(clock, another().get(request()))).toBeInstanceOf(UnavailableError)
    expect(network.calls).toHaveLength(1)
  })

  test('is sat out when it nearly is', async () => {
    const { client, clock, network, another } = clientRig(pages(banned(seconds), { body: 'rows' }))
    await errorOf(clock, client.get(request()))
    await clock.advance(seconds * 1_000 - 4 * MINUTE_MS)
    expect(await clock.run(another().get(request()))).toMatchObject({ value: 'rows' })
    expect(network.calls).toHaveLength(2)
    expect(network.calls[1]?.atMs).toBeGreaterThanOrEqual(START_MS + seconds * 1_000)
  })

  test('tells of the pause, and binds no other host', async () => {
    const { client, clock, events } = clientRig(pages(banned(seconds), { body: 'rows' }))
    await errorOf(clock, client.get(request()))
    expect(events.filter(({ type }) => type === 'exchange-paused')).toHaveLength(1)
    expect(client.budget('spot').pausedUntilMs).toBeGreaterThanOrEqual(START_MS + seconds * 1_000)
    expect(await clock.run(client.get(request({ market: 'um' })))).toMatchObject({ value: 'rows' })
  })

  test('is believed for three days, the longest that the exchange knows', async () => {
    const { client, clock } = clientRig(pages(banned(1e9)))
    await errorOf(clock, client.get(request()))
    expect(client.budget('spot').pausedUntilMs - START_MS).toBeLessThanOrEqual(3 * DAY_MS + MINUTE_MS)
  })
})
