// Gaps of a series with a calendar: the places of its grid that hold no row. What the ledger proves empty is
// counted too, since a row that came there all the same is no gap.
import { advance, ceilToPeriod, countPlaces, floorToPeriod } from './calendar.ts'
import { emptyRanges, type Line } from './empty-ranges.ts'
import { type Gap, type GapScan, type GapVerdict, verdictOf } from './gap.ts'
import type { Period } from './series.ts'
import { finderAround, meet, minus, type Span, split, union } from './span.ts'

export type CalendarScan = GapScan & { readonly period: Period }

/** The gaps among the places that open in the spans of the scan. */
export async function calendarGaps(scan: CalendarScan): Promise<Gap[]> {
  const { ledger, period } = scan
  // On the grid, since a misaligned candle of the place before would count for a missing one.
  const onGrid = (span: Span): Span => ({
    startMs: ceilToPeriod(period, span.startMs),
    endMs: ceilToPeriod(period, span.endMs),
  })
  const spans = union(scan.spans.map(onGrid))
  const known = ledger.map((row) => ({ ...onGrid(row), verdict: verdictOf(row) }))
  // What is explained has no rows, as a rule: counted by itself it needs no cutting.
  const explained = union(
    ledger.filter(({ verdict }) => verdict !== 'rows' && verdict !== 'wanted').map(onGrid),
  )
  const ranges = [...minus(spans, explained), ...meet(spans, explained)].sort(byStart)
  const found = await emptyRanges(lineOf(scan), ranges)
  const holes = union(found.filter(({ whole }) => whole).map(({ range }) => range))
  const knownAround = finderAround(known)
  const gaps = holes.flatMap((hole) => judged(period, hole, knownAround(hole)))
  for (const { range } of found.filter(({ whole }) => !whole))
    gaps.push(...(await withRows(scan, judged(period, range, knownAround(range)))))
  return gaps
}

/** A hole by what the ledger says of its places: `inside` are the rows that overlap it. */
function judged(
  period: Period,
  hole: Span,
  inside: readonly (Span & { readonly verdict: GapVerdict })[],
): Gap[] {
  const parts = split(
    hole,
    inside.flatMap((row) => [row.startMs, row.endMs]),
  )
  const gaps: Gap[] = []
  for (const part of parts) {
    const row = inside.find(({ startMs, endMs }) => startMs <= part.startMs && endMs >= part.endMs)
    const verdict = row?.verdict ?? 'missing'
    const last = gaps.at(-1)
    // Pieces of one hole that are missing for the same reason are one gap, whatever the ledger's rows.
    const startMs = last?.verdict === verdict ? (gaps.pop()?.span.startMs ?? part.startMs) : part.startMs
    const span = { startMs, endMs: part.endMs }
    gaps.push({ span, rowsMissing: countPlaces(period, span), verdict })
  }
  return gaps
}

/** The same of holes that have rows between them. */
async function withRows(
  { period, series, store, table }: CalendarScan,
  gaps: readonly Gap[],
): Promise<Gap[]> {
  const rows = await store.counts(
    series,
    table,
    gaps.map(({ span }) => span),
  )
  return gaps
    .map((gap, i) => ({ ...gap, rowsMissing: countPlaces(period, gap.span) - (rows[i] ?? 0) }))
    .filter(({ rowsMissing }) => rowsMissing > 0)
}

function lineOf({ period, series, store, table }: CalendarScan): Line<Span> {
  return {
    size: (range) => countPlaces(period, range),
    cut: (range, parts) => {
      const step = Math.max(1, Math.ceil(countPlaces(period, range) / parts))
      const out: Span[] = []
      for (let { startMs } = range; startMs < range.endMs; ) {
        const endMs = Math.min(range.endMs, advance(period, floorToPeriod(period, startMs), step))
        out.push({ startMs, endMs })
        startMs = endMs
      }
      return out
    },
    count: (ranges) => store.counts(series, table, ranges),
    compare: byStart,
    hull: (first, last) => ({ startMs: first.startMs, endMs: last.endMs }),
  }
}

const byStart = (a: Span, b: Span): number => a.startMs - b.startMs
