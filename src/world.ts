// The outside as one value: clock, chance, network, environment, files and streams. The program gets it from
// main.ts; tests hand in their own.
import type { Clock } from './core/retry.ts'

export type Stream = {
  readonly isTerminal: boolean
  /** Width in columns; 80 where the stream does not say. */
  readonly columns: number
  /** Resolves when the text has left the process, so that nothing is cut off at exit. */
  write(text: string): Promise<void>
}

export type World = Clock & {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly fetch: (url: string, init?: BunFetchRequestInit) => Promise<Response>
  readonly stdout: Stream
  readonly stderr: Stream
  /** The text of a file. Throws what the system throws. */
  readonly readFile: (path: string) => Promise<string>
  /** Aborted when the program is told to stop; its reason is a StoppedError. */
  readonly signal: AbortSignal
  /** The program's version, as stamped in by the build. */
  readonly version: string
}

/** A pause of `ms` on a real clock; rejects with the signal's reason when it is aborted first. */
export function realWait(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason)
      return
    }
    const stop = (): void => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, ms)
    signal?.addEventListener('abort', stop, { once: true })
  })
}
