// Fetches one missing span of a series that is in order of ids: trades. The first page is asked for by time,
// or by the id that follows the last stored one; from then on by id, so that nothing is lost where many
// trades share a millisecond. Trades of the last millisecond of a page wait for the next one, so that a span
// is settled only with all of its rows.
import { MalformedError, RefusedError } from '../errors.ts'
import { emptyRows, idsOf, joinRows, type Rows, sliceRows, timesOf, type Window } from './dataset.ts'
import { type Emptiness, settleEmptiness } from './holes.ts'
import { compareIds, nextId, previousId } from './id.ts'
import { lastIdBefore } from './id-ledger.ts'
import { confirmJump, proveBeginning, skippedIn, verdictOfNothing } from './id-proofs.ts'
import { type Jump, jumpsOf, type Placed, settleIds } from './id-settle.ts'
import { type LedgerRow, ledgerRow, type Verdict } from './ledger.ts'
import type { Answer } from './source.ts'
import type { Span } from './span.ts'
import { refusedStep, type SpanJob, type Step } from './step.ts'

/** Trades of one millisecond that are kept in hand, at most: no exchange has so many. */
const MOST_CARRIED = 100_000

/** What is so near to the end of a source's reach may be gone before the answer is made. */
const REACH_SLACK_MS = 5_000

/** The pages of a span, in order. Throws what ends the whole pass. */
export async function* fetchById(job: SpanJob): AsyncGenerator<Step> {
  const walk = new IdWalk(job)
  while (!walk.done) yield await walk.step()
}

class IdWalk {
  readonly #job: SpanJob
  /** Everything before this time is settled. */
  #cursorMs: number
  /** The id that comes next, where it is known. */
  #nextId: string | null
  /** Rows and invalid records that wait for the rest of their millisecond, and jumps before them. */
  #carried: Rows
  #skipped: readonly Placed[] = []
  #pending: readonly Jump[] = []
  /** Windows by time were empty up to here, and how often nothing came for the whole rest of the span. */
  #emptyToMs = 0
  #emptyAnswers = 0
  #finished = false

  constructor(job: SpanJob) {
    this.#job = job
    this.#cursorMs = job.span.startMs
    this.#carried = emptyRows(job.table)
    const lastId = lastIdBefore(job.before, job.span.startMs)
    this.#nextId = lastId === null ? null : nextId(lastId)
  }

  get done(): boolean {
    return this.#finished
  }

