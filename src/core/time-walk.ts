// Fetches one missing span of a series that is in order of time and has no grid: funding rates. One complete
// answer holds all that there is in its window; a full one is cut at its last time and taken up again there.
// Where a rate should have come and none did, a second answer has to agree.
import { MalformedError, RefusedError } from '../errors.ts'
import { DAY_MS, floorToPeriod, HOUR_MS, MINUTE_MS } from './calendar.ts'
import { type Rows, sliceRows, timesOf } from './dataset.ts'
import { YOUNG_MS } from './holes.ts'
import { type LedgerRow, ledgerRow, type Verdict } from './ledger.ts'
import { type Span, spanText } from './span.ts'
import { refusedStep, type SpanJob, type Step } from './step.ts'

/** The longest regular time between two rates, and their jitter (reference 10). */
const LONGEST_INTERVAL_MS = 8 * HOUR_MS + MINUTE_MS

/**
 * The reason that marks a settled span whose last hour has no rate, and ended less than an hour ago: nobody
 * knows whether one was due, and the exchange may be late with it. So the next span begins with that hour,
 * by the request that is made for it in any case.
 */
export const NONE_YET = 'no rate at its last hour yet'

/** The pages of a span, in order. Throws what ends the whole pass. */
export async function* fetchByTime(job: SpanJob): AsyncGenerator<Step> {
  const walk = new TimeWalk(job)
  while (!walk.done) yield await walk.step()
}

class TimeWalk {
  readonly #job: SpanJob
  #cursorMs: number
  /** Where the next window begins: before the cursor where a rate was not there yet. */
  #askFromMs: number
  /** Whether a row before the cursor is known: from the ledger, or from this walk. */
  #listedBefore: boolean

  constructor(job: SpanJob) {
    this.#job = job
    const { startMs } = job.span
    this.#cursorMs = startMs
    const isLate = job.before.some((row) => row.endMs === startMs && row.reason === NONE_YET)
    this.#askFromMs = isLate ? floorToPeriod('1h', startMs - 1) : startMs
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
      const asked = { ...rest, startMs: this.#askFromMs }
      const answer = await source.fetch(series, { span: asked, limit }, hurried)
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
    const unlistedToMs = await this.#proveHead(times[0] ?? null)
    for (let i = 1; i < times.length; i += 1) await this.#proveGap(times[i - 1] ?? 0, times[i] ?? 0)
    const endedMs = full || unlistedToMs === span.endMs ? null : await this.#proveTail(times.at(-1) ?? null)
    const settled = this.#settle(region, rows.count, unlistedToMs ?? region.startMs, endedMs ?? region.endMs)
    const isNoneYet = !full && this.#lacksLastHour(times.at(-1) ?? null)
    const ledger = settled.map((row) =>
      isNoneYet && row.verdict === 'rows' && row.endMs === span.endMs ? { ...row, reason: NONE_YET } : row,
    )
    this.#cursorMs = region.endMs
    this.#askFromMs = region.endMs
    if (rows.count > 0) this.#listedBefore = true
    return { rows, ledger, extractedAtMs: servedAtMs, source: 'rest', span: region, open: [], refused: null }
  }

  /** Whether the last rate came before the last hour of the span, which is still young. */
  #lacksLastHour(lastMs: number | null): boolean {
    const { source, span } = this.#job
    const hourMs = floorToPeriod('1h', span.endMs - 1)
    return source.nowMs() - hourMs < YOUNG_MS && (lastMs === null || lastMs < hourMs)
  }

  /** Until when the symbol was not listed; null where it was, or where that does not matter. */
  async #proveHead(firstMs: number | null): Promise<number | null> {
    const { span } = this.#job
    const headEndMs = firstMs ?? span.endMs
    if (headEndMs - this.#cursorMs <= LONGEST_INTERVAL_MS) return null
    if (!this.#listedBefore) {
      const everMs = await this.#firstFrom(0)
      if (everMs === null || everMs >= headEndMs) return headEndMs
    }
    if (firstMs !== null) await this.#proveGap(this.#cursorMs - 1, firstMs)
    return null
  }

  /** Between two rates that lie far apart nothing may be missing. */
  async #proveGap(afterMs: number, beforeMs: number): Promise<void> {
    if (beforeMs - afterMs <= LONGEST_INTERVAL_MS) return
    if ((await this.#firstFrom(afterMs + 1)) !== beforeMs) throw this.#contradiction(afterMs + 1)
  }

  /** From when on there is no rate any more; null where rates may still follow, or did not have to yet. */
  async #proveTail(lastMs: number | null): Promise<number | null> {
    const { listing, span } = this.#job
    if (lastMs !== null && span.endMs - lastMs <= LONGEST_INTERVAL_MS) return null
    const fromMs = lastMs === null ? this.#cursorMs : lastMs + 1
    const nextMs = await this.#firstFrom(fromMs)
    if (nextMs !== null && nextMs < span.endMs) throw this.#contradiction(fromMs)
    return nextMs === null && !listing.trading ? fromMs : null
  }

  #contradiction(fromMs: number): RefusedError {
    const where = spanText({ ...this.#job.span, startMs: fromMs })
    return new RefusedError(`the exchange contradicts itself about ${where}`)
  }

  /** Before `fromMs` the symbol was not listed, from `toMs` on it is delisted; either may be the whole. */
  #settle(region: Span, rows: number, fromMs: number, toMs: number): LedgerRow[] {
    const facts = { source: 'rest', checkedAtMs: this.#job.source.nowMs() } as const
    const empty = (startMs: number, endMs: number, verdict: Verdict, reason: string): LedgerRow[] =>
      startMs < endMs ? [ledgerRow({ startMs, endMs }, verdict, { ...facts, asked: 2, reason })] : []
    const heldToMs = Math.max(fromMs, toMs)
    const held = { startMs: fromMs, endMs: heldToMs }
    return [
      ...empty(region.startMs, fromMs, 'unlisted', 'no rate before the first one'),
      ...(fromMs < heldToMs ? [ledgerRow(held, 'rows', { ...facts, rows })] : []),
      ...empty(heldToMs, region.endMs, 'delisted', 'no rate after the last one'),
    ]
  }

  /** The time of the first rate from a time on, or null when there is none up to now. */
  async #firstFrom(fromMs: number): Promise<number | null> {
    const { series, source, table, span, hurried } = this.#job
    const endMs = Math.max(source.nowMs(), span.endMs) + DAY_MS
    const answer = await source.fetch(series, { span: { startMs: fromMs, endMs }, limit: 1 }, hurried)
    return timesOf(table, answer.rows)[0] ?? null
  }
}
