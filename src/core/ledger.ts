// The ledger of a series: which spans are settled, with what verdict, and which are wanted. Pure functions
// over its rows; a store keeps the rows and calls `record` inside the transaction that writes a page.
import { areInOrder, finderAround, minus, placesAround, type Span, union } from './span.ts'

export const verdicts = ['rows', 'unlisted', 'outage', 'delisted', 'no-trades', 'wanted'] as const
export type Verdict = (typeof verdicts)[number]
export type SourceName = 'rest' | 'archive'

/** One row of petrosa_coverage. Its key is the series and `startMs`. */
export type LedgerRow = Span & {
  readonly verdict: Verdict
  /** How many rows the span holds. */
  readonly rows: number
  readonly source: SourceName | null
  /** First and last id of the span, left out ones too, for datasets that are ordered by id; decimal text. */
  readonly firstId: string | null
  readonly lastId: string | null
  /** How many invalid records were left out. */
  readonly skipped: number
  /** How often the exchange was asked for the span. */
  readonly asked: number
  readonly checkedAtMs: number
  readonly reason: string | null
}

/** A ledger row with what most rows have. */
export function ledgerRow(span: Span, verdict: Verdict, facts: Partial<LedgerRow> = {}): LedgerRow {
  return {
    rows: 0,
    source: null,
    firstId: null,
    lastId: null,
    skipped: 0,
    asked: verdict === 'wanted' ? 0 : 1,
    checkedAtMs: 0,
    reason: null,
    ...facts,
    startMs: span.startMs,
    endMs: span.endMs,
    verdict,
  }
}

/**
 * The reason of a wanted span whose rows were settled once and are there no more: it takes the promise of
 * those rows back, which no other wish does.
 */
export const LOST_ROWS = 'the rows that were settled here are gone'

/** An archive and the API were both asked: less than that, and it was the archive alone. */
export const ASKED_BOTH = 2

/**
 * Whether a row calls its span empty, or ids in it left out, by the word of an archive alone: the API was not
 * asked, and may have what the file lacks. It settles the span only as long as the API is out of reach.
 */
export function isUnasked({ asked, source, verdict }: LedgerRow): boolean {
  if (verdict === 'wanted' || source !== 'archive') return false
  return asked < (verdict === 'rows' ? 1 : ASKED_BOTH)
}

/** The settled spans of a ledger, as one normal set. */
export function settledSpans(ledger: readonly LedgerRow[]): Span[] {
  return union(ledger.filter((row) => row.verdict !== 'wanted'))
}

/** What an earlier pass set out to fetch and did not settle. */
export function wantedSpans(ledger: readonly LedgerRow[]): Span[] {
  return minus(
    ledger.filter((row) => row.verdict === 'wanted'),
    settledSpans(ledger),
  )
}

/**
 * From when on a series lacks its newest rows, by its ledger alone, epoch ms. Null where nothing of it was
 * ever begun, and where none will come: nothing follows what is known to be delisted.
 */
export function lacksFromMs(ledger: readonly LedgerRow[], settled = settledSpans(ledger)): number | null {
  if (ledger.at(-1)?.verdict === 'delisted') return null
  return settled.at(-1)?.endMs ?? wantedSpans(ledger)[0]?.startMs ?? null
}

/** The ledger that says the news too: what `record` changes, done. */
export function withNews(stored: readonly LedgerRow[], news: readonly LedgerRow[]): LedgerRow[] {
  const { put, remove } = record(stored, news)
  const replaced = new Set([...remove, ...put.map((row) => row.startMs)])
  return [...stored.filter((row) => !replaced.has(row.startMs)), ...put].sort(byStart)
}

/** Which rows to delete, by their start, and which to write, so that the ledger says the news too. */
export type LedgerChange = { readonly remove: readonly number[]; readonly put: readonly LedgerRow[] }

/**
 * The change that records `news` in a ledger. `stored` must hold every row of the series that overlaps or
 * touches one of `news`; other rows may be in it too. What is newer wins where spans overlap; neighbours with
 * the same verdict and source become one row; a wanted span keeps what is still unsettled of it, and one that
 * nobody has asked for yet leaves the answers to earlier ones (asked, reason) in place. Only one for
 * LOST_ROWS takes back what was settled, where that was rows. The same news again change nothing.
 */
export function record(stored: readonly LedgerRow[], news: readonly LedgerRow[]): LedgerChange {
  let rows = stored.toSorted(byStart)
  const inOrder = areInOrder(rows)
  for (const fresh of news) {
    const all = { from: 0, to: rows.length }
    // A look at what is near alone: ledgers with ten thousand rows get ten thousand pieces of news.
    const { from, to } = inOrder ? placesAround(rows, fresh) : all
    const put = insert(rows.slice(from, to), fresh)
    if (put.length <= MOST_SPLICED) rows.splice(from, to - from, ...put)
    else rows = [...rows.slice(0, from), ...put, ...rows.slice(to)]
  }
  // Joined only now, so that no piece of news is cut after its counts were mixed with a neighbour's.
  rows = joinNeighbours(rows.sort(byStart))
  const before = new Map(stored.map((row) => [row.startMs, row]))
  const put = rows.filter((row) => !sameRow(before.get(row.startMs), row))
  const kept = new Set(rows.map((row) => row.startMs))
  const remove = stored.filter((row) => !kept.has(row.startMs)).map((row) => row.startMs)
  return { remove, put }
}

