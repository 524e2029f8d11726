// Whether the store answers, asked now and then and remembered: readiness and the metric tell what the last
// try found, within a bounded time whatever the store does.
import type { Clock } from '../core/retry.ts'
import { errorLine } from '../errors.ts'

/** A store that takes longer counts as one that does not answer. */
const LIMIT_MS = 2_000
/** What a try found holds so long. */
const FRESH_MS = 1_000
/** The store is tried this often, also when nobody asks. */
const EVERY_MS = 5_000

export type Probe = {
  /** Why the store cannot be used; null when it answers. */
  reason(): Promise<string | null>
  /** What the last try found; null before the first. */
  readonly up: () => boolean | null
  /** Why not, by the last try; null when it answered, and before the first. */
  readonly lastReason: () => string | null
  readonly ended: Promise<void>
}

/** Starts to try the store by `ping`, which may throw and may hang. */
export function startProbe(clock: Clock, signal: AbortSignal, ping: () => Promise<unknown>): Probe {
  let last: { readonly reason: string | null; readonly atMs: number } | null = null
  let trying: Promise<void> | null = null
  const begin = (): Promise<void> => {
    trying ??= ping()
      .then(
        () => null,
        (error: unknown) => errorLine(error),
      )
      .then((reason) => {
        last = { reason, atMs: clock.monotonicMs() }
        trying = null
      })
    return trying
  }
  const attempt = async (): Promise<void> => {
    const over = new AbortController()
    const late = clock.wait(LIMIT_MS, over.signal).then(
      () => true,
      () => false,
    )
    const isLate = await Promise.race([begin().then(() => false), late])
    over.abort()
    // A ping that hangs goes on, and what it finds in the end is believed then.
    if (isLate) last = { reason: `no answer within ${LIMIT_MS / 1_000} s`, atMs: clock.monotonicMs() }
  }
  const keepTrying = async (): Promise<void> => {
    while (!signal.aborted) {
      await attempt()
      await clock.wait(EVERY_MS, signal)
    }
  }
  return {
    async reason() {
      if (!last || clock.monotonicMs() - last.atMs > FRESH_MS) await attempt()
      return last?.reason ?? null
    },
    lastReason: () => last?.reason ?? null,
    up: () => (last ? last.reason === null : null),
    ended: keepTrying().catch(() => undefined),
  }
}
