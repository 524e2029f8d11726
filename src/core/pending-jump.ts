// A jump of ids in an archive that waits for the end of the file: rows that come late may still fill it. The
// time that waiting jumps keep from being settled never overlaps; one that begins and ends in the last
// millisecond of the one before it waits with that one.
import { compareIds, type IdRange, nextId, outermost, previousId } from './id.ts'
import type { Jump } from './id-settle.ts'
import type { Span } from './span.ts'

/** What a part of a span holds: its rows, the records that were left out there, and the ids of both. */
export type Part = {
  readonly rows: number
  readonly skipped: number
  readonly firstId: string | null
  readonly lastId: string | null
}

export const NOTHING: Part = { rows: 0, skipped: 0, firstId: null, lastId: null }

/** Two parts as one. */
export function joinParts(a: Part, b: Part): Part {
  return {
    rows: a.rows + b.rows,
    skipped: a.skipped + b.skipped,
    firstId: outermost([a.firstId, b.firstId], -1),
    lastId: outermost([a.lastId, b.lastId], 1),
  }
}

/** A jump that waits for the end of the file: `span` is what it keeps from being settled. */
export type PendingJump = Jump & {
  /** Without length where the jump waits with the one before it. */
  readonly span: Span
  /** Whether nobody knows which id its first is: nothing may be missing in it. */
  readonly unbounded: boolean
  /** What the file has in that span, on each side of the jump. */
  readonly sides: { before: Part; after: Part }
  /** Rows, and records that were left out, that came later and fill it. */
  readonly filling: { rows: number; skipped: number }
  /** Runs of ids that came later. */
  readonly filled: [string, string][]
}

/** Runs of ids that may fill one jump: more, and the file is in no order at all. */
const MOST_FILLS = 10_000

/** A jump in a span that waits; before `freeFromMs` others do. */
export function pendingJump(jump: Jump, within: Span, freeFromMs: number, unbounded: boolean): PendingJump {
  const endMs = Math.min(within.endMs, jump.beforeMs + 1)
  const fromMs = Math.max(within.startMs, freeFromMs, Math.min(jump.afterMs, jump.beforeMs))
  const sides = { before: NOTHING, after: NOTHING }
  const span = { startMs: Math.min(fromMs, endMs), endMs }
  return { ...jump, span, unbounded, sides, filling: { rows: 0, skipped: 0 }, filled: [] }
}

/**
 * Takes the id of a row, or of a record that was left out, that came late in; whether it fills one of the
 * jumps. Doubled ones fill none.
 */
export function fillJump(jumps: readonly PendingJump[], id: string, what: 'rows' | 'skipped'): boolean {
  const holds = (first: string, last: string): boolean =>
    compareIds(first, id) <= 0 && compareIds(id, last) <= 0
  const jump = jumps.find(({ firstId, lastId }) => holds(firstId, lastId))
  if (!jump || jump.filled.some(([first, last]) => holds(first, last))) return false
  jump.filling[what] += 1
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
