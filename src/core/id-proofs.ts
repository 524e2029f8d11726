// The second answers that trades need: a page may lack its beginning, a jump of ids or a whole window may be
// empty by mistake, and nobody would notice. What two answers say alike counts.
import { RefusedError } from '../errors.ts'
import { DAY_MS } from './calendar.ts'
import { idsOf, timesOf, type Window } from './dataset.ts'
import { compareIds, nextId, previousId } from './id.ts'
import type { Jump, Placed } from './id-settle.ts'
import type { Verdict } from './ledger.ts'
import type { Answer } from './source.ts'
import { type Span, spanText } from './span.ts'
import type { SpanJob } from './step.ts'

/** The first id that a symbol's trades can have. */
const FIRST_ID = '0'

/** The invalid records of an answer. */
export function skippedIn({ skippedIds = [], skippedTimesMs = [] }: Answer): Placed[] {
  return skippedIds.map((id, i) => ({ id, timeMs: skippedTimesMs[i] ?? Number.NaN }))
}

/** What a page that was asked for by time shows of its beginning. */
export type Beginning = {
  /** Rows of it that come before the span. */
  readonly before: number
  /** The id that has to come first in the span, where it is known. */
  readonly expected: string | null
  /** The time of the symbol's first trade of all, where the page begins with it. */
  readonly listedMs: number | null
}

/**
 * Proves that a page which was asked for by time, and is not empty, begins with the first trade of `span`: by
 * its rows before the span, else by asking for the trade before. Throws RefusedError where they contradict
 * each other.
 */
export async function proveBeginning(job: SpanJob, span: Span, answer: Answer): Promise<Beginning> {
  const { source, table } = job
  const timesMs = timesOf(table, answer.rows)
  const inside = timesMs.findIndex((timeMs) => timeMs >= span.startMs)
  const before = inside < 0 ? answer.rows.count : inside
  if (before > 0) {
    const last = idsOf(answer.rows)[before - 1]
    return { before, expected: last === undefined ? null : nextId(last), listedMs: null }
  }
  const first = firstOf(job, answer)
  if (first === null) return { before, expected: null, listedMs: null }
  if (first.id !== FIRST_ID) {
    const found = await tradeFrom(job, span, previousId(first.id))
    // What lies before the reach of a source cannot be seen, whether it says nothing of it or refuses.
    if (found === null && source.reachMs !== undefined) return { before, expected: null, listedMs: null }
    if (found === null || compareIds(found.id, first.id) > 0 || (found.id !== first.id && isIn(span, found)))
      throw new RefusedError(`the exchange contradicts itself about the first trade of ${spanText(span)}`)
    if (found.id !== first.id || source.reachMs !== undefined)
      return { before, expected: null, listedMs: null }
    const ever = firstOf(job, await ask(job, { span, limit: 1, fromId: FIRST_ID }))
    if (ever?.id !== first.id) return { before, expected: null, listedMs: null }
  }
  return { before, expected: null, listedMs: first.timeMs }
}

/** The first trade from an id on; null where nothing comes, or the id is refused because it is too old. */
async function tradeFrom(job: SpanJob, span: Span, fromId: string): Promise<Placed | null> {
  try {
    return firstOf(job, await ask(job, { span, limit: 1, fromId }))
  } catch (error) {
    if (error instanceof RefusedError && job.source.reachMs !== undefined) return null
    throw error
  }
}

/** A jump of ids counts when a second answer agrees with it. Throws RefusedError where it does not. */
export async function confirmJump(job: SpanJob, { firstId, lastId }: Jump): Promise<void> {
  const found = firstOf(job, await ask(job, { span: job.span, limit: 1, fromId: firstId }))
  if (found === null || compareIds(found.id, lastId) <= 0)
    throw new RefusedError(`the exchange contradicts itself about the ids ${firstId} to ${lastId}`)
}

/** Why a span for which nothing came, twice, has no trade. */
export async function verdictOfNothing(job: SpanJob): Promise<Verdict> {
  const { listing, source, span } = job
  // Where not all of history can be seen, what came before and after cannot either.
  if (source.reachMs !== undefined) return 'no-trades'
  const ever = firstOf(job, await ask(job, { span, limit: 1, fromId: FIRST_ID }))
  if (ever === null || ever.timeMs >= span.endMs) return 'unlisted'
  if (listing.trading) return 'no-trades'
  const endMs = Math.max(source.nowMs(), span.endMs) + DAY_MS
  const after = firstOf(job, await ask(job, { span: { startMs: span.endMs, endMs }, limit: 1 }))
  return after === null ? 'delisted' : 'no-trades'
}

function ask({ series, source, hurried }: SpanJob, window: Window): Promise<Answer> {
  return source.fetch(series, window, hurried)
}

/** The first trade or invalid record of an answer. */
function firstOf({ table }: SpanJob, answer: Answer): Placed | null {
  const [id, timeMs] = [idsOf(answer.rows)[0], timesOf(table, answer.rows)[0]]
  const row = id === undefined || timeMs === undefined ? null : { id, timeMs }
  const skipped = skippedIn(answer)[0] ?? null
  if (row === null || skipped === null) return row ?? skipped
  return compareIds(row.id, skipped.id) < 0 ? row : skipped
}

const isIn = (span: Span, { timeMs }: Placed): boolean => timeMs >= span.startMs && timeMs < span.endMs
