// How much happens at once: a few commands of one write, and one change of the ledger.
import { IN_FLIGHT } from './open.ts'

/**
 * Runs `work` on every item, IN_FLIGHT at once; after a failure no new one begins. Results in the order of
 * the items.
 */
export async function eachInFlight<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  let next = 0
  let failed = false
  const lane = async (): Promise<void> => {
    while (next < items.length && !failed) {
      const at = next
      next += 1
      try {
        results[at] = await work(items[at] as T)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  // All lanes are waited for, so that nothing of a failed write is still under way when the caller hears of
  // it.
  const lanes = await Promise.allSettled(Array.from({ length: IN_FLIGHT }, lane))
  for (const ended of lanes) if (ended.status === 'rejected') throw ended.reason
  return results
}

/** `items` in pieces of at most `size`. */
export function pieces<T>(items: readonly T[], size: number): T[][] {
  const out: T[][] = []
  for (let from = 0; from < items.length; from += size) out.push(items.slice(from, from + size))
  return out
}

export type Turn = <T>(work: () => Promise<T>) => Promise<T>

/** Lets one `work` run at a time, in the order in which they came. */
export function turns(): Turn {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const mine = last.then(work, work)
    last = mine.catch(() => undefined)
    return mine
  }
}
