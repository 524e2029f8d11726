// A ledger as plainly as it can be kept: a short line of unit cells, each with what is known of it. And the
// two things that every test of ledgers needs: random news, and the rows after a change.
import fc from 'fast-check'
import {
  type LedgerChange,
  type LedgerRow,
  LOST_ROWS,
  ledgerRow,
  record,
  verdicts,
} from '../../src/core/ledger.ts'
import type { Span } from '../../src/core/span.ts'

/** The line goes from cell 0 to this one. */
export const CELLS = 30

/**
 * The rows of a ledger after `change`, by start. Throws when the change deletes what is not there or is kept.
 */
export function applied(stored: readonly LedgerRow[], change: LedgerChange): LedgerRow[] {
  const rows = new Map(stored.map((row) => [row.startMs, row]))
  for (const startMs of change.remove) {
    if (!rows.delete(startMs)) throw new Error(`removes a row at ${startMs} that is not there`)
    if (change.put.some((row) => row.startMs === startMs))
      throw new Error(`removes and puts a row at ${startMs}`)
  }
  for (const row of change.put) rows.set(row.startMs, row)
  return [...rows.values()].sort((a, b) => a.startMs - b.startMs)
}

/** The ledger that says all of `news`, one after the other. */
export function ledgerOf(news: readonly LedgerRow[], stored: readonly LedgerRow[] = []): LedgerRow[] {
  return news.reduce((ledger: LedgerRow[], fresh) => applied(ledger, record(ledger, [fresh])), [...stored])
}

/**
 * What is known of each cell: a verdict with its source, or that it is wanted, how often asked for and why.
 */
export type CellLedger = readonly (string | null)[]

export const noCells: CellLedger = Array.from({ length: CELLS }, () => null)

function known(row: LedgerRow): string {
  return row.verdict === 'wanted' ? `wanted ${row.asked} ${row.reason}` : `${row.verdict} ${row.source}`
}

/**
 * Cell by cell: the settled wins over the wanted, unless that says that the rows are gone; else what is
 * newer, but a mere wish takes back no answer.
 */
export function withNews(cells: CellLedger, fresh: LedgerRow): CellLedger {
  return cells.map((before, cell) => {
    if (cell < fresh.startMs || cell >= fresh.endMs) return before
    if (fresh.verdict !== 'wanted' || before === null) return known(fresh)
    if (before.startsWith('rows') && fresh.reason === LOST_ROWS) return known(fresh)
    if (!before.startsWith('wanted')) return before
    return fresh.asked === 0 && !before.startsWith('wanted 0') ? before : known(fresh)
  })
}

/** The cells of a ledger. Throws where two of its rows say something of the same cell. */
export function cellsOf(ledger: readonly LedgerRow[]): CellLedger {
  return noCells.map((_, cell) => {
    const rows = ledger.filter((row) => row.startMs <= cell && cell < row.endMs)
    if (rows.length > 1) throw new Error(`cell ${cell} has ${rows.length} rows`)
    return rows[0] ? known(rows[0]) : null
  })
}

const facts = fc.record({
  verdict: fc.constantFrom(...verdicts, 'rows', 'rows', 'wanted'),
  source: fc.constantFrom('rest', 'archive', null),
  rows: fc.nat({ max: 50 }),
  skipped: fc.nat({ max: 5 }),
  asked: fc.nat({ max: 2 }),
  checkedAtMs: fc.nat({ max: 50 }),
  reason: fc.constantFrom(null, null, 'refused', 'interrupted', LOST_ROWS),
})

/** News of `span`. Its first and last id are its bounds, so that a test sees whose ids a row bears. */
export function newsOf(span: Span): fc.Arbitrary<LedgerRow> {
  return facts.map(({ verdict, ...rest }) => {
    const rows = verdict === 'rows' ? rest.rows : 0
    const ids = rows === 0 ? {} : { firstId: String(span.startMs), lastId: String(span.endMs - 1) }
    return ledgerRow(span, verdict, { ...rest, rows, ...ids })
  })
}

const anySpan = fc
  .tuple(fc.nat({ max: CELLS }), fc.nat({ max: CELLS }))
  .map(([a, b]) => ({ startMs: Math.min(a, b), endMs: Math.max(a, b) }))

/** News of any spans, overlapping, empty, contradicting each other. */
export const anyNews: fc.Arbitrary<LedgerRow[]> = fc.array(anySpan.chain(newsOf), { maxLength: 12 })

/** News of spans that share nothing, in any order, as the pages of one pass are. */
export const disjointNews: fc.Arbitrary<LedgerRow[]> = fc
  .tuple(
    fc.uniqueArray(fc.nat({ max: CELLS }), { maxLength: 9 }),
    fc.array(fc.boolean(), { minLength: 9, maxLength: 9 }),
  )
  .chain(([cuts, present]) => {
    const bounds = cuts.toSorted((a, b) => a - b)
    const spans = bounds.slice(1).map((endMs, index) => ({ startMs: bounds[index] ?? endMs, endMs }))
    const some = spans.filter((_, index) => present[index])
    return fc
      .tuple(...some.map(newsOf))
      .chain((news) => fc.shuffledSubarray(news, { minLength: news.length }))
  })
