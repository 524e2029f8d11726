// Takes in the rows of one archive: what of them is missing, with the coverage that it settles, piece by
// piece. What the file turns out not to hold is left to the caller: another source may have it.
import type { ArchiveFile, ArchivePiece, ArchiveRecord, OpenArchive } from './archive.ts'
import { advance, countPlaces, emptyPlaces, floorToPeriod } from './calendar.ts'
import { type Dataset, emptyRows, joinRows, pickRows, type Rows, type Table, timesOf } from './dataset.ts'
import { type LedgerRow, ledgerRow } from './ledger.ts'
import { type Period, type Series, seriesKey } from './series.ts'
import { meet, minus, type Span, union } from './span.ts'
import type { Step } from './step.ts'

export type ArchiveJob = {
  readonly series: Series
  readonly period: Period | null
  readonly dataset: Dataset
  readonly table: Table
  /** What is missing of the file's rows; a normal set. */
  readonly spans: readonly Span[]
  readonly open: OpenArchive
  /** When the rows are taken in, epoch ms. */
  readonly nowMs: () => number
}

/** What a file turned out to be, once it was read. */
export type ArchiveFindings = {
  /** What of the missing spans it does not hold. */
  readonly lacking: readonly Span[]
  /** From the first of all its rows to the last one, asked for or not; null where nobody has looked. */
  readonly rows: Span | null
}

/** More rows than a file of rates by time can have. */
const MOST_RATES = 100_000

/** A step of rows from an archive. */
export function archiveStep(nowMs: number, span: Span, rows: Rows, ledger: readonly LedgerRow[]): Step {
  return { rows, ledger, extractedAtMs: nowMs, source: 'archive', span, open: [], refused: null }
}

/** The step that writes down that an archive was taken. */
export function takenStep(series: Series, table: Table, open: OpenArchive, nowMs: number): Step {
  const { key, bytes, span } = open.file
  const record: ArchiveRecord = {
    series: seriesKey(series),
    name: key,
    sha256: open.sha256,
    bytes,
    takenAtMs: nowMs,
  }
  return { ...archiveStep(nowMs, span, emptyRows(table), []), archives: [record] }
}

/**
 * The steps of a file of candles. Throws MalformedError where the file is not what it should be: what was
 * settled before stands.
 */
export async function* walkCandles(
  job: ArchiveJob & { period: Period },
): AsyncGenerator<Step, ArchiveFindings> {
  const { nowMs, open, period, table } = job
  let covered: readonly Span[] = []
  let [firstMs, lastMs] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for await (const piece of open.pieces()) {
    const timesMs = timesOf(table, piece.rows)
    firstMs = Math.min(firstMs, timesMs[0] ?? firstMs)
    lastMs = Math.max(lastMs, timesMs.at(-1) ?? lastMs)
    const rows = rowsIn(table, piece, job.spans, open.file)
    if (rows.count === 0) continue
    const runs = meet(runsOf(period, timesOf(table, rows)), job.spans)
    const ledger = counted(table, rows, runs, nowMs())
    covered = union(covered, runs)
    const span = { startMs: runs[0]?.startMs ?? 0, endMs: runs.at(-1)?.endMs ?? 0 }
    yield archiveStep(nowMs(), span, rows, ledger)
  }
  const rows = firstMs <= lastMs ? { startMs: firstMs, endMs: advance(period, lastMs, 1) } : null
  const left = minus(job.spans, covered)
  const lacking = left.filter((span) => countPlaces(period, span) > 0)
  // A month begins in the middle of a week: up to the next one there is nothing that could be missing.
  for (const span of minus(left, lacking))
    yield archiveStep(nowMs(), span, emptyRows(table), counted(table, emptyRows(table), [span], nowMs()))
  return { lacking, rows }
}

/** The steps of a file of rates: it holds all that its span has. */
export async function* walkRates(job: ArchiveJob): AsyncGenerator<Step, ArchiveFindings> {
  const { nowMs, open, table } = job
  let rows = emptyRows(table)
  for await (const piece of open.pieces()) {
    rows = joinRows(rows, rowsIn(table, piece, job.spans, open.file))
    if (rows.count > MOST_RATES) throw new Error(`${open.file.key} has more than ${MOST_RATES} rates`)
  }
  yield archiveStep(nowMs(), open.file.span, rows, counted(table, rows, job.spans, nowMs()))
  return { lacking: [], rows: null }
}

/** The rows of a piece whose time lies in one of `spans`. */
export function rowsIn(
  table: Table,
  { rows }: ArchivePiece,
  spans: readonly Span[],
  file: ArchiveFile,
): Rows {
  const only = spans[0]
  if (spans.length === 1 && only && only.startMs <= file.span.startMs && only.endMs >= file.span.endMs)
    return rows
  const kept: number[] = []
  for (const [i, timeMs] of timesOf(table, rows).entries()) {
    if (spans.some((span) => timeMs >= span.startMs && timeMs < span.endMs)) kept.push(i)
  }
  return kept.length === rows.count ? rows : pickRows(rows, kept)
}

/** The spans of the places that follow each other without a hole. */
function runsOf(period: Period, timesMs: readonly number[]): Span[] {
  const [first, last] = [timesMs[0], timesMs.at(-1)]
  if (first === undefined || last === undefined) return []
  const region = { startMs: floorToPeriod(period, first), endMs: advance(period, last, 1) }
  return minus([region], emptyPlaces(period, region, timesMs))
}

/** A ledger row for each span, with how many of the rows lie in it. */
function counted(table: Table, rows: Rows, spans: readonly Span[], nowMs: number): LedgerRow[] {
  const timesMs = timesOf(table, rows)
  let at = 0
  return spans.map((span) => {
    while (at < timesMs.length && (timesMs[at] ?? 0) < span.startMs) at += 1
    const from = at
    while (at < timesMs.length && (timesMs[at] ?? 0) < span.endMs) at += 1
    return ledgerRow(span, 'rows', { rows: at - from, source: 'archive', checkedAtMs: nowMs })
  })
}
