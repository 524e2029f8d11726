// Whether the store answers, and what is stored: asked now and then, answered at once from the last look,
// however long the store takes.
import { describe, expect, test } from 'bun:test'
import { UnavailableError } from '../../src/errors.ts'
import { startProbe } from '../../src/server/probe.ts'
import { startSurvey } from '../../src/server/survey.ts'
import { virtualClock } from '../rig/virtual-clock.ts'

describe('the probe of the store', () => {
  const rig = (ping: (number: number) => Promise<unknown>) => {
    const clock = virtualClock()
    const stop = new AbortController()
    let pings = 0
    const probe = startProbe(clock, stop.signal, () => ping(pings++))
    return { clock, stop, probe, pings: () => pings }
  }

  test('tells that it answers, and why it does not', async () => {
    const down = new UnavailableError('connection refused', 'start it')
    const { clock, probe } = rig((number) => (number % 2 === 1 ? Promise.reject(down) : Promise.resolve()))
    expect(await probe.reason()).toBeNull()
    expect(probe.up()).toBe(true)
    await clock.advance(5_000)
    expect(await probe.reason()).toBe('connection refused; start it')
    expect(probe.up()).toBe(false)
    await clock.advance(5_000)
    expect(probe.up()).toBe(true)
  })

  test('asks once for many who want to know, and again when it is old', async () => {
    const { clock, probe, pings } = rig(() => Promise.resolve())
    await Promise.all(Array.from({ length: 50 }, () => probe.reason()))
    expect(pings()).toBe(1)
    await clock.advance(1_500)
    await probe.reason()
    expect(pings()).toBe(2)
  })

  test('a store that hangs is not waited for, and not asked again meanwhile', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const { clock, probe, pings, stop } = rig(() => promise)
    expect(await clock.run(probe.reason())).toBe('no answer within 2 s')
    await clock.advance(20_000)
    expect([probe.up(), pings()]).toEqual([false, 1])
    resolve()
    await clock.settle()
    expect(probe.up()).toBe(true)
    stop.abort()
    await probe.ended
  })
})

describe('the survey', () => {
  const rig = (look: (number: number) => Promise<number>) => {
    const clock = virtualClock()
    const stop = new AbortController()
    const looksAtMs: number[] = []
    const found: number[] = []
    const survey = startSurvey({
      clock,
      signal: stop.signal,
      look: () => {
        looksAtMs.push(clock.monotonicMs())
        return look(looksAtMs.length).then(async (value) => {
          await clock.wait(value)
          return value
        })
      },
      found: (value) => void found.push(value),
    })
    return { clock, stop, survey, looksAtMs, found }
  }

  test('looks at once, after news, and every ten minutes without', async () => {
    const { clock, survey, looksAtMs } = rig(async () => 10)
    await clock.advance(60_000)
    expect(looksAtMs).toHaveLength(1)
    survey.news()
    await clock.advance(3_000)
    expect(looksAtMs).toHaveLength(2)
    await clock.advance(610_000)
    expect(looksAtMs).toHaveLength(3)
  })

  test('news in a row cost one look each while looks are quick', async () => {
    const { clock, survey, looksAtMs } = rig(async () => 10)
    for (let i = 0; i < 60; i += 1) {
      survey.news()
      await clock.advance(1_000)
    }
    expect(looksAtMs.length).toBeGreaterThan(15)
    expect(looksAtMs.length).toBeLessThan(31)
  })

  test('a look that takes long is made seldom: it costs a twentieth of the time', async () => {
    const { clock, survey, looksAtMs } = rig(async () => 5_000)
    for (let i = 0; i < 600; i += 1) {
      survey.news()
      await clock.advance(1_000)
    }
    expect(looksAtMs.length).toBeGreaterThan(4)
    expect((looksAtMs.length * 5_000) / 600_000).toBeLessThan(0.06)
  })

  test('a look that fails leaves the last one standing, and is made again', async () => {
    const { clock, survey, found, looksAtMs } = rig(async (number) => {
      if (number === 2) throw new Error('gone')
      return number
    })
    await clock.advance(1_000)
    survey.news()
    await clock.advance(4_000)
    expect([looksAtMs.length, found]).toEqual([2, [1]])
    await clock.advance(31_000)
    expect(found).toEqual([1, 3])
  })

  test('ends when it is told', async () => {
    const { clock, stop, survey } = rig(async () => 10)
    await clock.advance(1_000)
    stop.abort()
    await survey.ended
    expect(clock.sleepers()).toBe(0)
  })
})
