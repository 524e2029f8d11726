// A job that repeats, in virtual time: one pass at a time, one for those that were missed, clocks that are
// set, and passes that are asked for.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { MINUTE_MS } from '../../src/core/calendar.ts'
import { isoTime } from '../../src/core/span.ts'
import { openGate } from '../../src/server/gate.ts'
import { type Loop, type PassEnd, startLoop } from '../../src/server/loop.ts'
import { cronSchedule } from '../../src/server/schedule.ts'
import { runsFor } from '../rig/seed.ts'
import { type VirtualClock, virtualClock } from '../rig/virtual-clock.ts'

const runs = runsFor('test/unit/loop.test.ts', 50)
const START_MS = Date.parse('2024-01-01T12:00:20.000Z')
/** The most that a pass of every minute begins late. */
const JITTER_MS = 600

type Rig = {
  readonly clock: VirtualClock
  readonly loop: Loop
  readonly stop: AbortController
  /** When each pass began, by the clock of the schedule. */
  readonly began: readonly number[]
  readonly mostAtOnce: () => number
}

type Given = {
  readonly atOnce?: boolean
  readonly schedule?: string
  /** How long pass `number` (from 0) takes, and how it ends. */
  readonly pass?: (number: number) => { readonly ms: number; readonly end?: PassEnd }
  readonly seed?: number
}

function rig(given: Given = {}): Rig {
  const clock = virtualClock({ startMs: START_MS, seed: given.seed ?? 1 })
  const stop = new AbortController()
  const began: number[] = []
  let running = 0
  let most = 0
  const loop = startLoop({
    schedule: cronSchedule(given.schedule ?? '3 * * * * *', START_MS),
    atOnce: given.atOnce ?? true,
    nowMs: clock.nowMs,
    clock,
    signal: stop.signal,
    gate: openGate(1),
    pass: async () => {
      const { ms, end = 'done' } = given.pass?.(began.length) ?? { ms: 500 }
      began.push(clock.nowMs())
      running += 1
      most = Math.max(most, running)
      await clock.wait(ms)
      running -= 1
      return end
    },
  })
  return { clock, loop, stop, began, mostAtOnce: () => most }
}

/** Second and millisecond of times, as numbers after the full minute. */
const late = (timesMs: readonly number[]): number[] => timesMs.map((timeMs) => timeMs % MINUTE_MS)
const minutes = (timesMs: readonly number[]): string[] =>
  timesMs.map((timeMs) => isoTime(timeMs).slice(11, 16))

