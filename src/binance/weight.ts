// The request weight of one host: spent before a call, corrected from what the exchange counts, which
// includes other programs on the same IP: how fast they are is taken into account, so that several replicas
// together stay within the limit. Windows are calendar minutes (or five) of the exchange's clock
// (reference 6.1). A pause stops every caller of the host.
import { MINUTE_MS } from '../core/calendar.ts'
import type { Clock } from '../core/retry.ts'
import { LONGEST_PAUSE_MS, type LongPauseError } from './failures.ts'

/**
 * Callers come back this much after a window or a pause ends, so that a clock a little ahead does no harm.
 */
const SLACK_MS = 250

/** Who waits only because others may have spent the rest looks again after this, when there may be news. */
const NEWS_MS = 250

export class WeightBudget {
  #limit: number
  readonly #share: number
  readonly #clock: Clock
  readonly #windowMs: number
  #window = -1
  #spent = 0
  #inFlight = 0
  /** Weight of our own in this window. */
  #own = 0
  /** What others spend, weight a millisecond, and since when we have no news of it (monotonic clock, ms). */
  #othersRate = 0
  #newsMs = 0
  #offsetMs = 0
  #isClockKnown = false
  /** By the monotonic clock: a pause stays as long as it is when the exchange's clock is set meanwhile. */
  #pausedUntilMs = 0
  #longPause: LongPauseError | null = null

  /** `limit` is the exchange's weight a window, `share` the part of it that may be used (0 to 1]. */
  constructor(limit: number, share: number, clock: Clock, windowMs = MINUTE_MS) {
    this.#limit = limit
    this.#share = share
    this.#clock = clock
    this.#windowMs = windowMs
  }

  /**
   * The exchange's clock is this much ahead of the monotonic clock, in ms. `isKnown`: the exchange has said
   * so.
   */
  setOffset(offsetMs: number, isKnown = true): void {
    this.#offsetMs = offsetMs
    this.#isClockKnown = isKnown
  }

  /** Whether the exchange has told its time; until then the clock is a guess. */
  get isClockKnown(): boolean {
    return this.#isClockKnown
  }

  /** The exchange's own limit, once it is known. */
  setLimit(limit: number): void {
    if (limit > 0) this.#limit = limit
  }

  /** The exchange's clock, epoch ms. */
  nowMs(): number {
    return Math.floor(this.#clock.monotonicMs() + this.#offsetMs)
  }

  get used(): number {
    this.#turn()
    return this.#spent
  }

  get limit(): number {
    return this.#limit
  }

  /** When the current pause ends by the exchange's clock; 0 when there is none. */
  get pausedUntilMs(): number {
    const leftMs = this.#pausedUntilMs - this.#clock.monotonicMs()
    return leftMs > 0 ? this.nowMs() + leftMs : 0
  }

  /**
   * No request of this host until then (exchange's clock, epoch ms). `error` is what callers get while
   * there is more to wait than they should.
   */
  pauseUntil(untilMs: number, error: LongPauseError | null = null): void {
    const monotonicMs = untilMs - this.#offsetMs
    if (monotonicMs < this.#pausedUntilMs) return
    this.#pausedUntilMs = monotonicMs
    this.#longPause = error
  }

  /**
   * Waits until `weight` may be spent, and spends it until `release`; answers the window it counts in.
   * Rejects when `signal` is aborted, or with the error of a pause that is too long to be waited for.
   */
  async reserve(weight: number, signal: AbortSignal): Promise<number> {
    for (;;) {
      signal.throwIfAborted()
      this.#turn()
      const nowMs = this.nowMs()
      const pausedMs = this.#pausedUntilMs - this.#clock.monotonicMs()
      if (pausedMs > LONGEST_PAUSE_MS && this.#longPause) throw this.#longPause
      // A single call may be heavier than a tiny share allows: it then has a window for itself.
      const room = this.#limit * this.#share - weight - this.#spent
      // A single call goes out for news, whatever others are thought to have spent meanwhile.
      const fits = this.#spent === 0 || room >= (this.#inFlight === 0 ? 0 : this.#unseen())
      if (pausedMs <= 0 && fits) {
        this.#spent += weight
        this.#own += weight
        this.#inFlight += weight
        return this.#window
      }
      const untilNextMs = (this.#window + 1) * this.#windowMs - nowMs
      const untilRoomMs = room >= 0 ? Math.min(NEWS_MS, untilNextMs) : untilNextMs
      await this.#clock.wait((pausedMs > 0 ? pausedMs : untilRoomMs) + SLACK_MS, signal)
    }
  }

  /** A call of `weight` is over, whatever came of it. */
  release(weight: number): void {
    this.#inFlight -= weight
  }

  /**
   * What the exchange says was used in `window`, by everybody on this IP. Calls on their way may not be in it
   * yet, so they are added. An answer of an earlier window says nothing of this one. `askedMs`: when the call
   * that it answers was made, by the monotonic clock.
   */
  learn(usedByAll: number, window: number, askedMs = this.#clock.monotonicMs()): void {
    this.#turn()
    if (window !== this.#window) return
    this.#spent = Math.max(this.#spent, usedByAll + this.#inFlight)
    if (askedMs < this.#newsMs) return
    this.#newsMs = askedMs
    const others = Math.max(0, usedByAll - (this.#own - this.#inFlight))
    const intoWindowMs = this.nowMs() - this.#window * this.#windowMs
    this.#othersRate = others / Math.max(1, intoWindowMs)
  }

  /** What others have likely spent since the last news: they are as fast as they were in this window. */
  #unseen(): number {
    return this.#othersRate * Math.max(0, this.#clock.monotonicMs() - this.#newsMs)
  }

  /**
   * Begins a new window where the clock has come to one. A clock that is corrected takes nothing back: a
   * little (over the border of a window) and the later one stands until it comes, more and what was spent
   * counts in the window that it is.
   */
  #turn(): void {
    const window = Math.floor(this.nowMs() / this.#windowMs)
    if (window === this.#window || window === this.#window - 1) return
    if (window > this.#window) {
      this.#spent = 0
      this.#own = 0
      this.#othersRate = 0
      this.#newsMs = 0
    }
    this.#window = window
  }
}
