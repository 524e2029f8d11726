// Fetches one missing span of a series with a calendar, page by page, and settles what the answers prove.
// Pages are windows of as many places as a page has rows; where one ends in a hole the next begins at the
// last candle, so that one answer holds a candle on each side of the hole; where one is empty the next
// reaches to the end of the span, so that an outage or the time before the listing costs a request or two,
// however long it was.
import { MalformedError, RefusedError } from '../errors.ts'
import { advance, countPlaces, DAY_MS, emptyPlaces, floorToPeriod } from './calendar.ts'
import { emptyRows, type Rows, sliceRows, timesOf } from './dataset.ts'
import { settleEmptiness } from './holes.ts'
import { ledgerRow, type Verdict } from './ledger.ts'
import type { Period } from './series.ts'
import type { Answer, Source } from './source.ts'
import { minus, type Span, spanText } from './span.ts'
import { refusedStep, type SpanJob, type Step } from './step.ts'
import { closedRows } from './verify.ts'

/**
 * Pages of one span that may be refused one after another before pages that are answered are looked for
 * further on.
 */
const MOST_REFUSALS = 10

/** A span of a series with a calendar. */
export type CalendarJob = SpanJob & { readonly period: Period }

/**
 * The pages of a span, in order. Throws what ends the whole pass (UserError, UnavailableError, StoppedError).
 */
export async function* fetchByCalendar(job: CalendarJob): AsyncGenerator<Step> {
  yield* toEnd(job, new SpanWalk(job))
}

async function* toEnd(job: CalendarJob, walk: SpanWalk): AsyncGenerator<Step> {
  while (!walk.done && !walk.isStuck) yield await walk.step()
  if (!walk.done) yield* beyondRefusals(job, walk.left)
}

/**
 * What comes after a page that was refused, one of too many. Where a stretch of them ends is found by
 * halving, so that it costs a few requests, however long it is, and keeps nobody from what comes after it.
 * What lies between two refusals is taken to be refused too, and named: no page is asked for twice.
 */
async function* beyondRefusals(job: CalendarJob, rest: Span): AsyncGenerator<Step> {
  const { period, series, source, table } = job
  let { startMs, endMs } = rest
  while (startMs < endMs) {
    const firstPlaceMs = floorToPeriod(period, startMs)
    const places = countPlaces(period, { startMs: firstPlaceMs, endMs })
    const { rows } = source.page(series, places)
    const pages = Math.ceil(places / rows)
    const middleMs = pages <= 1 ? startMs : advance(period, firstPlaceMs, rows * Math.floor(pages / 2))
    const walk = new SpanWalk({ ...job, span: { startMs: middleMs, endMs }, hurried: true })
    let step = await walk.step()
    // An answer without a row says nothing yet: the next one is for the first row from there on.
    while (!step.refused && walk.left.startMs === middleMs) step = await walk.step()
    yield step
    if (!step.refused) {
      yield* toEnd(job, walk)
      endMs = middleMs
      continue
    }
    if (startMs < middleMs)
      yield refusedStep(table, { span: { startMs, endMs: middleMs }, reason: step.refused.reason })
    startMs = walk.left.startMs
  }
}

class SpanWalk {
  readonly #job: CalendarJob
  /** Everything before this time is settled or given up. */
  #cursorMs: number
  /** The last candle before an open hole; the next window begins with it. */
  #anchorMs: number | null = null
  /** Whether the next window reaches to the end of the span. */
  #wide = false
  /** Whether a candle before the cursor is known: from the ledger, or from this walk. */
  #listedBefore: boolean
  #refusals: number

  constructor(job: CalendarJob) {
    this.#job = job
    this.#cursorMs = job.span.startMs
    this.#refusals = job.hurried ? 1 : 0
    this.#listedBefore = job.before.some((row) => row.verdict === 'rows' && row.startMs < job.span.startMs)
  }

  get done(): boolean {
    return this.#cursorMs >= this.#job.span.endMs
  }

  /** What is neither settled nor refused yet. */
  get left(): Span {
    return { startMs: this.#cursorMs, endMs: this.#job.span.endMs }
  }

  /** Whether so much was refused that the next page hardly fares better. */
  get isStuck(): boolean {
    return this.#refusals > MOST_REFUSALS
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
    try {
      const window = this.#window()
      const { first } = this.#job.source
      const step = this.#wide && first ? await this.#leap(first) : await this.#next(window)
      this.#refusals = 0
      return step
    } catch (error) {
      if (!(error instanceof RefusedError || error instanceof MalformedError)) throw error
      return this.#refused(error.message)
    }
  }

  async #next({ span, limit }: { span: Span; limit: number }): Promise<Step> {
    return this.#take(span, limit, await this.#ask(span, limit))
  }

  /**
   * Where no window may reach far: finds the first candle from here on, and takes the window that it opens;
   * from the last candle on where that is not too far back, so that one answer shows both sides of the hole.
   */
  async #leap(first: NonNullable<Source['first']>): Promise<Step> {
    const { period, series, source, span, table } = this.#job
    const { longestWindowMs = Number.POSITIVE_INFINITY } = source
    const anchorMs = this.#anchorMs
    this.#anchorMs = null
    const nextMs = await first(series, this.#cursorMs, span.endMs, this.#refusals > 0)
    if (nextMs === null || nextMs >= span.endMs) {
      const nothing = { rows: emptyRows(table), servedAtMs: source.nowMs() }
      return this.#take({ startMs: this.#cursorMs, endMs: span.endMs }, 1, nothing)
    }
    const left = countPlaces(period, { startMs: floorToPeriod(period, nextMs), endMs: span.endMs })
    const { rows } = source.page(series, left + 1)
    const endMs = Math.min(span.endMs, advance(period, nextMs, Math.max(1, rows - 1)))
    if (anchorMs === null || endMs - anchorMs > longestWindowMs)
      return this.#next({ span: { startMs: nextMs, endMs }, limit: rows })
    this.#anchorMs = anchorMs
    return this.#next({ span: { startMs: anchorMs, endMs }, limit: rows })
  }

  #ask(span: Span, limit: number): Promise<Answer> {
    return this.#job.source.fetch(this.#job.series, { span, limit }, this.#refusals > 0)
  }

  /** Steps over a page that is refused. */
  #refused(reason: string): Step {
    // Where no row comes for a while the first one is refused: the pages before it would say nothing either.
    this.#refusals = this.#wide ? MOST_REFUSALS + 1 : this.#refusals + 1
    const askedToMs = this.#wide ? this.#cursorMs : this.#window().span.endMs
    this.#wide = false
    this.#anchorMs = null
    const startMs = this.#cursorMs
    this.#cursorMs = askedToMs > startMs ? askedToMs : this.#window().span.endMs
    return refusedStep(this.#job.table, { span: { startMs, endMs: this.#cursorMs }, reason })
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
    const { series, source, table, span } = this.#job
    const endMs = Math.max(source.nowMs(), span.endMs) + DAY_MS
    if (source.first) return source.first(series, fromMs, endMs, this.#refusals > 0)
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
    const context = { nowMs: source.nowMs(), before, source: source.name }
    const empty = proved.map(({ hole, verdict, asked }) =>
      settleEmptiness(hole, verdict, asked, context, period),
    )
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
    return { rows, ledger, extractedAtMs: servedAtMs, source: 'rest', span: region, open, refused: null }
  }
}

/**
 * The exchange said one thing and then another: the page is asked for again, and named when that does not
 * help.
 */
function contradiction(hole: Span): RefusedError {
  return new RefusedError(`the exchange contradicts itself about ${spanText(hole)}`)
}
