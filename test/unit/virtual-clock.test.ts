// The clock that the simulations stand on: if it were wrong, they would prove nothing.
import { describe, expect, test } from 'bun:test'
import { virtualClock } from '../rig/virtual-clock.ts'

const realPause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5))

describe('time that is told to move', () => {
  test('wakes in the order of due times, and who waited first where two are due together', async () => {
    const clock = virtualClock({ startMs: 1_000 })
    const woken: string[] = []
    const sleep = async (name: string, ms: number): Promise<void> => {
      await clock.wait(ms)
      woken.push(`${name}@${clock.nowMs()}/${clock.monotonicMs()}`)
    }
    const all = [sleep('late', 50), sleep('first', 20), sleep('second', 20), sleep('now', 0)]
    await clock.advance(20)
    expect(woken).toEqual(['now@1000/0', 'first@1020/20', 'second@1020/20'])
    expect(clock.sleepers()).toBe(1)
    await clock.advance(30)
    await Promise.all(all)
    expect(woken.at(-1)).toBe('late@1050/50')
  })

  test('wakes those too that begin to wait on the way, and no one who is due later', async () => {
    const clock = virtualClock()
    const ticks: number[] = []
    const stop = new AbortController()
    const ticking = (async () => {
      for (;;) {
        await clock.wait(10, stop.signal)
        ticks.push(clock.monotonicMs())
      }
    })()
    await clock.advance(35)
    expect(ticks).toEqual([10, 20, 30])
    expect(clock.monotonicMs()).toBe(35)
    stop.abort(new Error('enough'))
    await expect(ticking).rejects.toThrow('enough')
    expect(clock.sleepers()).toBe(0)
  })

  test('nothing moves by itself, and a jump of the wall clock wakes nobody', async () => {
    const clock = virtualClock({ startMs: 0 })
    let woken = false
    const sleeping = clock.wait(1).then(() => {
      woken = true
    })
    clock.jump(-5_000)
    await realPause()
    expect([woken, clock.nowMs(), clock.monotonicMs()]).toEqual([false, -5_000, 0])
    await clock.advance(1)
    await sleeping
    expect([woken, clock.nowMs(), clock.monotonicMs()]).toEqual([true, -4_999, 1])
  })
})

describe('time that moves when everybody waits', () => {
  test('runs until nobody waits', async () => {
    const clock = virtualClock()
    const nights = Array.from({ length: 20 }, async (_, night) => {
      await clock.wait(night * 86_400_000)
      await clock.wait(1)
    })
    await clock.runUntilIdle()
    await Promise.all(nights)
    expect(clock.monotonicMs()).toBe(19 * 86_400_000 + 1)
  })

  test('runs until one piece of work is done, and leaves the others waiting', async () => {
    const clock = virtualClock()
    void clock.wait(100)
    expect(await clock.run(clock.wait(40).then(() => 'done'))).toBe('done')
    expect([clock.monotonicMs(), clock.sleepers()]).toEqual([40, 1])
    await expect(clock.run(clock.wait(1).then(() => Promise.reject(new Error('broken'))))).rejects.toThrow(
      'broken',
    )
  })

  test('says so when the work waits for something that never comes, or never ends', async () => {
    const clock = virtualClock({ mostWakes: 50 })
    await expect(clock.run(new Promise(() => {}))).rejects.toThrow('nobody waits for time')
    const endless = async (): Promise<never> => {
      for (;;) await clock.wait(0)
    }
    void endless()
    await expect(clock.runUntilIdle()).rejects.toThrow('no end after 50 wake-ups')
  })

  test('stands still while real work is in flight', async () => {
    const clock = virtualClock()
    const order: string[] = []
    const request = clock.during(realPause()).then(() => order.push(`answer@${clock.monotonicMs()}`))
    const timeout = clock.wait(1_000).then(() => order.push('timeout'))
    await clock.runUntilIdle()
    await Promise.all([request, timeout])
    expect(order).toEqual(['answer@0', 'timeout'])
  })

  test('work that fails in flight does not stop time for ever', async () => {
    const clock = virtualClock()
    await expect(clock.during(Promise.reject(new Error('reset')))).rejects.toThrow('reset')
    await clock.run(clock.wait(5))
    expect(clock.monotonicMs()).toBe(5)
  })
})

describe('what it refuses', () => {
  test('an aborted signal rejects with its reason, before and while waiting', async () => {
    const clock = virtualClock()
    const reason = new Error('stopped')
    await expect(clock.wait(1, AbortSignal.abort(reason))).rejects.toBe(reason)
    const controller = new AbortController()
    const sleeping = clock.wait(1, controller.signal)
    controller.abort(reason)
    await expect(sleeping).rejects.toBe(reason)
    await clock.advance(10)
    expect(clock.sleepers()).toBe(0)
  })

  test('two movements at once, and pauses without an end', async () => {
    const clock = virtualClock()
    const first = clock.advance(1)
    await expect(clock.advance(1)).rejects.toThrow('moved already')
    await first
    await expect(clock.wait(Number.NaN)).rejects.toThrow('never ends')
    await expect(clock.advance(Number.POSITIVE_INFINITY)).rejects.toThrow('never ends')
    await clock.advance(-5)
    expect(clock.monotonicMs()).toBe(1)
  })

  test('chance depends on the seed alone and lies in [0, 1)', () => {
    const draw = (seed: number): number[] => {
      const clock = virtualClock({ seed })
      return Array.from({ length: 500 }, () => clock.random())
    }
    expect(draw(7)).toEqual(draw(7))
    expect(draw(7)).not.toEqual(draw(8))
    const drawn = draw(7)
    expect(drawn.every((number) => number >= 0 && number < 1)).toBe(true)
    expect(new Set(drawn).size).toBeGreaterThan(490)
    expect(drawn.some((number) => number < 0.1) && drawn.some((number) => number > 0.9)).toBe(true)
  })
})
