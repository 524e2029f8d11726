// What a ledger knows of ids: which stretches of them are settled, how many of each were left out on purpose,
// and which runs nobody has.
import { compareIds } from './id.ts'
import type { IdRun } from './id-line.ts'
import type { LedgerRow } from './ledger.ts'
import type { Span } from './span.ts'

/** The last id of what a ledger has right before a time; null where it knows none. */
export function lastIdBefore(ledger: readonly LedgerRow[], timeMs: number): string | null {
  const ids = ledger.flatMap(({ endMs, lastId }) => (endMs === timeMs && lastId !== null ? [lastId] : []))
  return ids.toSorted(compareIds).at(-1) ?? null
}

/** The first id of what a ledger has from a time on; null where it knows none. */
export function firstIdFrom(ledger: readonly LedgerRow[], timeMs: number): string | null {
  const ids = ledger.flatMap(({ startMs, firstId }) =>
    startMs === timeMs && firstId !== null ? [firstId] : [],
  )
  return ids.toSorted(compareIds)[0] ?? null
}

/** Settled ledger rows that follow each other without a break. */
export type Stretch = {
  readonly span: Span
  /** Its first and last id; null where the row at that end was cut, and nobody knows any more. */
  readonly first: bigint | null
  readonly last: bigint | null
  /** How many ids in it were left out, by the ledger, besides the runs that it names. */
  readonly skipped: number
  readonly rows: readonly LedgerRow[]
}

/** The stretches of a ledger, in order of time; those without any row or id are left out. */
export function stretchesOf(ledger: readonly LedgerRow[]): Stretch[] {
  const chains: LedgerRow[][] = []
  for (const row of ledger.filter(({ verdict }) => verdict !== 'wanted')) {
    const chain = chains.at(-1)
    if (chain?.at(-1)?.endMs === row.startMs) chain.push(row)
    else chains.push([row])
  }
  return chains.flatMap((rows) => {
    // A row without trades, or of a time before the listing, knows no id and hides none.
    const known = rows.filter((row) => row.rows > 0 || row.skipped > 0 || isNamed(row))
    const [head, tail] = [known[0], known.at(-1)]
    const [start, end] = [rows[0], rows.at(-1)]
    if (!head || !tail || !start || !end) return []
    return [
      {
        span: { startMs: start.startMs, endMs: end.endMs },
        // A record that was left out may lie beyond the ids of the row that follows its own.
        first: head.firstId === null ? null : (hullOf(idsOf(known))?.first ?? null),
        last: tail.lastId === null ? null : (hullOf(idsOf(known))?.last ?? null),
        skipped: rows.reduce((sum, row) => sum + row.skipped, 0),
        rows,
      },
    ]
  })
}

function idsOf(rows: readonly LedgerRow[]): (bigint | null)[] {
  return rows.flatMap(({ firstId, lastId }) =>
    [firstId, lastId].map((id) => (id === null ? null : BigInt(id))),
  )
}

/** Whether a row names the ids that nobody has. */
function isNamed({ verdict, firstId, lastId }: LedgerRow): boolean {
  if (verdict === 'rows' || verdict === 'wanted' || firstId === null || lastId === null) return false
  return compareIds(firstId, lastId) <= 0
}

/**
 * Whether a run of ids that no row has, between two times, lies in a stretch, wholly or in part: by its ids,
 * or by its time where the ledger knows too few of them.
 */
export function reaches({ first, last, span }: Stretch, run: IdRun, between: Span): boolean {
  if ((first !== null && run.last < first) || (last !== null && run.first > last)) return false
  if (first !== null && last !== null) return true
  return between.startMs < span.endMs && between.endMs > span.startMs
}

/** A run of ids that the ledger says nobody has, and the row that says so. */
export type NamedRun = IdRun & { readonly row: LedgerRow }

/** The runs that are explained by their ids. */
export function namedRuns(ledger: readonly LedgerRow[]): NamedRun[] {
  return ledger
    .filter(isNamed)
    .map((row) => ({ first: BigInt(row.firstId ?? 0), last: BigInt(row.lastId ?? 0), row }))
}

/** All ids between the first and the last that ledger or rows know; null where they know none. */
export function hullOf(ids: readonly (bigint | null)[]): IdRun | null {
  const known = ids.filter((id) => id !== null).toSorted((a, b) => (a < b ? -1 : 1))
  const [first, last] = [known[0], known.at(-1)]
  return first === undefined || last === undefined ? null : { first, last }
}
