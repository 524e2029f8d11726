// A network that is a script: each request gets the next answer, or what a function says. It knows which
// bodies nobody has read or cancelled, and when each request was made.
import type { World } from '../../src/world.ts'
import type { VirtualClock } from './virtual-clock.ts'

export type Call = { readonly url: URL; readonly atMs: number; readonly init: RequestInit }

/** An answer: its parts, an error that the network throws, or `hang` for one that never comes. */
export type Scripted =
  | {
      readonly status?: number
      readonly body?: string | Uint8Array
      readonly headers?: Readonly<Record<string, string>>
    }
  | Error
  | 'hang'

export type ScriptedNetwork = {
  readonly fetch: World['fetch']
  readonly calls: readonly Call[]
  /** Answers whose body was neither read to its end nor cancelled. */
  unread(): number
}

/** A network that answers by `script`, after `latencyMs` of the clock. */
export function scriptedNetwork(
  clock: VirtualClock,
  script: (call: Call, number: number) => Scripted,
  latencyMs = 50,
): ScriptedNetwork {
  const calls: Call[] = []
  let unread = 0
  const fetch: World['fetch'] = async (address, init = {}) => {
    const call = { url: new URL(address), atMs: clock.nowMs(), init }
    calls.push(call)
    const signal = init.signal ?? undefined
    await clock.wait(latencyMs, signal)
    const answer = script(call, calls.length)
    if (answer instanceof Error) throw answer
    if (answer === 'hang') return hang(signal)
    unread += 1
    const finish = (): void => {
      unread -= 1
    }
    const headers = { ...answer.headers }
    return new Response(counted(answer.body ?? '', finish), { status: answer.status ?? 200, headers })
  }
  return { fetch, calls, unread: () => unread }
}

function hang(signal: AbortSignal | undefined): Promise<Response> {
  return new Promise((_, reject) => {
    if (signal?.aborted) reject(signal.reason)
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

/** A body in two chunks that says when it is over. */
function counted(content: string | Uint8Array, finish: () => void): ReadableStream<Uint8Array> {
  const bytes = Buffer.from(content)
  const middle = Math.floor(bytes.length / 2)
  const chunks = [bytes.subarray(0, middle), bytes.subarray(middle)].filter((chunk) => chunk.length > 0)
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const chunk = chunks.shift()
        if (chunk) return controller.enqueue(chunk)
        finish()
        controller.close()
      },
      cancel: finish,
    },
    { highWaterMark: 0 },
  )
}
