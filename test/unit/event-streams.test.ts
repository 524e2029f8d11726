// The streams of GET /events: what each listener gets, how many there may be, and that the slow are let go.
import { describe, expect, test } from 'bun:test'
import { MOST_LISTENERS, openStreams } from '../../src/server/event-streams.ts'
import { virtualClock } from '../rig/virtual-clock.ts'

const decoder = new TextDecoder()

type Reader = { read(): Promise<string | null>; cancel(): Promise<void> }

function readerOf(stream: ReadableStream<Uint8Array> | null): Reader {
  const reader = stream?.getReader()
  if (!reader) throw new Error('no stream')
  return {
    read: async () => {
      const { done, value } = await reader.read()
      return done ? null : decoder.decode(value)
    },
    cancel: () => reader.cancel(),
  }
}

const hello = { event: 'pass', data: { running: false } }

describe('a listener', () => {
  test('gets how things stand, then what happens, as server-sent events', async () => {
    const streams = openStreams(virtualClock())
    const reader = readerOf(streams.open([hello, { event: 'exchange', data: {} }]))
    expect(await reader.read()).toBe('event: pass\ndata: {"running":false}\n\nevent: exchange\ndata: {}\n\n')
    streams.send({ event: 'warning', data: { message: 'two\nlines' } })
    expect(await reader.read()).toBe('event: warning\ndata: {"message":"two\\nlines"}\n\n')
  })

  test('hears now and then that the line is alive', async () => {
    const clock = virtualClock()
    const reader = readerOf(openStreams(clock).open([]))
    await clock.advance(15_000)
    expect(await reader.read()).toBe(': alive\n\n')
  })

  test('that goes away leaves room, and the others go on', async () => {
    const streams = openStreams(virtualClock())
    const readers = Array.from({ length: MOST_LISTENERS }, () => readerOf(streams.open([hello])))
    expect([streams.listeners(), streams.open([hello])]).toEqual([MOST_LISTENERS, null])
    await readers[3]?.cancel()
    expect(streams.listeners()).toBe(MOST_LISTENERS - 1)
    streams.send(hello)
    for (const [i, reader] of readers.entries()) {
      if (i === 3) continue
      await reader.read()
      expect(await reader.read()).toContain('event: pass')
    }
    expect(streams.open([])).not.toBeNull()
  })

  test('that reads nothing is let go before its backlog grows', async () => {
    const streams = openStreams(virtualClock())
    const slow = readerOf(streams.open([]))
    const big = { event: 'warning', data: { message: 'x'.repeat(10_000) } }
    for (let i = 0; i < 100; i += 1) streams.send(big)
    expect(streams.listeners()).toBe(0)
    let bytes = 0
    for (let text = await slow.read(); text !== null; text = await slow.read()) bytes += text.length
    expect(bytes).toBeLessThan(300 * 1024)
  })

  test('is told the end, and nobody comes after it', async () => {
    const clock = virtualClock()
    const streams = openStreams(clock)
    const reader = readerOf(streams.open([hello]))
    await reader.read()
    streams.close()
    expect(await reader.read()).toBeNull()
    expect([streams.open([hello]), streams.listeners()]).toEqual([null, 0])
    await clock.settle()
    expect(clock.sleepers()).toBe(0)
  })
})
