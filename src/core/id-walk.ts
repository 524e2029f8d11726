// Fetches one missing span of a series that is in order of ids: trades. The first page is asked for by time,
// or by the id that follows the last stored one; from then on by id, so that nothing is lost where many
// trades share a millisecond. Trades of the last millisecond of a page wait for the next one, so that a span
// is settled only with all of its rows.
import { MalformedError, RefusedError } from '../errors.ts'
import { emptyRows, idsOf, joinRows, type Rows, sliceRows, timesOf } from './dataset.ts'
import { settleEmptiness } from './holes.ts'
import { compareIds, type IdRange, nextId, previousId } from './id.ts'
import { type Jump, jumpsOf, settleIds } from './id-settle.ts'
import type { Answer } from './source.ts'
import type { Span } from './span.ts'
import { refusedStep, type SpanJob, type Step } from './step.ts'

/** Trades of one millisecond that are kept in hand, at most: no exchange has so many. */
const MOST_CARRIED = 100_000

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
  /** Rows and skipped ids that wait for the rest of their millisecond. */
  #carried: Rows
  #skipped: readonly string[] = []
  /** Whether nothing came for the rest of the span so far. */
  #emptyAnswers = 0
  #finished = false

  constructor(job: SpanJob) {
    this.#job = job
    this.#cursorMs = job.span.startMs
    this.#carried = emptyRows(job.table)
    const before = job.before.find(({ endMs, lastId }) => endMs === job.span.startMs && lastId !== null)
    this.#nextId = before?.lastId ? nextId(before.lastId) : null
  }

  get done(): boolean {
    return this.#finished
  }

  async step(): Promise<Step> {
    const { series, source, span, table, hurried } = this.#job
    const { rows: limit } = source.page(series, null)
    const windowEndMs = Math.min(
      span.endMs,
      this.#askedMs() + (source.longestWindowMs ?? Number.POSITIVE_INFINITY),
    )
    const window = { span: { startMs: this.#askedMs(), endMs: windowEndMs }, limit }
    try {
      if (this.#nextId !== null) {
        const byId = { ...window, fromId: this.#nextId }
        return await this.#take(await source.fetch(series, byId, hurried), this.#nextId, span.endMs)
      }
      return await this.#take(await source.fetch(series, window, hurried), null, windowEndMs)
    } catch (error) {
      if (!(error instanceof RefusedError || error instanceof MalformedError)) throw error
      this.#finished = true
      return refusedStep(table, { span: { ...span, startMs: this.#cursorMs }, reason: error.message })
    }
  }

  /** Where a window by time begins: after the windows that were empty. */
  #askedMs(): number {
    return Math.max(this.#cursorMs, this.#emptyToMs)
  }
  #emptyToMs = 0

  /** What an answer brings; `expected` is the id that it should begin with, where that is known. */
  async #take(answer: Answer, expected: string | null, windowEndMs: number): Promise<Step> {
    const { span, table } = this.#job
    const skipped = answer.skippedIds ?? []
    if (answer.rows.count === 0 && skipped.length === 0) return this.#nothing(expected, windowEndMs, answer)
    this.#emptyAnswers = 0
    const timesMs = timesOf(table, answer.rows)
    const beyond = timesMs.findIndex((timeMs) => timeMs >= span.endMs)
    const inside = beyond < 0 ? answer.rows : sliceRows(answer.rows, 0, beyond)
    const last = largest(idsOf(answer.rows).at(-1), skipped.at(-1))
    const firstBeyond = idsOf(answer.rows)[beyond]
    const jumps = jumpsOf(table, answer.rows, skipped, expected, this.#cursorMs).filter(
      (jump) =>
        jump.beforeMs < span.endMs ||
        // What is missing before the first row beyond the span is nobody else's, where that row is settled.
        (firstBeyond !== undefined && compareIds(jump.lastId, firstBeyond) < 0 && !this.#isKnown(jump)),
    )
    for (const jump of jumps) await this.#confirm(jump)
    const own = skipped.filter(
      (id) =>
        (firstBeyond === undefined || compareIds(id, firstBeyond) < 0) &&
        !this.#isKnown({ firstId: id, lastId: id }),
    )
    this.#carried = joinRows(this.#carried, inside)
    this.#skipped = [...this.#skipped, ...own]
    this.#nextId = nextId(last)
    if (beyond >= 0) return this.#settle(span.endMs, jumps, answer.servedAtMs)
    if (this.#carried.count > MOST_CARRIED) throw new RefusedError('more trades in a millisecond than can be')
    return this.#settle(timesOf(table, this.#carried).at(-1) ?? this.#cursorMs, jumps, answer.servedAtMs)
  }

  /** Whether the ledger knows of ids beside the span: in a row of rows, or as a run that nobody has. */
  #isKnown({ firstId, lastId }: IdRange): boolean {
    const { before, span } = this.#job
    return before.some(
      (row) =>
        (row.endMs <= span.startMs || row.startMs >= span.endMs) &&
        row.firstId !== null &&
        row.lastId !== null &&
        compareIds(row.firstId, firstId) <= 0 &&
        compareIds(lastId, row.lastId) <= 0,
    )
  }

  /** An answer without trades: after the last one by id, or in a window by time; the second agrees. */
  async #nothing(expected: string | null, windowEndMs: number, answer: Answer): Promise<Step> {
    const { span } = this.#job
    if (expected !== null) return this.#settle(span.endMs, [], answer.servedAtMs)
    this.#emptyAnswers += 1
    if (windowEndMs < span.endMs) this.#emptyToMs = windowEndMs
    else if (this.#emptyAnswers >= 2) return this.#settle(span.endMs, [], answer.servedAtMs)
    return this.#settle(this.#cursorMs, [], answer.servedAtMs)
  }

  /** A jump of ids counts when a second answer agrees with it. */
  async #confirm(jump: Jump): Promise<void> {
    const { series, source, span, hurried } = this.#job
    const window = { span, limit: 1, fromId: jump.firstId }
    const { rows, skippedIds = [] } = await source.fetch(series, window, hurried)
    const found = idsOf(rows)[0] ?? skippedIds[0]
    if (found === undefined || compareIds(found, jump.lastId) <= 0)
      throw new RefusedError(
        `the exchange contradicts itself about the ids ${jump.firstId} to ${jump.lastId}`,
      )
  }

  /** Settles up to a time with all rows before it; the rest waits. */
  #settle(toMs: number, jumps: readonly Jump[], servedAtMs: number): Step {
    const { before, listing, source, span, table } = this.#job
    this.#finished = toMs >= span.endMs
    const timesMs = timesOf(table, this.#carried)
    const later = this.#finished ? -1 : timesMs.findIndex((timeMs) => timeMs >= toMs)
    const count = later < 0 ? this.#carried.count : later
    const rows = sliceRows(this.#carried, 0, count)
    const following = idsOf(this.#carried)[count]
    this.#carried = sliceRows(this.#carried, count, this.#carried.count)
    const region: Span = { startMs: this.#cursorMs, endMs: Math.max(toMs, this.#cursorMs) }
    const isOwn = (id: string): boolean => following === undefined || compareIds(id, following) < 0
    const skippedIds = rows.count > 0 || this.#finished ? this.#skipped.filter(isOwn) : []
    this.#skipped = this.#skipped.slice(skippedIds.length)
    this.#pending = [...this.#pending, ...jumps]
    const own = this.#pending.filter((jump) => this.#finished || isOwn(jump.lastId))
    this.#pending = this.#pending.filter((jump) => !own.includes(jump))
    this.#cursorMs = region.endMs
    const context = { nowMs: source.nowMs(), before, source: source.name }
    const nothing = rows.count === 0 && skippedIds.length === 0 && own.length === 0
    const { ledger, open } =
      nothing && this.#emptyAnswers >= 2
        ? settleEmptiness(region, listing.trading ? 'no-trades' : 'delisted', 2, context)
        : settleIds({ table, region, rows, skippedIds, jumps: own, context, lastId: this.#beforeNext() })
    return { rows, ledger, extractedAtMs: servedAtMs, source: source.name, span: region, open, refused: null }
  }
  #pending: readonly Jump[] = []

  /** The last id that is done with: what waits for the rest of its millisecond is asked for again. */
  #beforeNext(): string | null {
    const waiting = [
      idsOf(this.#carried)[0] ?? null,
      this.#skipped[0] ?? null,
      this.#pending[0]?.firstId ?? null,
      this.#nextId,
    ].filter((id) => id !== null)
    const [first] = waiting.toSorted(compareIds)
    return first === undefined ? null : previousId(first)
  }
}

function largest(a: string | undefined, b: string | undefined): string {
  if (a === undefined || b === undefined) return a ?? b ?? ''
  return compareIds(a, b) > 0 ? a : b
}
