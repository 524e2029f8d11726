// The plan of every series: what is missing by the ledger, and who brings it. The archive listing is asked
// only where archives may pay, for several series at once.
import type { ArchiveFile, ArchiveRecord, ArchiveSource } from '../core/archive.ts'
import { DAY_MS } from '../core/calendar.ts'
import type { Dataset } from '../core/dataset.ts'
import type { Tell } from '../core/events.ts'
import type { SeriesJob } from '../core/fetch-series.ts'
import type { Fill } from '../core/gap-fill.ts'
import { type LedgerRow, settledSpans, withNews } from '../core/ledger.ts'
import { afterContract, costTasks, planSpans, type Range, reachesFromMs, unaskedRows } from '../core/plan.ts'
import type { Series } from '../core/series.ts'
import type { Source } from '../core/source.ts'
import { meet, minus, type Span, union } from '../core/span.ts'
import type { Store } from '../core/store.ts'
import {
  judgeNowhere,
  judgeOver,
  lastEndMs,
  mayUseArchives,
  type Sources,
  shareOut,
  startOf,
  type Task,
} from '../core/tasks.ts'
import { UnavailableError } from '../errors.ts'
import { refreshTasks } from './refresh.ts'

export type Wanted = Pick<SeriesJob, 'series' | 'period' | 'listing'> & {
  /** What is to be fetched, whatever the ledger says; else it is what the ledger does not settle. */
  readonly fill?: Fill
}

export type PlanOptions = {
  readonly wanted: readonly Wanted[]
  readonly dataset: Dataset
  readonly store: Store
  /** Null where the API is out of reach, or not to be used. */
  readonly rest: Source | null
  readonly archives: ArchiveSource | null
  /** Whether the user wants archives only: without an end, it is where they end. */
  readonly archivesOnly: boolean
  readonly range: Range
  /** The exchange's clock, epoch ms. */
  readonly nowMs: number
  /** Where archives that were published anew are to be taken in again: who hears of it, and who stops it. */
  readonly refresh?: { readonly tell: Tell; readonly signal: AbortSignal } | null
}

/** Series whose archives are listed at once. */
const LISTINGS_AT_ONCE = 8

/**
 * So far around what is missing the files are listed too: whether there are others before and after it tells
 * a hole from the beginning and the end of the symbol. It costs no further page.
 */
const EDGE_MS = 62 * DAY_MS

/** The jobs of a pass, in the order of `wanted`. */
export async function planJobs(options: PlanOptions): Promise<SeriesJob[]> {
  const { store, wanted } = options
  const series = wanted.map((one) => one.series)
  const ledgers = await store.ledger(series)
  const taken = options.refresh ? await store.archives(series) : []
  const planned: Planned[] = []
  for (let from = 0; from < wanted.length; from += LISTINGS_AT_ONCE) {
    const some = wanted.slice(from, from + LISTINGS_AT_ONCE)
    const planning = some.map((one, i) =>
      planJob(options, one, ledgers[from + i] ?? [], taken[from + i] ?? []),
    )
    planned.push(...(await Promise.all(planning)))
  }
  return options.rest === null && options.archives ? withoutEnded(options, planned) : planned.map(jobOf)
}

/** A job, and the files of its series that were seen on the way. */
type Planned = {
  readonly job: SeriesJob
  readonly files: readonly ArchiveFile[]
  /** Whether the user has left its end to the program. */
  readonly isEndless: boolean
}

const jobOf = ({ job }: Planned): SeriesJob => job

/** The jobs where only archives tell who trades: what of symbols that have ended is not there is not late. */
async function withoutEnded(options: PlanOptions, planned: readonly Planned[]): Promise<SeriesJob[]> {
  const newestMs = Math.max(...planned.map(newestOf))
  const jobs: SeriesJob[] = []
  for (let from = 0; from < planned.length; from += LISTINGS_AT_ONCE) {
    const some = planned.slice(from, from + LISTINGS_AT_ONCE)
    jobs.push(...(await Promise.all(some.map((one) => withoutEnd(options, one, newestMs)))))
  }
  return jobs
}

