// The streams of GET /events: server-sent events to a bounded number of listeners. Whoever reads too slowly
// is let go, so that nobody's backlog grows.
import type { Clock } from '../core/retry.ts'
import type { Json } from './served.ts'

/** Listeners at once, and bytes that one may be behind. */
export const MOST_LISTENERS = 32
const MOST_BEHIND_BYTES = 256 * 1024
/**
 * A comment so often, so that whoever stands between sees that the line is in use, and a dead one is found.
 */
const ALIVE_MS = 15_000

export type EventStreams = {
  /** A new stream, which begins with `first`; null where there are too many. */
  open(first: readonly Message[]): ReadableStream<Uint8Array> | null
  send(message: Message): void
  listeners(): number
  /** Ends every stream. */
  close(): void
}

export type Message = { readonly event: string; readonly data: Json }

type Controller = ReadableStreamDefaultController<Uint8Array>

/** Streams without listeners. */
export function openStreams(clock: Clock): EventStreams {
  const open = new Set<Controller>()
  const stopped = new AbortController()
  const push = (text: string, to: Iterable<Controller>): void => {
    const bytes = new TextEncoder().encode(text)
    for (const controller of [...to]) {
      try {
        controller.enqueue(bytes)
        if ((controller.desiredSize ?? 0) <= 0) end(controller)
      } catch {
        // Closed by the other side while this was said.
        open.delete(controller)
      }
    }
  }
  const end = (controller: Controller): void => {
    open.delete(controller)
    try {
      controller.close()
    } catch {
      // Closed by the other side already.
    }
  }
  const stayAlive = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      await clock.wait(ALIVE_MS, stopped.signal)
      push(': alive\n\n', open)
    }
  }
  stayAlive().catch(() => undefined)
  return {
    open(first) {
      if (open.size >= MOST_LISTENERS || stopped.signal.aborted) return null
      let mine: Controller | null = null
      return new ReadableStream<Uint8Array>(
        {
          start(controller) {
            mine = controller
            open.add(controller)
            if (first.length > 0) push(first.map(textOf).join(''), [controller])
          },
          cancel() {
            if (mine) open.delete(mine)
          },
        },
        new ByteLengthQueuingStrategy({ highWaterMark: MOST_BEHIND_BYTES }),
      )
    },
    send: (message) => {
      if (open.size > 0) push(textOf(message), open)
    },
    listeners: () => open.size,
    close() {
      stopped.abort()
      for (const controller of [...open]) end(controller)
    },
  }
}

const textOf = ({ event, data }: Message): string => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
