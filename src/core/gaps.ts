// Where rows are missing: the rows themselves against the calendar, minus what the ledger proves empty.
// Counts by key range come from the store, and only a range whose count falls short is halved further, so
// that a whole series costs a query or two.
import { advance, ceilToPeriod, countPlaces, floorToPeriod } from './calendar.ts'
import type { Table } from './dataset.ts'
import { type LedgerRow, settledSpans, type Verdict } from './ledger.ts'
import type { Period, Series } from './series.ts'
import { meet, minus, type Span, union } from './span.ts'
import type { Store } from './store.ts'

export type GapVerdict = 'missing' | 'lost' | Exclude<Verdict, 'rows' | 'wanted'>

/** A run of places without rows, and why. `missing` and `lost` are open. */
export type Gap = { readonly span: Span; readonly rowsMissing: number; readonly verdict: GapVerdict }

/** Ranges are cut in so many parts at once: a query a level, whatever the size. */
const PARTS = 16

/** Whether somebody has to do something about the gap. */
export const isOpen = (gap: Gap): boolean => gap.verdict === 'missing' || gap.verdict === 'lost'

/** Every gap of a series among the places that open in `asked`, in order of time. */
export async function findGaps(
  store: Store,
  series: Series,
  period: Period,
  table: Table,
  asked: Span,
  ledger: readonly LedgerRow[],
): Promise<Gap[]> {
  // On the grid, since a misaligned candle of the place before would count for a missing one.
  const span = { startMs: ceilToPeriod(period, asked.startMs), endMs: ceilToPeriod(period, asked.endMs) }
  const explained = ledger.filter((row) => row.verdict !== 'rows' && row.verdict !== 'wanted')
  const settled = settledSpans(ledger)
  const owed = minus([span], union(explained))
  const holes = await emptyRanges(store, series, period, table, owed)
  const gaps: Gap[] = []
  const add = (part: Span, verdict: GapVerdict): void => {
    const rowsMissing = countPlaces(period, part)
    if (rowsMissing > 0) gaps.push({ span: part, rowsMissing, verdict })
  }
  for (const hole of holes) {
    for (const part of meet([hole], settled)) add(part, 'lost')
    for (const part of minus([hole], settled)) add(part, 'missing')
  }
  for (const row of explained) {
    for (const part of meet([row], [span])) add(part, row.verdict as GapVerdict)
  }
  return gaps.sort((a, b) => a.span.startMs - b.span.startMs)
}

/** The runs of places of `ranges` that hold no row. */
async function emptyRanges(
  store: Store,
  series: Series,
  period: Period,
  table: Table,
  ranges: readonly Span[],
): Promise<Span[]> {
  const empty: Span[] = []
  let suspects = ranges.filter((range) => countPlaces(period, range) > 0)
  while (suspects.length > 0) {
    const counted = await store.counts(series, table, suspects)
    const next: Span[] = []
    for (const [i, range] of suspects.entries()) {
      const rows = counted[i] ?? 0
      if (rows === 0) empty.push(range)
      else if (rows < countPlaces(period, range)) next.push(...parts(period, range))
    }
    suspects = next
  }
  return union(
    empty.map((range) => ({
      startMs: ceilToPeriod(period, range.startMs),
      endMs: ceilToPeriod(period, range.endMs),
    })),
  )
}

/** A range cut into up to PARTS parts on the grid. */
function parts(period: Period, range: Span): Span[] {
  const places = countPlaces(period, range)
  const step = Math.max(1, Math.ceil(places / PARTS))
  const out: Span[] = []
  let startMs = range.startMs
  while (startMs < range.endMs) {
    const endMs = Math.min(range.endMs, advance(period, floorToPeriod(period, startMs), step))
    out.push({ startMs, endMs })
    startMs = endMs
  }
  return out
}
