// Regular looks at what is stored, for the page and the metrics: when something was written, and now and
// then without that, since others may write too. A look that takes long is made seldom, so that it costs
// little of the store's time; requests are answered by the last one.
import type { Clock } from '../core/retry.ts'

/** The pause after a look, ms: at least so long, and so many times what the look took. */
const LEAST_PAUSE_MS = 2_000
const PAUSE_SHARE = 20
/** Without any news a look is made this often, and after one that failed. */
const IDLE_MS = 600_000
const FAILED_MS = 30_000
/** How often it is seen whether there is news, ms. */
const TICK_MS = 1_000

export type SurveyOptions<T> = {
  readonly clock: Clock
  readonly signal: AbortSignal
  /** One look at everything; what it throws leaves the last one standing. */
  readonly look: () => Promise<T>
  readonly found: (looked: T) => void
}

export type Survey = {
  /** Something was written. */
  readonly news: () => void
  readonly ended: Promise<void>
}

/** Starts looking, at once. */
export function startSurvey<T>({ clock, signal, look, found }: SurveyOptions<T>): Survey {
  let fresh = false
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      fresh = false
      const startedMs = clock.monotonicMs()
      const worked = await look().then(
        (looked) => {
          found(looked)
          return true
        },
        () => false,
      )
      const endedMs = clock.monotonicMs()
      const leastMs = worked ? Math.max(LEAST_PAUSE_MS, (endedMs - startedMs) * PAUSE_SHARE) : FAILED_MS
      const due = (): boolean => {
        const pausedMs = clock.monotonicMs() - endedMs
        return pausedMs >= leastMs && (fresh || !worked || pausedMs >= IDLE_MS)
      }
      while (!due()) await clock.wait(TICK_MS, signal)
    }
  }
  const ended = run().catch((error: unknown) => {
    if (!signal.aborted) throw error
  })
  return {
    news: () => {
      fresh = true
    },
    ended,
  }
}
