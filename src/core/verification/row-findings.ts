// What the checks find in the stored rows of a series: one walk over them, the same for the first look and
// for the one after a repair. A jump of ids that they cannot explain is held against what gaps says of it.
import { type Gap, isOpen } from '../gap.ts'
import { compareIds, type IdRange, nextId, previousId } from '../id.ts'
import { idGaps } from '../id-gaps.ts'
import { minusRuns, runOf, united } from '../id-line.ts'
import type { Span } from '../span.ts'
import type { Store } from '../store.ts'
import type { CheckContext } from './check-context.ts'
import type { Found } from './findings.ts'
import { rowCheck } from './row-check.ts'
import { type StoredSeries, storedPages } from './stored-rows.ts'

/** A series whose stored rows are checked. */
export type CheckedSeries = StoredSeries &
  Omit<CheckContext, 'range'> & {
    readonly store: Pick<Store, 'read' | 'readIds' | 'ends' | 'counts' | 'countIds' | 'fromIds'>
  }

/** Rows that were read, and what was found in them; the last of a walk has no rows. */
export type RowFindings = { readonly rows: number; readonly found: readonly Found[] }

/** Checks the rows of a series in `range`, page by page. */
export async function* rowFindings(one: CheckedSeries, range: Span): AsyncGenerator<RowFindings> {
  const check = rowCheck({ ...one, range })
  const explained = explainedJumps(one, range)
  for await (const page of storedPages(one, range))
    yield { rows: page.count, found: await explained(check.page(page)) }
  yield { rows: 0, found: await explained(check.end()) }
}

/**
 * Makes notes of the jumps that gaps explains. The ledger counts exactly what a settled stretch leaves out in
 * all, but not always in the row where that was: rows were cut and counted anew, and earlier versions put
 * what lies before a jump of an archive behind it. Gaps is asked at the first jump that needs it.
 */
function explainedJumps(
  one: CheckedSeries,
  range: Span,
): (found: readonly Found[]) => Promise<readonly Found[]> {
  let asked: Promise<readonly Gap[]> | null = null
  return async (found) => {
    if (!found.some(isJump)) return found
    asked ??= idGaps({ ...one, spans: [range] })
    const named = (await asked).filter((gap) => gap.ids && !isOpen(gap))
    const runs = united(named.flatMap(({ ids }) => (ids ? [runOf(ids)] : [])))
    return found.map((finding) => {
      const between = isJump(finding) ? idsBetween(finding.ids) : null
      if (!between || minusRuns(runOf(between), runs).length > 0) return finding
      return { ...finding, severity: 'note', expected: 'none: the ledger counts them as left out' }
    })
  }
}

const isJump = ({ check, severity }: Found): boolean => check === 'ids' && severity === 'error'

/** The ids between two that are stored. */
function idsBetween(ids: IdRange | undefined): IdRange | null {
  if (!ids) return null
  const between = { firstId: nextId(ids.firstId), lastId: previousId(ids.lastId) }
  return compareIds(between.firstId, between.lastId) <= 0 ? between : null
}
