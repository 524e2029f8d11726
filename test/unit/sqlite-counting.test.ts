// Counting on two threads: every range is counted once and answered in its place; the second thread comes
// only when counts have waited, and nothing is lost where it cannot come.
import { describe, expect, test } from 'bun:test'
import type { Series } from '../../src/core/series.ts'
import type { Span } from '../../src/core/span.ts'
import { klines } from '../../src/datasets/klines.ts'
import { startCounting } from '../../src/stores/sqlite/counting.ts'
import type { Remote } from '../../src/stores/sqlite/remote.ts'

const series: Series = { market: 'spot', dataset: 'klines', symbol: 'AUSDT', period: '1m' }
const table = klines.table(series)
const spans = (count: number): Span[] =>
  Array.from({ length: count }, (_, i) => ({ startMs: i, endMs: i + 1 }))
const numbers = (count: number): number[] => spans(count).map(({ startMs }) => startMs * 10)

/** A thread whose calls are answered when the test says so; a count is ten times where its span begins. */
function thread() {
  const calls: { readonly spans: readonly Span[]; readonly answer: (error?: Error) => void }[] = []
  const names: string[] = []
  let ended = false
  const call = (name: string, values: readonly unknown[]): Promise<unknown> => {
    names.push(name)
    if (name === 'close') return Promise.resolve()
    const asked = values[2] as readonly Span[]
    return new Promise((resolve, reject) => {
      const answer = (error?: Error): void =>
        error ? reject(error) : resolve(asked.map(({ startMs }) => startMs * 10))
      calls.push({ spans: asked, answer })
    })
  }
  const remote = {
    call,
    end: () => {
      ended = true
    },
  } as unknown as Remote
  return { remote, calls, names, hasEnded: () => ended }
}

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve()
}

function bed(hasSecond = true) {
  const [first, second] = [thread(), thread()]
  let opened = 0
  let patienceOver: () => void = () => {}
  const counting = startCounting({
    first: first.remote,
    openSecond: async () => {
      opened += 1
      return hasSecond ? second.remote : null
    },
    clock: {
      wait: (_, signal) =>
        new Promise((resolve, reject) => {
          patienceOver = resolve
          signal?.addEventListener('abort', () => reject(new Error('stopped')))
        }),
    },
    attempt: (call) => call(),
  })
  const answerAll = async (): Promise<void> => {
    for (let turn = 0; turn < 200; turn += 1) {
      for (const { calls } of [first, second]) calls.shift()?.answer()
      await settle()
    }
  }
  return { first, second, counting, opened: () => opened, patienceOver: () => patienceOver(), answerAll }
}

describe('counts of a SQLite store', () => {
  test('what one call can hold is one call on the first thread', async () => {
    const { first, counting, opened, answerAll } = bed()
    const counted = counting.count('counts', series, table, spans(64))
    expect(first.calls.map((call) => call.spans.length)).toEqual([64])
    await answerAll()
    expect(await counted).toEqual(numbers(64))
    await counting.close()
    expect(opened()).toBe(0)
  })

  test('no ranges are no call', async () => {
    const { first, counting } = bed()
    expect(await counting.count('countIds', series, table, [])).toEqual([])
    expect(first.names).toEqual([])
  })

  test('counts that have waited bring the second thread, and each range is counted once', async () => {
    const { first, second, counting, opened, patienceOver, answerAll } = bed()
    const counted = [
      counting.count('counts', series, table, spans(300)),
      counting.count('counts', series, table, spans(7)),
    ]
    await settle()
    expect([first.calls.length, second.calls.length, opened()]).toEqual([1, 0, 0])
    patienceOver()
    await settle()
    expect([first.calls.length, second.calls.length, opened()]).toEqual([1, 1, 1])
    await answerAll()
    expect(await Promise.all(counted)).toEqual([numbers(300), numbers(7)])
    expect(first.names.length + second.names.length).toBe(6)
    expect(second.names.length).toBeGreaterThan(1)
    await counting.close()
    expect([second.names.at(-1), second.hasEnded(), first.hasEnded()]).toEqual(['close', true, false])
  })

  test('what is done before the patience is over needs no second thread, then or later', async () => {
    const { counting, opened, patienceOver, answerAll } = bed()
    const counted = counting.count('counts', series, table, spans(200))
    await answerAll()
    patienceOver()
    await settle()
    expect(await counted).toEqual(numbers(200))
    expect(opened()).toBe(0)
    const later = counting.count('counts', series, table, spans(200))
    patienceOver()
    await settle()
    expect(opened()).toBe(1)
    await answerAll()
    expect(await later).toEqual(numbers(200))
    await counting.close()
  })

  test('where no second thread can be had the first counts all', async () => {
    const { first, counting, patienceOver, answerAll } = bed(false)
    const counted = counting.count('counts', series, table, spans(200))
    patienceOver()
    await answerAll()
    expect(await counted).toEqual(numbers(200))
    expect(first.names).toHaveLength(4)
    await counting.close()
  })

  test('an error of one call is that of the count, and the threads go on', async () => {
    const { first, counting, answerAll } = bed()
    const counted = counting.count('counts', series, table, spans(100))
    first.calls.shift()?.answer(new Error('the disk is gone'))
    await answerAll()
    expect(counted).rejects.toThrow('the disk is gone')
    const next = counting.count('counts', series, table, spans(1))
    await answerAll()
    expect(await next).toEqual([0])
    await counting.close()
  })
})
