// What a simulated process may have to live with: a clock of its machine that jumps, and a kill in the middle
// of its writes.
import type { Clock } from '../../src/core/retry.ts'
import type { Store } from '../../src/core/store.ts'
import { StoppedError, UnavailableError } from '../../src/errors.ts'
import type { Chance } from './chance.ts'

/** A clock of this machine that is up to `mostMs` off, now more, now less: the exchange's own is steady. */
export function jumpingClock(clock: Clock, chance: Chance, mostMs: number): Clock {
  if (mostMs === 0) return clock
  let offMs = chance.whole(-mostMs, mostMs)
  const nowMs = (): number => {
    if (chance.happens(0.05)) offMs = chance.whole(-mostMs, mostMs)
    return clock.nowMs() + offMs
  }
  return { ...clock, nowMs }
}

/**
 * The store as a process that is killed leaves it: the write after `writes` others is done or is not, and
 * whatever the process would do after that, the store does not see.
 */
export function killableStore(
  store: Store,
  chance: Chance,
  writes: number | null,
  stop: AbortController,
): Store {
  if (writes === null) return store
  let left = writes
  let dead = false
  const killed = (): Error => new UnavailableError('the process was killed', 'run it again')
  return {
    ...store,
    prepare: (tables) => (dead ? Promise.reject(killed()) : store.prepare(tables)),
    async write(pages, options) {
      if (dead) throw killed()
      left -= 1
      if (left >= 0) return store.write(pages, options)
      dead = true
      if (chance.happens(0.5)) await store.write(pages, options)
      stop.abort(new StoppedError())
      throw killed()
    },
  }
}
