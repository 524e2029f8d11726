// The steps of an archive of trades: its rows span by span, and at the end what its jumps of ids are. A run
// of ids that neither the archive nor REST has is settled; where REST does not reach back, the archive's
// checksum has to do as the second witness, until REST can be asked (core/id-runs.ts).

import type { ArchiveFile, ArchivePiece } from './archive.ts'
import { ArchiveIdSpan } from './archive-ids.ts'
import { type ArchiveFindings, type ArchiveJob, archiveStep, rowsIn } from './archive-walk.ts'
import { emptyRows } from './dataset.ts'
import type { IdRange } from './id.ts'
import { firstIdFrom, lastIdBefore } from './id-ledger.ts'
import { type AskedRuns, askRuns } from './id-runs.ts'
import type { Placed } from './id-settle.ts'
import { groupLedger, type JumpGroup, lackReason, leftOpen } from './jump-ledger.ts'
import type { LedgerRow } from './ledger.ts'
import { jumpGroups, type PendingJump, stillMissing } from './pending-jump.ts'
import type { Source } from './source.ts'
import type { Span } from './span.ts'
import type { Step } from './step.ts'

export type TradeArchiveJob = ArchiveJob & {
  /** The ledger as it was before the pass, and what the pass has settled next to the spans. */
  readonly before: readonly LedgerRow[]
  /** Who may have what the archive lacks; null where nobody is in reach. */
  readonly rest: Source | null
}

/** Hands out a file's trades; nothing of its spans is left to others. */
export async function* walkTrades(job: TradeArchiveJob): AsyncGenerator<Step, ArchiveFindings> {
  const { before, nowMs, open, spans, table } = job
  const parts = spans.map((span) => ({
    span,
    state: new ArchiveIdSpan(table, span, {
      lastId: lastIdBefore(before, span.startMs),
      nextId: firstIdFrom(before, span.endMs),
    }),
  }))
  for await (const piece of open.pieces()) {
    for (const { span, state } of parts) {
      const rows = rowsIn(table, piece, [span], open.file)
      const skipped = skippedWithin(span, piece, open.file)
      if (rows.count + skipped.length > 0) for (const step of state.take(rows, skipped, nowMs())) yield step
    }
  }
  for (const { state } of parts) {
    for (const step of state.end(nowMs())) yield step
    for (const group of jumpGroups(state.jumps)) yield* settleJump(job, group)
  }
  return { lacking: [], rows: null }
}

/** A piece's invalid records in a span: by their times, where it is not all that the file has. */
function skippedWithin(
  span: Span,
  { skippedIds, skippedTimesMs }: ArchivePiece,
  file: ArchiveFile,
): Placed[] {
  const isAll = span.startMs <= file.span.startMs && span.endMs >= file.span.endMs
  return skippedIds
    .map((id, i) => ({ id, timeMs: skippedTimesMs[i] ?? span.startMs }))
    .filter(({ timeMs }) => isAll || (timeMs >= span.startMs && timeMs < span.endMs))
}

/**
 * What a jump, and those that wait with it, turn out to be, once the file has ended: rows that REST has, or
 * ids that nobody has.
 */
async function* settleJump(job: TradeArchiveJob, group: JumpGroup): AsyncGenerator<Step> {
  const { nowMs, table } = job
  const [jump] = group
  const missing = group.flatMap(stillMissing)
  const rest = restFor(job, jump)
  const asked: AskedRuns = rest
    ? yield* askRuns(job, rest, missing, jump.span)
    : { found: 0, nowhere: missing, refusal: null }
  const { ledger, open } =
    asked.refusal === null
      ? { ledger: toldApart(job, missing, groupLedger(group, asked, rest !== null, nowMs())), open: [] }
      : leftOpen(group, missing, asked.refusal, nowMs())
  // Only once all rows around the jump are written may the ledger vouch for them.
  yield { ...archiveStep(nowMs(), jump.span, emptyRows(table), ledger), open, barrier: true }
}

/**
 * Ids that rows merely count as left out, since their trades shared a millisecond with others, and that the
 * API was not asked for: such rows are told apart from those that it need not be asked for. Not of futures,
 * whose ids jump often, and of which the API has forgotten by then what lies in archives.
 */
function toldApart(
  { rest, series }: TradeArchiveJob,
  missing: readonly IdRange[],
  ledger: readonly LedgerRow[],
): readonly LedgerRow[] {
  if (rest || series.market !== 'spot') return ledger
  const counted = missing.filter(({ firstId }) =>
    ledger.every((row) => row.verdict === 'rows' || row.firstId !== firstId),
  )
  const [first] = counted
  if (!first) return ledger
  const reason = lackReason({ firstId: first.firstId, lastId: counted.at(-1)?.lastId ?? first.lastId }, false)
  const isToAsk = ({ firstId, lastId, skipped, verdict }: LedgerRow): boolean =>
    verdict === 'rows' && skipped > 0 && firstId !== null && lastId !== null
  return ledger.map((row) => (isToAsk(row) ? { ...row, asked: 0, reason } : row))
}

/** Who may have the trades of a jump; null where REST does not reach, or answers only with a key. */
function restFor({ rest }: TradeArchiveJob, jump: PendingJump): Source | null {
  if (!rest || rest.lacksKey) return null
  return jump.beforeMs < rest.nowMs() - (rest.reachMs ?? Number.POSITIVE_INFINITY) ? null : rest
}
