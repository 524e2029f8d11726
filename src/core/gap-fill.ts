// What is fetched to fill gaps: what is open, what a pass still wants, outages that were asked for long ago,
// and what archives alone call empty. Where rows are lost the ledger has promised too much: that is taken
// back first, so that what is interrupted is not forgotten.
import { DAY_MS } from './calendar.ts'
import { type Gap, isOpen } from './gap.ts'
import { reaches, stretchesOf } from './id-ledger.ts'
import { runOf } from './id-line.ts'
import { type LedgerRow, LOST_ROWS, ledgerRow, wantedSpans } from './ledger.ts'
import { meet, type Span, union } from './span.ts'

/** What is to be fetched of a series, and what of its ledger is taken back before. */
export type Fill = { readonly spans: readonly Span[]; readonly takeBack: readonly LedgerRow[] }

export type FillOptions = {
  readonly gaps: readonly Gap[]
  readonly ledger: readonly LedgerRow[]
  /** Where gaps were looked for. */
  readonly range: Span
  /** Whether what is open is to be fetched. */
  readonly fill: boolean
  /** Which outages are asked for again. */
  readonly outages: 'all' | 'overdue' | 'none'
  /** Until when rows are final and real, and the exchange's clock now; epoch ms. */
  readonly closedUntilMs: number
  readonly nowMs: number
  /** What archives alone have settled, and the API can be asked for now. */
  readonly unasked?: readonly LedgerRow[]
}

/** An outage is asked for again once a week: exchanges mend their history. */
export const RECHECK_MS = 7 * DAY_MS

/** A time this far ahead was written by a clock that has jumped. */
const AHEAD_MS = DAY_MS

/** The spans to fetch so that every gap is filled or proved, in order of time. */
export function planFill(options: FillOptions): Fill {
  const { closedUntilMs, fill, gaps, ledger, nowMs, range, unasked = [] } = options
  const open = fill ? gaps.filter(isOpen).map(({ span }) => span) : []
  const wanted = fill ? meet(wantedSpans(ledger), [range]) : []
  const due = [...unasked, ...ledger.filter((row) => isDue(row, options))]
  const again = due.filter((row) => meet([row], [range]).length > 0)
  const spans = meet(union(open, wanted, again), [{ startMs: 0, endMs: closedUntilMs }])
  return { spans, takeBack: fill ? takenBack(gaps, ledger, nowMs) : [] }
}

function isDue(row: LedgerRow, { nowMs, outages }: FillOptions): boolean {
  if (row.verdict !== 'outage' || outages === 'none') return false
  const ageMs = nowMs - row.checkedAtMs
  return outages === 'all' || ageMs >= RECHECK_MS || ageMs < -AHEAD_MS
}

/** The news that take back what the ledger promises where rows are lost. */
function takenBack(gaps: readonly Gap[], ledger: readonly LedgerRow[], nowMs: number): LedgerRow[] {
  const lost = gaps.filter(({ verdict }) => verdict === 'lost')
  const spans = union(lost.map(({ span }) => span))
  const wanted = spans.map((span) => ledgerRow(span, 'wanted', { checkedAtMs: nowMs, reason: LOST_ROWS }))
  // A stretch of ids has lost rows when it lacks other ids than were left out: nobody knows which, so all are
  // fetched again, and what stays lacks none.
  const uncounted = stretchesOf(ledger)
    .filter((one) =>
      lost.some(({ ids, span }) =>
        ids ? reaches(one, runOf(ids), span) : meet([span], [one.span]).length > 0,
      ),
    )
    .flatMap(({ rows }) => rows)
    .filter(({ skipped }) => skipped > 0)
    .map((row) => ({ ...row, skipped: 0 }))
  return [...uncounted, ...wanted]
}
