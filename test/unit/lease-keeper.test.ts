// The keeper of leases beside others like it, on a virtual clock and leases in memory: even shares of
// hundreds of series, few calls whatever their number, and a place for whoever comes or goes.
import { expect, test } from 'bun:test'
import type { PetrosaEvent } from '../../src/core/events.ts'
import type { Leases } from '../../src/core/lease.ts'
import { type HeldLease, LeaseKeeper } from '../../src/core/lease-keeper.ts'
import { UnavailableError } from '../../src/errors.ts'
import { memoryLeases } from '../rig/memory-leases.ts'
import { emptyMemoryDatabase } from '../rig/memory-store.ts'
import { virtualClock } from '../rig/virtual-clock.ts'

const LASTS_MS = 30_000
const BEAT_MS = LASTS_MS / 7
const job = { key: 'k', group: 'spot klines' }
const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `spot/klines/S${i}/1m`)

/** Programs on one database. */
function rig() {
  const clock = virtualClock()
  const database = emptyMemoryDatabase()
  const calls = { claim: 0, renew: 0, release: 0 }
  const leases = memoryLeases(async (work) => work(database), clock.nowMs)
  const counting =
    <C, T>(name: keyof typeof calls, ask: (call: C) => Promise<T>) =>
    (call: C): Promise<T> => {
      calls[name] += 1
      return ask(call)
    }
  const counted: Leases = {
    claim: counting('claim', leases.claim),
    renew: counting('renew', leases.renew),
    release: counting('release', leases.release),
  }
  const keeper = (holder: string) => {
    const state = { down: false }
    const events: PetrosaEvent[] = []
    const one = new LeaseKeeper({
      ask: async (work) => {
        if (state.down) throw new UnavailableError('down', 'wait')
        return work(counted)
      },
      holder,
      lastsMs: LASTS_MS,
      clock,
      tell: (event) => void events.push(event),
      apart: (work) => work(),
    })
    let woken = 0
    const wake = (): void => {
      woken += 1
    }
    const take = (series: readonly string[]): Promise<ReadonlyMap<string, HeldLease>> =>
      clock.run(one.take(job, series, wake))
    return { take, events, stop: () => clock.run(one.stop()), state, woken: () => woken }
  }
  const owned = (): Record<string, number> => {
    const counts: Record<string, number> = {}
    for (const { series, holder, expiresAtMs } of database.leases.values())
      if (series.startsWith('spot/') && expiresAtMs > clock.nowMs())
        counts[holder] = (counts[holder] ?? 0) + 1
    return counts
  }
  return { clock, calls, keeper, owned }
}

test('three share hundreds of series evenly, and two do when one has gone', async () => {
  const { clock, keeper, owned } = rig()
  const series = names(500)
  const all = ['a', 'b', 'c'].map(keeper)
  const [a] = all
  for (const one of all) await one.take(series)
  expect(owned()).toEqual({ a: 500 })
  await clock.advance(4 * BEAT_MS)
  expect(Object.values(owned()).sort()).toEqual([166, 167, 167])
  await a?.stop()
  await clock.advance(2 * BEAT_MS)
  expect(owned()).toEqual({ b: 250, c: 250 })
  // Who got something has a pass to make; who has all it knew of has none.
  expect(all.map(({ woken }) => woken() > 0)).toEqual([false, true, true])
  expect((await all[1]?.take(series))?.size).toBe(250)
})

test('a thousand series cost as many calls as ten', async () => {
  const cost = async (count: number): Promise<number> => {
    const { calls, clock, keeper } = rig()
    const all = ['a', 'b'].map(keeper)
    for (const one of all) await one.take(names(count))
    await clock.advance(LASTS_MS)
    const before = calls.claim + calls.renew + calls.release
    await clock.advance(10 * BEAT_MS)
    return calls.claim + calls.renew + calls.release - before
  }
  expect(await cost(1_000)).toBe(await cost(10))
  // One renewal a beat, each.
  expect(await cost(1_000)).toBe(20)
})

test('what is being fetched is not given up, what waits is', async () => {
  const { clock, keeper, owned } = rig()
  const series = names(10)
  const [a, b] = [keeper('a'), keeper('b')]
  const held = [...(await a.take(series)).values()]
  const busy = held.slice(0, 8)
  expect(busy.every((lease) => lease.begin())).toBe(true)
  await b.take(series)
  await clock.advance(3 * BEAT_MS)
  expect(owned()).toEqual({ a: 8, b: 2 })
  expect(busy.every((lease) => lease.isHeld())).toBe(true)
  expect(held.slice(8).some((lease) => lease.begin())).toBe(false)
  for (const lease of busy) lease.end()
  await clock.advance(3 * BEAT_MS)
  expect(owned()).toEqual({ a: 5, b: 5 })
})

test('a store out of reach: nothing is held any longer than the lease, and then it is again', async () => {
  const { clock, keeper, owned } = rig()
  const [a, b] = [keeper('a'), keeper('b')]
  const [lease] = [...(await a.take(names(1))).values()]
  await b.take(names(1))
  a.state.down = true
  await clock.advance(LASTS_MS - BEAT_MS)
  expect([lease?.isHeld(), owned()]).toEqual([true, { a: 1 }])
  await clock.advance(2 * BEAT_MS)
  expect([lease?.isHeld(), lease?.begin(), owned()]).toEqual([false, false, { b: 1 }])
  expect(b.woken()).toBeGreaterThan(0)
  a.state.down = false
  await clock.advance(LASTS_MS)
  expect(a.events).toContainEqual({ type: 'series-left', series: names(1) })
  // The lease of before is of no use, whoever has the series now.
  expect(lease?.isHeld()).toBe(false)
  await b.stop()
  await clock.advance(2 * BEAT_MS)
  expect([owned(), lease?.isHeld()]).toEqual([{ a: 1 }, false])
})

test('a stop gives everything back at once, and ends when the store does not answer', async () => {
  const { keeper, owned } = rig()
  const a = keeper('a')
  await a.take(names(20))
  await a.stop()
  expect(owned()).toEqual({})
  const b = keeper('b')
  await b.take(names(20))
  b.state.down = true
  await b.stop()
  expect(owned()).toEqual({ b: 20 })
})
