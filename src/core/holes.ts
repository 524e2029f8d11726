// When is emptiness proved? A hole older than an hour is settled by one complete answer that holds a candle
// on each side of it, else by two equal answers in the same pass. A younger one stays unsettled until two
// answers, at least a minute apart, agree. So a late candle is never written off, and a second run asks for
// nothing.
import { floorToPeriod, HOUR_MS } from './calendar.ts'
import { isUnasked, type LedgerRow, ledgerRow, type SourceName, type Verdict } from './ledger.ts'
import type { Period } from './series.ts'
import { type Span, split } from './span.ts'

/** A hole that ends later than this ago is young. */
export const YOUNG_MS = HOUR_MS

/** Two answers about a young hole count as two when they are this far apart. */
export const APART_MS = 60_000

/** The reason that marks a wanted span as asked for and answered with nothing. */
export const ANSWERED_EMPTY = 'asked for, and nothing came'

/** The reason that marks a wanted span as not yet published, where only archives may be asked. */
export const NOT_PUBLISHED = 'no archive of it is published yet'

/** Whether a ledger row says that no source had the span when it was last asked for. */
export function isUnpublished({ verdict, asked, reason }: LedgerRow): boolean {
  return verdict === 'wanted' && asked > 0 && (reason === ANSWERED_EMPTY || reason === NOT_PUBLISHED)
}

export type Emptiness = {
  readonly ledger: readonly LedgerRow[]
  /** The parts that are too young to be written off. */
  readonly open: readonly { readonly span: Span; readonly reason: string }[]
}

export type EmptinessContext = {
  /** The exchange's clock, epoch ms. */
  readonly nowMs: number
  /** What the ledger said before this pass. */
  readonly before: readonly LedgerRow[]
  /** Who answered. */
  readonly source: SourceName
}

/**
 * What a hole that was proved by this pass's answers settles, by its age: `verdict` where it is old, else
 * `wanted` for another time. Where there is a `period`, a hole is cut on its grid only. What an archive says
 * alone counts as not asked: the API, once it is in reach, is (core/plan.ts).
 */
export function settleEmptiness(
  hole: Span,
  verdict: Verdict,
  asked: number,
  context: EmptinessContext,
  period: Period | null = null,
): Emptiness {
  const { nowMs, before, source } = context
  const youngFromMs = period === null ? nowMs - YOUNG_MS : floorToPeriod(period, nowMs - YOUNG_MS)
  const what = period === null ? 'nothing' : 'no candle'
  const ledger: LedgerRow[] = []
  const open: { span: Span; reason: string }[] = []
  const answers = before.filter((row) => row.verdict === 'wanted' && row.reason === ANSWERED_EMPTY)
  // What was settled so before is asked for again now and then, and its answers are counted on.
  const same = before.filter((row) => row.verdict === verdict && !isUnasked(row))
  // A hole that grows from pass to pass has parts that were first asked for at different times.
  const cutsMs = [youngFromMs, ...[...answers, ...same].flatMap((row) => [row.startMs, row.endMs])]
  for (const part of split(hole, cutsMs)) {
    const holds = (row: LedgerRow): boolean => row.startMs <= part.startMs && row.endMs >= part.endMs
    const [earlier, settled] = [answers.find(holds), same.find(holds)]
    const agreed = earlier !== undefined && nowMs - earlier.checkedAtMs >= APART_MS
    if (part.endMs <= youngFromMs || agreed || settled) {
      const isAlone = source === 'archive'
      const times = isAlone ? 0 : asked + ((earlier ?? settled)?.asked ?? 0)
      const reason = isAlone
        ? `its archive has ${what} here; the API was not asked`
        : `the exchange has ${what} here (asked ${times} time${times === 1 ? '' : 's'})`
      ledger.push(ledgerRow(part, verdict, { source, asked: times, checkedAtMs: nowMs, reason }))
      continue
    }
    // The first answer's time is kept, so that any later pass a minute after it can settle the hole.
    const checkedAtMs = earlier?.checkedAtMs ?? nowMs
    ledger.push(
      ledgerRow(part, 'wanted', {
        asked: asked + (earlier?.asked ?? 0),
        checkedAtMs,
        reason: ANSWERED_EMPTY,
      }),
    )
    const reason = `the exchange has ${what} here yet, and the hole is younger than an hour`
    open.push({ span: part, reason: `${reason}; ask again in a minute` })
  }
  return { ledger, open }
}
