// What is kept of a series for its timeline: where it begins and ends, and its gaps, few enough to be kept
// for thousands of series.
import type { Gap, GapVerdict } from '../core/gap.ts'
import { type Span, union } from '../core/span.ts'

/** Gaps that are kept one by one; of more only where they lie is, on a grid of so many places. */
const MOST_GAPS = 512

export type LineGap = Span & { readonly verdict: GapVerdict }
export type GapTotal = { readonly verdict: GapVerdict; readonly gaps: number; readonly rows: number }

export type SeriesLine = {
  /** `spot/klines/BTCUSDT/1m`. */
  readonly series: string
  /** From its first row to the end of what is settled, epoch ms; null where there is no row. */
  readonly span: Span | null
  readonly gaps: readonly LineGap[]
  /** All gaps, by what they are. */
  readonly totals: readonly GapTotal[]
}

/** The line of a series whose gaps were looked for. */
export function seriesLine(
  series: string,
  startMs: number | null,
  endMs: number | null,
  gaps: readonly Gap[],
): SeriesLine {
  const span = startMs === null || endMs === null ? null : { startMs, endMs: Math.max(endMs, startMs) }
  const kept = gaps.map((gap): LineGap => ({ ...gap.span, verdict: gap.verdict }))
  return { series, span, gaps: kept.length > MOST_GAPS ? onGrid(kept) : kept, totals: totalsOf(gaps) }
}

function totalsOf(gaps: readonly Gap[]): GapTotal[] {
  const totals = new Map<GapVerdict, { gaps: number; rows: number }>()
  for (const { rowsMissing, verdict } of gaps) {
    const total = totals.get(verdict) ?? { gaps: 0, rows: 0 }
    totals.set(verdict, { gaps: total.gaps + 1, rows: total.rows + rowsMissing })
  }
  return [...totals].map(([verdict, total]) => ({ verdict, ...total }))
}

/** Gaps rounded outwards to the places of a grid; neighbours and doubles of one verdict are one. */
function onGrid(gaps: readonly LineGap[]): LineGap[] {
  const startMs = gaps.reduce((least, gap) => Math.min(least, gap.startMs), Number.POSITIVE_INFINITY)
  const endMs = gaps.reduce((most, gap) => Math.max(most, gap.endMs), Number.NEGATIVE_INFINITY)
  const lengthMs = (endMs - startMs) / MOST_GAPS
  const rounded = (timeMs: number, round: (place: number) => number): number =>
    startMs + round((timeMs - startMs) / lengthMs) * lengthMs
  const byVerdict = Map.groupBy(gaps, ({ verdict }) => verdict)
  return [...byVerdict].flatMap(([verdict, some]) =>
    union(
      some.map((gap) => ({
        startMs: rounded(gap.startMs, Math.floor),
        endMs: rounded(gap.endMs, Math.ceil),
      })),
    ).map((span) => ({ ...span, verdict })),
  )
}
