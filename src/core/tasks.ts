// Which source brings which part of what is missing. Archives where they pay: a month file where more than
// half of a month's rows are missing, day files for the rest, REST for the tail and for what no archive has.
// Never archives where REST is cheaper: they cost no weight, but two requests each and a listing.
import type { ArchiveFile } from './archive.ts'
import { advance, countPlaces, DAY_MS, floorToPeriod } from './calendar.ts'
import { NOT_PUBLISHED } from './holes.ts'
import type { SourceName } from './ledger.ts'
import type { Period } from './series.ts'
import { lengthMs, meet, minus, type Span, split, union } from './span.ts'

/** A part of what is missing, and who brings it. */
export type Task =
  | { readonly kind: 'rest'; readonly span: Span }
  | {
      readonly kind: 'archive'
      readonly file: ArchiveFile
      /** What is missing of the file's rows. */
      readonly spans: readonly Span[]
      /** What is settled, and taken in again because the file was published anew. */
      readonly again?: readonly Span[]
    }
  /** What nobody has; with a verdict where that is what it has to be. */
  | {
      readonly kind: 'none'
      readonly span: Span
      readonly reason: string
      readonly verdict?: 'unlisted' | 'delisted'
      /** Whose word the verdict is; the archives' where it does not say. */
      readonly source?: SourceName
      /** Whether the symbol's archives have ended long before: nothing is owed where no end is asked for. */
      readonly isOver?: true
    }

export type Sources = {
  readonly period: Period | null
  /** Rows of a REST page; null where REST is out of reach. */
  readonly restPageRows: number | null
  /** Before this time REST does not answer, epoch ms. */
  readonly restFromMs: number
  /** Whether an archive is taken where REST could answer too; always where it would, had it a key. */
  readonly archives: 'where-they-pay' | 'always' | 'never'
}

/** So many pages by REST are fetched without a look at the archives. */
export const FEW_PAGES = 5

/** The part of a file's rows that has to be missing, so that it pays. */
const MISSING_SHARE = 0.5

/** Who brings what of `missing` (a normal set), in order of time, when `files` are published. */
export function shareOut(missing: readonly Span[], files: readonly ArchiveFile[], sources: Sources): Task[] {
  const tasks: Task[] = []
  let left: readonly Span[] = missing
  const take = (file: ArchiveFile): void => {
    const spans = meet([file.span], left)
    if (spans.length === 0) return
    tasks.push({ kind: 'archive', file, spans })
    left = minus(left, [file.span])
  }
  for (const unit of ['month', 'day'] as const) {
    for (const file of worthwhile(left, files, unit, sources)) take(file)
  }
  const unreachable = (): Span[] =>
    sources.restPageRows === null ? union(left) : meet(left, [{ startMs: 0, endMs: sources.restFromMs }])
  const unanswered = (): Span[] => (sources.archives === 'always' ? union(left) : unreachable())
  // Where REST does not answer, a file is better than nothing, however little of it is missing.
  for (const unit of ['day', 'month'] as const) {
    for (const file of sources.archives === 'never' ? [] : files.filter((one) => one.unit === unit))
      if (places(sources.period, meet([file.span], unanswered())) > 0) take(file)
  }
  const nowhere = unreachable().filter((span) => places(sources.period, [span]) > 0)
  const rest = minus(left, nowhere).filter((span) => places(sources.period, [span]) > 0)
  tasks.push(...rest.map((span) => ({ kind: 'rest', span }) as const))
  tasks.push(...nowhere.map((span) => ({ kind: 'none', span, reason: reasonFor(sources) }) as const))
  return tasks.sort((a, b) => startOf(a) - startOf(b))
}

/** Archives are published within so many days, even when that is late (reference 8.3). */
const PUBLISHED_WITHIN_MS = 7 * DAY_MS

/**
 * What nobody has, judged by the files: before the first one the symbol was not listed, where no row before
 * is known, and long after the last one of a symbol that does not trade it is delisted.
 */
export function judgeNowhere(
  tasks: readonly Task[],
  files: readonly ArchiveFile[],
  facts: { readonly knownBefore: boolean; readonly trading: boolean; readonly nowMs: number },
): Task[] {
  const firstMs = Math.min(...files.map((file) => file.span.startMs))
  const lastMs = lastEndMs(files)
  return tasks.map((task) => {
    if (task.kind !== 'none' || files.length === 0) return task
    if (task.span.endMs <= firstMs && !facts.knownBefore)
      return { ...task, verdict: 'unlisted', reason: 'no archive before the first one' }
    const isOver = !facts.trading && facts.nowMs - lastMs > PUBLISHED_WITHIN_MS
    if (task.span.startMs >= lastMs && isOver)
      return { ...task, verdict: 'delisted', reason: 'no archive after the last one' }
    return task
  })
}

/** When the last file ends, epoch ms; -Infinity where there is none. */
export function lastEndMs(files: readonly ArchiveFile[]): number {
  return Math.max(...files.map((file) => file.span.endMs))
}

/**
 * Where nobody but the archives tells, a symbol whose last one ended so long before those of others has ended
 * too: even of a month that had only just begun then, the file would be there.
 */
