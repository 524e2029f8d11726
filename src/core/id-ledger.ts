// What a ledger knows of ids: which stretches of them are settled as rows, how many of each were left out on
// purpose, and which runs nobody has. A piece of a row that was cut knows its id at one end only; then its
// neighbour's id helps, or the pieces count as one.
import { compareIds, nextId, previousId } from './id.ts'
import type { IdRun } from './id-line.ts'
import type { LedgerRow } from './ledger.ts'
import type { Span } from './span.ts'

/** Ledger rows of trades that follow each other, of which only all together are known by id. */
export type Stretch = {
  readonly span: Span
  /** Null where no row knows where it begins, or ends. */
  readonly first: bigint | null
  readonly last: bigint | null
  /** How many ids in it no row has, by the ledger. */
  readonly skipped: number
  readonly rows: readonly LedgerRow[]
}

/** The stretches of a ledger, in order of time. */
export function stretchesOf(ledger: readonly LedgerRow[]): Stretch[] {
  const settled = ledger.filter(({ verdict }) => verdict !== 'wanted')
  const stretches: Stretch[] = []
  let open = false
  for (const [i, row] of settled.entries()) {
    const [before, after] = [settled[i - 1], settled[i + 1]]
    if (row.verdict !== 'rows') {
      open = false
      continue
    }
    const first = row.firstId ?? (touches(before, row) ? idAfter(before) : null)
    const last = row.lastId ?? (touches(row, after) ? idBefore(after) : null)
    const stretch = {
      span: { startMs: row.startMs, endMs: row.endMs },
      first: first === null ? null : BigInt(first),
      last: last === null ? null : BigInt(last),
      skipped: row.skipped,
      rows: [row],
    }
    const joined = open && first === null && touches(before, row) ? stretches.pop() : undefined
    stretches.push(joined ? together(joined, stretch) : stretch)
    open = last === null
  }
  return stretches
}

const touches = (a: LedgerRow | undefined, b: LedgerRow | undefined): boolean =>
  a !== undefined && b !== undefined && a.endMs === b.startMs

const idAfter = (row: LedgerRow | undefined): string | null => (row?.lastId ? nextId(row.lastId) : null)
const idBefore = (row: LedgerRow | undefined): string | null =>
  row?.firstId && compareIds(row.firstId, '0') > 0 ? previousId(row.firstId) : null

const together = (a: Stretch, b: Stretch): Stretch => ({
  span: { startMs: a.span.startMs, endMs: b.span.endMs },
  first: a.first,
  last: b.last,
  skipped: a.skipped + b.skipped,
  rows: [...a.rows, ...b.rows],
})

/**
 * Whether a run of ids that no row has, between two times, belongs to a stretch: by its ids, or by its time
 * where the ledger knows too few of them.
 */
export function holds({ first, last, span }: Stretch, run: IdRun, between: Span): boolean {
  if ((first !== null && run.last < first) || (last !== null && run.first > last)) return false
  if (first !== null && last !== null) return true
  return between.startMs >= span.startMs && between.endMs <= span.endMs + 1
}

/** A run of ids that the ledger says nobody has, and the row that says so. */
export type NamedRun = IdRun & { readonly row: LedgerRow }

/** The runs that are explained by their ids. */
export function namedRuns(ledger: readonly LedgerRow[]): NamedRun[] {
  return ledger.flatMap((row) => {
    if (row.verdict === 'rows' || row.verdict === 'wanted' || !row.firstId || !row.lastId) return []
    return [{ first: BigInt(row.firstId), last: BigInt(row.lastId), row }]
  })
}

/** All ids between the first and the last that ledger or rows know; null where they know none. */
export function hullOf(ids: readonly (bigint | null)[]): IdRun | null {
  const known = ids.filter((id) => id !== null).toSorted((a, b) => (a < b ? -1 : 1))
  const [first, last] = [known[0], known.at(-1)]
  return first === undefined || last === undefined ? null : { first, last }
}
