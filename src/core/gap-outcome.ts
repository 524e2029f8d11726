// What became of gaps that were to be filled: which rows came, and what is still missing and why. The rows
// that are there now decide, not what the pass says of itself.
import { countPlaces } from './calendar.ts'
import { type Gap, isOpen } from './gap.ts'
import type { IdRange } from './id.ts'
import { type IdRun, minusRuns, rangeOf, runOf, sizeOf, united } from './id-line.ts'
import type { Period } from './series.ts'
import { finderAround, meet, minus, type Span } from './span.ts'

/** A gap, and whether rows came for all of it. */
export type JudgedGap = Gap & { readonly filled: boolean }

export type Outcome = {
  /** What was filled, with the verdict that it had; what is still missing, with the one that it has now. */
  readonly gaps: readonly JudgedGap[]
  /** Open gaps before, and gaps that rows came for and of which nothing is open any more. */
  readonly found: number
  readonly filled: number
}

/** Gaps that nobody tried to fill. */
export function untouched(gaps: readonly Gap[]): Outcome {
  return {
    gaps: gaps.map((gap) => ({ ...gap, filled: false })),
    found: gaps.filter(isOpen).length,
    filled: 0,
  }
}

/** `before` and `after` are the gaps of a series before and after `fetched` was fetched; after only there. */
export function outcomeOf(
  before: readonly Gap[],
  after: readonly Gap[],
  fetched: readonly Span[],
  period: Period | null,
): Outcome {
  const fetchedAround = finderAround(fetched)
  const isFetched = ({ span }: Gap): boolean => fetchedAround(span).length > 0
  const left = after.filter(isFetched)
  const gaps: JudgedGap[] = left.map((gap) => ({ ...gap, filled: false }))
  const leftAround = finderAround(left.map((gap) => ({ ...gap.span, gap })))
  const leftIds = united(left.flatMap(({ ids }) => (ids ? [runOf(ids)] : [])))
  let filled = 0
  for (const gap of before) {
    const near = leftAround(gap.span).map((one) => one.gap)
    const asked = meet([gap.span], fetchedAround(gap.span))
    // What had not closed by the exchange's clock was not asked for. Ids are asked for as a whole.
    const notAsked = asked.length > 0 && gap.ids ? [] : minus([gap.span], asked)
    gaps.push(...notAsked.map((span) => ({ ...partOf(gap, span, period), filled: false })))
    const parts = gap.ids ? asked.slice(0, 1) : asked
    const came = parts.flatMap((span) =>
      gap.ids ? filledIds(gap, gap.ids, leftIds) : filledParts(partOf(gap, span, period), near, period),
    )
    gaps.push(...came.map((part) => ({ ...part, filled: true })))
    const stillOpen = near.some(isOpen)
    if (came.length > 0 && notAsked.length === 0 && !stillOpen) filled += 1
  }
  gaps.sort((a, b) => a.span.startMs - b.span.startMs || a.span.endMs - b.span.endMs)
  return { gaps, found: before.filter(isOpen).length, filled }
}

/** A part of a gap; of ids and of what has no grid nobody can tell the parts. */
function partOf(gap: Gap, span: Span, period: Period | null): Gap {
  const isWhole = span.startMs === gap.span.startMs && span.endMs === gap.span.endMs
  if (isWhole || gap.ids !== undefined) return gap
  return { ...gap, span, rowsMissing: period === null ? 0 : countPlaces(period, span) }
}

/** The ids of a gap that are none of those that are still missing. */
function filledIds(gap: Gap, ids: IdRange, left: readonly IdRun[]): Gap[] {
  const whole = runOf(ids)
  const runs = minusRuns(whole, left)
  if (runs.length === 1 && runs[0] && sizeOf(runs[0]) === sizeOf(whole)) return [gap]
  return runs.map((run) => ({ ...gap, ids: rangeOf(run), rowsMissing: sizeOf(run) }))
}

/** The parts of a gap that are in none of what is still missing. */
function filledParts(gap: Gap, left: readonly Gap[], period: Period | null): Gap[] {
  const spans = left.map(({ span }) => span)
  if (meet([gap.span], spans).length === 0) return [gap]
  if (period === null) return []
  return minus([gap.span], spans)
    .map((span) => partOf(gap, span, period))
    .filter(({ rowsMissing }) => rowsMissing > 0)
}
