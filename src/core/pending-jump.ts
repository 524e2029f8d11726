// A jump of ids in an archive that waits for the end of the file: rows that come late may still fill it. The
// time that waiting jumps keep from being settled never overlaps; one that begins and ends in the last
// millisecond of the one before it waits with that one.
import { compareIds, type IdRange, nextId, previousId } from './id.ts'
import type { Jump } from './id-settle.ts'
import type { Span } from './span.ts'

/** A jump that waits for the end of the file: `span` is what it keeps from being settled. */
export type PendingJump = Jump & {
  /** Without length where the jump waits with the one before it. */
  readonly span: Span
  /** Whether nobody knows which id its first is: nothing may be missing in it. */
  readonly unbounded: boolean
  /** Rows of the file in that span: before the jump, after it, and those that came later and fill it. */
  readonly rows: { before: number; after: number; filling: number }
  /** The records that were left out there. */
  readonly skipped: string[]
  /** The first and last ids of the rows before it and after it, where there are any. */
  readonly seen: { firstBefore: string | null; firstAfter: string | null; last: string | null }
  /** Runs of ids that came later. */
  readonly filled: [string, string][]
}

/** Runs of ids that may fill one jump: more, and the file is in no order at all. */
const MOST_FILLS = 10_000

/** A jump in a span that waits; before `freeFromMs` others do. */
export function pendingJump(jump: Jump, within: Span, freeFromMs: number, unbounded: boolean): PendingJump {
  const endMs = Math.min(within.endMs, jump.beforeMs + 1)
  const fromMs = Math.max(within.startMs, freeFromMs, Math.min(jump.afterMs, jump.beforeMs))
  const rows = { before: 0, after: 0, filling: 0 }
  const seen = { firstBefore: null, firstAfter: null, last: null }
  const span = { startMs: Math.min(fromMs, endMs), endMs }
  return { ...jump, span, unbounded, rows, seen, skipped: [], filled: [] }
}

/** Takes the id of a row that came late in; whether it fills one of the jumps. Doubled ones fill none. */
export function fillJump(jumps: readonly PendingJump[], id: string): boolean {
  const holds = (first: string, last: string): boolean =>
    compareIds(first, id) <= 0 && compareIds(id, last) <= 0
  const jump = jumps.find(({ firstId, lastId }) => holds(firstId, lastId))
  if (!jump || jump.filled.some(([first, last]) => holds(first, last))) return false
  jump.rows.filling += 1
  const run = jump.filled.at(-1)
  if (run && nextId(run[1]) === id) run[1] = id
  else jump.filled.push([id, id])
  if (jump.filled.length > MOST_FILLS) throw new Error('the file is in no order')
  return true
}

/** Jumps in order, each with those that wait with it. */
export function jumpGroups(jumps: readonly PendingJump[]): [PendingJump, ...PendingJump[]][] {
  const groups: [PendingJump, ...PendingJump[]][] = []
  for (const jump of jumps) {
    const group = groups.at(-1)
    if (group && jump.span.startMs >= jump.span.endMs) group.push(jump)
    else groups.push([jump])
  }
  return groups
}

/** What of a jump's ids no row of the file has, in order. */
export function stillMissing(jump: PendingJump): IdRange[] {
  if (jump.unbounded) return []
  const runs = [...jump.filled].sort((a, b) => compareIds(a[0], b[0]))
  const out: IdRange[] = []
  let next = jump.firstId
  for (const [first, last] of runs) {
    if (compareIds(first, next) > 0) out.push({ firstId: next, lastId: previousId(first) })
    if (compareIds(last, next) >= 0) next = nextId(last)
  }
  if (compareIds(next, jump.lastId) <= 0) out.push({ firstId: next, lastId: jump.lastId })
  return out
}
