// Which series the jobs that fetch keep up to date, by what their passes planned last. A symbol that stops
// trading, or that a job is no longer about, drops out of it: nobody waits for its next row any more.
import type { PetrosaEvent } from '../core/events.ts'
import { seriesKey } from '../core/series.ts'
import type { JobKind } from '../server/served.ts'

export class FollowedSeries {
  /** The keys of the series that each job planned last. */
  readonly #byJob = new Map<string, ReadonlySet<string>>()

  /**
   * A pass of a job has planned: those (keys) that nobody follows, or nobody any more. What passes over gaps
   * fetch is about what is past: they follow nothing.
   */
  planned(job: { readonly key: string; readonly kind: JobKind }, event: Planned): readonly string[] {
    const due = new Set(event.due.map(({ series }) => seriesKey(series)))
    const before = this.#byJob.get(job.key) ?? []
    if (job.kind === 'fetch') this.#byJob.set(job.key, due)
    return this.#unfollowed(job.kind === 'fetch' ? before : due)
  }

  /** A job is gone: those that nobody follows any more. */
  left(job: string): readonly string[] {
    const before = this.#byJob.get(job) ?? []
    this.#byJob.delete(job)
    return this.#unfollowed(before)
  }

  #unfollowed(keys: Iterable<string>): string[] {
    const followed = [...this.#byJob.values()]
    return [...keys].filter((key) => !followed.some((own) => own.has(key)))
  }
}

type Planned = Extract<PetrosaEvent, { type: 'pass-due' }>
