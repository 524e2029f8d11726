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
 * What is refused is asked for in ever smaller windows down to this, so that one bad page costs no more than
 * its own rates; after so many refusals of one span the rest of it is given up for this pass.
 */
const SMALLEST_WINDOW_MS = DAY_MS
const MOST_REFUSALS = 60

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
  /** Where the next window ends: the span's end, unless more than a part was refused. */
  #windowEndMs: number
  /** Whether a row before the cursor is known: from the ledger, or from this walk. */
  #listedBefore: boolean
  #refusals = 0

  constructor(job: SpanJob) {
    this.#job = job
    const { startMs } = job.span
    this.#windowEndMs = job.span.endMs
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
    for (;;) {
      try {
        return await this.#ask()
      } catch (error) {
        if (!(error instanceof RefusedError || error instanceof MalformedError)) throw error
        const refused = this.#refuse(error.message)
        if (refused) return refused
      }
    }
  }

  async #ask(): Promise<Step> {
    const { series, source } = this.#job
    const { rows: limit } = source.page(series, null)
    const span = { startMs: this.#askFromMs, endMs: this.#windowEndMs }
    const answer = await source.fetch(series, { span, limit }, this.#isHurried)
    const lengthMs = this.#windowEndMs - this.#cursorMs
    const step = await this.#take(answer.rows, answer.rows.count >= limit, answer.servedAtMs)
    if (this.#cursorMs === this.#windowEndMs) this.#reachFor(2 * lengthMs)
    return step
  }

  get #isHurried(): boolean {
    return this.#job.hurried || this.#refusals > 0
  }

  #reachFor(lengthMs: number): void {
    const { endMs } = this.#job.span
    // What would leave a part smaller than a window is all of it.
    const nextMs = this.#cursorMs + lengthMs
    this.#windowEndMs = endMs - nextMs < SMALLEST_WINDOW_MS ? endMs : nextMs
  }

  /** Makes the window smaller, or steps over it where it is as small as it gets. */
  #refuse(reason: string): Step | null {
    this.#refusals += 1
    const { span, table } = this.#job
    const lengthMs = this.#windowEndMs - this.#cursorMs
    const isOver = this.#refusals >= MOST_REFUSALS
    if (!isOver && lengthMs > SMALLEST_WINDOW_MS) {
      this.#windowEndMs = this.#cursorMs + Math.max(SMALLEST_WINDOW_MS, Math.floor(lengthMs / 2))
      return null
    }
    const refused = { startMs: this.#cursorMs, endMs: isOver ? span.endMs : this.#windowEndMs }
    this.#cursorMs = refused.endMs
    this.#askFromMs = refused.endMs
    this.#reachFor(lengthMs)
    return refusedStep(table, { span: refused, reason })
  }

  async #take(answered: Rows, full: boolean, servedAtMs: number): Promise<Step> {
    const { span, table } = this.#job
    const endMs = this.#windowEndMs
    const times = timesOf(table, answered)
    const lastMs = times.at(-1) ?? this.#cursorMs
    // Rates of one time may be cut by the limit: the next page begins with that time again.
    const cutMs = full && lastMs > (times[0] ?? lastMs) ? lastMs : full ? lastMs + 1 : endMs
    const count = full ? times.filter((timeMs) => timeMs < cutMs).length : answered.count
    const rows = sliceRows(answered, 0, count)
    const region = { startMs: this.#cursorMs, endMs: Math.min(cutMs, endMs) }
    const unlistedToMs = await this.#proveHead(times[0] ?? null)
    for (let i = 1; i < times.length; i += 1) await this.#proveGap(times[i - 1] ?? 0, times[i] ?? 0)
    const endedMs = full || unlistedToMs === endMs ? null : await this.#proveTail(times.at(-1) ?? null)
    const settled = this.#settle(region, rows.count, unlistedToMs ?? region.startMs, endedMs ?? region.endMs)
    const isNoneYet = !full && endMs === span.endMs && this.#lacksLastHour(times.at(-1) ?? null)
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
    const headEndMs = firstMs ?? this.#windowEndMs
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
    const endMs = this.#windowEndMs
    if (lastMs !== null && endMs - lastMs <= LONGEST_INTERVAL_MS) return null
    const fromMs = lastMs === null ? this.#cursorMs : lastMs + 1
    const nextMs = await this.#firstFrom(fromMs)
    if (nextMs !== null && nextMs < endMs) throw this.#contradiction(fromMs)
    return nextMs === null && !this.#job.listing.trading ? fromMs : null
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
    const { series, source, table, span } = this.#job
    const endMs = Math.max(source.nowMs(), span.endMs) + DAY_MS
    const window = { span: { startMs: fromMs, endMs }, limit: 1 }
    const answer = await source.fetch(series, window, this.#isHurried)
    return timesOf(table, answer.rows)[0] ?? null
  }
}
