// The only loop that tries again: pauses that double, with jitter, up to a bound. What may be tried again is
// the caller's judgement; when the attempts are used up, the last error is thrown as it is.

/** Time and chance as values, so that tests and simulations can hand in their own. */
export type Clock = {
  /** UTC epoch milliseconds of this machine. */
  nowMs(): number
  /** Milliseconds of a clock that never jumps. */
  monotonicMs(): number
  /** Resolves after `ms`; rejects with the signal's reason when it is aborted first. */
  wait(ms: number, signal?: AbortSignal): Promise<void>
  /** A number in [0, 1). */
  random(): number
}

export type RetryPolicy = {
  /** How often to try in all. */
  readonly attempts: number
  /** The first pause, doubled after each failure, and the longest one; milliseconds. */
  readonly firstPauseMs: number
  readonly longestPauseMs: number
}

export type Retry<T> = {
  readonly policy: RetryPolicy
  readonly clock: Clock
  readonly signal?: AbortSignal | undefined
  /** One try; `attempt` counts from 1. */
  readonly attempt: (attempt: number) => Promise<T>
  /** Whether another try may help, and how long the other side asked to wait at least (ms). */
  readonly again: (error: unknown) => false | { readonly atLeastMs: number }
  readonly told?: (error: unknown, attempt: number, pauseMs: number) => void
}

/** Runs `attempt` until it succeeds, throws what must not be tried again, or the policy is used up. */
export async function retry<T>(options: Retry<T>): Promise<T> {
  const { policy, clock, signal } = options
  for (let attempt = 1; ; attempt += 1) {
    signal?.throwIfAborted()
    try {
      return await options.attempt(attempt)
    } catch (error) {
      const again = options.again(error)
      if (again === false || attempt >= policy.attempts || signal?.aborted) throw error
      const doubled = Math.min(policy.longestPauseMs, policy.firstPauseMs * 2 ** (attempt - 1))
      // Half of the pause is fixed and half is chance, so that many clients do not come back at once.
      const pauseMs = Math.max(again.atLeastMs, doubled * (0.5 + clock.random() / 2))
      options.told?.(error, attempt, pauseMs)
      await clock.wait(pauseMs, signal)
    }
  }
}
