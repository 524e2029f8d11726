// One job that repeats: a pass at once (or when it is due), then by its schedule. Never two passes at a time;
// one that took longer than the schedule allows is followed by one more, not by as many as were missed.
import { MINUTE_MS } from '../core/calendar.ts'
import type { Clock } from '../core/retry.ts'
import type { Gate } from './gate.ts'
import { mostJitterMs, type Schedule } from './schedule.ts'

/**
 * A pass after which something is still to be had (or nothing was) is repeated this soon, then less often.
 */
const FIRST_AGAIN_MS = MINUTE_MS
const LAST_AGAIN_MS = 15 * MINUTE_MS

/** Nobody waits longer than this without a look at the clock, which may have been set. */
const LOOK_MS = 30_000

/** What came of a pass: all that was to be had, or something is worth another try soon. */
export type PassEnd = 'done' | 'again'

export type LoopOptions = {
  readonly schedule: Schedule
  /** Whether its first pass begins at once, and not when the schedule says. */
  readonly atOnce: boolean
  /** The clock that the schedule goes by, epoch ms: the exchange's, where it is known. */
  readonly nowMs: () => number
  readonly clock: Clock
  /** Aborted to stop: no pass begins any more; the one that runs ends by itself. */
  readonly signal: AbortSignal
  /** How many loops may run a pass at once. */
  readonly gate: Gate
  /** One pass. Must not throw: what a loop cannot answer ends nothing. */
  readonly pass: () => Promise<PassEnd>
}

export type Loop = {
  /** How long until the next pass, ms; null while one runs, and where none is due. */
  readonly untilNextMs: () => number | null
  /** For how long a pass has run, or waited for its place; 0 where none is due. */
  readonly pendingMs: () => number
  /** Begins a pass now; false where one runs already. */
  runNow(): boolean
  /** Resolves when it has stopped. */
  readonly ended: Promise<void>
}

/** Starts the loop. */
export function startLoop(options: LoopOptions): Loop {
  const loop = new PassLoop(options)
  const ended = loop.run()
  return {
    untilNextMs: () => loop.untilNextMs(),
    pendingMs: () => loop.pendingMs(),
    runNow: () => loop.runNow(),
    ended,
  }
}

class PassLoop {
  readonly #options: LoopOptions
  /** Since when a pass runs, or waits for its place, by the clock that never jumps; null while none does. */
  #busySinceMs: number | null = null
  #asked = false
  #wake: () => void = () => undefined
  #dueMs: number
  #jitterMs = 0
  #failures = 0

  constructor(options: LoopOptions) {
    this.#options = options
    const { atOnce, nowMs, schedule } = options
    this.#dueMs = atOnce ? nowMs() : (schedule.nextMs(nowMs()) ?? Number.POSITIVE_INFINITY)
  }

  untilNextMs(): number | null {
    const atMs = this.#options.nowMs()
    const dueMs = this.#dueAt(atMs)
    return this.#busySinceMs === null && Number.isFinite(dueMs) ? Math.max(0, dueMs - atMs) : null
  }

  pendingMs(): number {
    const sinceMs = this.#busySinceMs
    return sinceMs === null ? 0 : this.#options.clock.monotonicMs() - sinceMs
  }

  runNow(): boolean {
    if (this.#busySinceMs !== null || this.#asked || this.#options.signal.aborted) return false
    this.#asked = true
    this.#wake()
    return true
  }

  async run(): Promise<void> {
    const { signal } = this.#options
    while (!signal.aborted) {
      await this.#untilDue()
      if (signal.aborted) return
      await this.#pass()
    }
  }

  async #pass(): Promise<void> {
    const { clock, gate, nowMs, pass, signal } = this.#options
    this.#busySinceMs = clock.monotonicMs()
    this.#asked = false
    try {
      const leave = await gate.enter(signal).catch(() => null)
      if (!leave) return
      try {
        const startedMs = clock.monotonicMs()
        const end = await pass()
        // When it began by the clock as it is now: a pass may find that the clock was wrong.
        this.#plan(nowMs() - (clock.monotonicMs() - startedMs), end)
      } finally {
        leave()
      }
    } finally {
      this.#busySinceMs = null
    }
  }

  /** When the pass after one that began at `startedAtMs` is due. */
  #plan(startedAtMs: number, end: PassEnd): void {
    const { clock, nowMs, schedule } = this.#options
    const nextMs = schedule.nextMs(startedAtMs) ?? Number.POSITIVE_INFINITY
    this.#failures = end === 'again' ? this.#failures + 1 : 0
    const pauseMs = Math.min(LAST_AGAIN_MS, FIRST_AGAIN_MS * 2 ** (this.#failures - 1))
    const againMs = end === 'again' ? nowMs() + pauseMs : Number.POSITIVE_INFINITY
    this.#jitterMs = Number.isFinite(nextMs) ? clock.random() * mostJitterMs(schedule, nextMs) : 0
    this.#dueMs = Math.min(againMs, nextMs <= nowMs() ? nextMs : nextMs + this.#jitterMs)
  }

  /** When the next pass is due, at `atMs`: of a clock that was set back, what it names next comes first. */
  #dueAt(atMs: number): number {
    const nextMs = this.#options.schedule.nextMs(atMs) ?? Number.POSITIVE_INFINITY
    return Math.min(this.#dueMs, nextMs + this.#jitterMs)
  }

  async #untilDue(): Promise<void> {
    const { clock, nowMs, signal } = this.#options
    while (!signal.aborted && !this.#asked) {
      const atMs = nowMs()
      this.#dueMs = this.#dueAt(atMs)
      if (this.#dueMs <= atMs) return
      await this.#sleep(clock, Math.min(this.#dueMs - atMs, LOOK_MS), signal)
    }
  }

  /** Waits `ms`, or until somebody asks for a pass or a stop. */
  async #sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
    const waking = new AbortController()
    const wake = (): void => waking.abort()
    this.#wake = wake
    signal.addEventListener('abort', wake, { once: true })
    await clock.wait(ms, waking.signal).catch(() => undefined)
    signal.removeEventListener('abort', wake)
  }
}
