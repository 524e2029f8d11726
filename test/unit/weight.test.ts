// The request weight of a host on a virtual clock: what may be spent in a minute, with other programs on the
// same address, with pauses, and with a clock that is set.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { WeightBudget } from '../../src/binance/weight.ts'
import { StoppedError } from '../../src/errors.ts'
import { runsFor } from '../rig/seed.ts'
import { type VirtualClock, virtualClock } from '../rig/virtual-clock.ts'

const runs = runsFor('test/unit/weight.test.ts')
const MINUTE_MS = 60_000
const START_MS = Date.UTC(2024, 0, 1, 12)
const never = new AbortController().signal

type Given = { readonly limit?: number; readonly share?: number; readonly startMs?: number }

function budgetOf(given: Given = {}): { clock: VirtualClock; budget: WeightBudget } {
  const clock = virtualClock({ startMs: given.startMs ?? START_MS })
  const budget = new WeightBudget(given.limit ?? 100, given.share ?? 1, clock)
  budget.setOffset(clock.nowMs() - clock.monotonicMs())
  return { clock, budget }
}

/** What was spent in each minute of the exchange's clock. */
function ledgerOfMinutes(): { spend(nowMs: number, weight: number): number; most(): number } {
  const minutes = new Map<number, number>()
  return {
    spend(nowMs, weight) {
      const minute = Math.floor(nowMs / MINUTE_MS)
      const total = (minutes.get(minute) ?? 0) + weight
      minutes.set(minute, total)
      return total
    },
    most: () => Math.max(...minutes.values()),
  }
}

test('by our own count no minute sees more than its share, whatever the calls', async () => {
  const calls = fc.array(
    fc.record({
      weight: fc.integer({ min: 1, max: 20 }),
      afterMs: fc.nat({ max: 5_000 }),
      tookMs: fc.nat({ max: 3_000 }),
    }),
    { minLength: 1, maxLength: 80 },
  )
  const property = fc.asyncProperty(
    calls,
    fc.integer({ min: 30, max: 200 }),
    fc.integer({ min: 1, max: 10 }),
    async (given, limit, tenths) => {
      const share = tenths / 10
      const { clock, budget } = budgetOf({ limit, share, startMs: START_MS + 55_000 })
      const spent = ledgerOfMinutes()
      const alone: number[] = []
      await clock.run(
        Promise.all(
          given.map(async ({ weight, afterMs, tookMs }) => {
            await clock.wait(afterMs)
            await budget.reserve(weight, never)
            const total = spent.spend(budget.nowMs(), weight)
            // A call that is heavier than the whole share has a minute for itself.
            if (total > limit * share) alone.push(total - weight)
            await clock.wait(tookMs)
            budget.release(weight)
          }),
        ),
      )
      expect(alone.every((before) => before === 0)).toBe(true)
    },
  )
  await fc.assert(property, runs)
})

test('what is left of the minute is waited for, and a little more', async () => {
  const { clock, budget } = budgetOf({ limit: 10, startMs: START_MS + 20_000 })
  await budget.reserve(6, never)
  const waiting = budget.reserve(6, never)
  await clock.advance(40_000)
  expect(clock.sleepers()).toBe(1)
  await clock.advance(250)
  expect(clock.sleepers()).toBe(0)
  expect(await waiting).toBe(START_MS / MINUTE_MS + 1)
  expect(budget.used).toBe(6)
})

test('a call heavier than the share is made alone, and the minute is then spent', async () => {
  const { clock, budget } = budgetOf({ limit: 10, share: 0.5 })
  expect(await budget.reserve(20, never)).toBe(START_MS / MINUTE_MS)
  const next = budget.reserve(1, never)
  await clock.settle()
  expect(clock.sleepers()).toBe(1)
  expect(await clock.run(next)).toBe(START_MS / MINUTE_MS + 1)
})

test('what the exchange counts is learned, with what is still on its way added', async () => {
  const { budget } = budgetOf()
  const minute = await budget.reserve(2, never)
  await budget.reserve(3, never)
  budget.release(2)
  budget.learn(40, minute)
  expect(budget.used).toBe(43)
  // A lower count that arrives late takes nothing back.
  budget.learn(10, minute)
  expect(budget.used).toBe(43)
})

test('an answer of an earlier minute says nothing of this one', async () => {
  const { clock, budget } = budgetOf()
  const minute = await budget.reserve(2, never)
  budget.learn(90, minute)
  await clock.advance(MINUTE_MS)
  expect(budget.used).toBe(0)
  budget.learn(90, minute)
  expect(budget.used).toBe(0)
  expect(await budget.reserve(50, never)).toBe(minute + 1)
})

