// Reading bodies: up to a limit whatever the answer claims, cut ones refused, none left unread.
import { describe, expect, test } from 'bun:test'
import { readBody } from '../../src/binance/body.ts'

const tooLarge = (): Error => new Error('too large')
const read = (response: Response, most: number): Promise<Uint8Array> => readBody(response, most, tooLarge)
const text = async (response: Response, most: number): Promise<string> =>
  Buffer.from(await read(response, most)).toString()

type Streamed = { readonly response: Response; readonly state: { pulled: number; cancelled: boolean } }

/** A body of `chunks`, with what became of it. */
function streamed(chunks: readonly string[], headers: Record<string, string> = {}): Streamed {
  const state = { pulled: 0, cancelled: false }
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const chunk = chunks[state.pulled]
        state.pulled += 1
        if (chunk === undefined) controller.close()
        else controller.enqueue(new TextEncoder().encode(chunk))
      },
      cancel() {
        state.cancelled = true
      },
    },
    { highWaterMark: 0 },
  )
  return { response: new Response(body, { headers }), state }
}

const length = (bytes: number): Record<string, string> => ({ 'content-length': String(bytes) })

describe('bodies with a length', () => {
  test('are read whole, up to the limit itself', async () => {
    expect(await text(new Response('12345', { headers: length(5) }), 5)).toBe('12345')
    expect(await text(new Response('', { headers: length(0) }), 5)).toBe('')
  })

  test('that announce too much are cancelled before a byte is read', async () => {
    const { response, state } = streamed(['123456'], length(6))
    await expect(read(response, 5)).rejects.toThrow('too large')
    expect(state).toEqual({ pulled: 0, cancelled: true })
  })

  test('that end early are cut, and say how much came', async () => {
    await expect(read(streamed(['123'], length(5)).response, 10)).rejects.toThrow('3 of 5 bytes came')
  })
})

describe('bodies without a length', () => {
  test('are read in all their chunks', async () => {
    expect(await text(streamed(['12', '', '345']).response, 5)).toBe('12345')
    expect(await text(new Response(null), 5)).toBe('')
  })

  test('that grow past the limit are cancelled there', async () => {
    const { response, state } = streamed(['123', '456', '789', 'never'])
    await expect(read(response, 5)).rejects.toThrow('too large')
    expect(state.cancelled).toBe(true)
    expect(state.pulled).toBeLessThanOrEqual(3)
  })

  test('that break on the way throw what the network threw', async () => {
    const body = new ReadableStream({
      pull: (controller) => controller.error(new Error('connection reset')),
    })
    await expect(read(new Response(body), 5)).rejects.toThrow('connection reset')
  })
})

test('the length of a compressed answer is not that of its body: what comes out counts', async () => {
  const headers = { 'content-encoding': 'gzip', ...length(3) }
  expect(await text(streamed(['12345'], headers).response, 5)).toBe('12345')
  const large = streamed(['123', '456'], headers)
  await expect(read(large.response, 5)).rejects.toThrow('too large')
  expect(large.state.cancelled).toBe(true)
})

test('a real answer over gzip is read whole, and refused when it unpacks to too much', async () => {
  const server = Bun.serve({
    port: 0,
    fetch: () =>
      new Response(Bun.gzipSync(Buffer.alloc(100_000, 'a')), { headers: { 'content-encoding': 'gzip' } }),
  })
  try {
    expect(await read(await fetch(server.url), 100_000)).toHaveLength(100_000)
    await expect(read(await fetch(server.url), 99_999)).rejects.toThrow('too large')
  } finally {
    await server.stop(true)
  }
})

test('a stop in the middle of a body ends the reading', async () => {
  const stop = new AbortController()
  const server = Bun.serve({
    port: 0,
    fetch: () =>
      new Response(new ReadableStream({ start: (controller) => controller.enqueue(Buffer.from('half')) })),
  })
  try {
    const response = await fetch(server.url, { signal: stop.signal })
    const reading = read(response, 100).catch((error: unknown) => error)
    await Bun.sleep(5)
    stop.abort(new Error('told to stop'))
    expect(String(await reading)).toContain('told to stop')
  } finally {
    await server.stop(true)
  }
})
