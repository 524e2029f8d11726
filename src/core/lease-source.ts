// A source that is asked only under a lease: whoever slept past it asks for nothing more, whatever was under
// way.
import { LeaseLostError } from './lease.ts'
import type { HeldLease } from './lease-keeper.ts'
import type { Source } from './source.ts'

/** `source`, whose every question throws LeaseLostError once the lease of `series` (its key) is lost. */
export function sourceUnder(source: Source, lease: HeldLease, series: string): Source {
  const held = <T>(ask: () => Promise<T>): Promise<T> =>
    lease.isHeld() ? ask() : Promise.reject(new LeaseLostError([series]))
  const { first } = source
  return {
    ...source,
    fetch: (...asked) => held(() => source.fetch(...asked)),
    ...(first ? { first: (...asked) => held(() => first(...asked)) } : {}),
  }
}
