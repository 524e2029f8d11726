// Fetches one missing span of a series with a calendar, page by page, and settles what the answers prove.
// Pages are windows of as many places as a page has rows; where one ends in a hole the next begins at the
// last candle, so that one answer holds a candle on each side of the hole; where one is empty the next
// reaches to the end of the span, so that an outage or the time before the listing costs a request or two,
// however long it was.
import { MalformedError, RefusedError } from '../errors.ts'
import { advance, countPlaces, DAY_MS, emptyPlaces, floorToPeriod } from './calendar.ts'
import { type Dataset, emptyRows, type Rows, sliceRows, type Table, timesOf } from './dataset.ts'
import { type HoleContext, settleHole } from './holes.ts'
import { type LedgerRow, ledgerRow, type Verdict } from './ledger.ts'
import type { Period, Series } from './series.ts'
import type { Answer, Listing, Source } from './source.ts'
import { minus, type Span, spanText } from './span.ts'
import { closedRows } from './verify.ts'

/**
 * Pages of one span that may be refused one after another before the rest of the span is given up for this
 * pass.
 */
const MOST_REFUSALS = 10

export type SpanJob = {
  readonly series: Series
  readonly period: Period
  readonly dataset: Dataset
  readonly table: Table
  readonly source: Source
  readonly listing: Listing
  /** The ledger as it was before the pass. */
  readonly before: readonly LedgerRow[]
  readonly span: Span
  /** Whether the span was refused a moment ago. */
  readonly hurried: boolean
}

/** One step: rows with what they settle, and what stays open of what was asked. */
export type Step = {
  readonly rows: Rows
  readonly ledger: readonly LedgerRow[]
  readonly extractedAtMs: number
  readonly span: Span
  readonly open: readonly { readonly span: Span; readonly reason: string }[]
  /** A window that the exchange refused, and why. */
  readonly refused: { readonly span: Span; readonly reason: string } | null
}

/**
 * The pages of a span, in order. Throws what ends the whole pass (UserError, UnavailableError, StoppedError).
 */
export async function* fetchSpan(job: SpanJob): AsyncGenerator<Step> {
  const walk = new SpanWalk(job)
  while (!walk.done) yield await walk.step()
}

class SpanWalk {
  readonly #job: SpanJob
  /** Everything before this time is settled or given up. */
  #cursorMs: number
  /** The last candle before an open hole; the next window begins with it. */
  #anchorMs: number | null = null
  /** Whether the next window reaches to the end of the span. */
  #wide = false
  /** Whether a candle before the cursor is known: from the ledger, or from this walk. */
  #listedBefore: boolean
  #refusals: number

  constructor(job: SpanJob) {
    this.#job = job
    this.#cursorMs = job.span.startMs
    this.#refusals = job.hurried ? 1 : 0
    this.#listedBefore = job.before.some((row) => row.verdict === 'rows' && row.startMs < job.span.startMs)
  }

  get done(): boolean {
    return this.#cursorMs >= this.#job.span.endMs
  }

