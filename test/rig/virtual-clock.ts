// A clock whose time moves only when it is told to, or when everybody waits. Sleepers wake in the order of
// their due times, one by one, and what each wakes runs to its next pause first: a simulated day takes
// milliseconds and runs the same way every time. Time stands still while real work (`during`) is in flight.
import type { Clock } from '../../src/core/retry.ts'
import { seededRandom } from './seed.ts'

/** Turns of the event loop without news after which everybody is taken to wait; streams need a few. */
const QUIET_TURNS = 4
/** Wake-ups in one movement: more are taken for a loop that never ends. */
const MOST_WAKES = 1_000_000
/** Real time in which work that waits for no time may do what takes some: a module is loaded, a file read. */
const PATIENCE_MS = 2_000
const LOOK_MS = 5

export type VirtualClock = Clock & {
  /** How many are waiting now. */
  sleepers(): number
  /** Lets all that can run without time run until everybody waits. */
  settle(): Promise<void>
  /** Moves time by `ms` and wakes all that fall due on the way, those too that begin to wait on the way. */
  advance(ms: number): Promise<void>
  /** Moves time from one sleeper to the next until nobody waits. */
  runUntilIdle(): Promise<void>
  /**
   * Moves time until `work` is done, and gives what came of it. Throws when `work` waits for something else
   * than time.
   */
  run<T>(work: Promise<T>): Promise<T>
  /** Holds time still until `work` (a real request, a worker) is done; gives `work` back. */
  during<T>(work: Promise<T>): Promise<T>
  /**
   * Sets the wall clock forward or back by `ms`, as an operator or NTP does; nobody wakes, `monotonicMs`
   * stays.
   */
  jump(ms: number): void
}

export type VirtualClockOptions = {
  /** What the wall clock says at first, epoch ms. */
  readonly startMs?: number
  /** The seed of `random`. */
  readonly seed?: number
  readonly mostWakes?: number
}

type Sleeper = { readonly dueMs: number; readonly wake: () => void }

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A virtual clock that stands at `startMs`. */
export function virtualClock(options: VirtualClockOptions = {}): VirtualClock {
  const { startMs = Date.UTC(2024, 0, 1), seed = 1, mostWakes = MOST_WAKES } = options
  const queue = sleeperQueue()
  const held = new Set<Promise<unknown>>()
  let elapsedMs = 0
  let jumpedMs = 0
  let moving = false

  async function settle(): Promise<void> {
    for (let quiet = 0; quiet < QUIET_TURNS; quiet += 1) {
      const before = queue.changes()
      await nextTurn()
      if (held.size > 0) await Promise.race(held)
      if (held.size > 0 || queue.changes() !== before) quiet = -1
    }
  }

  /** Wakes sleeper after sleeper up to `untilMs`, until nobody is left or `stop` says so. */
  async function move(untilMs: number, stop: () => boolean): Promise<void> {
    if (moving) throw new Error('the virtual clock is being moved already: await the movement before')
    moving = true
    try {
      await settle()
      for (let wakes = 0; !stop(); wakes += 1) {
        const next = queue.takeDue(untilMs)
        if (!next) break
        if (wakes >= mostWakes)
          throw new Error(`no end after ${mostWakes} wake-ups: is there a loop that waits for ever?`)
        elapsedMs = Math.max(elapsedMs, next.dueMs)
        next.wake()
        await settle()
      }
    } finally {
      moving = false
    }
  }

  return {
    nowMs: () => startMs + elapsedMs + jumpedMs,
    monotonicMs: () => elapsedMs,
    wait: async (ms, signal) => queue.sleepUntil(elapsedMs + checkedPause(ms), signal),
    random: seededRandom(seed),
    sleepers: () => queue.size(),
    settle,
    async advance(ms) {
      const untilMs = elapsedMs + checkedPause(ms)
      await move(untilMs, () => false)
      elapsedMs = untilMs
    },
    runUntilIdle: () => move(Number.POSITIVE_INFINITY, () => false),
    async run(work) {
      let done = false
      const finish = (): void => {
        done = true
      }
      work.then(finish, finish)
      const givenUpMs = performance.now() + PATIENCE_MS
      while (!done && performance.now() < givenUpMs) {
        await move(Number.POSITIVE_INFINITY, () => done)
        if (!done) await Bun.sleep(LOOK_MS)
      }
      if (!done)
        throw new Error('nobody waits for time any more, and the work is not done: what does it wait for?')
      return work
    },
    during(work) {
      const release = (): void => {
        held.delete(ended)
      }
      const ended: Promise<void> = work.then(release, release)
      held.add(ended)
      return work
    },
    jump(ms) {
      jumpedMs += ms
    },
  }
}

/** A pause as a timer takes it: a negative one is none. What is no number would hang the caller for ever. */
function checkedPause(ms: number): number {
  if (!Number.isFinite(ms)) throw new Error(`a pause of ${ms} ms never ends`)
  return Math.max(0, ms)
}

/** Those who wait, by due time; who began to wait first wakes first where two are due together. */
function sleeperQueue() {
  const waiting: Sleeper[] = []
  let changes = 0

  function remove(sleeper: Sleeper): void {
    const index = waiting.indexOf(sleeper)
    if (index < 0) return
    waiting.splice(index, 1)
    changes += 1
  }

  return {
    size: () => waiting.length,
    /** Grows whenever somebody begins to wait or stops. */
    changes: () => changes,
    takeDue(untilMs: number): Sleeper | undefined {
      const first = waiting[0]
      if (!first || first.dueMs > untilMs) return undefined
      remove(first)
      return first
    },
    sleepUntil: (dueMs: number, signal?: AbortSignal): Promise<void> =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) {
          reject(signal.reason)
          return
        }
        const stop = (): void => {
          remove(sleeper)
          reject(signal?.reason)
        }
        const wake = (): void => {
          signal?.removeEventListener('abort', stop)
          resolve()
        }
        const sleeper: Sleeper = { dueMs, wake }
        const later = waiting.findLastIndex((other) => other.dueMs <= dueMs) + 1
        waiting.splice(later, 0, sleeper)
        changes += 1
        signal?.addEventListener('abort', stop, { once: true })
      }),
  }
}
