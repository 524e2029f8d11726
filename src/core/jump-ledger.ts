// What the ledger says of a jump of ids in an archive, and of the time around it, once everybody who may have
// the ids was asked.
import { compareIds, countIds, type IdRange } from './id.ts'
import { type LedgerRow, ledgerRow } from './ledger.ts'
import { type PendingJump, stillMissing } from './pending-jump.ts'
import type { Span } from './span.ts'
import type { OpenSpan } from './step.ts'

/** A jump, and those that wait with it. */
export type JumpGroup = readonly [PendingJump, ...PendingJump[]]

/** Where the ids of a jump would lie, and what lies before and after them in its span. */
function partsOf({ span, afterMs, beforeMs }: PendingJump): { hole: Span; left: Span; right: Span } {
  const startMs = Math.max(span.startMs, afterMs + 1)
  const hole = { startMs, endMs: Math.max(startMs, Math.min(span.endMs, beforeMs)) }
  return { hole, left: { ...span, endMs: hole.startMs }, right: { ...span, startMs: hole.endMs } }
}

const hasLength = ({ startMs, endMs }: Span): boolean => startMs < endMs

/**
 * What a group of jumps settles. Runs in `nowhere` are had by nobody: a jump of which that is the whole is
 * named; of the others, of which REST brought `found` trades, the ids that nobody has are counted.
 */
export function groupLedger(
  group: JumpGroup,
  { found, nowhere }: { readonly found: number; readonly nowhere: readonly IdRange[] },
  isTwice: boolean,
  nowMs: number,
): LedgerRow[] {
  const [jump, ...inner] = group
  const { firstAfter, firstBefore, last } = jump.seen
  const facts = { source: 'archive', checkedAtMs: nowMs } as const
  const { hole, left, right } = partsOf(jump)
  const isOwn = ({ firstId, lastId }: IdRange): boolean =>
    firstId === jump.firstId && lastId === jump.lastId && hasLength(hole)
  const named = nowhere.find(isOwn)
  const lacking = group.flatMap(stillMissing).filter((run) => !(named && isOwn(run)))
  const filling = group.reduce((sum, { rows }) => sum + rows.filling, 0)
  const skipped = lacking.reduce((sum, { firstId, lastId }) => sum + countIds(firstId, lastId), 0) - found
  const counts = { rows: jump.rows.after + filling + found, skipped: jump.skipped.length + skipped }
  const others = [...jump.skipped, ...inner.flatMap(({ firstId, lastId }) => [firstId, lastId])]
  if (!named || !(hasLength(left) || hasLength(right))) {
    const ids = [firstBefore, firstAfter, last, ...others]
    if (!jump.unbounded) ids.push(jump.firstId, jump.lastId)
    const all = { rows: jump.rows.before + counts.rows, skipped: counts.skipped }
    if (named) all.skipped += countIds(named.firstId, named.lastId)
    return [ledgerRow(jump.span, 'rows', { ...facts, ...all, firstId: lowest(ids), lastId: highest(ids) })]
  }
  const witness = isTwice ? 'neither the archive nor the API has' : 'the archive does not have'
  const reason = `${witness} the ids ${named.firstId} to ${named.lastId}`
  const empty = ledgerRow(hole, 'no-trades', { ...facts, ...named, asked: isTwice ? 2 : 1, reason })
  const leftOut = hasLength(right) ? 0 : counts.skipped
  const early = { rows: jump.rows.before, skipped: leftOut, firstId: firstBefore }
  const ids = { firstId: lowest([firstAfter, ...others]), lastId: highest([last, ...others]) }
  const before = ledgerRow(left, 'rows', { ...facts, ...early })
  const after = ledgerRow(right, 'rows', { ...facts, ...counts, ...ids })
  return [before, empty, after].filter(hasLength)
}

/** What a group settles where REST would not say: all but the time of its ids, which stays open by name. */
export function leftOpen(
  group: JumpGroup,
  missing: readonly IdRange[],
  refusal: string,
  nowMs: number,
): { readonly ledger: readonly LedgerRow[]; readonly open: readonly OpenSpan[] } {
  const [jump, ...inner] = group
  const { hole, left, right } = partsOf(jump)
  const [first, last] = [missing[0]?.firstId, missing.at(-1)?.lastId]
  const name = first === last ? `the id ${first}` : `ids from ${first} to ${last}`
  const reason = `the archive lacks ${name}, and whether the API has them is not known: ${refusal}`
  if (jump.unbounded || inner.length > 0 || !hasLength(hole))
    return { ledger: [], open: [{ span: jump.span, reason }] }
  const facts = { source: 'archive', checkedAtMs: nowMs } as const
  const { firstAfter, firstBefore, last: lastSeen } = jump.seen
  const before = ledgerRow(left, 'rows', { ...facts, rows: jump.rows.before, firstId: firstBefore })
  const counts = { rows: jump.rows.after, skipped: jump.skipped.length }
  const ids = [firstAfter, lastSeen, ...jump.skipped]
  const after = ledgerRow(right, 'rows', { ...facts, ...counts, firstId: lowest(ids), lastId: highest(ids) })
  return { ledger: [before, after].filter(hasLength), open: [{ span: hole, reason }] }
}

const known = (ids: readonly (string | null)[]): string[] =>
  ids.filter((id) => id !== null).toSorted(compareIds)
const lowest = (ids: readonly (string | null)[]): string | null => known(ids)[0] ?? null
const highest = (ids: readonly (string | null)[]): string | null => known(ids).at(-1) ?? null
