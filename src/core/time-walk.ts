// Fetches one missing span of a series that is in order of time and has no grid: funding rates. One complete
// answer holds all that there is in its window; a full one is cut at its last time and taken up again there.
import { MalformedError, RefusedError } from '../errors.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS } from './calendar.ts'
import { type Rows, sliceRows, timesOf } from './dataset.ts'
import { type LedgerRow, ledgerRow, type Verdict } from './ledger.ts'
import { type Span, spanText } from './span.ts'
import { refusedStep, type SpanJob, type Step } from './step.ts'

/** The longest regular time between two rates, and their jitter (reference 10). */
const LONGEST_INTERVAL_MS = 8 * HOUR_MS + MINUTE_MS

/** The pages of a span, in order. Throws what ends the whole pass. */
export async function* fetchByTime(job: SpanJob): AsyncGenerator<Step> {
  const walk = new TimeWalk(job)
  while (!walk.done) yield await walk.step()
}

class TimeWalk {
  readonly #job: SpanJob
  #cursorMs: number
  /** Whether a row before the cursor is known: from the ledger, or from this walk. */
  #listedBefore: boolean

  constructor(job: SpanJob) {
    this.#job = job
    this.#cursorMs = job.span.startMs
    this.#listedBefore = job.before.some(
      (row) => row.verdict === 'rows' && row.rows > 0 && row.startMs < job.span.startMs,
    )
  }

  get done(): boolean {
    return this.#cursorMs >= this.#job.span.endMs
  }

  async step(): Promise<Step> {
    const { series, source, span, table, hurried } = this.#job
    const rest = { startMs: this.#cursorMs, endMs: span.endMs }
    try {
      const { rows: limit } = source.page(series, null)
      const answer = await source.fetch(series, { span: rest, limit }, hurried)
      return await this.#take(answer.rows, answer.rows.count >= limit, answer.servedAtMs)
    } catch (error) {
      if (!(error instanceof RefusedError || error instanceof MalformedError)) throw error
      this.#cursorMs = span.endMs
      return refusedStep(table, { span: rest, reason: error.message })
    }
  }

  async #take(answered: Rows, full: boolean, servedAtMs: number): Promise<Step> {
    const { span, table } = this.#job
    const times = timesOf(table, answered)
    const lastMs = times.at(-1) ?? this.#cursorMs
    // Rates of one time may be cut by the limit: the next page begins with that time again.
    const cutMs = full && lastMs > (times[0] ?? lastMs) ? lastMs : full ? lastMs + 1 : span.endMs
    const count = full ? times.filter((timeMs) => timeMs < cutMs).length : answered.count
    const rows = sliceRows(answered, 0, count)
    const region = { startMs: this.#cursorMs, endMs: Math.min(cutMs, span.endMs) }
    if (!full) await this.#confirmTail(times.at(-1) ?? null)
    const ledger = await this.#settle(region, rows)
    this.#cursorMs = region.endMs
    if (rows.count > 0) this.#listedBefore = true
    return { rows, ledger, extractedAtMs: servedAtMs, source: 'rest', span: region, open: [], refused: null }
  }

  /** A short page is not the end: where a rate should have followed, a second answer has to agree. */
  async #confirmTail(lastMs: number | null): Promise<void> {
    const { span } = this.#job
    const fromMs = lastMs === null ? this.#cursorMs : lastMs + 1
    if (lastMs !== null && span.endMs - lastMs <= LONGEST_INTERVAL_MS) return
    const nextMs = await this.#firstFrom(fromMs)
    if (nextMs !== null && nextMs < span.endMs)
      throw new RefusedError(
        `the exchange contradicts itself about ${spanText({ ...span, startMs: fromMs })}`,
      )
  }

  async #settle(region: Span, rows: Rows): Promise<LedgerRow[]> {
    const { listing, source, table } = this.#job
    const checkedAtMs = source.nowMs()
    const facts = { source: 'rest', checkedAtMs } as const
    const firstMs = timesOf(table, rows)[0] ?? null
    const held = (span: Span): LedgerRow => ledgerRow(span, 'rows', { ...facts, rows: rows.count })
    const empty = (span: Span, verdict: Verdict, reason: string): LedgerRow =>
      ledgerRow(span, verdict, { ...facts, asked: 2, reason })
    if (!this.#listedBefore && (firstMs ?? region.endMs) - region.startMs > LONGEST_INTERVAL_MS) {
      const everMs = await this.#firstFrom(0)
      const unlistedToMs = firstMs ?? region.endMs
      if (everMs === null || everMs >= unlistedToMs) {
        const before = empty({ ...region, endMs: unlistedToMs }, 'unlisted', 'no rate before the first one')
        return firstMs === null ? [before] : [before, held({ ...region, startMs: firstMs })]
      }
    }
    const ended = firstMs === null && !listing.trading && (await this.#firstFrom(region.startMs)) === null
    return [ended ? empty(region, 'delisted', 'no rate after the last one') : held(region)]
  }

  /** The time of the first rate from a time on, or null when there is none up to now. */
  async #firstFrom(fromMs: number): Promise<number | null> {
    const { series, source, table, span, hurried } = this.#job
    const endMs = Math.max(source.nowMs(), span.endMs) + DAY_MS
    const answer = await source.fetch(series, { span: { startMs: fromMs, endMs }, limit: 1 }, hurried)
    return timesOf(table, answer.rows)[0] ?? null
  }
}
