// After a fill every id that a stretch still lacks has been asked for and is not to be had. The ledger counts
// such ids row by row, and a row that was cut shares its count by length: so the count is made anew.
import type { Gap } from './gap.ts'
import { reaches, stretchesOf } from './id-ledger.ts'
import { runOf } from './id-line.ts'
import type { LedgerRow } from './ledger.ts'

/**
 * The news that make every stretch count what `gaps` say it lacks; the ids that the ledger names are theirs.
 */
export function recounted(ledger: readonly LedgerRow[], gaps: readonly Gap[]): LedgerRow[] {
  const lost = gaps.filter(({ verdict }) => verdict === 'lost')
  return stretchesOf(ledger).flatMap(({ rows, ...stretch }) => {
    const own = lost.filter(({ ids, span }) => ids && reaches({ rows, ...stretch }, runOf(ids), span))
    if (own.length === 0) return []
    const lacking = own.reduce((sum, { rowsMissing }) => sum + rowsMissing, 0)
    const held = rows.filter(({ verdict }) => verdict === 'rows')
    const counts = held.map((_, i) => (i === held.length - 1 ? lacking : 0))
    return held
      .map((row, i) => ({ ...row, skipped: counts[i] ?? 0 }))
      .filter(({ skipped }, i) => skipped !== held[i]?.skipped)
  })
}
