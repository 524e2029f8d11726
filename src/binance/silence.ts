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
 * A signal that is aborted when nothing was heard for as long as `mostMs` says then. `end` ends the watch.
 */
export function watchSilence(
  clock: Clock,
  mostMs: () => number,
  error: (silentMs: number) => Error,
): SilenceWatch {
  const silent = new AbortController()
  const over = new AbortController()
  let heardMs = clock.monotonicMs()
  const watch = async (): Promise<void> => {
    for (;;) {
      const restMs = heardMs + mostMs() - clock.monotonicMs()
      if (restMs <= 0) return silent.abort(error(mostMs()))
      await clock.wait(restMs, over.signal)
    }
  }
  // The only thing that goes wrong with a pause is that it is over.
  watch().catch(() => undefined)
  return {
    signal: silent.signal,
    heard: () => {
      heardMs = clock.monotonicMs()
    },
    end: () => over.abort(),
  }
}
