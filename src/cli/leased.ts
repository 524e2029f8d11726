// What of the work is this program's where several share it: the series that it has leases of.
import type { SeriesJob } from '../core/fetch-series.ts'
import type { HeldLease } from '../core/lease-keeper.ts'
import { type Series, seriesKey } from '../core/series.ts'

/** The leases that this program has, by the keys of the series; null: nothing is shared, all is its own. */
export type Held = ReadonlyMap<string, HeldLease> | null

/** Whether a series is this program's. */
export function isOwn(held: Held, series: Series): boolean {
  return held === null || held.has(seriesKey(series))
}

/** Jobs that are done under their leases. */
export function leased(held: Held, jobs: readonly SeriesJob[]): readonly SeriesJob[] {
  return jobs.map((job) => {
    const lease = held?.get(seriesKey(job.series))
    return lease ? { ...job, lease } : job
  })
}
