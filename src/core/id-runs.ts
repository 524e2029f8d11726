// Runs of ids that an archive lacks, asked for by their ids alone: by REST as the file ends, or by a later
// pass where REST was out of reach then. One request shows that it has none of a run, however long its time.
import { MalformedError, RefusedError } from '../errors.ts'
import { emptyRows, idsOf, sliceRows } from './dataset.ts'
import { compareIds, countIds, type IdRange, nextId } from './id.ts'
import { lackReason } from './jump-ledger.ts'
import { ASKED_BOTH, isUnasked, type LedgerRow } from './ledger.ts'
import type { Series } from './series.ts'
import type { Source } from './source.ts'
import type { Span } from './span.ts'
import { refusedStep, type SpanJob, type Step } from './step.ts'

/** What came of asking REST for runs of ids. */
export type AskedRuns = {
  /** Trades that it brought. */
  readonly found: number
  /** Runs of ids at whose ends nothing came. */
  readonly nowhere: readonly IdRange[]
  /** Why it would not say; null where it did, or was not asked. */
  readonly refusal: string | null
}

/** What is asked for, and how. */
type Asking = { readonly series: Series; readonly hurried?: boolean }

/** The trades of runs of ids in `span` by REST. Its refusal is told, not thrown. */
export async function* askRuns(
  asking: Asking,
  rest: Source,
  missing: readonly IdRange[],
  span: Span,
): AsyncGenerator<Step, AskedRuns> {
  let found = 0
  const nowhere: IdRange[] = []
  try {
    for (const run of missing) {
      let next = run.firstId
      for await (const { last, ...step } of askRun(asking, rest, run, span)) {
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
  { hurried, series }: Asking,
  rest: Source,
  run: IdRange,
  span: Span,
): AsyncGenerator<Step & { readonly last: string }> {
  let next = run.firstId
  while (compareIds(next, run.lastId) <= 0) {
    const limit = Math.min(rest.page(series, null).rows, countIds(next, run.lastId))
    const answer = await rest.fetch(series, { span, limit, fromId: next }, hurried)
    const ids = idsOf(answer.rows)
    const beyond = ids.findIndex((id) => compareIds(id, run.lastId) > 0)
    const rows = beyond < 0 ? answer.rows : sliceRows(answer.rows, 0, beyond)
    const last = [...idsOf(rows).slice(-1), ...(answer.skippedIds ?? [])]
      .filter((id) => compareIds(id, run.lastId) <= 0)
      .toSorted(compareIds)
      .at(-1)
    if (last === undefined) return
    const nothing = { ledger: [], open: [], refused: null }
    yield { ...nothing, rows, extractedAtMs: answer.servedAtMs, source: 'rest', span, last }
    next = nextId(last)
  }
}

/** A row of which an archive lacks ids that REST was not asked for. */
export type UnaskedRow = LedgerRow & { readonly firstId: string; readonly lastId: string }

/** The row that a span is to be asked for by its ids; null where it is to be asked for by its time. */
export function unaskedRow({ before, span }: SpanJob): UnaskedRow | null {
  const isOwn = (row: LedgerRow): boolean => row.startMs === span.startMs && row.endMs === span.endMs
  const row = before.find((one) => isOwn(one) && isUnasked(one))
  const { firstId, lastId } = row ?? { firstId: null, lastId: null }
  return row && firstId !== null && lastId !== null ? { ...row, firstId, lastId } : null
}

/** The steps of such a row: the trades that REST has of its ids, and what became of it. */
export async function* fetchRun(job: SpanJob, row: UnaskedRow): AsyncGenerator<Step> {
  const { source, span, table } = job
  const run = { firstId: row.firstId, lastId: row.lastId }
  // The first and last of its trades may share a millisecond with those around it.
  const around = { startMs: span.startMs - 1, endMs: span.endMs + 1 }
  const { found, nowhere, refusal } = yield* askRuns(job, source, [run], around)
  if (refusal !== null) {
    yield refusedStep(table, { span, reason: refusal })
    return
  }
  const isNowhere = nowhere.some(({ firstId }) => firstId === run.firstId)
  const ledger = [afterAsking(row, found, isNowhere, source.nowMs())]
  const nothing = { rows: emptyRows(table), open: [], refused: null }
  // Only once the rows are written may the ledger vouch for them.
  const last = { ledger, extractedAtMs: source.nowMs(), source: source.name, span, barrier: true } as const
  yield { ...nothing, ...last }
}

/** What a row says once REST, which has `found` trades of its ids, was asked. */
function afterAsking(row: UnaskedRow, found: number, isNowhere: boolean, nowMs: number): LedgerRow {
  const isEmpty = row.verdict !== 'rows'
  const facts = { ...row, asked: ASKED_BOTH, checkedAtMs: nowMs, reason: null }
  if (isEmpty && isNowhere) return { ...facts, source: 'rest', reason: lackReason(row, true) }
  // Where the archive has trades of the run too, REST has sent them again.
  const held = isEmpty ? { rows: 0, skipped: countIds(row.firstId, row.lastId) } : row
  const came = Math.max(0, found - held.rows)
  const counts = { rows: held.rows + came, skipped: Math.max(0, held.skipped - came) }
  return { ...facts, ...counts, verdict: 'rows', source: came > 0 || isEmpty ? 'rest' : 'archive' }
}