describe('passes', () => {
  test('begin when they are due where nothing is to begin at once, and sooner when asked for', async () => {
    const { clock, began, loop } = rig({ schedule: '0 40 3 * * *', atOnce: false })
    await clock.advance(10 * MINUTE_MS)
    expect(began).toEqual([])
    expect(loop.untilNextMs()).toBe(Date.parse('2024-01-02T03:40Z') - clock.nowMs())
    expect(loop.runNow()).toBe(true)
    await clock.advance(24 * 60 * MINUTE_MS)
    expect(began.map((timeMs) => isoTime(timeMs).slice(0, 16))).toEqual([
      '2024-01-01T12:10',
      '2024-01-02T03:40',
    ])
  })

  test('begin at once, then by the schedule, each a little late by chance', async () => {
    const { clock, began } = rig()
    await clock.advance(5 * MINUTE_MS)
    expect(began[0]).toBe(START_MS)
    expect(minutes(began.slice(1))).toEqual(['12:01', '12:02', '12:03', '12:04', '12:05'])
    for (const ms of late(began.slice(1))) {
      expect(ms).toBeGreaterThanOrEqual(3_000)
      expect(ms).toBeLessThan(3_000 + JITTER_MS)
    }
    expect(new Set(late(began)).size).toBeGreaterThan(3)
  })

  test('are pending from when they are due until they have ended, whether they run or wait', async () => {
    const { clock, loop } = rig({ pass: (number) => ({ ms: number === 0 ? 200_000 : 500 }) })
    await clock.advance(150_000)
    expect(loop.pendingMs()).toBe(150_000)
    await clock.advance(52_000)
    expect(loop.pendingMs()).toBe(0)
    const [gate, stop] = [openGate(1), new AbortController()]
    await gate.enter(stop.signal)
    const waiting = startLoop({
      ...{ schedule: cronSchedule('3 * * * * *', START_MS), atOnce: true, nowMs: clock.nowMs, clock, gate },
      ...{ signal: stop.signal, pass: async () => 'done' },
    })
    await clock.advance(7_200_000)
    expect(waiting.pendingMs()).toBe(7_200_000)
    stop.abort()
    await waiting.ended
  })

  test('of two replicas are apart', async () => {
    const [one, other] = [rig({ seed: 1 }), rig({ seed: 2 })]
    await one.clock.advance(3 * MINUTE_MS)
    await other.clock.advance(3 * MINUTE_MS)
    expect(minutes(one.began)).toEqual(minutes(other.began))
    expect(late(one.began.slice(1))).not.toEqual(late(other.began.slice(1)))
  })

  test('that took too long are followed by one, at once, and then by the schedule', async () => {
    const { clock, began, mostAtOnce } = rig({ pass: (number) => ({ ms: number === 1 ? 200_000 : 500 }) })
    await clock.advance(8 * MINUTE_MS)
    expect(minutes(began)).toEqual(['12:00', '12:01', '12:04', '12:05', '12:06', '12:07', '12:08'])
    expect((began[2] ?? 0) - (began[1] ?? 0)).toBe(200_000)
    expect(mostAtOnce()).toBe(1)
  })

  test('that left something open are repeated sooner than the schedule says, then less often', async () => {
    const { clock, began } = rig({ schedule: '3 0 0 * * *', pass: () => ({ ms: 1_000, end: 'again' }) })
    await clock.advance(90 * MINUTE_MS)
    const pauses = began.slice(1).map((timeMs, i) => (timeMs - (began[i] ?? 0) - 1_000) / MINUTE_MS)
    expect(pauses.slice(0, 7)).toEqual([1, 2, 4, 8, 15, 15, 15])
  })

  test('are no sooner for that where the schedule is closer', async () => {
    const { clock, began } = rig({ pass: () => ({ ms: 500, end: 'again' }) })
    await clock.advance(4 * MINUTE_MS)
    expect(minutes(began)).toEqual(['12:00', '12:01', '12:02', '12:03', '12:04'])
  })
})

describe('a pass that is asked for', () => {
  test('begins now, not twice, and the schedule goes on', async () => {
    const { clock, began, loop } = rig({ pass: () => ({ ms: 5_000 }) })
    await clock.settle()
    expect(loop.runNow()).toBe(false)
    await clock.advance(10_000)
    expect([loop.runNow(), loop.runNow()]).toEqual([true, false])
    await clock.advance(1_000)
    expect(loop.runNow()).toBe(false)
    await clock.advance(2 * MINUTE_MS)
    expect(minutes(began)).toEqual(['12:00', '12:00', '12:01', '12:02'])
    expect(began[1]).toBe(START_MS + 10_000)
  })

  test('is not to be had after the end', async () => {
    const { clock, loop, stop } = rig()
    await clock.advance(1_000)
    stop.abort()
    expect(loop.runNow()).toBe(false)
    await loop.ended
  })
})