/** More rows than this are not handed to a function as so many arguments. */
const MOST_SPLICED = 1_000

/** `rows` (all that overlap `fresh`) with `fresh` in them, cut out of what it overlaps; by start. */
function insert(rows: readonly LedgerRow[], fresh: LedgerRow): LedgerRow[] {
  if (fresh.startMs >= fresh.endMs || rows.some((row) => holds(row, fresh))) return [...rows]
  const taken = fresh.verdict === 'wanted' ? minus([fresh], standing(rows, fresh)) : [fresh]
  const pieces = taken.map((span) => ({ ...fresh, startMs: span.startMs, endMs: span.endMs }))
  const takenAround = finderAround(taken)
  return [...rows.flatMap((row) => cut(row, takenAround(row))), ...pieces].sort(byStart)
}

/**
 * What `wanted` takes nothing back of: all that is settled but rows that are lost, and earlier answers until
 * it has one itself.
 */
function standing(rows: readonly LedgerRow[], wanted: LedgerRow): LedgerRow[] {
  return rows.filter((row) => {
    if (row.verdict === 'wanted') return row.asked > 0 && wanted.asked === 0
    return row.verdict !== 'rows' || wanted.reason !== LOST_ROWS
  })
}

/**
 * Whether two rows become one where they touch. Wanted ones do not: each keeps how often it was asked. What
 * the API is still to be asked for stays a row of its own too.
 */
function alike(a: LedgerRow, b: LedgerRow): boolean {
  if (a.verdict === 'wanted' || isUnasked(a) !== isUnasked(b)) return false
  return a.verdict === b.verdict && a.source === b.source
}

/**
 * Whether `fresh` is a part of `row` that says nothing newer: a page that is recorded twice (a commit whose
 * answer was lost, two replicas) must count once, and its own part of the row's counts is not known any more.
 */
function holds(row: LedgerRow, fresh: LedgerRow): boolean {
  const within = row.startMs <= fresh.startMs && row.endMs >= fresh.endMs
  const longer = row.endMs - row.startMs > fresh.endMs - fresh.startMs
  const newer = fresh.checkedAtMs > row.checkedAtMs || fresh.asked > row.asked
  return within && longer && alike(row, fresh) && !newer
}

/**
 * What is left of a row outside `taken`, all of which overlap it. Counts are shared out by length: exact
 * where the rows are even, and never more in all than the row had. The first and last id are known only to
 * the piece that keeps that end.
 */
function cut(row: LedgerRow, taken: readonly Span[]): LedgerRow[] {
  if (taken.length === 0) return [row]
  return minus([row], taken).map((span) => ({
    ...row,
    ...span,
    rows: share(row, span, row.rows),
    skipped: share(row, span, row.skipped),
    firstId: span.startMs === row.startMs ? row.firstId : null,
    lastId: span.endMs === row.endMs ? row.lastId : null,
  }))
}

/** How many of a row's `count` lie in `span`, a part of it; the shares of all parts add up to `count`. */
function share(row: Span, span: Span, count: number): number {
  const before = (timeMs: number): number =>
    Math.round((count * (timeMs - row.startMs)) / (row.endMs - row.startMs))
  return before(span.endMs) - before(span.startMs)
}

/** `rows` (by start) with those made one that touch and are alike. */
function joinNeighbours(rows: readonly LedgerRow[]): LedgerRow[] {
  const out: LedgerRow[] = []
  for (const row of rows) {
    const last = out.at(-1)
    if (!last || !alike(last, row) || last.endMs !== row.startMs) {
      out.push(row)
      continue
    }
    const newer = row.checkedAtMs >= last.checkedAtMs ? row : last
    out[out.length - 1] = {
      ...last,
      endMs: row.endMs,
      rows: last.rows + row.rows,
      // A part without rows has no ids; a part with rows and without ids has ids that nobody knows any more.
      firstId: last.firstId ?? (last.rows === 0 ? row.firstId : null),
      lastId: row.lastId ?? (row.rows === 0 ? last.lastId : null),
      skipped: last.skipped + row.skipped,
      asked: Math.max(last.asked, row.asked),
      checkedAtMs: newer.checkedAtMs,
      reason: newer.reason,
    }
  }
  return out
}

const byStart = (a: LedgerRow, b: LedgerRow): number => a.startMs - b.startMs

function sameRow(a: LedgerRow | undefined, b: LedgerRow): boolean {
  return (
    a !== undefined &&
    a.endMs === b.endMs &&
    a.verdict === b.verdict &&
    a.rows === b.rows &&
    a.source === b.source &&
    a.firstId === b.firstId &&
    a.lastId === b.lastId &&
    a.skipped === b.skipped &&
    a.asked === b.asked &&
    a.checkedAtMs === b.checkedAtMs &&
    a.reason === b.reason
  )
}
