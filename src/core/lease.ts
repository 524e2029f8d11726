// Leases: which of several programs on one database fetches a series. A lease runs out unless it is renewed,
// and every new owner gets a higher token: a write that bears an older one is refused by the store, in the
// transaction of the page, so that a program that slept past its lease cannot write over the next one's work.
import { UnavailableError } from '../errors.ts'

/** A series (its key) and the token of its owner. */
export type Lease = { readonly series: string; readonly token: number }

export type LeaseCall = {
  /** The program that asks, by a name that no other has. */
  readonly holder: string
  /** The time, epoch ms, for tests: else it is the database's own clock, which all programs share. */
  readonly nowMs?: number
}

/** Keys of leases that are no series but stand for a program that is there begin so. */
export const REPLICA_PREFIX = 'replica/'

/** What a renewal tells. */
export type LeaseView = {
  /** All that the holder has, replicas' keys too. */
  readonly held: readonly Lease[]
  /** The keys of all leases that have not run out, whoever has them. */
  readonly live: readonly string[]
}

/** What a store with leases owes; each call is a few statements, however many series it is about. */
export type Leases = {
  /** Takes those of `series` that nobody has, or whose lease has run out, and gives the holder's. */
  claim(
    call: LeaseCall & { readonly series: readonly string[]; readonly lastsMs: number },
  ): Promise<readonly Lease[]>
  /** Has everything that the holder has last for so long from now. */
  renew(call: LeaseCall & { readonly lastsMs: number }): Promise<LeaseView>
  /** Gives back those of `series` that the holder has; null: everything. */
  release(call: LeaseCall & { readonly series: readonly string[] | null }): Promise<void>
}

/** A write whose lease somebody else has by now. */
export class LeaseLostError extends UnavailableError {
  readonly series: readonly string[]

  constructor(series: readonly string[]) {
    super(
      `${series.length === 1 ? series[0] : `${series.length} series`} went to another petrosa meanwhile`,
      'nothing is to be done: it goes on there',
    )
    this.series = series
  }
}

/** Which of `wanted` the stored leases do not bear out. */
export function lostLeases(wanted: readonly Lease[], stored: readonly Lease[]): string[] {
  const tokens = new Map(stored.map(({ series, token }) => [series, token]))
  return wanted.filter(({ series, token }) => tokens.get(series) !== token).map(({ series }) => series)
}