describe('the clock', () => {
  test('set forward: one pass for all that was jumped over', async () => {
    const { clock, began } = rig()
    await clock.advance(2 * MINUTE_MS)
    clock.jump(60 * MINUTE_MS)
    await clock.advance(2 * MINUTE_MS)
    expect(minutes(began)).toEqual(['12:00', '12:01', '12:02', '13:02', '13:03', '13:04'])
  })

  test('set back: nobody waits until it is as late again', async () => {
    const { clock, began } = rig()
    await clock.advance(2 * MINUTE_MS)
    clock.jump(-60 * MINUTE_MS)
    await clock.advance(3 * MINUTE_MS)
    expect(minutes(began)).toEqual(['12:00', '12:01', '12:02', '11:03', '11:04', '11:05'])
  })

  test('however it is set and however long passes take: one at a time, none missed twice', async () => {
    const trouble = fc.record({
      jumps: fc.array(fc.integer({ min: -7_200_000, max: 7_200_000 }), { maxLength: 8 }),
      passesMs: fc.array(fc.integer({ min: 0, max: 400_000 }), { minLength: 1, maxLength: 8 }),
      seed: fc.integer({ min: 1 }),
    })
    await fc.assert(
      fc.asyncProperty(trouble, async ({ jumps, passesMs, seed }) => {
        const atMs: number[] = []
        const endsMs: number[] = []
        const { clock, mostAtOnce, stop, loop } = rig({
          seed,
          pass: (number) => {
            const ms = passesMs[number % passesMs.length] ?? 0
            atMs.push(clock.monotonicMs())
            endsMs.push(clock.monotonicMs() + ms)
            return { ms }
          },
        })
        for (const jump of jumps) {
          await clock.advance(7 * MINUTE_MS + 11_000)
          clock.jump(jump)
        }
        await clock.advance(10 * MINUTE_MS)
        stop.abort()
        await clock.run(loop.ended)
        expect(mostAtOnce()).toBe(1)
        const idleMs = atMs.slice(1).map((timeMs, i) => timeMs - (endsMs[i] ?? 0))
        expect(idleMs.filter((ms) => ms < 0 || ms > 2 * (MINUTE_MS + JITTER_MS))).toEqual([])
      }),
      runs,
    )
  })
})

describe('the end', () => {
  test('comes after the pass that runs', async () => {
    const { clock, loop, stop } = rig({ pass: () => ({ ms: 30_000 }) })
    await clock.advance(1_000)
    stop.abort()
    let hasEnded = false
    const ended = loop.ended.then(() => {
      hasEnded = true
    })
    await clock.advance(20_000)
    expect([hasEnded, loop.untilNextMs()]).toEqual([false, null])
    await clock.run(ended)
  })

  test('comes at once while nothing runs', async () => {
    const { clock, began, loop, stop } = rig()
    await clock.advance(10_000)
    expect(loop.untilNextMs()).toBeGreaterThan(30_000)
    stop.abort()
    await loop.ended
    await clock.advance(5 * MINUTE_MS)
    expect([began.length, clock.sleepers()]).toEqual([1, 0])
  })
})

describe('the gate', () => {
  test('lets in so many at once, in the order in which they came', async () => {
    const clock = virtualClock()
    const gate = openGate(2)
    const signal = new AbortController().signal
    const order: string[] = []
    const visit = async (name: string): Promise<void> => {
      const leave = await gate.enter(signal)
      order.push(name)
      await clock.wait(1_000)
      leave()
    }
    const visits = Promise.all(['a', 'b', 'c', 'd', 'e'].map(visit))
    await clock.advance(1)
    expect(order).toEqual(['a', 'b'])
    await clock.advance(1_000)
    expect(order).toEqual(['a', 'b', 'c', 'd'])
    await clock.run(visits)
    expect(order).toEqual(['a', 'b', 'c', 'd', 'e'])
  })

  test('is not waited for after a stop, and nobody loses a place by it', async () => {
    const gate = openGate(1)
    const never = new AbortController().signal
    const leave = await gate.enter(never)
    const stop = new AbortController()
    const waits = gate.enter(stop.signal)
    const next = gate.enter(never)
    stop.abort(new Error('stop'))
    await expect(waits).rejects.toThrow('stop')
    leave()
    const leaveNext = await next
    leaveNext()
    await expect(gate.enter(AbortSignal.abort(new Error('late')))).rejects.toThrow('late')
    await gate.enter(never)
  })
})