/** Until when archives of a series are known to be there, epoch ms. */
function newestOf({ files, job }: Planned): number {
  const taken = job.ledger.filter(({ source, verdict }) => source === 'archive' && verdict === 'rows')
  return Math.max(lastEndMs(files), ...taken.map(({ endMs }) => endMs))
}

/** The job of a series, with what has to be when its archives ended long before the newest one of all. */
async function withoutEnd(
  { archives, nowMs }: PlanOptions,
  { files, isEndless, job }: Planned,
  newestMs: number,
): Promise<SeriesJob> {
  const { period, plan, series } = job
  const isOpen = (task: Task): boolean => task.kind === 'none' && !task.verdict
  const isClear = judgeOver(plan.tasks, files, period, newestMs).every((task, i) => task === plan.tasks[i])
  if (!archives || !plan.tasks.some(isOpen) || isClear) return job
  // That it has ended is believed only when all of its files say so.
  const all = await listed(null, archives, series, { startMs: 0, endMs: nowMs })
  const judged = judgeOver(plan.tasks, all, period, newestMs)
  const tasks = judged.filter((task) => !(isEndless && task.kind === 'none' && task.isOver))
  const cost = costTasks(series, period, keptSpans(plan.spans, tasks), tasks, null)
  const { firstArchiveEndMs, lastArchiveStartMs } = plan
  return { ...job, plan: { ...cost, firstArchiveEndMs, lastArchiveStartMs } }
}

async function planJob(
  options: PlanOptions,
  wanted: Wanted,
  stored: readonly LedgerRow[],
  records: readonly ArchiveRecord[],
): Promise<Planned> {
  const { archives, archivesOnly, dataset, nowMs, range } = options
  const { series, period, listing, fill } = wanted
  const rest = listing.archivedOnly ? null : options.rest
  const isEndless = range.endMs === null && !fill
  const restFromMs = rest ? reachesFromMs(rest, nowMs) : 0
  const ledger = fill ? withNews(stored, fill.takeBack) : stored
  const input = { series, period, order: dataset.order, range, ledger, listing, nowMs }
  const unasked = unaskedRows(ledger, rest, nowMs)
  const spans = fill ? fill.spans : planSpans({ ...input, reachesFromMs: restFromMs, unasked })
  const usesRest = rest && !rest.lacksKey
  const sources: Sources = {
    period,
    restPageRows: rest ? rest.page(series, null).rows : null,
    restFromMs,
    // Rates fit a thousand to a page, and a month's archive holds a tenth of that.
    archives:
      !archives || (dataset.order === 'time' && rest) ? 'never' : usesRest ? 'where-they-pay' : 'always',
  }
  const ended = fill ? [] : afterContract(input).map(endedTask)
  const table = dataset.table(series)
  const taken = fill ? { takeBack: fill.takeBack } : {}
  const job = { series, period, dataset, table, source: rest, archives, listing, ledger, ...taken }
  const { refresh } = options
  const anew =
    archives && refresh
      ? await refreshTasks({ series, archives, records, ledger, missing: union(spans), range, ...refresh })
      : []
  const fixed = [...anew, ...restTasks(unasked, spans, anew)]
  const brought = fixed.map((task) => (task.kind === 'archive' ? task.file.span : task.span))
  if (!archives || !mayUseArchives(minus(spans, brought), sources)) {
    const left = fixed.length === 0 ? spans : spans.flatMap((span) => minus([span], brought))
    const tasks = [...left.flatMap((span) => shareOut([span], [], sources)), ...fixed, ...ended]
    return { job: { ...job, plan: costTasks(series, period, spans, tasks, rest) }, files: [], isEndless }
  }
  const missing = minus(spans, brought)
  const hull = { startMs: missing[0]?.startMs ?? 0, endMs: missing.at(-1)?.endMs ?? 0 }
  const around = { startMs: Math.max(0, hull.startMs - EDGE_MS), endMs: hull.endMs + EDGE_MS }
  const files = await listed(rest, archives, series, around)
  const own = files.filter(({ span }) => span.endMs > hull.startMs && span.startMs < hull.endMs)
  const shared = shareOut(missing, own, sources)
  // Time before the listing, settled by an earlier pass, is no word that it was listed.
  const listedBefore = ledger.filter(({ verdict }) => verdict !== 'unlisted')
  const knownBefore = settledSpans(listedBefore).some((span) => span.startMs < hull.startMs)
  const facts = { knownBefore, trading: listing.trading, nowMs }
  const all = (): Promise<readonly ArchiveFile[]> =>
    listed(rest, archives, series, { startMs: 0, endMs: nowMs })
  // With no file far and wide only all of them tell what the symbol is.
  const isBlank = files.length === 0 && shared.some((task) => task.kind === 'none')
  const known = isBlank ? await all() : files
  const judged = await judgedNowhere(shared, known, facts, isBlank ? async () => known : all)
  const others = archivesOnly && isEndless ? published(judged, known) : judged
  const wantedTasks = [...others, ...fixed]
  const tasks = [...wantedTasks, ...ended].sort((a, b) => startOf(a) - startOf(b))
  const plan = costTasks(series, period, keptSpans(spans, wantedTasks), tasks, rest)
  return { job: { ...job, plan: { ...plan, ...untaken(files, tasks) } }, files: known, isEndless }
}

