// GET /api/timeline: each series as cells of one span of time for all, so that what happened to many at once
// stands in one column. A cell with an open gap is never shown as complete, however small the gap; one that
// is explained shows where it takes a good part of one.
import type { GapVerdict } from '../core/gap.ts'
import { isoTime, type Span } from '../core/span.ts'
import type { SeriesLine } from './series-line.ts'
import type { Json, TimelineQuery } from './served.ts'

/** What a cell shows: a gap's verdict, `rows`, `behind` (followed, and not yet there) or `none`. */
export type CellVerdict = GapVerdict | 'rows' | 'behind' | 'none'

/** The worst first: one of them in a cell is what the cell shows. */
const open: readonly GapVerdict[] = ['lost', 'missing', 'unpublished']

/** An explained gap shows where it takes more than this of what a cell has. */
const EXPLAINED_SHARE = 0.25

/** A series that waits for its next row no longer than this is not behind, seconds. */
const PROMPT_SECONDS = 60

/** The answer. `lags`: seconds by series, for those that are followed; `nowMs`: epoch ms. */
export function timelinesAnswer(
  { startMs, endMs, cells }: TimelineQuery,
  lines: readonly SeriesLine[],
  lags: ReadonlyMap<string, number>,
  nowMs: number,
): Json {
  const rightMs = endMs ?? nowMs
  const leftMs =
    startMs ?? lines.reduce((least, { span }) => Math.min(least, span?.startMs ?? least), rightMs)
  const view = { startMs: leftMs, endMs: rightMs }
  return {
    start: leftMs < rightMs ? isoTime(leftMs) : null,
    end: isoTime(rightMs),
    cells,
    series: lines.map((line) => {
      const lag = lags.get(line.series) ?? null
      return {
        series: line.series,
        lag_seconds: lag === null ? null : Math.round(lag * 1_000) / 1_000,
        runs: leftMs < rightMs ? runsOf(cellsOf(line, view, cells, lag)) : [],
        gaps: line.totals,
      }
    }),
  }
}

/** What each of `count` cells of `view` shows of a line. */
export function cellsOf(line: SeriesLine, view: Span, count: number, lag: number | null): CellVerdict[] {
  const lengthMs = (view.endMs - view.startMs) / count
  const shares = (span: Span): readonly (readonly [cell: number, share: number])[] => {
    const first = Math.max(0, Math.floor((span.startMs - view.startMs) / lengthMs))
    const end = Math.min(count, Math.ceil((span.endMs - view.startMs) / lengthMs))
    return Array.from({ length: Math.max(0, end - first) }, (_, i) => {
      const cellMs = view.startMs + (first + i) * lengthMs
      const partMs = Math.min(span.endMs, cellMs + lengthMs) - Math.max(span.startMs, cellMs)
      return [first + i, partMs / lengthMs] as const
    })
  }
  const cells: CellVerdict[] = Array.from({ length: count }, () => 'none')
  const { span } = line
  if (!span) return cells
  const isBehind = lag !== null && lag > PROMPT_SECONDS
  if (isBehind) for (const [cell] of shares({ ...view, startMs: span.endMs })) cells[cell] = 'behind'
  const stored = Array.from({ length: count }, () => 0)
  for (const [cell, share] of shares(span)) {
    stored[cell] = share
    if (share > 0.5 || !isBehind) cells[cell] = 'rows'
  }
  const explained = new Map<GapVerdict, number[]>()
  for (const gap of line.gaps) {
    if (open.includes(gap.verdict)) continue
    const sums = explained.get(gap.verdict) ?? Array.from({ length: count }, () => 0)
    explained.set(gap.verdict, sums)
    for (const [cell, share] of shares(gap)) {
      sums[cell] = (sums[cell] ?? 0) + share
      if (sums[cell] > (stored[cell] ?? 0) * EXPLAINED_SHARE) cells[cell] = gap.verdict
    }
  }
  for (const verdict of open.toReversed())
    for (const gap of line.gaps)
      if (gap.verdict === verdict) for (const [cell] of shares(gap)) cells[cell] = verdict
  return cells
}

type Run = { readonly verdict: CellVerdict; readonly cells: number }

/** Neighbours of one verdict as one run. */
function runsOf(cells: readonly CellVerdict[]): Run[] {
  const runs: Run[] = []
  for (const verdict of cells) {
    const last = runs.at(-1)
    if (last?.verdict === verdict) runs.splice(-1, 1, { verdict, cells: last.cells + 1 })
    else runs.push({ verdict, cells: 1 })
  }
  return runs
}
