// So many at a time, in the order of coming, and nobody waits after a stop.
import { expect, test } from 'bun:test'
import { Turns } from '../../src/binance/turns.ts'

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('two at a time, and the next in the order of coming', async () => {
  const turns = new Turns(2)
  const { signal } = new AbortController()
  const began: number[] = []
  for (const i of [1, 2, 3, 4]) void turns.take(signal).then(() => began.push(i))
  await settled()
  expect(began).toEqual([1, 2])
  turns.give()
  await settled()
  expect(began).toEqual([1, 2, 3])
  turns.give()
  turns.give()
  turns.give()
  await settled()
  expect(began).toEqual([1, 2, 3, 4])
  await Promise.all([turns.take(signal), turns.take(signal)])
})

test('who is told to stop waits no longer, and takes no turn', async () => {
  const turns = new Turns(1)
  const stop = new AbortController()
  await turns.take(stop.signal)
  const waiting = turns.take(stop.signal).catch((error: unknown) => error)
  const other = turns.take(new AbortController().signal)
  const reason = new Error('stop')
  stop.abort(reason)
  expect(await waiting).toBe(reason)
  turns.give()
  await other
  expect(await turns.take(stop.signal).catch((error: unknown) => error)).toBe(reason)
})
