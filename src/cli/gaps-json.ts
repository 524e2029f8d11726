// Gaps as results list them: the open ones first, then what was filled, then what is explained.
import { isOpen } from '../core/gap.ts'
import type { JudgedGap } from '../core/gap-outcome.ts'
import { type Series, seriesKey } from '../core/series.ts'
import { isoTime } from '../core/span.ts'
import type { SeriesOutcome } from './gap-pass.ts'

type Json = Readonly<Record<string, unknown>>

export type ListedGap = JudgedGap & { readonly series: Series }

const rank = (gap: JudgedGap): number => (gap.filled ? 1 : isOpen(gap) ? 0 : 2)

/** Every gap of every series, in the order of the list. */
export function listedGaps(outcomes: readonly SeriesOutcome[]): ListedGap[] {
  const all = outcomes.flatMap(({ gaps, series }) => gaps.map((gap): ListedGap => ({ ...gap, series })))
  // The sort is stable: within a rank the order of the series, and of time, stays.
  return all.sort((a, b) => rank(a) - rank(b))
}

/** What the JSON of the command adds (interface.md, section 4); of trades the ids are named too. */
export function gapFields(outcomes: readonly SeriesOutcome[]): Json {
  const sum = (of: (outcome: SeriesOutcome) => number): number =>
    outcomes.reduce((total, outcome) => total + of(outcome), 0)
  return {
    gaps_found: sum(({ found }) => found),
    gaps_filled: sum(({ filled }) => filled),
    gaps: listedGaps(outcomes).map(gapJson),
  }
}

/** A gap as results have it (interface.md, section 4). */
export function gapJson({ series, span, rowsMissing, verdict, filled, ids }: ListedGap): Json {
  return {
    series: seriesKey(series),
    start: isoTime(span.startMs),
    end: isoTime(span.endMs),
    rows_missing: rowsMissing,
    verdict,
    filled,
    ...(ids ? { first_id: ids.firstId, last_id: ids.lastId } : {}),
  }
}