  /** The next window: where it begins and ends, and how many rows it may bring. */
  #window(): { span: Span; limit: number } {
    const { period, series, source, span } = this.#job
    const startMs = this.#anchorMs ?? this.#cursorMs
    const firstPlaceMs = floorToPeriod(period, startMs)
    const { rows } = source.page(series, countPlaces(period, { startMs: firstPlaceMs, endMs: span.endMs }))
    const endMs = this.#wide ? span.endMs : Math.min(span.endMs, advance(period, firstPlaceMs, rows))
    return { span: { startMs, endMs }, limit: rows }
  }

  async step(): Promise<Step> {
    const window = this.#window()
    try {
      const answer = await this.#ask(window.span, window.limit)
      const step = await this.#take(window.span, window.limit, answer)
      this.#refusals = 0
      return step
    } catch (error) {
      if (!(error instanceof RefusedError || error instanceof MalformedError)) throw error
      return this.#refused(window.span.endMs, error.message)
    }
  }

  #ask(span: Span, limit: number): Promise<Answer> {
    return this.#job.source.fetch(this.#job.series, { span, limit }, this.#refusals > 0)
  }

  /** Steps over a window that is refused; after too many in a row, over the rest of the span. */
  #refused(windowEndMs: number, reason: string): Step {
    this.#refusals += 1
    const { span, table } = this.#job
    const endMs = this.#refusals > MOST_REFUSALS ? span.endMs : windowEndMs
    const refused = { span: { startMs: this.#cursorMs, endMs }, reason }
    this.#cursorMs = endMs
    this.#anchorMs = null
    this.#wide = false
    return { rows: emptyRows(table), ledger: [], extractedAtMs: 0, span: refused.span, open: [], refused }
  }

  /** What an answer brings: its new rows, the holes that it proves, and where the next window begins. */
  async #take(window: Span, limit: number, answer: Answer): Promise<Step> {
    const { period, table } = this.#job
    const closed = closedRows(table, answer.rows, answer.servedAtMs)
    const anchored = this.#anchorMs !== null && timesOf(table, closed)[0] === this.#anchorMs
    const rows = anchored ? sliceRows(closed, 1, closed.count) : closed
    const timesMs = timesOf(table, rows)
    const lastMs = timesMs.at(-1)
    const cut =
      answer.rows.count >= limit && lastMs !== undefined && advance(period, lastMs, 1) < window.endMs
    const region = { startMs: this.#cursorMs, endMs: cut ? lastMs + 1 : window.endMs }
    const holes = emptyPlaces(period, region, timesMs)
    const head =
      holes[0] !== undefined && holes[0].endMs <= (timesMs[0] ?? Number.POSITIVE_INFINITY) ? holes[0] : null
    const tail =
      lastMs === undefined
        ? head
        : (holes.find((hole) => hole.startMs > lastMs && hole.endMs === region.endMs) ?? null)

    const proved: { hole: Span; verdict: Verdict; asked: number }[] = []
    for (const hole of holes) {
      if (hole === tail) continue
      if (hole === head && !anchored) proved.push(await this.#proveHead(hole, timesMs[0] ?? hole.endMs))
      else proved.push({ hole, verdict: 'outage', asked: 1 })
    }
    const atEnd = region.endMs >= this.#job.span.endMs
    if (tail && atEnd) {
      const verdict = await this.#proveTail(tail, anchored || lastMs !== undefined)
      proved.push({ hole: tail, verdict, asked: 2 })
    }
    const settledToMs = tail && !atEnd ? tail.startMs : region.endMs
    const step = this.#settle(
      { startMs: this.#cursorMs, endMs: settledToMs },
      rows,
      proved,
      answer.servedAtMs,
    )
    this.#moveOn(
      settledToMs,
      lastMs ?? (anchored ? this.#anchorMs : null),
      tail !== null && settledToMs < region.endMs,
    )
    return step
  }

  #moveOn(settledToMs: number, lastMs: number | null, holeAhead: boolean): void {
    const moved = settledToMs > this.#cursorMs
    this.#cursorMs = settledToMs
    this.#anchorMs = holeAhead ? lastMs : null
    // A window without news: look as far as the span goes, for the first candle after the hole.
    this.#wide = holeAhead && !moved
    if (lastMs !== null) this.#listedBefore = true
  }

  /** A hole with no candle before it in the answer: the second answer decides what it is. */
  async #proveHead(hole: Span, firstMs: number): Promise<{ hole: Span; verdict: Verdict; asked: number }> {
    if (!this.#listedBefore) {
      const listedMs = await this.#firstFrom(0)
      if (listedMs === firstMs) return { hole, verdict: 'unlisted', asked: 2 }
    }
    const againMs = await this.#firstFrom(hole.startMs)
    if (againMs !== firstMs) throw contradiction(hole)
    return { hole, verdict: 'outage', asked: 2 }
  }

  /** A hole at the end of the span: what comes after it decides. */
  async #proveTail(hole: Span, candleBefore: boolean): Promise<Verdict> {
    const { span, listing } = this.#job
    if (!candleBefore && !this.#listedBefore) {
      const listedMs = await this.#firstFrom(0)
      if (listedMs === null || listedMs >= span.endMs) return 'unlisted'
    }
    const nextMs = await this.#firstFrom(hole.startMs)
    if (nextMs !== null && nextMs < span.endMs) throw contradiction(hole)
    return nextMs === null && !listing.trading ? 'delisted' : 'outage'
  }

  /** The open time of the first candle from a time on, or null when there is none up to now. */
  async #firstFrom(fromMs: number): Promise<number | null> {
    const { source, table, span } = this.#job
    const endMs = Math.max(source.nowMs(), span.endMs) + DAY_MS
    const answer = await this.#ask({ startMs: fromMs, endMs }, 1)
    return timesOf(table, answer.rows)[0] ?? null
  }

  /**
   * The step for a settled region: its rows, and the ledger rows for the stretches of candles and the holes
   * between.
   */
  #settle(
    region: Span,
    rows: Rows,
    proved: readonly { hole: Span; verdict: Verdict; asked: number }[],
    servedAtMs: number,
  ): Step {
    const { before, period, source, table } = this.#job
    const context: HoleContext = { period, nowMs: source.nowMs(), before }
    const empty = proved.map(({ hole, verdict, asked }) => settleHole(hole, verdict, asked, context))
    const timesMs = timesOf(table, rows)
    const full = minus(
      [region],
      proved.map(({ hole }) => hole),
    )
    let at = 0
    const held = full.map((span) => {
      const from = at
      while (at < timesMs.length && (timesMs[at] ?? 0) < span.endMs) at += 1
      return ledgerRow(span, 'rows', { rows: at - from, source: source.name, checkedAtMs: context.nowMs })
    })
    const ledger = [...held, ...empty.flatMap((one) => one.ledger)].sort((a, b) => a.startMs - b.startMs)
    const open = empty.flatMap((one) => one.open)
    return { rows, ledger, extractedAtMs: servedAtMs, span: region, open, refused: null }
  }
}

/**
 * The exchange said one thing and then another: the page is asked for again, and named when that does not
 * help.
 */
function contradiction(hole: Span): RefusedError {
  return new RefusedError(`the exchange contradicts itself about ${spanText(hole)}`)
}