test('with a foreign spender the limit is passed by no more than what was in flight', async () => {
  const story = fc.record({
    foreign: fc.array(fc.record({ afterMs: fc.nat({ max: 40_000 }), weight: fc.nat({ max: 60 }) }), {
      maxLength: 8,
    }),
    workers: fc.integer({ min: 1, max: 6 }),
    latencyMs: fc.integer({ min: 1, max: 900 }),
    seed: fc.nat(),
  })
  const property = fc.asyncProperty(story, async ({ foreign, workers, latencyMs, seed }) => {
    const limit = 100
    const weight = 2
    const clock = virtualClock({ startMs: START_MS, seed })
    const budget = new WeightBudget(limit, 0.9, clock)
    budget.setOffset(clock.nowMs())
    const spent = ledgerOfMinutes()
    const beyond = ledgerOfMinutes()
    for (const { afterMs, weight: theirs } of foreign) {
      clock.wait(afterMs).then(
        () => spent.spend(clock.nowMs(), theirs),
        () => {},
      )
    }
    const work = async (): Promise<void> => {
      for (let call = 0; call < 40; call += 1) {
        const minute = await budget.reserve(weight, never)
        await clock.wait(latencyMs * clock.random())
        const total = spent.spend(clock.nowMs(), weight)
        if (total > limit) beyond.spend(clock.nowMs(), weight)
        await clock.wait(latencyMs * clock.random())
        budget.release(weight)
        budget.learn(total, minute)
      }
    }
    await clock.run(Promise.all(Array.from({ length: workers }, work)))
    beyond.spend(0, 0)
    // Once for what was under way when the limit was passed, once for what was when the minute began.
    expect(beyond.most()).toBeLessThanOrEqual(2 * workers * weight)
  })
  await fc.assert(property, runs)
})

test('a pause stops every caller until it ends; a shorter one changes nothing', async () => {
  const { clock, budget } = budgetOf()
  budget.pauseUntil(START_MS + 90_000)
  budget.pauseUntil(START_MS + 5_000)
  expect(budget.pausedUntilMs).toBe(START_MS + 90_000)
  let through = 0
  const calls = [1, 2, 3].map(async (weight) => {
    await budget.reserve(weight, never)
    through += 1
  })
  await clock.advance(90_249)
  expect(through).toBe(0)
  await clock.advance(1)
  expect(through).toBe(3)
  expect(budget.pausedUntilMs).toBe(0)
  await Promise.all(calls)
})

test('a pause stays as long as it is when the clock is set meanwhile', async () => {
  for (const offMs of [-3 * 365 * 86_400_000, -7_000, 7_000, 3 * 365 * 86_400_000]) {
    const { clock, budget } = budgetOf()
    budget.pauseUntil(START_MS + 90_000)
    await clock.advance(10_000)
    budget.setOffset(START_MS + offMs)
    expect(budget.pausedUntilMs).toBe(START_MS + offMs + 90_000)
    await clock.run(budget.reserve(1, never))
    expect(clock.monotonicMs()).toBe(90_250)
  }
})

test('a pause that begins while a caller waits for the next minute holds it too', async () => {
  const { clock, budget } = budgetOf({ limit: 10 })
  await budget.reserve(10, never)
  let through = false
  const call = budget.reserve(1, never).then(() => {
    through = true
  })
  await clock.advance(1_000)
  budget.pauseUntil(START_MS + 100_000)
  await clock.advance(98_000)
  expect(through).toBe(false)
  await clock.run(call)
  expect(clock.nowMs()).toBe(START_MS + 100_250)
})

test('a stop ends the wait with its reason, and spends nothing', async () => {
  const { clock, budget } = budgetOf({ limit: 10 })
  await budget.reserve(10, never)
  const stop = new AbortController()
  const waiting = budget.reserve(1, stop.signal).catch((error: unknown) => error)
  await clock.settle()
  const stopped = new StoppedError()
  stop.abort(stopped)
  expect(await waiting).toBe(stopped)
  expect(await budget.reserve(1, stop.signal).catch((error: unknown) => error)).toBe(stopped)
  expect([budget.used, clock.sleepers()]).toEqual([10, 0])
})

test('setting the clock of the machine moves nothing: ours is monotonic', async () => {
  const { clock, budget } = budgetOf()
  clock.jump(3_600_000)
  expect(budget.nowMs()).toBe(START_MS)
  await clock.advance(1_500)
  expect(budget.nowMs()).toBe(START_MS + 1_500)
  budget.setOffset(7_000.75)
  expect(budget.nowMs()).toBe(8_500)
})

test('a clock that is corrected back over the minute does not give a minute twice', async () => {
  const { clock, budget } = budgetOf({ limit: 10, startMs: START_MS + 59_900 })
  await budget.reserve(10, never)
  await clock.advance(150)
  // By the clock as it was, a new minute has begun: then it turns out to be 100 ms ahead.
  await budget.reserve(4, never)
  budget.setOffset(START_MS + 59_900 - 100)
  const call = budget.reserve(7, never)
  await clock.advance(100)
  expect(clock.sleepers()).toBe(1)
  await clock.run(call)
  expect(Math.floor(budget.nowMs() / MINUTE_MS)).toBe(START_MS / MINUTE_MS + 2)
})

test('a clock that was hours ahead holds nobody up for hours', async () => {
  const { clock, budget } = budgetOf({ limit: 10, startMs: START_MS + 5 * 3_600_000 })
  await budget.reserve(10, never)
  budget.setOffset(START_MS)
  await clock.run(budget.reserve(5, never))
  expect(clock.monotonicMs()).toBeLessThanOrEqual(MINUTE_MS + 250)
})

test('the limit of the exchange is taken over, a senseless one is not', async () => {
  const { budget } = budgetOf({ limit: 100 })
  budget.setLimit(2_400)
  budget.setLimit(0)
  budget.setLimit(-5)
  expect(budget.limit).toBe(2_400)
})
