// The keeper of leases beside others like it, on a virtual clock and leases in memory: even shares of
// hundreds of series, few calls whatever their number, and a place for whoever comes or goes.
import { expect, test } from 'bun:test'
import type { PetrosaEvent } from '../../src/core/events.ts'
import type { Leases } from '../../src/core/lease.ts'
import { type HeldLease, type LeasedJob, LeaseKeeper } from '../../src/core/lease-keeper.ts'
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
    const state = { down: false, isBusy: false }
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
    const wake = (): boolean => {
      woken += 1
      return !state.isBusy
    }
    const take = (series: readonly string[], of: LeasedJob = job): Promise<ReadonlyMap<string, HeldLease>> =>
      clock.run(one.take(of, series, wake))
    return { take, events, stop: () => clock.run(one.stop()), state, woken: () => woken }
  }
  const owned = (): Record<string, number> => {
    const counts: Record<string, number> = {}
    for (const { series, holder, expiresAtMs } of database.leases.values())
      if (!series.startsWith('replica/') && expiresAtMs > clock.nowMs())
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

/** Jobs as `petrosa serve` has them: those that fetch, and at night the gaps of all that is stored. */
const funding = { key: 'f', group: 'um funding' }
const gaps = { key: 'g', group: 'gaps of both', takesRest: true }
const rates = names(3).map((key) => key.replace('spot/klines', 'um/funding'))
const stored = Array.from({ length: 5 }, (_, i) => `spot/klines/OLD${i}/1h`)

test('a job over the gaps of others moves no series of theirs, and shares what else is stored', async () => {
  const { clock, keeper, owned } = rig()
  const all = ['a', 'b'].map(keeper)
  for (const one of all) {
    await one.take(names(3))
    await one.take(rates, funding)
  }
  await clock.advance(LASTS_MS)
  expect(owned()).toEqual({ a: 4, b: 2 })
  const scanned: string[][] = []
  for (const one of all) scanned.push([...(await one.take([...names(3), ...rates, ...stored], gaps)).keys()])
  const fetched = scanned.map((keys) => keys.filter((key) => !stored.includes(key)).length)
  expect(fetched).toEqual([4, 2])
  await clock.advance(LASTS_MS)
  expect(owned()).toEqual({ a: 7, b: 4 })
  const before = all.map(({ events, woken }) => [events.length, woken()])
  await clock.advance(40 * LASTS_MS)
  expect(all.map(({ events, woken }) => [events.length, woken()])).toEqual(before)
})

test('series of several jobs are shared once, and whoever gets one makes a pass of each', async () => {
  const { clock, keeper, owned } = rig()
  const all = ['a', 'b'].map(keeper)
  const both = { key: 'o', group: 'both' }
  for (const one of all) {
    await one.take(names(3))
    await one.take(rates, funding)
    await one.take([...names(3), ...rates], both)
  }
  await clock.advance(LASTS_MS)
  expect(owned()).toEqual({ a: 3, b: 3 })
  expect(all[1]?.woken()).toBeGreaterThanOrEqual(2)
  const before = all.map(({ events, woken }) => [events.length, woken()])
  await clock.advance(40 * LASTS_MS)
  expect(all.map(({ events, woken }) => [events.length, woken()])).toEqual(before)
})

test('series that come begin one pass, and when one runs already, one after it', async () => {
  const { clock, keeper } = rig()
  const [a, b] = [keeper('a'), keeper('b')]
  await a.take(names(4))
  await b.take(names(4))
  b.state.isBusy = true
  await clock.advance(3 * BEAT_MS)
  expect(b.woken()).toBeGreaterThan(1)
  b.state.isBusy = false
  const before = b.woken()
  // The pass fails before it takes anything: when it is repeated is for its loop to say.
  await clock.advance(20 * BEAT_MS)
  expect(b.woken()).toBe(before + 1)
})
