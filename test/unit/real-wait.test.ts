// The pause on the real clock: the longest that a timer takes is not the longest that there is.
import { expect, test } from 'bun:test'
import { StoppedError } from '../../src/errors.ts'
import { realWait } from '../../src/world.ts'

test('a pause longer than any timer is waited for, and ended by its signal', async () => {
  const warnings: string[] = []
  const note = (warning: Error): void => void warnings.push(warning.name)
  process.on('warning', note)
  const stop = new AbortController()
  let ended: unknown = null
  const waiting = realWait(1_000 * 86_400_000, stop.signal).then(
    () => {
      ended = 'the pause is over'
    },
    (error: unknown) => {
      ended = error
    },
  )
  await Bun.sleep(30)
  expect(ended).toBeNull()
  const stopped = new StoppedError()
  stop.abort(stopped)
  await waiting
  process.off('warning', note)
  expect(ended).toBe(stopped)
  expect(warnings).toEqual([])
})

test('a short pause takes its time; none is over at once', async () => {
  const startedMs = performance.now()
  await realWait(0)
  await realWait(20)
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(19)
  expect(performance.now() - startedMs).toBeLessThan(10_000)
})
