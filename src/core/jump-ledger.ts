// What the ledger says of a jump of ids in an archive, and of the time around it, once everybody who may have
// the ids was asked.
import { countIds, type IdRange, outermost } from './id.ts'
import { ASKED_BOTH, type LedgerRow, ledgerRow } from './ledger.ts'
import { joinParts, NOTHING, type PendingJump, stillMissing } from './pending-jump.ts'
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
  const facts = { source: 'archive', checkedAtMs: nowMs } as const
  const { hole } = partsOf(jump)
  const isOwn = ({ firstId, lastId }: IdRange): boolean =>
    firstId === jump.firstId && lastId === jump.lastId && hasLength(hole)
  const named = nowhere.find(isOwn)
  const lacking = group.flatMap(stillMissing).filter((run) => !(named && isOwn(run)))
  const late = (of: 'rows' | 'skipped'): number => group.reduce((sum, { filling }) => sum + filling[of], 0)
  const counted = lacking.reduce((sum, { firstId, lastId }) => sum + countIds(firstId, lastId), 0)
  // Those that wait with the jump begin where it ends.
  const further = {
    rows: late('rows') + found,
    skipped: late('skipped') + counted - found,
    firstId: lowest(inner.map(({ firstId }) => firstId)),
    lastId: highest(inner.map(({ lastId }) => lastId)),
  }
  const { before, after } = { ...jump.sides, after: joinParts(jump.sides.after, further) }
  if (!named) {
    const own = jump.unbounded ? NOTHING : { ...NOTHING, firstId: jump.firstId, lastId: jump.lastId }
    const all = [before, own, after].reduce(joinParts)
    return [ledgerRow(jump.span, 'rows', { ...facts, ...all })]
  }
  const witnesses = { asked: isTwice ? ASKED_BOTH : 0, reason: lackReason(named, isTwice) }
  const empty = ledgerRow(hole, 'no-trades', { ...facts, ...named, ...witnesses })
  const [left, right] = aroundHole(jump, { before, after }, nowMs)
  return [...left, empty, ...right]
}

/** The ledger of what lies before and after a jump in its span; a side without time is the other's. */
function aroundHole(
  jump: PendingJump,
  sides: PendingJump['sides'],
  nowMs: number,
): [LedgerRow[], LedgerRow[]] {
  const { left, right } = partsOf(jump)
  const facts = { source: 'archive', checkedAtMs: nowMs } as const
  const all = joinParts(sides.before, sides.after)
  const before = ledgerRow(left, 'rows', { ...facts, ...(hasLength(right) ? sides.before : all) })
  const after = ledgerRow(right, 'rows', { ...facts, ...(hasLength(left) ? sides.after : all) })
  return [[before].filter(hasLength), [after].filter(hasLength)]
}

/** Why a run of ids counts as had by nobody: by the word of both, or of the archive alone. */
export function lackReason({ firstId, lastId }: IdRange, isTwice: boolean): string {
  const ids = `the ids ${firstId} to ${lastId}`
  return isTwice
    ? `neither the archive nor the API has ${ids}`
    : `the archive does not have ${ids}; the API was not asked`
}

/** What a group settles where REST would not say: all but the time of its ids, which stays open by name. */
export function leftOpen(
  group: JumpGroup,
  missing: readonly IdRange[],
  refusal: string,
  nowMs: number,
): { readonly ledger: readonly LedgerRow[]; readonly open: readonly OpenSpan[] } {
  const [jump, ...inner] = group
  const { hole } = partsOf(jump)
  const [first, last] = [missing[0]?.firstId, missing.at(-1)?.lastId]
  const name = first === last ? `the id ${first}` : `ids from ${first} to ${last}`
  const reason = `the archive lacks ${name}, and whether the API has them is not known: ${refusal}`
  if (jump.unbounded || inner.length > 0 || !hasLength(hole))
    return { ledger: [], open: [{ span: jump.span, reason }] }
  return { ledger: aroundHole(jump, jump.sides, nowMs).flat(), open: [{ span: hole, reason }] }
}

const lowest = (ids: readonly string[]): string | null => outermost(ids, -1)
const highest = (ids: readonly string[]): string | null => outermost(ids, 1)
