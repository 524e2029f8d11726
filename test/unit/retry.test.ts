// The only loop that tries again: how often, with what pauses, and when not. On a clock that is told to move.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { type Retry, type RetryPolicy, retry } from '../../src/core/retry.ts'
import { runsFor } from '../rig/seed.ts'
import { virtualClock } from '../rig/virtual-clock.ts'

const runs = runsFor('test/unit/retry.test.ts')
const policy: RetryPolicy = { attempts: 5, firstPauseMs: 100, longestPauseMs: 1_000 }

type Run = {
  readonly outcome: unknown
  readonly startedMs: readonly number[]
  readonly pausesMs: readonly number[]
}
type Case = Partial<Pick<Retry<string>, 'policy' | 'again' | 'signal'>> & { readonly seed?: number }

/**
 * Runs a job that fails `failures` times first; gives when each try began, each pause told, and how it ended.
 */
async function runJob(given: Case = {}, failures = Number.POSITIVE_INFINITY): Promise<Run> {
  const clock = virtualClock({ seed: given.seed ?? 1 })
  const startedMs: number[] = []
  const pausesMs: number[] = []
  const running = retry({
    policy: given.policy ?? policy,
    clock,
    signal: given.signal,
    again: given.again ?? (() => ({ atLeastMs: 0 })),
    told: (_error, attempt, pauseMs) => {
      expect(attempt).toBe(startedMs.length)
      pausesMs.push(pauseMs)
    },
    attempt: async (attempt) => {
      startedMs.push(clock.monotonicMs())
      expect(attempt).toBe(startedMs.length)
      if (attempt <= failures) throw new Error(`failure ${attempt}`)
      return `success ${attempt}`
    },
  })
  const outcome = await clock.run(running.catch((error: unknown) => error))
  return { outcome, startedMs, pausesMs }
}

test('a first success pauses for nothing', async () => {
  expect(await runJob({}, 0)).toEqual({ outcome: 'success 1', startedMs: [0], pausesMs: [] })
})

test('tries as often as the policy says, then throws the last error as it is', async () => {
  const { outcome, startedMs, pausesMs } = await runJob()
  expect(outcome).toEqual(new Error('failure 5'))
  expect(startedMs).toHaveLength(5)
  expect(pausesMs).toHaveLength(4)
  expect((await runJob({}, 4)).outcome).toBe('success 5')
})

test('what must not be tried again is thrown at once, as the same object', async () => {
  const refused = new Error('refused')
  const clock = virtualClock()
  let tries = 0
  const attempt = async (): Promise<never> => {
    tries += 1
    throw refused
  }
  await expect(retry({ policy, clock, attempt, again: () => false })).rejects.toBe(refused)
  expect([tries, clock.monotonicMs(), clock.sleepers()]).toEqual([1, 0, 0])
})

test('an error is judged each time: one that may pass first, one that may not later', async () => {
  const again: Case['again'] = (error) => (String(error).includes('failure 3') ? false : { atLeastMs: 0 })
  const { outcome, pausesMs } = await runJob({ again })
  expect(outcome).toEqual(new Error('failure 3'))
  expect(pausesMs).toHaveLength(2)
})

test('pauses double from the first to the longest, half of each fixed and half chance', async () => {
  const policies = fc.record({
    attempts: fc.integer({ min: 1, max: 12 }),
    firstPauseMs: fc.integer({ min: 1, max: 500 }),
    longestPauseMs: fc.integer({ min: 1, max: 5_000 }),
  })
  const property = fc.asyncProperty(policies, fc.nat(), async (given, seed) => {
    const { startedMs, pausesMs } = await runJob({ policy: given, seed })
    expect(startedMs).toHaveLength(given.attempts)
    for (const [index, pauseMs] of pausesMs.entries()) {
      const fullMs = Math.min(given.firstPauseMs * 2 ** index, given.longestPauseMs)
      expect(pauseMs).toBeGreaterThanOrEqual(fullMs / 2)
      expect(pauseMs).toBeLessThan(fullMs)
      expect((startedMs[index + 1] ?? 0) - (startedMs[index] ?? 0)).toBeCloseTo(pauseMs, 6)
    }
  })
  await fc.assert(property, runs)
})

test('chance spreads the pauses: different seeds come back at different times', async () => {
  const firstPauses = await Promise.all(
    [1, 2, 3, 4].map(async (seed) => (await runJob({ seed })).pausesMs[0]),
  )
  expect(new Set(firstPauses).size).toBe(4)
})

test('the other side may ask for a longer pause than any, and a shorter one changes nothing', async () => {
  const { startedMs, pausesMs } = await runJob({ again: () => ({ atLeastMs: 60_000 }) })
  expect(pausesMs).toEqual([60_000, 60_000, 60_000, 60_000])
  expect(startedMs).toEqual([0, 60_000, 120_000, 180_000, 240_000])
  expect(await runJob({ again: () => ({ atLeastMs: 1 }) })).toEqual(await runJob())
})

test('a stop during a pause ends it at once with the reason of the stop', async () => {
  const clock = virtualClock()
  const stop = new AbortController()
  const reason = new Error('told to stop')
  let tries = 0
  const attempt = async (): Promise<never> => {
    tries += 1
    throw new Error('unavailable')
  }
  const again = () => ({ atLeastMs: 10_000 })
  const ended = retry({ policy, clock, signal: stop.signal, attempt, again }).catch((error: unknown) => error)
  await clock.advance(5_000)
  expect(clock.sleepers()).toBe(1)
  stop.abort(reason)
  expect(await ended).toBe(reason)
  expect([tries, clock.sleepers(), clock.monotonicMs()]).toEqual([1, 0, 5_000])
})

test('a stop before the first try tries nothing; one during a try pauses no more', async () => {
  const reason = new Error('told to stop')
  expect(await runJob({ signal: AbortSignal.abort(reason) })).toEqual({
    outcome: reason,
    startedMs: [],
    pausesMs: [],
  })

  const stop = new AbortController()
  const again: Case['again'] = () => {
    stop.abort(reason)
    return { atLeastMs: 0 }
  }
  const { outcome, pausesMs } = await runJob({ signal: stop.signal, again })
  expect(outcome).toEqual(new Error('failure 1'))
  expect(pausesMs).toEqual([])
})
