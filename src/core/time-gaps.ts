// Gaps of a series in order of time that has no grid: funding rates. What the ledger does not settle is
// missing; a settled span that holds fewer rows than the ledger counted has lost some, nobody knows where.
import { type Gap, type GapScan, verdictOf } from './gap.ts'
import { settledSpans } from './ledger.ts'
import { meet, minus } from './span.ts'

/** The gaps that overlap the spans of the scan; rows are lost of a whole span of the ledger. */
export async function timeGaps({ ledger, series, spans, store, table }: GapScan): Promise<Gap[]> {
  const unsettled = minus(spans, settledSpans(ledger))
  const wanted = ledger.filter((row) => row.verdict === 'wanted')
  const gaps: Gap[] = minus(unsettled, wanted).map((span) => ({ span, rowsMissing: 0, verdict: 'missing' }))
  for (const row of wanted) {
    for (const span of meet(unsettled, [row])) gaps.push({ span, rowsMissing: 0, verdict: verdictOf(row) })
  }
  for (const row of ledger) {
    if (row.verdict === 'rows' || row.verdict === 'wanted') continue
    for (const span of meet(spans, [row])) gaps.push({ span, rowsMissing: 0, verdict: verdictOf(row) })
  }
  const settled = ledger.filter(
    (row) => row.verdict === 'rows' && row.rows > 0 && meet(spans, [row]).length > 0,
  )
  const counts = settled.length === 0 ? [] : await store.counts(series, table, settled)
  for (const [i, row] of settled.entries()) {
    const rowsMissing = row.rows - (counts[i] ?? 0)
    const span = { startMs: row.startMs, endMs: row.endMs }
    if (rowsMissing > 0) gaps.push({ span, rowsMissing, verdict: 'lost' })
  }
  return gaps
}