const ENDED_BEFORE_MS = 45 * DAY_MS

/**
 * What nobody has after all `files` of a symbol, where only archives tell who trades, and `newestMs` is when
 * the newest one of any symbol ends: no clock is asked. The symbol is delisted where they ended long before,
 * up to where it may have been listed again and the archive of that may not be there yet: that of a day comes
 * within days, that of a month after its end.
 */
export function judgeOver(
  tasks: readonly Task[],
  files: readonly ArchiveFile[],
  period: Period | null,
  newestMs: number,
): Task[] {
  const lastMs = lastEndMs(files)
  if (files.length === 0 || newestMs - lastMs <= ENDED_BEFORE_MS) return [...tasks]
  const hasDays = files.some(({ unit }) => unit === 'day')
  const laterMs = newestMs - (hasDays ? PUBLISHED_WITHIN_MS : ENDED_BEFORE_MS)
  const untilMs = Math.max(lastMs, floorToPeriod(period ?? '1d', laterMs))
  return tasks.flatMap((task): readonly Task[] => {
    if (task.kind !== 'none' || task.verdict || task.span.startMs < lastMs) return [task]
    return split(task.span, [untilMs]).map((span) =>
      span.endMs > untilMs
        ? { ...task, span, isOver: true }
        : { ...task, span, verdict: 'delisted', reason: 'no archive after the last one' },
    )
  })
}

/** Whether any archive might pay, were all of them published: only then the listing is asked for. */
export function mayUseArchives(missing: readonly Span[], sources: Sources): boolean {
  if (sources.archives === 'never' || missing.length === 0) return false
  if (sources.archives === 'always' || sources.restPageRows === null) return true
  if ((missing[0]?.startMs ?? 0) < sources.restFromMs) return true
  return shareOut(missing, assumedFiles(missing), sources).some((task) => task.kind === 'archive')
}

/** The files of one unit that pay, in order of time. */
function worthwhile(
  missing: readonly Span[],
  files: readonly ArchiveFile[],
  unit: 'month' | 'day',
  sources: Sources,
): ArchiveFile[] {
  if (sources.archives === 'never') return []
  const { period, restPageRows } = sources
  const lacking = files
    .filter((file) => file.unit === unit)
    .map((file) => ({ file, rows: places(period, meet([file.span], missing)) }))
    .filter(({ file, rows }) => rows > MISSING_SHARE * places(period, [file.span]))
  if (sources.archives === 'always' || restPageRows === null || period === null)
    return lacking.map(({ file }) => file)
  // A file has to bring a full page at least, and all of a run together more than a few.
  const full = lacking.filter(({ rows }) => rows >= restPageRows)
  return runsOf(full)
    .filter((run) => run.reduce((sum, { rows }) => sum + rows, 0) > FEW_PAGES * restPageRows)
    .flatMap((run) => run.map(({ file }) => file))
}

type Lacking = { readonly file: ArchiveFile; readonly rows: number }

/** Files that follow each other without a break, as one run. */
function runsOf(files: readonly Lacking[]): Lacking[][] {
  const runs: Lacking[][] = []
  for (const one of files) {
    const run = runs.at(-1)
    if (run && run.at(-1)?.file.span.endMs === one.file.span.startMs) run.push(one)
    else runs.push([one])
  }
  return runs
}

/** How many rows lie in spans: places of the grid, or milliseconds where there is none. */
function places(period: Period | null, spans: readonly Span[]): number {
  if (period === null) return lengthMs(spans)
  return spans.reduce((sum, span) => sum + countPlaces(period, span), 0)
}

/** Every month and day that `missing` touches, as if its file were published. */
function assumedFiles(missing: readonly Span[]): ArchiveFile[] {
  const files = new Map<string, ArchiveFile>()
  const add = (unit: 'month' | 'day', span: Span): void => {
    files.set(`${unit}${span.startMs}`, { key: '', unit, span, bytes: 0 })
  }
  for (const span of missing) {
    for (let startMs = floorToPeriod('1M', span.startMs); startMs < span.endMs; ) {
      const endMs = advance('1M', startMs, 1)
      add('month', { startMs, endMs })
      startMs = endMs
    }
    for (let dayMs = floorToPeriod('1d', span.startMs); dayMs < span.endMs; dayMs += DAY_MS)
      add('day', { startMs: dayMs, endMs: dayMs + DAY_MS })
  }
  return [...files.values()].sort((a, b) => a.span.startMs - b.span.startMs)
}

/** Everything that a task is to bring, as a normal set. */
export function spansOf(task: Task): readonly Span[] {
  return task.kind === 'archive' ? union(task.spans, task.again ?? []) : [task.span]
}

/** When what a task brings begins, epoch ms. */
export const startOf = (task: Task): number =>
  task.kind === 'archive' ? (spansOf(task)[0]?.startMs ?? task.file.span.startMs) : task.span.startMs

function reasonFor(sources: Sources): string {
  if (sources.restPageRows === null) return NOT_PUBLISHED
  return sources.archives === 'never'
    ? 'the API does not reach back so far; --source auto takes the archives'
    : 'no archive of it is published, and the API does not reach back so far'
}
