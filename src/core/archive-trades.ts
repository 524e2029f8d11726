// The steps of an archive of trades: its rows span by span, and at the end what its jumps of ids are. A run
// of ids that neither the archive nor REST has is settled; where REST does not reach back, the archive's
// checksum has to do as the second witness.

import type { ArchiveFile, ArchivePiece } from './archive.ts'
import { ArchiveIdSpan, type PendingJump, stillMissing } from './archive-ids.ts'
import { type ArchiveFindings, type ArchiveJob, archiveStep, rowsIn } from './archive-walk.ts'
import { emptyRows, idsOf, sliceRows } from './dataset.ts'
import { compareIds, countIds, nextId } from './id.ts'
import { type LedgerRow, ledgerRow } from './ledger.ts'
import type { Source } from './source.ts'
import type { Span } from './span.ts'
import type { Step } from './step.ts'

export type TradeArchiveJob = ArchiveJob & {
  /** The ledger as it was before the pass. */
  readonly before: readonly LedgerRow[]
  /** Who may have what the archive lacks; null where nobody is in reach. */
  readonly rest: Source | null
}

type IdRun = { readonly firstId: string; readonly lastId: string }

/** Hands out a file's trades; nothing of its spans is left to others. */
export async function* walkTrades(job: TradeArchiveJob): AsyncGenerator<Step, ArchiveFindings> {
  const { before, nowMs, open, spans, table } = job
  const parts = spans.map((span) => ({
    span,
    state: new ArchiveIdSpan(table, span, lastIdBefore(before, span)),
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
    for (const jump of state.jumps) yield* settleJump(job, jump)
  }
  return { lacking: [], rows: null }
}

/** The last id before a span, where the ledger knows it. */
function lastIdBefore(before: readonly LedgerRow[], span: Span): string | null {
  return before.find(({ endMs, lastId }) => endMs === span.startMs && lastId !== null)?.lastId ?? null
}

/** The ids of a piece's invalid records in a span: by their times, where it is not all that the file has. */
function skippedWithin(
  span: Span,
  { skippedIds, skippedTimesMs }: ArchivePiece,
  file: ArchiveFile,
): string[] {
  const isAll = span.startMs <= file.span.startMs && span.endMs >= file.span.endMs
  return skippedIds.filter((_, i) => {
    const timeMs = skippedTimesMs[i] ?? Number.NaN
    return isAll || (timeMs >= span.startMs && timeMs < span.endMs)
  })
}

/** What a jump turns out to be, once the file has ended: rows that REST has, or ids that nobody has. */
async function* settleJump(job: TradeArchiveJob, jump: PendingJump): AsyncGenerator<Step> {
  const { nowMs, table } = job
  const missing = jump.unbounded ? [] : stillMissing(jump)
  let found = 0
  const nowhere: IdRun[] = []
  for (const run of missing) {
    let next = run.firstId
    for await (const step of askRun(job, run, jump)) {
      found += step.rows.count
      yield step
      const last = idsOf(step.rows).at(-1)
      if (last !== undefined) next = nextId(last)
    }
    if (compareIds(next, run.lastId) <= 0) nowhere.push({ firstId: next, lastId: run.lastId })
  }
  const ledger = jumpLedger(job, jump, found, nowhere)
  // Only once all rows around the jump are written may the ledger vouch for them.
  yield { ...archiveStep(nowMs(), jump.span, emptyRows(table), ledger), barrier: true }
}

/** The trades of a run of ids by REST; nothing where it does not reach. */
async function* askRun(job: TradeArchiveJob, run: IdRun, jump: PendingJump): AsyncGenerator<Step> {
  const { rest, series } = job
  if (!rest || jump.beforeMs < rest.nowMs() - (rest.reachMs ?? Number.POSITIVE_INFINITY)) return
  let next = run.firstId
  while (compareIds(next, run.lastId) <= 0) {
    const limit = Math.min(rest.page(series, null).rows, countIds(next, run.lastId))
    const answer = await rest.fetch(series, { span: jump.span, limit, fromId: next })
    const ids = idsOf(answer.rows)
    const beyond = ids.findIndex((id) => compareIds(id, run.lastId) > 0)
    const rows = beyond < 0 ? answer.rows : sliceRows(answer.rows, 0, beyond)
    const last = idsOf(rows).at(-1)
    if (last === undefined) return
    yield { ...archiveStep(answer.servedAtMs, jump.span, rows, []), source: 'rest' }
    next = nextId(last)
  }
}

function jumpLedger(
  { nowMs, rest }: TradeArchiveJob,
  jump: PendingJump,
  found: number,
  nowhere: readonly IdRun[],
): LedgerRow[] {
  const { before, after, filling, skipped: leftOut } = jump.rows
  const facts = { source: 'archive', checkedAtMs: nowMs() } as const
  const [run] = nowhere
  const hole = {
    startMs: Math.max(jump.span.startMs, jump.afterMs + 1),
    endMs: Math.min(jump.span.endMs, jump.beforeMs),
  }
  const isWhole = run?.firstId === jump.firstId && run.lastId === jump.lastId
  if (!run || !isWhole || hole.startMs >= hole.endMs) {
    const skipped = nowhere.reduce((sum, one) => sum + countIds(one.firstId, one.lastId), leftOut)
    const rows = before + after + filling + found
    const { firstSeen: firstId, lastSeen: lastId } = jump
    return [ledgerRow(jump.span, 'rows', { ...facts, rows, skipped, firstId, lastId })]
  }
  const witness = rest ? 'neither the archive nor the API has' : 'the archive does not have'
  const reason = `${witness} the ids ${run.firstId} to ${run.lastId}`
  const parts: LedgerRow[] = [ledgerRow(hole, 'no-trades', { ...facts, ...run, asked: rest ? 2 : 1, reason })]
  const left = { startMs: jump.span.startMs, endMs: hole.startMs }
  const right = { startMs: hole.endMs, endMs: jump.span.endMs }
  if (left.startMs < left.endMs)
    parts.push(ledgerRow(left, 'rows', { ...facts, rows: before, firstId: jump.firstSeen }))
  if (right.startMs < right.endMs)
    parts.push(ledgerRow(right, 'rows', { ...facts, rows: after, lastId: jump.lastSeen }))
  return parts.sort((a, b) => a.startMs - b.startMs)
}
