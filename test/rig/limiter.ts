// Request weight as Binance counts it: per address and market, in calendar minutes of the exchange's clock
// (or longer windows, for buckets of requests); 429 beyond the limit, and a ban for whoever goes on before
// Retry-After has passed (reference 6.1 to 6.3).
import type { Market } from '../../src/core/series.ts'

export type LimiterOptions = {
  readonly market: Market
  /** Request weight a window. */
  readonly limit: number
  /** How long the calendar windows are; a minute where it is not given. Milliseconds. */
  readonly windowMs?: number
  /**
   * How long the first ban lasts; each further one, and each request while banned, doubles it. Milliseconds.
   */
  readonly banMs: number
  /**
   * Real milliseconds after a refusal in which requests may still have been on their way: refused, not
   * punished.
   */
  readonly graceMs: number
  /** Weight a minute that a foreign program spends on the same address, evenly through the minute. */
  readonly foreign: number
}

export type Verdict =
  | { readonly kind: 'served'; readonly used: number }
  | { readonly kind: 'limited'; readonly used: number; readonly retryAfterSeconds: number }
  | { readonly kind: 'banned'; readonly untilMs: number; readonly retryAfterSeconds: number }

export type LimiterCounts = {
  readonly weight: number
  readonly maxWeight: number
  readonly limited: number
  readonly bans: number
  readonly violations: number
}

export type Limiter = {
  readonly limit: number
  /** Spends `weight` at `nowMs` (the exchange's clock), or says why not. */
  spend(weight: number, nowMs: number): Verdict
  /** Refuses as if the limit were reached, until `retryAfterSeconds` have passed. */
  refuse(nowMs: number, retryAfterSeconds: number): Verdict
  /** Bans as if the limit had been ignored. */
  ban(nowMs: number): Verdict
  counts(): LimiterCounts
  resetCounts(): void
}

const MINUTE_MS = 60_000
/** Bans scale from two minutes to three days. */
export const SHORTEST_BAN_MS = 120_000
const LONGEST_BAN_MS = 259_200_000

const seconds = (spanMs: number): number => Math.max(1, Math.ceil(spanMs / 1_000))
const noCounts: LimiterCounts = { weight: 0, maxWeight: 0, limited: 0, bans: 0, violations: 0 }

/** The limiter of one market family. `realMs` is a clock of real milliseconds, for the grace alone. */
export function startLimiter(
  options: LimiterOptions,
  realMs: () => number = () => performance.now(),
): Limiter {
  const { limit, foreign, graceMs, windowMs = MINUTE_MS } = options
  let window = -1
  let own = 0
  let retryAtMs = 0
  let bannedUntilMs = 0
  let nextBanMs = options.banMs
  let refusedAtRealMs = -Infinity
  let counts = { ...noCounts }

  const usedAt = (nowMs: number): number => own + Math.floor((foreign * (nowMs % windowMs)) / windowMs)
  const inGrace = (): boolean => realMs() - refusedAtRealMs < graceMs
  const count = (change: Partial<LimiterCounts>): void => {
    counts = { ...counts, ...change }
  }

  const limited = (nowMs: number): Verdict => {
    count({ limited: counts.limited + 1 })
    return { kind: 'limited', used: usedAt(nowMs), retryAfterSeconds: seconds(retryAtMs - nowMs) }
  }
  const banned = (nowMs: number): Verdict => ({
    kind: 'banned',
    untilMs: bannedUntilMs,
    retryAfterSeconds: seconds(bannedUntilMs - nowMs),
  })
  const prolong = (nowMs: number): void => {
    bannedUntilMs = nowMs + nextBanMs
    nextBanMs = Math.min(LONGEST_BAN_MS, nextBanMs * 2)
  }
  const refuse = (nowMs: number, retryAfterSeconds: number): Verdict => {
    retryAtMs = nowMs + retryAfterSeconds * 1_000
    refusedAtRealMs = realMs()
    return limited(nowMs)
  }
  const ban = (nowMs: number): Verdict => {
    count({ bans: counts.bans + 1 })
    prolong(nowMs)
    refusedAtRealMs = realMs()
    return banned(nowMs)
  }

  const spend = (weight: number, nowMs: number): Verdict => {
    if (Math.floor(nowMs / windowMs) !== window) {
      window = Math.floor(nowMs / windowMs)
      own = 0
    }
    if (nowMs < bannedUntilMs) {
      if (inGrace()) return banned(nowMs)
      count({ violations: counts.violations + 1 })
      prolong(nowMs)
      return banned(nowMs)
    }
    if (nowMs < retryAtMs) return inGrace() ? limited(nowMs) : ban(nowMs)
    own += weight
    const used = usedAt(nowMs)
    count({ weight: counts.weight + weight, maxWeight: Math.max(counts.maxWeight, used) })
    if (used > limit) return refuse(nowMs, seconds((window + 1) * windowMs - nowMs))
    return { kind: 'served', used }
  }
  const resetCounts = (): void => {
    counts = { ...noCounts }
  }
  return { limit, spend, refuse, ban, counts: () => counts, resetCounts }
}
