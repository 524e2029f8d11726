// How long a host may be silent. A body of gigabytes takes as long as it takes, so that no limit on the whole
// would do: what is limited is the time between two signs of life.
import type { Clock } from '../core/retry.ts'

/** The longest silence of a host, before its answer and between two chunks of it. */
export const STALL_MS = 30_000

export type SilenceWatch = {
  readonly signal: AbortSignal
  readonly heard: () => void
  readonly end: () => void
}

/**
 * A signal that is aborted when nothing was heard for as long as `mostMs` says then, and when the clock's own
 * `signal` is. `end` ends the watch. Not AbortSignal.timeout and AbortSignal.any, which keep what belongs to
 * a request until its time is over: the collector had twice as much to do (measured).
 */
export function watchSilence(
  clock: Clock & { readonly signal: AbortSignal },
  mostMs: () => number,
  error: (silentMs: number) => Error,
): SilenceWatch {
  const silent = new AbortController()
  const over = new AbortController()
  let heardMs = clock.monotonicMs()
  const stop = (): void => silent.abort(clock.signal.reason)
  const watch = async (): Promise<void> => {
    for (;;) {
      const restMs = heardMs + mostMs() - clock.monotonicMs()
      if (restMs <= 0) return silent.abort(error(mostMs()))
      await clock.wait(restMs, over.signal)
    }
  }
  if (clock.signal.aborted) stop()
  else clock.signal.addEventListener('abort', stop, { once: true })
  // The only thing that goes wrong with a pause is that it is over.
  watch().catch(() => undefined)
  return {
    signal: silent.signal,
    heard: () => {
      heardMs = clock.monotonicMs()
    },
    end: () => {
      clock.signal.removeEventListener('abort', stop)
      over.abort()
    },
  }
}
