// Which series the jobs that fetch keep up to date, by what their passes planned last; before a job's first
// plan, which waits for the exchange, by what is stored of it. A symbol that stops trading, or that a job is
// no longer about, drops out of it: nobody waits for its next row any more.
import type { PetrosaEvent } from '../core/events.ts'
import { seriesKey } from '../core/series.ts'
import type { JobKind } from '../server/served.ts'

export class FollowedSeries {
  /** The keys of the series that each job planned last. */
  readonly #byJob = new Map<string, Set<string>>()
  /** The jobs that have planned. */
  readonly #planned = new Set<string>()

  /** Whether a pass of a job has planned: what is stored says no more then which series it follows. */
  hasPlanned(job: string): boolean {
    return this.#planned.has(job)
  }

  /** A series (its key) of a job that has not planned yet is stored. */
  found(job: string, series: string): void {
    const own = this.#byJob.get(job)
    if (own) own.add(series)
    else this.#byJob.set(job, new Set([series]))
  }

  /**
   * A pass of a job has planned: those (keys) that nobody follows, or nobody any more. What passes over gaps
   * fetch is about what is past: they follow nothing.
   */
  planned(job: { readonly key: string; readonly kind: JobKind }, event: Planned): readonly string[] {
    const due = new Set(event.due.map(({ series }) => seriesKey(series)))
    const before = this.#byJob.get(job.key) ?? []
    if (job.kind === 'fetch') {
      this.#byJob.set(job.key, due)
      this.#planned.add(job.key)
    }
    return this.#unfollowed(job.kind === 'fetch' ? before : due)
  }

  /** A job is gone: those that nobody follows any more. */
  left(job: string): readonly string[] {
    const before = this.#byJob.get(job) ?? []
    this.#byJob.delete(job)
    this.#planned.delete(job)
    return this.#unfollowed(before)
  }

  #unfollowed(keys: Iterable<string>): string[] {
    const followed = [...this.#byJob.values()]
    return [...keys].filter((key) => !followed.some((own) => own.has(key)))
  }
}

type Planned = Extract<PetrosaEvent, { type: 'pass-due' }>
