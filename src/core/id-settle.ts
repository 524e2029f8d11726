// What rows in order of ids settle. Ids run on; where they jump, trades are missing, unless the exchange says
// twice that it has none: insurance-fund and auto-deleveraging trades are not published (reference 8.7), and
// invalid aggregates were left out on purpose and are counted.
import { idsOf, type Rows, type Table, timesOf } from './dataset.ts'
import { type EmptinessContext, settleEmptiness } from './holes.ts'
import { compareIds, countIds, type IdRange, nextId, outermost, previousId } from './id.ts'
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

/** The id of a trade, or of an invalid record, and its time; NaN where nobody knows it. */
export type Placed = { readonly id: string; readonly timeMs: number }

/**
 * Where the ids of a page jump; those of `skipped` records, in order, are there. `expected` is the id that
 * should come first, after a trade before `sinceMs`.
 */
export function jumpsOf(
  table: Table,
  rows: Rows,
  skipped: readonly Placed[],
  expected: string | null,
  sinceMs: number,
): Jump[] {
  const jumps: Jump[] = []
  const timesMs = timesOf(table, rows)
  let next = expected
  let afterMs = sinceMs
  let skips = 0
  const come = (id: string, beforeMs: number): void => {
    if (next !== null && compareIds(id, next) > 0)
      jumps.push({ firstId: next, lastId: previousId(id), afterMs, beforeMs })
    if (next === null || compareIds(id, next) >= 0) next = nextId(id)
  }
  /** The records before `id`, whose trade was made at `untilMs`: they were made between their neighbours. */
  const skipUntil = (id: string | null, untilMs: number): void => {
    for (let one = skipped[skips]; one && (id === null || compareIds(one.id, id) < 0); one = skipped[skips]) {
      skips += 1
      if (Number.isNaN(one.timeMs)) {
        come(one.id, Number.isFinite(untilMs) ? untilMs : afterMs)
        continue
      }
      const timeMs = Math.max(afterMs, Math.min(one.timeMs, untilMs))
      come(one.id, timeMs)
      afterMs = timeMs
    }
  }
  for (const [i, id] of idsOf(rows).entries()) {
    const timeMs = timesMs[i] ?? afterMs
    skipUntil(id, timeMs)
    come(id, timeMs)
    next = nextId(id)
    afterMs = timeMs
  }
  skipUntil(null, Number.POSITIVE_INFINITY)
  return jumps
}

export type IdRegion = {
  readonly table: Table
  readonly region: Span
  readonly rows: Rows
  /** The invalid records of the region, in order. */
  readonly skipped: readonly Placed[]
  readonly jumps: readonly Jump[]
  /** The last id before the end of the region, where it holds no trade itself. */
  readonly lastId: string | null
  readonly context: EmptinessContext
}

/** Ids that no row has and that a span counts: when they were, as near as is known. */
type Counted = IdRange & { readonly count: number; readonly timeMs: number; readonly isRecord: boolean }

/** The ledger rows of a region whose trades are all in hand, and the jumps that are too young to count. */
export function settleIds(input: IdRegion): { ledger: LedgerRow[]; open: OpenSpan[] } {
  const { context, jumps, region, rows, skipped, table } = input
  if (region.startMs >= region.endMs) return { ledger: [], open: [] }
  const empty = jumps.map((jump) => settleJump(jump, region, context))
  const ledger = empty.flatMap((one) => one.ledger)
  const open = empty.flatMap((one) => one.open)
  let left: readonly Counted[] = [
    ...skipped.map(({ id, timeMs }) => ({ firstId: id, lastId: id, count: 1, timeMs, isRecord: true })),
    ...jumps.flatMap((jump, i) => {
      const count = empty[i]?.counted ?? 0
      return count === 0 ? [] : [{ ...jump, count, timeMs: jump.beforeMs, isRecord: false }]
    }),
  ]
  const held = minus([region], [...ledger, ...open.map(({ span }) => span)])
  const timesMs = timesOf(table, rows)
  const ids = idsOf(rows)
  let at = 0
  for (const [i, span] of held.entries()) {
    const from = at
    const isLast = i === held.length - 1
    while (at < rows.count && (isLast || (timesMs[at] ?? 0) < span.endMs)) at += 1
    const isOwn = ({ timeMs }: Counted): boolean => isLast || timeMs < span.endMs
    const own = left.filter(isOwn)
    left = left.filter((one) => !isOwn(one))
    // Where ids that no trade has end the region, they name its last one.
    const lastRowId = at > from ? ids[at - 1] : span.endMs === region.endMs ? input.lastId : null
    ledger.push(
      ledgerRow(span, 'rows', {
        rows: at - from,
        source: context.source,
        firstId: outermost([at > from ? ids[from] : null, ...own.map(({ firstId }) => firstId)], -1),
        lastId: outermost([lastRowId, ...own.map(({ lastId }) => lastId)], 1),
        skipped: own.reduce((sum, one) => sum + one.count, 0),
        checkedAtMs: context.nowMs,
        reason: skippedReason(own.filter(({ isRecord }) => isRecord).map(({ firstId }) => firstId)),
      }),
    )
  }
  return { ledger: ledger.sort((a, b) => a.startMs - b.startMs), open }
}

function skippedReason(ids: readonly string[]): string | null {
  if (ids.length === 0) return null
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
