// A pause or a ban that the very first request meets, before the exchange has told its time: this machine's
// clock may be anywhere, and the host must be left in peace for as long as it asks all the same.
import { describe, expect, test } from 'bun:test'
import { UnavailableError } from '../../src/errors.ts'
import { clientRig, errorOf, isTime, CLIENT_START_MS as START_MS, timeBody } from '../rig/client-rig.ts'
import type { Scripted } from '../rig/scripted-network.ts'

const YEARS_MS = 3 * 365 * 86_400_000

/** The exchange's clock is `offMs` ahead of the machine's; its first answer is `refusal`, told its time. */
function refusedFirst(offMs: number, refusal: (exchangeMs: number) => Scripted) {
  return clientRig(({ url, atMs }, number) => {
    if (number === 1) return refusal(atMs + offMs)
    return isTime(url) ? timeBody(atMs + offMs) : { body: 'rows' }
  })
}

const dateOf = (ms: number): Record<string, string> => ({ date: new Date(ms).toUTCString() })
const banned = (untilMs: number, headers = {}): Scripted => ({
  status: 418,
  body: `{"code":-1003,"msg":"IP banned until ${untilMs}."}`,
  headers,
})

describe.each([-YEARS_MS, -600_000, 600_000, YEARS_MS])('the exchange is %p ms ahead', (offMs) => {
  test('429: as long as Retry-After says', async () => {
    const limited = { status: 429, headers: { 'retry-after': '4' } }
    const { client, clock, network } = refusedFirst(offMs, () => limited)
    await clock.run(client.syncClock('spot'))
    await clock.run(client.syncClock('spot'))
    expect(network.calls.map(({ atMs }) => atMs - START_MS)).toEqual([0, 4_300, 4_350])
  })

  test('a ban whose end stands in the text alone: by the date of the answer', async () => {
    const { client, clock, network } = refusedFirst(offMs, (nowMs) => banned(nowMs + 30_000, dateOf(nowMs)))
    await clock.run(client.syncClock('spot'))
    const asked = network.calls.map(({ atMs }) => atMs - START_MS)
    expect(asked).toHaveLength(2)
    // The date is a second coarse.
    expect(asked[1]).toBeGreaterThanOrEqual(30_000)
    expect(asked[1]).toBeLessThanOrEqual(31_300)
  })

  test('the same without a date: for two minutes', async () => {
    const { client, clock, network } = refusedFirst(offMs, (nowMs) => banned(nowMs + 30_000))
    await clock.run(client.syncClock('spot'))
    expect(network.calls.map(({ atMs }) => atMs - START_MS)).toEqual([0, 120_300])
  })

  test('a ban of an hour ends the run at once', async () => {
    const { client, clock, network } = refusedFirst(offMs, (nowMs) =>
      banned(nowMs + 3_600_000, dateOf(nowMs)),
    )
    expect(await errorOf(clock, client.syncClock('spot'))).toBeInstanceOf(UnavailableError)
    expect(network.calls).toHaveLength(1)
  })
})
