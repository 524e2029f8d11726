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
  const cells = Array.from({ length: count }, (): CellVerdict => 'none')
  const { span } = line
  if (!span) return cells
  const grid = { view, count, lengthMs: (view.endMs - view.startMs) / count }
  const isBehind = lag !== null && lag > PROMPT_SECONDS
  if (isBehind) paint(cells, grid, { startMs: span.endMs, endMs: view.endMs }, 'behind')
  const stored = Array.from({ length: count }, () => 0)
  eachCell(grid, span, (cell, share) => {
    stored[cell] = share
    if (share > 0.5 || !isBehind) cells[cell] = 'rows'
  })
  const explained = new Map<GapVerdict, number[]>()
  for (const gap of line.gaps) {
    if (open.includes(gap.verdict)) continue
    const sums = explained.get(gap.verdict) ?? Array.from({ length: count }, () => 0)
    explained.set(gap.verdict, sums)
    eachCell(grid, gap, (cell, share) => {
      const sum = (sums[cell] ?? 0) + share
      sums[cell] = sum
      if (sum > (stored[cell] ?? 0) * EXPLAINED_SHARE) cells[cell] = gap.verdict
    })
  }
  for (const verdict of open.toReversed())
    for (const gap of line.gaps) if (gap.verdict === verdict) paint(cells, grid, gap, verdict)
  return cells
}

type Grid = { readonly view: Span; readonly count: number; readonly lengthMs: number }

/** Tells of each cell that `span` touches, and which part of the cell it takes. */
function eachCell(
  { count, lengthMs, view }: Grid,
  span: Span,
  tell: (cell: number, share: number) => void,
): void {
  const end = Math.min(count, Math.ceil((span.endMs - view.startMs) / lengthMs))
  for (let cell = Math.max(0, Math.floor((span.startMs - view.startMs) / lengthMs)); cell < end; cell += 1) {
    const cellMs = view.startMs + cell * lengthMs
    const partMs = Math.min(span.endMs, cellMs + lengthMs) - Math.max(span.startMs, cellMs)
    tell(cell, partMs / lengthMs)
  }
}

function paint(cells: CellVerdict[], grid: Grid, span: Span, verdict: CellVerdict): void {
  eachCell(grid, span, (cell) => {
    cells[cell] = verdict
  })
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
