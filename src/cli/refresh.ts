// --refresh: the archives that were published anew since their rows were taken in, as tasks that take them in
// again. What of a file is not covered yet comes with it.
import type { ArchiveFile, ArchiveRecord, ArchiveSource } from '../core/archive.ts'
import type { Tell } from '../core/events.ts'
import { type LedgerRow, settledSpans } from '../core/ledger.ts'
import { fileOf, republishedOf } from '../core/republished.ts'
import type { Series } from '../core/series.ts'
import { meet, type Span } from '../core/span.ts'
import type { Task } from '../core/tasks.ts'

export type Refresh = {
  readonly series: Series
  readonly archives: ArchiveSource
  /** The archives of the series that were taken in. */
  readonly records: readonly ArchiveRecord[]
  readonly ledger: readonly LedgerRow[]
  /** What is missing of the series. */
  readonly missing: readonly Span[]
  /** Archives that lie outside of it are left alone; null for no bound. Epoch ms. */
  readonly range: { readonly startMs: number | null; readonly endMs: number | null }
  readonly signal: AbortSignal
  readonly tell: Tell
}

type ArchiveTask = Extract<Task, { kind: 'archive' }>

/** Checksums of one series that are asked for at once. */
const CHECKSUMS_AT_ONCE = 4

/**
 * A task for each archive that is another one now. A file that has no good checksum any more is told, and
 * what is stored of it stays. Throws UnavailableError, UserError, StoppedError.
 */
export async function refreshTasks(refresh: Refresh): Promise<ArchiveTask[]> {
  const { archives, ledger, missing, range, series, signal, tell } = refresh
  const records = refresh.records.filter((record) => {
    const { span } = fileOf(record)
    return span.endMs > (range.startMs ?? 0) && span.startMs < (range.endMs ?? Infinity)
  })
  const found = await republishedOf({ archives, records, workers: CHECKSUMS_AT_ONCE, signal })
  for (const { record, problem, sha256 } of found) {
    if (sha256 !== null) continue
    const message = `the archive ${record.name} cannot be compared, what is stored of it stays: ${problem}`
    tell({ type: 'warning', message })
  }
  const files = found.filter(({ sha256 }) => sha256 !== null).map(({ file }) => file)
  const settled = settledSpans(ledger)
  return (await asListed(archives, series, files)).flatMap((file) => {
    const spans = meet([file.span], missing)
    const again = meet([file.span], settled)
    return again.length === 0 ? [] : [{ kind: 'archive', file, spans, again }]
  })
}

/** The files with the sizes that they have now, where the listing has them. */
async function asListed(
  archives: ArchiveSource,
  series: Series,
  files: readonly ArchiveFile[],
): Promise<ArchiveFile[]> {
  const [first] = files
  if (!first) return []
  const endMs = Math.max(...files.map(({ span }) => span.endMs))
  const listed = await archives.list(series, { startMs: first.span.startMs, endMs })
  const byKey = new Map(listed.map((file) => [file.key, file]))
  return files.map((file) => byKey.get(file.key) ?? file)
}
