// The steps of an archive of trades: its rows span by span, and at the end what its jumps of ids are. A run
// of ids that neither the archive nor REST has is settled; where REST does not reach back, the archive's
// checksum has to do as the second witness.

import { MalformedError, RefusedError } from '../errors.ts'
import type { ArchiveFile, ArchivePiece } from './archive.ts'
import { ArchiveIdSpan } from './archive-ids.ts'
import { type ArchiveFindings, type ArchiveJob, archiveStep, rowsIn } from './archive-walk.ts'
import { emptyRows, idsOf, sliceRows } from './dataset.ts'
import { compareIds, countIds, type IdRange, nextId } from './id.ts'
import { firstIdFrom, lastIdBefore } from './id-ledger.ts'
import type { Placed } from './id-settle.ts'
import { groupLedger, type JumpGroup, leftOpen } from './jump-ledger.ts'
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

/** What came of asking REST for the ids of a jump. */
type Asked = {
  /** Trades that it brought. */
  readonly found: number
  /** Runs of ids at whose ends nothing came. */
  readonly nowhere: readonly IdRange[]
  /** Why it would not say; null where it did, or was not asked. */
  readonly refusal: string | null
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
  const asked = yield* askRuns(job, rest, missing, jump)
  const { ledger, open } =
    asked.refusal === null
      ? { ledger: groupLedger(group, asked, rest !== null, nowMs()), open: [] }
      : leftOpen(group, missing, asked.refusal, nowMs())
  // Only once all rows around the jump are written may the ledger vouch for them.
  yield { ...archiveStep(nowMs(), jump.span, emptyRows(table), ledger), open, barrier: true }
}

/** Who may have the trades of a jump; null where REST does not reach, or answers only with a key. */
function restFor({ rest }: TradeArchiveJob, jump: PendingJump): Source | null {
  if (!rest || rest.lacksKey) return null
  return jump.beforeMs < rest.nowMs() - (rest.reachMs ?? Number.POSITIVE_INFINITY) ? null : rest
}

/** The trades of runs of ids by REST; nothing where that is nobody. Its refusal is no fault of the file. */
async function* askRuns(
  job: TradeArchiveJob,
  rest: Source | null,
  missing: readonly IdRange[],
  jump: PendingJump,
): AsyncGenerator<Step, Asked> {
  if (!rest) return { found: 0, nowhere: missing, refusal: null }
  let found = 0
  const nowhere: IdRange[] = []
  try {
    for (const run of missing) {
      let next = run.firstId
      for await (const { last, ...step } of askRun(job, rest, run, jump)) {
        found += step.rows.count
        next = nextId(last)
        if (step.rows.count > 0) yield step
      }
      if (compareIds(next, run.lastId) <= 0) nowhere.push({ firstId: next, lastId: run.lastId })
    }
  } catch (error) {
    if (!(error instanceof RefusedError || error instanceof MalformedError)) throw error
    return { found, nowhere, refusal: error.message }
  }
  return { found, nowhere, refusal: null }
}

/** The pages of a run of ids by REST, each with the last id of it that it names. */
async function* askRun(
  { series }: TradeArchiveJob,
  rest: Source,
  run: IdRange,
  jump: PendingJump,
): AsyncGenerator<Step & { readonly last: string }> {
  let next = run.firstId
  while (compareIds(next, run.lastId) <= 0) {
    const limit = Math.min(rest.page(series, null).rows, countIds(next, run.lastId))
    const answer = await rest.fetch(series, { span: jump.span, limit, fromId: next })
    const ids = idsOf(answer.rows)
    const beyond = ids.findIndex((id) => compareIds(id, run.lastId) > 0)
    const rows = beyond < 0 ? answer.rows : sliceRows(answer.rows, 0, beyond)
    const last = [...idsOf(rows).slice(-1), ...(answer.skippedIds ?? [])]
      .filter((id) => compareIds(id, run.lastId) <= 0)
      .toSorted(compareIds)
      .at(-1)
    if (last === undefined) return
    yield { ...archiveStep(answer.servedAtMs, jump.span, rows, []), source: 'rest', last }
    next = nextId(last)
  }
}
