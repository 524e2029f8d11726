// One pass over many series: bounded workers fetch, a writer stores whole pages with their coverage,
// everything worth telling is told as events. Once and forever are the same pass.
import {
  type ExitCode,
  errorLine,
  exitCodeOf,
  exitCodes,
  PetrosaError,
  StoppedError,
  worstExitCode,
} from '../errors.ts'
import { emptyRows } from './dataset.ts'
import type { Refreshed, Summary, Tell, Unsettled } from './events.ts'
import { fetchSeries, type SeriesJob } from './fetch-series.ts'
import { LeaseLostError } from './lease.ts'
import { sourceUnder } from './lease-source.ts'
import { LOST_ROWS, ledgerRow, settledSpans, wantedSpans } from './ledger.ts'
import type { SeriesPlan } from './plan.ts'
import type { Clock } from './retry.ts'
import { type Series, seriesKey } from './series.ts'
import { minus, spanText } from './span.ts'
import type { OpenSpan, Step } from './step.ts'
import type { Page, Store } from './store.ts'
import { type Trace, untraced } from './trace.ts'
import { PageWriter } from './writer.ts'

export type { SeriesJob }

export type PassOptions = {
  readonly command: string
  readonly startMs: number | null
  readonly jobs: readonly SeriesJob[]
  readonly store: Store
  /** The exchange's clock when the jobs were planned, epoch ms; the machine's now where it is not given. */
  readonly plannedAtMs?: number
  /** Series in flight. */
  readonly workers: number
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly tell: Tell
  readonly trace?: Trace
  /** Requests to the API made so far and the weight they cost, by the client's own count; archives taken. */
  readonly spent: () => { readonly requests: number; readonly weight: number; readonly archives?: number }
}

/** Runs a pass to its end, whatever happens; what went wrong stands in the summary and its exit code. */
export async function runPass(options: PassOptions): Promise<Summary> {
  const pass = new Pass(options)
  return pass.run()
}

class Pass {
  readonly #options: PassOptions
  readonly #trace: Trace
  readonly #writer: PageWriter
  readonly #startedAtMs: number
  readonly #startedMs: number
  readonly #unsettled: Unsettled[] = []
  readonly #errors: string[] = []
  readonly #codes: ExitCode[] = []
  readonly #queue: SeriesJob[]
  readonly #refreshed: Refreshed[] = []
  #rowsFetched = 0
  #ended = false

  constructor(options: PassOptions) {
    this.#options = options
    this.#trace = options.trace ?? untraced
    this.#writer = new PageWriter(options.store, options.clock, options.tell)
    this.#startedAtMs = options.clock.nowMs()
    this.#startedMs = options.clock.monotonicMs()
    this.#queue = options.jobs.filter((job) => job.plan.tasks.length > 0)
  }

  async run(): Promise<Summary> {
    const { jobs, tell, workers, command, startMs } = this.#options
    tell({ type: 'pass-started', command, series: jobs.map((job) => job.series), startMs })
    const sum = (of: (plan: SeriesPlan) => number): number =>
      this.#queue.reduce((total, job) => total + of(job.plan), 0)
    tell({
      type: 'pass-planned',
      seriesToDo: this.#queue.length,
      rowsToDo: sum((plan) => plan.places),
      requestsToDo: sum((plan) => plan.requests),
    })
    const due = jobs.map((job) => ({ series: job.series, fromMs: lackingFromMs(job) }))
    tell({ type: 'pass-due', nowMs: this.#options.plannedAtMs ?? this.#startedAtMs, due })
    try {
      await this.#trace('want', {}, () => this.#want(this.#queue))
      const count = Math.min(workers, this.#queue.length)
      await Promise.all(Array.from({ length: count }, () => this.#work()))
    } catch (error) {
      this.#fail(error)
    }
    try {
      await this.#trace('flush', {}, () => this.#writer.flush())
    } catch (error) {
      this.#fail(error)
    }
    for (const { lease } of jobs) lease?.end()
    const summary = this.#summary()
    tell({ type: 'pass-ended', summary })
    return summary
  }

  /** Writes down what the pass sets out to fetch, so that nobody forgets what was interrupted. */
  async #want(jobs: readonly SeriesJob[]): Promise<void> {
    for (const job of jobs) {
      const fresh = minus(job.plan.spans, wantedSpans(job.ledger))
      const checkedAtMs = job.source?.nowMs() ?? this.#options.clock.nowMs()
      const wanted = fresh.map((span) => ledgerRow(span, 'wanted', { checkedAtMs }))
      const ledger = [...(job.takeBack ?? []), ...wanted]
      if (ledger.length === 0) continue
      const content = {
        rows: emptyRows(job.table),
        ledger,
        extractedAtMs: checkedAtMs,
        source: 'rest',
      } as const
      await this.#writer.add(page(job, content, false))
    }
    await this.#writer.flush()
  }

  async #work(): Promise<void> {
    for (let job = this.#queue.shift(); job && !this.#ended; job = this.#queue.shift()) {
      try {
        // Whoever has it by now fetches it.
        if (job.lease && !job.lease.begin()) continue
        const attributes = { 'petrosa.series': seriesKey(job.series) }
        await this.#trace('series', attributes, () => this.#series(job))
      } catch (error) {
        if (error instanceof LeaseLostError) continue
        this.#fail(error)
        return
      }
    }
  }

  async #series(job: SeriesJob): Promise<void> {
    const { clock, tell } = this.#options
    const nowMs = (): number => job.source?.nowMs() ?? clock.nowMs()
    let rows = 0
    const { lease, series, source } = job
    const own = source && lease ? { ...job, source: sourceUnder(source, lease, seriesKey(series)) } : job
    const steps = fetchSeries(own, { nowMs, tell })
    try {
      for (let more = true; more && job.lease?.isHeld() !== false; ) {
        more = await this.#trace('page', {}, async (note) => {
          const { done, value: step } = await steps.next()
          if (done || this.#ended) return false
          rows += step.rows.count
          const { span } = step
          note({ 'petrosa.rows': step.rows.count, 'petrosa.span': spanText(span) })
          await this.#keep(job, step)
          return true
        })
      }
    } finally {
      await steps.return(undefined)
    }
    if (this.#ended) return
    tell({ type: 'series-done', series: job.series, rows })
  }

  async #keep(job: SeriesJob, step: Step): Promise<void> {
    this.#options.signal.throwIfAborted()
    this.#rowsFetched += step.rows.count
    // What is only wanted was never written, since rows and coverage are written together; but for rows that
    // are gone, of which some may still be there.
    const known = job.ledger.some(
      (row) =>
        (row.verdict !== 'wanted' || row.reason === LOST_ROWS) &&
        row.startMs < step.span.endMs &&
        row.endMs > step.span.startMs,
    )
    for (const row of step.ledger) {
      if (row.verdict !== 'rows' && row.verdict !== 'wanted')
        this.#options.tell({ type: 'hole-settled', series: job.series, row })
    }
    for (const one of step.open) this.#open(job.series, one)
    if (step.rows.count === 0 && step.ledger.length === 0 && !step.archives) return
    this.#options.tell({ type: 'page-fetched', series: job.series, span: step.span, rows: step.rows.count })
    if (step.barrier) await this.#writer.flush()
    await this.#writer.add(page(job, step, !known), step.refreshes)
    if (step.archives && step.refreshes !== undefined) this.#tellRefreshed(job.series, step.refreshes)
  }

  /** All rows of an archive that was published anew are written. */
  #tellRefreshed(series: Series, archive: string): void {
    const { written, changed } = this.#writer.writtenOf(archive)
    this.#refreshed.push({ series, archive, rowsWritten: written, rowsChanged: changed })
    const fields = { archive, new: written, changed }
    this.#options.tell({ type: 'note', message: 'taken in again: it was published anew', fields })
  }

