// The change of one series' ledger, planned: which documents to write and which to remove, in which order, so
// that no moment between says less than before. Pure, as the ledger itself is.
import { ObjectId } from 'mongodb'
import { type LedgerRow, record } from '../../core/ledger.ts'

/** What is recorded of one series, in order of time. */
export type News = { readonly series: string; readonly rows: readonly LedgerRow[] }

export type Stored = { readonly row: LedgerRow; readonly revision: unknown }
export type Put = Stored & { readonly before: Stored | null; readonly revision: ObjectId }

/** The change of one series: what must be there before anything may shrink or go, and then that. */
export type Change = {
  readonly news: News
  /** Whether the stored rows were disjoint, as they are unless a write was cut short or met another. */
  readonly regular: boolean
  readonly grow: readonly Put[]
  readonly shrink: readonly Put[]
  readonly remove: readonly Stored[]
}

/**
 * Rows as `record` expects them: where some overlap, or are alike and touch, the newest `checkedAtMs` wins,
 * the shorter row of two equally new ones. Only a crash or two writers in the same moment leave such rows.
 */
export function settled(rows: readonly LedgerRow[]): LedgerRow[] {
  const sorted = [...rows].sort((a, b) => a.startMs - b.startMs)
  if (!sorted.some((row, at) => at > 0 && collide(sorted[at - 1], row))) return sorted
  const byAge = [...rows].sort(
    (a, b) => a.checkedAtMs - b.checkedAtMs || b.endMs - b.startMs - (a.endMs - a.startMs),
  )
  return byAge.reduce<LedgerRow[]>((ledger, row) => after(ledger, [row]), [])
}

function collide(a: LedgerRow | undefined, b: LedgerRow): boolean {
  if (!a || a.endMs < b.startMs) return false
  return a.endMs > b.startMs || (a.verdict === b.verdict && a.source === b.source && a.verdict !== 'wanted')
}

/** The ledger that `record` makes of `rows` and `news`. */
function after(rows: readonly LedgerRow[], news: readonly LedgerRow[]): LedgerRow[] {
  const { remove, put } = record(rows, news)
  const gone = new Set([...remove, ...put.map((row) => row.startMs)])
  return [...rows.filter((row) => !gone.has(row.startMs)), ...put].sort((a, b) => a.startMs - b.startMs)
}

/** What must be written so that a ledger of which `stored` was read says the news too. */
export function planChange(news: News, stored: readonly Stored[]): Change {
  const before = new Map(stored.map((one) => [one.row.startMs, one]))
  const rows = stored.map((one) => one.row)
  const normal = settled(rows)
  const regular = normal.length === rows.length && normal.every((row) => before.get(row.startMs)?.row === row)
  const rowsAfter = after(normal, news.rows)
  const put = regular ? record(rows, news.rows).put : rowsAfter
  const kept = new Set(rowsAfter.map((row) => row.startMs))
  const puts = put.map(
    (row): Put => ({ row, before: before.get(row.startMs) ?? null, revision: new ObjectId() }),
  )
  const shrink = puts.filter(shrinks)
  const remove = stored.filter((one) => !kept.has(one.row.startMs))
  const grow = puts.filter((one) => !shrinks(one))
  if (regular) return { news, regular, grow, shrink, remove }
  // Where rows overlap, each may be what makes another one dispensable, and another writer may see it the
  // other way round. So all that stay get a new revision before any shrinks or goes, which stops whoever was
  // about to remove them.
  const held = shrink.map(
    (one): Put => ({ row: one.before?.row ?? one.row, before: one.before, revision: new ObjectId() }),
  )
  const shrinkHeld = shrink.map((one, i): Put => ({ ...one, before: held[i] ?? null }))
  return { news, regular, grow: [...grow, ...held], shrink: shrinkHeld, remove }
}

const shrinks = ({ row, before }: Put): boolean => before !== null && before.row.endMs > row.endMs