/** What archives lack and REST was not asked for: no archive needs to say it again. */
function restTasks(
  unasked: readonly Span[],
  spans: readonly Span[],
  anew: readonly { readonly file: ArchiveFile }[],
): Task[] {
  return unasked
    .filter((row) => anew.every(({ file }) => meet([row], [file.span]).length === 0))
    .flatMap((row) => meet([row], spans))
    .map((span) => ({ kind: 'rest', span }))
}

/** A contract that is over has no rows any more, by the exchange's own word. */
const endedTask = (span: Span): Task => ({
  kind: 'none',
  span,
  verdict: 'delisted',
  source: 'rest',
  reason: 'the contract has ended',
})

/**
 * The archives of a series. Where they are out of reach and REST is not, none: they only save requests, and
 * that was told (core/archive-reach.ts).
 */
async function listed(
  rest: Source | null,
  archives: ArchiveSource,
  series: Series,
  span: Span,
): Promise<readonly ArchiveFile[]> {
  try {
    return await archives.list(series, span)
  } catch (error) {
    if (!rest || !(error instanceof UnavailableError)) throw error
    return []
  }
}

/**
 * What nobody has, judged by the files around it. That a symbol was not listed before, or is not any more, is
 * believed only when all of its files say so.
 */
async function judgedNowhere(
  tasks: readonly Task[],
  files: readonly ArchiveFile[],
  facts: Parameters<typeof judgeNowhere>[2],
  all: () => Promise<readonly ArchiveFile[]>,
): Promise<readonly Task[]> {
  const judged = judgeNowhere(tasks, files, facts)
  const isClear = judged.every((task) => task.kind !== 'none' || !task.verdict)
  return isClear ? judged : judgeNowhere(tasks, await all(), facts)
}

/** Where the files that no task takes begin and end: rows are known there. */
function untaken(
  files: readonly ArchiveFile[],
  tasks: readonly Task[],
): Pick<SeriesJob['plan'], 'firstArchiveEndMs' | 'lastArchiveStartMs'> {
  const taken = new Set(tasks.map((task) => (task.kind === 'archive' ? task.file.key : '')))
  const left = files.filter((file) => !taken.has(file.key))
  if (left.length === 0) return { firstArchiveEndMs: null, lastArchiveStartMs: null }
  return {
    firstArchiveEndMs: Math.min(...left.map((file) => file.span.endMs)),
    lastArchiveStartMs: Math.max(...left.map((file) => file.span.startMs)),
  }
}

/**
 * Without an end that was asked for, nothing is owed of what is not published yet. Where not one file is,
 * that is all that there is to tell.
 */
function published(tasks: readonly Task[], files: readonly ArchiveFile[]): readonly Task[] {
  if (files.length === 0) return tasks
  const untilMs = lastEndMs(files)
  return tasks.filter((task) => task.kind !== 'none' || task.verdict || task.span.startMs < untilMs)
}

/** The spans that somebody is to bring, as the tasks have them. */
function keptSpans(spans: readonly Span[], tasks: readonly Task[]): readonly Span[] {
  const inTasks = union(
    tasks.flatMap((task): readonly Span[] => (task.kind === 'archive' ? task.spans : [task.span])),
  )
  return spans.length === 0 ? spans : inTasks
}