  #open(series: Series, { error, reason, span }: OpenSpan): void {
    const unsettled = { series, span, reason }
    this.#unsettled.push(unsettled)
    this.#options.tell({ type: 'span-unsettled', unsettled })
    this.#codes.push(error ? exitCodeOf(error) : exitCodes.open)
    if (!error || this.#errors.includes(errorLine(error))) return
    this.#errors.push(errorLine(error))
    this.#options.tell({ type: 'failure', error })
  }

  /** Ends the pass: nothing more is fetched, what is in hand is still written. A defect is thrown on. */
  #fail(error: unknown): void {
    const first = !this.#ended
    this.#ended = true
    const reason = this.#options.signal.aborted ? this.#options.signal.reason : error
    const code = exitCodeOf(reason)
    // Workers that end for the same reason say it once.
    const line = errorLine(reason)
    if (first || !this.#errors.includes(line)) this.#errors.push(line)
    this.#codes.push(code)
    if (!(reason instanceof PetrosaError)) this.#options.tell({ type: 'defect', error: reason })
    else if (first && !(reason instanceof StoppedError))
      this.#options.tell({ type: 'failure', error: reason })
  }

  #summary(): Summary {
    const { clock, command, jobs, spent } = this.#options
    const { requests, weight, archives = 0 } = spent()
    const stopped =
      this.#options.signal.reason instanceof StoppedError ? [this.#options.signal.reason.exitCode] : []
    return {
      command,
      startedAtMs: this.#startedAtMs,
      durationMs: clock.monotonicMs() - this.#startedMs,
      series: jobs.length,
      rowsFetched: this.#rowsFetched,
      rowsWritten: this.#writer.totals.written,
      rowsChanged: this.#writer.totals.changed,
      requests,
      weight,
      archives,
      unsettled: this.#unsettled,
      refreshed: this.#refreshed.toSorted((a, b) => (a.archive < b.archive ? -1 : 1)),
      errors: this.#errors,
      exitCode: worstExitCode(this.#ended ? [...stopped, ...this.#codes] : this.#codes),
    }
  }
}

/** From when on a series lacks its newest rows, epoch ms; null where it lacks none. */
function lackingFromMs({ ledger, plan }: SeriesJob): number | null {
  const settledMs = settledSpans(ledger).at(-1)?.endMs ?? 0
  const newest = plan.spans.filter((span) => span.startMs >= settledMs)
  return newest.length === 0 ? null : Math.min(...newest.map((span) => span.startMs))
}

type Content = Pick<Page, 'rows' | 'ledger' | 'extractedAtMs' | 'source' | 'archives'>

function page(job: SeriesJob, content: Content, fresh: boolean): Page {
  const { rows, ledger, extractedAtMs, source, archives } = content
  const { series, table } = job
  const under = job.lease ? { token: job.lease.token } : {}
  const taken = archives ? { archives } : {}
  return { series, table, rows, ledger, extractedAtMs, source, fresh, ...taken, ...under }
}
