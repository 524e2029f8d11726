// What rows in order of ids settle. Ids run on; where they jump, trades are missing, unless the exchange says
// twice that it has none: insurance-fund and auto-deleveraging trades are not published (reference 8.7), and
// invalid aggregates were left out on purpose and are counted.
import { idsOf, type Rows, type Table, timesOf } from './dataset.ts'
import { type EmptinessContext, settleEmptiness } from './holes.ts'
import { compareIds, countIds, nextId, previousId } from './id.ts'
import { type LedgerRow, ledgerRow } from './ledger.ts'
import { minus, type Span } from './span.ts'
import type { OpenSpan } from './step.ts'

/** A run of ids that no trade has. */
export type Jump = {
  readonly firstId: string
  readonly lastId: string
  /** The times of the trades before and after it, epoch ms. */
  readonly afterMs: number
  readonly beforeMs: number
}

/**
 * Where the ids of a page jump; those of `skipped` records are there. `expected` is the id that should come
 * first, after a trade before `sinceMs`.
 */
export function jumpsOf(
  table: Table,
  rows: Rows,
  skipped: readonly string[],
  expected: string | null,
  sinceMs: number,
): Jump[] {
  const jumps: Jump[] = []
  const ids = idsOf(rows)
  const timesMs = timesOf(table, rows)
  let next = expected
  let afterMs = sinceMs
  let skips = 0
  /** What is missing before `id`: skipped ids lie in the run, and what they do not fill is missing. */
  const until = (id: string | null, beforeMs: number): void => {
    const isBefore = (skip: string): boolean => id === null || compareIds(skip, id) < 0
    for (let skip = skipped[skips]; skip !== undefined && isBefore(skip); skip = skipped[skips]) {
      if (next !== null && compareIds(skip, next) > 0)
        jumps.push({ firstId: next, lastId: previousId(skip), afterMs, beforeMs })
      if (next === null || compareIds(skip, next) >= 0) next = nextId(skip)
      skips += 1
    }
    if (id !== null && next !== null && compareIds(id, next) > 0)
      jumps.push({ firstId: next, lastId: previousId(id), afterMs, beforeMs })
  }
  for (const [i, id] of ids.entries()) {
    const timeMs = timesMs[i] ?? afterMs
    until(id, timeMs)
    next = nextId(id)
    afterMs = timeMs
  }
  // A record that is left out has no time: nobody knows when what is missing before the last ones was.
  until(null, afterMs)
  return jumps
}

export type IdRegion = {
  readonly table: Table
  readonly region: Span
  readonly rows: Rows
  readonly skippedIds: readonly string[]
  readonly jumps: readonly Jump[]
  /** The last id before the end of the region, where it holds no trade itself. */
  readonly lastId: string | null
  readonly context: EmptinessContext
}

/** The ledger rows of a region whose trades are all in hand, and the jumps that are too young to count. */
export function settleIds(input: IdRegion): { ledger: LedgerRow[]; open: OpenSpan[] } {
  const { context, jumps, region, rows, skippedIds, table } = input
  if (region.startMs >= region.endMs) return { ledger: [], open: [] }
  const runs = together(jumps)
  const empty = runs.map((jump) => settleJump(jump, region, context))
  const ledger = empty.flatMap((one) => one.ledger)
  const open = empty.flatMap((one) => one.open)
  // What is left out is counted with the part whose rows it lies among, by its id: it has no time that
  // counts.
  const named = runs.filter((_, i) => empty[i]?.counted === 0)
  const isNamed = (id: string): boolean =>
    named.some(({ firstId, lastId }) => compareIds(firstId, id) <= 0 && compareIds(id, lastId) <= 0)
  const left = [
    ...skippedIds.filter((id) => !isNamed(id)).map((id) => ({ firstId: id, lastId: id, count: 1 })),
    ...runs.flatMap((run, i) => (empty[i]?.counted ? [{ ...run, count: empty[i].counted }] : [])),
  ]
  const held = minus([region], [...ledger, ...open.map(({ span }) => span)])
  const timesMs = timesOf(table, rows)
  const ids = idsOf(rows)
  let at = 0
  for (const [i, span] of held.entries()) {
    const from = at
    const isLast = i === held.length - 1
    while (at < rows.count && (isLast || (timesMs[at] ?? 0) < span.endMs)) at += 1
    const count = at - from
    const lastRowId = count > 0 ? (ids[at - 1] ?? null) : isLast ? input.lastId : null
    const own = left.filter(
      ({ lastId }) => isLast || (lastRowId !== null && compareIds(lastId, lastRowId) < 0),
    )
    for (const one of own) left.splice(left.indexOf(one), 1)
    const firstIds = [...(count > 0 ? [ids[from] ?? ''] : []), ...own.map(({ firstId }) => firstId)]
    const lastIds = [...(lastRowId === null ? [] : [lastRowId]), ...own.map(({ lastId }) => lastId)]
    ledger.push(
      ledgerRow(span, 'rows', {
        rows: count,
        source: context.source,
        firstId: firstIds.toSorted(compareIds)[0] ?? null,
        lastId: lastIds.toSorted(compareIds).at(-1) ?? null,
        skipped: own.reduce((sum, one) => sum + one.count, 0),
        checkedAtMs: context.nowMs,
        reason: isLast && skippedIds.length > 0 ? skippedReason(skippedIds) : null,
      }),
    )
  }
  return { ledger: ledger.sort((a, b) => a.startMs - b.startMs), open }
}

/**
 * Jumps between the same two trades as one run: records that were left out lie between them, and a span of
 * time can name one run only.
 */
function together(jumps: readonly Jump[]): Jump[] {
  const out: Jump[] = []
  for (const jump of jumps) {
    const last = out.at(-1)
    if (
      last &&
      last.afterMs === jump.afterMs &&
      last.beforeMs === jump.beforeMs &&
      last.beforeMs > last.afterMs + 1
    )
      out[out.length - 1] = { ...last, lastId: jump.lastId }
    else out.push(jump)
  }
  return out
}

function skippedReason(ids: readonly string[]): string {
  const name = ids.length === 1 ? `id ${ids[0]}` : `${ids.length} ids from ${ids[0]} to ${ids.at(-1)}`
  return `invalid records left out: ${name}`
}

type SettledJump = { ledger: readonly LedgerRow[]; open: readonly OpenSpan[]; counted: number }

/** A jump between two milliseconds is a span of its own; one within a millisecond can only be counted. */
function settleJump(jump: Jump, region: Span, context: EmptinessContext): SettledJump {
  const ids = countIds(jump.firstId, jump.lastId)
  const name = jump.firstId === jump.lastId ? `id ${jump.firstId}` : `ids ${jump.firstId} to ${jump.lastId}`
  const span = {
    startMs: Math.max(region.startMs, jump.afterMs + 1),
    endMs: Math.min(region.endMs, jump.beforeMs),
  }
  if (span.startMs >= span.endMs) return { ledger: [], open: [], counted: ids }
  const settled = settleEmptiness(span, 'no-trades', 2, context)
  const ledger = settled.ledger.map((row) =>
    row.verdict === 'wanted'
      ? row
      : { ...row, firstId: jump.firstId, lastId: jump.lastId, reason: `no trade has ${name}: ${row.reason}` },
  )
  return { ledger, open: settled.open, counted: 0 }
}