  async step(): Promise<Step> {
    const { hurried, series, source, span, table } = this.#job
    try {
      const lost = this.#lost()
      if (lost) return lost
      const window = this.#window()
      const answer = await source.fetch(series, window, hurried)
      // What left the reach meanwhile may have been left out of the answer without a word.
      return this.#lost() ?? (await this.#take(answer, window))
    } catch (error) {
      if (!(error instanceof RefusedError || error instanceof MalformedError)) throw error
      this.#finished = true
      return refusedStep(table, { span: { ...span, startMs: this.#cursorMs }, reason: error.message })
    }
  }

  /** The next window: by the id that comes next, or by time, after the windows that were empty. */
  #window(): Window {
    const { series, source, span } = this.#job
    const { rows: limit } = source.page(series, null)
    const startMs = Math.max(this.#cursorMs, this.#emptyToMs)
    if (this.#nextId !== null) return { span: { startMs, endMs: span.endMs }, limit, fromId: this.#nextId }
    const endMs = Math.min(span.endMs, startMs + (source.longestWindowMs ?? Number.POSITIVE_INFINITY))
    return { span: { startMs, endMs }, limit }
  }

  /** Gives up what the source does not answer for any more; null where nothing is lost. */
  #lost(): Step | null {
    const { source, span, table } = this.#job
    if (source.reachMs === undefined) return null
    const reachedFromMs = Math.min(span.endMs, source.nowMs() - source.reachMs + REACH_SLACK_MS)
    if (this.#cursorMs >= reachedFromMs) return null
    const lost = { startMs: this.#cursorMs, endMs: reachedFromMs }
    this.#cursorMs = reachedFromMs
    this.#nextId = null
    this.#carried = emptyRows(table)
    this.#skipped = []
    this.#pending = []
    this.#finished = reachedFromMs >= span.endMs
    const reason = 'the API does not reach back so far any more; --source auto takes the archives'
    return this.#step(lost, this.#carried, { ledger: [], open: [{ span: lost, reason }] }, 0)
  }

  async #take(answer: Answer, window: Window): Promise<Step> {
    const { span, table } = this.#job
    const skipped = skippedIn(answer)
    if (answer.rows.count === 0 && skipped.length === 0) return this.#nothing(answer, window)
    this.#emptyAnswers = 0
    const left = { ...span, startMs: this.#cursorMs }
    const beginning = window.fromId === undefined ? await proveBeginning(this.#job, left, answer) : null
    const expected = beginning ? beginning.expected : (window.fromId ?? null)
    const rows = beginning ? sliceRows(answer.rows, beginning.before, answer.rows.count) : answer.rows
    const head = beginning ? this.#unlisted(beginning.listedMs) : []
    const timesMs = timesOf(table, rows)
    const beyond = timesMs.findIndex((timeMs) => timeMs >= span.endMs)
    const inside = beyond < 0 ? rows : sliceRows(rows, 0, beyond)
    const own = skipped.filter(({ timeMs }) => timeMs >= span.startMs && timeMs < span.endMs)
    const last = largest(idsOf(inside).at(-1), own.at(-1)?.id)
    const jumps = await this.#jumps(rows, skipped, expected, last)
    this.#carried = joinRows(this.#carried, inside)
    this.#skipped = [...this.#skipped, ...own]
    if (this.#carried.count > MOST_CARRIED) throw new RefusedError('more trades in a millisecond than can be')
    if (beyond < 0 && !skipped.some(({ timeMs }) => timeMs >= span.endMs)) {
      this.#nextId = nextId(largest(idsOf(answer.rows).at(-1), skipped.at(-1)?.id) ?? '')
      return this.#settle(this.#lastCarriedMs() ?? this.#cursorMs, jumps, answer.servedAtMs, head)
    }
    // What follows the last own trade comes next, whatever else the page held.
    this.#nextId = last === null ? (expected ?? idsOf(rows)[0] ?? null) : nextId(last)
    return this.#settle(span.endMs, jumps, answer.servedAtMs, head)
  }

  /** The time before the symbol's first trade of all: no later answer can put one there. */
  #unlisted(listedMs: number | null): LedgerRow[] {
    const { source, span } = this.#job
    if (listedMs === null || listedMs <= this.#cursorMs) return []
    const head = { startMs: this.#cursorMs, endMs: Math.min(listedMs, span.endMs) }
    this.#cursorMs = head.endMs
    const facts = { source: source.name, asked: 2, checkedAtMs: source.nowMs() }
    return [ledgerRow(head, 'unlisted', { ...facts, reason: 'no trade before the first one' })]
  }

  /** The jumps of a page's ids that count here, each confirmed by a second answer. */
  async #jumps(
    rows: Rows,
    skipped: readonly Placed[],
    expected: string | null,
    last: string | null,
  ): Promise<readonly Jump[]> {
    const { before, span, table } = this.#job
    // One that goes on after the span is for the pass that fetches what follows, if that is still to come.
    const endsHere = before.some((row) => row.startMs === span.endMs && row.verdict !== 'wanted')
    const sinceMs = Math.max(
      this.#lastCarriedMs() ?? this.#cursorMs - 1,
      this.#skipped.at(-1)?.timeMs ?? this.#cursorMs - 1,
    )
    const jumps = jumpsOf(table, rows, skipped, expected, sinceMs).filter(
      ({ afterMs, beforeMs, lastId }) =>
        beforeMs < span.endMs ||
        (last !== null && compareIds(lastId, last) < 0) ||
        (endsHere && afterMs < span.endMs),
    )
    for (const jump of jumps) await confirmJump(this.#job, jump)
    return jumps
  }

  /** An answer without trades: after the last one by id, or in a window by time. */
  async #nothing({ servedAtMs }: Answer, window: Window): Promise<Step> {
    const { before, listing, source, span, table } = this.#job
    const isById = window.fromId !== undefined
    if (isById && listing.trading) return this.#settle(span.endMs, [], servedAtMs)
    if (!isById && window.span.endMs < span.endMs) {
      this.#emptyToMs = window.span.endMs
      return this.#settle(this.#cursorMs, [], servedAtMs)
    }
    this.#emptyAnswers += 1
    this.#emptyToMs = 0
    // The rows in hand first: the second answer then is of what follows them.
    if (this.#emptyAnswers < 2) {
      const lastMs = this.#lastCarriedMs()
      return this.#settle(lastMs === null ? this.#cursorMs : lastMs + 1, [], servedAtMs)
    }
    const verdict: Verdict = isById ? 'delisted' : await verdictOfNothing(this.#job)
    const region = { startMs: this.#cursorMs, endMs: span.endMs }
    this.#finished = true
    const context = { nowMs: source.nowMs(), before, source: source.name }
    return this.#step(region, emptyRows(table), settleEmptiness(region, verdict, 2, context), servedAtMs)
  }

  /** Settles up to a time with all rows before it; the rest waits. `head` is what lies before the cursor. */
  #settle(toMs: number, jumps: readonly Jump[], servedAtMs: number, head: readonly LedgerRow[] = []): Step {
    const { before, source, span, table } = this.#job
    this.#finished = toMs >= span.endMs
    const timesMs = timesOf(table, this.#carried)
    const later = this.#finished ? -1 : timesMs.findIndex((timeMs) => timeMs >= toMs)
    const count = later < 0 ? this.#carried.count : later
    const rows = sliceRows(this.#carried, 0, count)
    const following = idsOf(this.#carried)[count]
    this.#carried = sliceRows(this.#carried, count, this.#carried.count)
    const region: Span = { startMs: this.#cursorMs, endMs: Math.max(toMs, this.#cursorMs) }
    this.#cursorMs = region.endMs
    const skipped = this.#skipped.filter(({ timeMs }) => this.#finished || timeMs < toMs)
    this.#skipped = this.#skipped.filter((one) => !skipped.includes(one))
    const pending = [...this.#pending, ...jumps]
    // By their ids, which tell more than times: several trades share a millisecond, records left out too.
    const waiting = [following, this.#skipped[0]?.id]
    const isOwn = (id: string): boolean =>
      waiting.every((other) => other === undefined || compareIds(id, other) < 0)
    // A region without length settles nothing: what it would count waits for the next one.
    const settles = region.startMs < region.endMs
    const own = pending.filter((jump) => settles && (this.#finished || isOwn(jump.lastId)))
    this.#pending = pending.filter((jump) => !own.includes(jump))
    const context = { nowMs: source.nowMs(), before, source: source.name }
    const settled = settleIds({
      table,
      region,
      rows,
      skipped,
      jumps: own,
      context,
      lastId: this.#lastDone(),
    })
    return this.#step(region, rows, { ...settled, ledger: [...head, ...settled.ledger] }, servedAtMs)
  }

  #step(span: Span, rows: Rows, { ledger, open }: Emptiness, servedAtMs: number): Step {
    const source = this.#job.source.name
    return { rows, ledger, extractedAtMs: servedAtMs, source, span, open, refused: null }
  }

  /** The last id that is done with: what waits for the rest of its millisecond comes again. */
  #lastDone(): string | null {
    const waiting = [
      idsOf(this.#carried)[0] ?? null,
      this.#skipped[0]?.id ?? null,
      this.#pending[0]?.firstId ?? null,
      this.#nextId,
    ].filter((id) => id !== null)
    const [first] = waiting.toSorted(compareIds)
    return first === undefined ? null : previousId(first)
  }

  /** When the last trade in hand was made. */
  #lastCarriedMs(): number | null {
    return timesOf(this.#job.table, this.#carried).at(-1) ?? null
  }
}

function largest(a: string | undefined, b: string | undefined): string | null {
  if (a === undefined || b === undefined) return a ?? b ?? null
  return compareIds(a, b) > 0 ? a : b
}
