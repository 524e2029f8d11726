// Everything that a pass fetches of one series, in order: archives and pages by REST, what an archive turned
// out not to hold, and at the end once more what was refused. What is left then stays open and is named.
import { errorLine, MalformedError, RefusedError, UnavailableError } from '../errors.ts'
import type { ArchiveSource, OpenArchive } from './archive.ts'
import { settledAtEnd } from './archive-settle.ts'
import { walkTrades } from './archive-trades.ts'
import { type ArchiveFindings, takenStep, walkCandles, walkRates } from './archive-walk.ts'
import { fetchByCalendar } from './calendar-walk.ts'
import { type Dataset, emptyRows, type Table } from './dataset.ts'
import type { Tell } from './events.ts'
import { NOT_PUBLISHED, settleEmptiness } from './holes.ts'
import { fetchRun, unaskedRow } from './id-runs.ts'
import { fetchById } from './id-walk.ts'
import type { HeldLease } from './lease-keeper.ts'
import { type LedgerRow, ledgerRow, type Verdict } from './ledger.ts'
import type { SeriesPlan } from './plan.ts'
import type { Period, Series } from './series.ts'
import type { Listing, Source } from './source.ts'
import { meet, minus, type Span, union } from './span.ts'
import type { OpenSpan, SpanJob, Step } from './step.ts'
import { spansOf, type Task } from './tasks.ts'
import { fetchByTime } from './time-walk.ts'

/** What a pass does with one series. */
export type SeriesJob = {
  readonly series: Series
  readonly period: Period | null
  readonly dataset: Dataset
  readonly table: Table
  /** Null where the API is out of reach. */
  readonly source: Source | null
  /** Null where no archives are to be taken. */
  readonly archives?: ArchiveSource | null
  readonly listing: Listing
  readonly ledger: readonly LedgerRow[]
  /** What of the ledger is taken back before anything is fetched; `ledger` has it already. */
  readonly takeBack?: readonly LedgerRow[]
  readonly plan: SeriesPlan
  /** What this program may fetch it under, where several share the work. */
  readonly lease?: HeldLease
}

export type SeriesContext = {
  readonly nowMs: () => number
  readonly tell: Tell
}

/** Archives that are downloaded while the rows of the one before them are written. */
const ARCHIVES_AHEAD = 2

/** Their bytes, by the listing: what is held takes memory or disk, and a month of trades may have 5 GB. */
const MOST_AHEAD_BYTES = 1024 ** 3

type ArchiveTask = Extract<Task, { kind: 'archive' }>
type SettledTask = Extract<Task, { kind: 'none' }> & { readonly verdict: Verdict }

/** The steps of a series. Throws what ends the whole pass. */
export async function* fetchSeries(job: SeriesJob, context: SeriesContext): AsyncGenerator<Step> {
  const fetching = new SeriesFetch(job, context)
  try {
    yield* fetching.steps()
  } finally {
    await fetching.close()
  }
}

class SeriesFetch {
  readonly #job: SeriesJob
  readonly #context: SeriesContext
  /** Downloads under way, by task. */
  readonly #ahead = new Map<ArchiveTask, Promise<OpenArchive>>()
  #left: Span[] = []
  /** From the first to the last row of each archive, and what they lack while nobody else may have it. */
  readonly #rows: Span[] = []
  readonly #holes: Span[] = []
  /** Where tasks begin and end, and what this pass has settled there: ids run on from one to the next. */
  readonly #borders: ReadonlySet<number>
  readonly #atBorders: LedgerRow[] = []
  #refused: OpenSpan[] = []
  readonly #open: OpenSpan[] = []

  constructor(job: SeriesJob, context: SeriesContext) {
    this.#job = job
    this.#context = context
    const spans = job.plan.tasks.flatMap(spansOf)
    this.#borders = new Set(spans.flatMap(({ startMs, endMs }) => [startMs, endMs]))
  }

  async *steps(): AsyncGenerator<Step> {
    for await (const step of this.#allSteps()) {
      const isAtBorder = ({ startMs, endMs }: Span): boolean =>
        this.#borders.has(startMs) || this.#borders.has(endMs)
      this.#atBorders.push(...step.ledger.filter(isAtBorder))
      yield step
    }
  }

  async *#allSteps(): AsyncGenerator<Step> {
    const { tasks } = this.#job.plan
    for (const [i, task] of tasks.entries()) {
      this.#lookAhead(tasks.slice(i, i + ARCHIVES_AHEAD + 1))
      if (task.kind === 'rest') yield* this.#rest(task.span, false)
      else if (task.kind === 'archive') yield* this.#archive(task)
      else if (task.verdict) yield this.#settled({ ...task, verdict: task.verdict })
      else yield* this.#leftOpen(task)
    }
    yield* this.#settleHoles()
    for (const span of union(this.#left)) yield* this.#rest(span, false)
    const again = union(this.#refused.map(({ span }) => span))
    this.#refused = []
    for (const span of again) yield* this.#rest(span, true)
    const open = [...this.#open, ...this.#refused]
    if (open.length > 0) yield { ...this.#nothing(open[0]?.span ?? { startMs: 0, endMs: 0 }), open }
  }

  /** Ends the downloads that nobody waits for any more. */
  async close(): Promise<void> {
    for (const opening of this.#ahead.values()) {
      await opening.then(
        (open) => open.close(),
        () => undefined,
      )
    }
    this.#ahead.clear()
  }

  async *#rest(span: Span, hurried: boolean): AsyncGenerator<Step> {
    const { source, period } = this.#job
    if (!source) throw new Error('a task for REST without REST')
    if (source.lacksKey) {
      // Told at the end: what archives have is to be had without a key.
      this.#open.push({ span, reason: errorLine(source.lacksKey), error: source.lacksKey })
      return
    }
    const job: SpanJob = { ...this.#job, source, before: this.#before(), span, hurried }
    for await (const step of walk(job, period)) {
      if (step.refused) this.#refused.push(step.refused)
      else yield step
    }
  }

  #lookAhead(tasks: readonly Task[]): void {
    const { archives, series } = this.#job
    if (!archives) return
    let aheadBytes = 0
    for (const [i, task] of tasks.entries()) {
      if (task.kind !== 'archive') continue
      if (i > 0) aheadBytes += task.file.bytes
      if (aheadBytes > MOST_AHEAD_BYTES) return
      if (this.#ahead.has(task)) continue
      const opening = archives.open(series, task.file)
      opening.catch(() => undefined)
      this.#ahead.set(task, opening)
    }
  }

  async *#archive(task: ArchiveTask): AsyncGenerator<Step> {
    const { series, table } = this.#job
    const { nowMs, tell } = this.#context
    const refreshing = task.again ? { refreshes: task.file.key } : {}
    let settled: Span[] = []
    try {
      const opening = this.#ahead.get(task)
      this.#ahead.delete(task)
      if (!opening) throw new Error('a task for archives without archives')
      const open = await opening
      try {
        const steps = settledAtEnd(table, this.#walk(task, open))
        let next = await steps.next()
        for (; !next.done; next = await steps.next()) {
          settled = union(settled, next.value.ledger)
          yield { ...next.value, ...refreshing }
        }
        // What an archive lacks REST is asked for; where that is out of reach, the archive's word counts.
        const lacking = this.#job.source ? this.#left : this.#holes
        lacking.push(...meet(next.value.lacking, task.spans))
        if (next.value.rows) this.#rows.push(next.value.rows)
        const taken = takenStep(series, table, open, nowMs())
        // Were it known as taken before its rows are written, an interruption would lose what has changed.
        yield task.again ? { ...taken, ...refreshing, barrier: true } : taken
        tell({ type: 'archive-taken', series, bytes: task.file.bytes })
      } finally {
        await open.close()
      }
    } catch (error) {
      this.#fallBack(task, minus(task.spans, settled), error)
    }
  }

  #walk(task: ArchiveTask, open: OpenArchive): AsyncGenerator<Step, ArchiveFindings> {
    const { dataset, period, source } = this.#job
    const job = { ...this.#job, spans: spansOf(task), open, nowMs: this.#context.nowMs }
    switch (dataset.order) {
      case 'calendar':
        if (period === null) throw new Error(`${dataset.name} without a period`)
        return walkCandles({ ...job, period })
      case 'time':
        return walkRates(job)
      case 'id':
        return walkTrades({ ...job, before: this.#before(), rest: source })
    }
  }

  #before(): readonly LedgerRow[] {
    return [...this.#job.ledger, ...this.#atBorders]
  }

  /** What the archives lack where nobody else may have it, once all of them were read. */
  *#settleHoles(): Generator<Step> {
    const { ledger: before, period } = this.#job
    const context = { nowMs: this.#context.nowMs(), before, source: 'archive' } as const
    for (const span of union(this.#holes)) {
      const { ledger, open } = settleEmptiness(span, this.#verdictOf(span), 1, context, period)
      yield { ...this.#nothing(span), extractedAtMs: context.nowMs, ledger, open }
    }
  }

  /** What a hole before the first rows of a series or after the last ones is, and one between. */
  #verdictOf(hole: Span): Verdict {
    const { ledger, listing, plan } = this.#job
    // Of what is open nobody knows whether there are rows.
    const rows = [...this.#rows, ...this.#open.map(({ span }) => span)]
    rows.push(...ledger.filter(({ verdict }) => verdict === 'rows'))
    const isUntakenBefore = (plan.firstArchiveEndMs ?? Number.POSITIVE_INFINITY) <= hole.startMs
    if (!isUntakenBefore && !rows.some((span) => span.startMs < hole.startMs)) return 'unlisted'
    const isUntakenAfter = (plan.lastArchiveStartMs ?? Number.NEGATIVE_INFINITY) >= hole.endMs
    const hasLater = isUntakenAfter || rows.some((span) => span.endMs > hole.endMs)
    return hasLater || listing.trading ? 'outage' : 'delisted'
  }

  /**
   * An archive that is no good: its rows come from REST where that reaches, and it is told. That the archives
   * are out of reach was told before, for all of them (core/archive-reach.ts).
   */
  #fallBack(task: ArchiveTask, spans: readonly Span[], error: unknown): void {
    const { source } = this.#job
    const isBad = error instanceof RefusedError || error instanceof MalformedError
    if (!isBad && !(error instanceof UnavailableError && source)) throw error
    const reason = isBad ? `the archive ${task.file.key} is no good: ${error.message}` : error.message
    const reachMs = source ? this.#context.nowMs() - (source.reachMs ?? Number.POSITIVE_INFINITY) : null
    const isMissing = source && !source.lacksKey && task.spans.length > 0
    const how = isMissing ? '; its rows are asked for by REST' : ''
    if (isBad) this.#context.tell({ type: 'warning', message: `${reason}${how}` })
    if (task.again) {
      const again = `it was published anew, and what is stored of it stays as it is: ${reason}`
      this.#open.push({ span: task.file.span, reason: again })
    }
    for (const span of spans) {
      if (reachMs !== null && span.startMs >= reachMs) this.#left.push(span)
      else this.#open.push({ span, reason })
    }
  }

  /** What nobody has stays open; that it is not published yet is written down. */
  *#leftOpen({ span, reason }: OpenSpan): Generator<Step> {
    this.#open.push({ span, reason })
    if (reason !== NOT_PUBLISHED) return
    const nowMs = this.#context.nowMs()
    const ledger = [ledgerRow(span, 'wanted', { asked: 1, checkedAtMs: nowMs, reason })]
    yield { ...this.#nothing(span), extractedAtMs: nowMs, ledger }
  }

  #settled({ span, verdict, reason, source = 'archive' }: SettledTask): Step {
    const nowMs = this.#context.nowMs()
    const asked = source === 'archive' ? 0 : 1
    const ledger = [ledgerRow(span, verdict, { source, asked, checkedAtMs: nowMs, reason })]
    return { ...this.#nothing(span), extractedAtMs: nowMs, ledger }
  }

  #nothing(span: Span): Step {
    const { table } = this.#job
    return {
      rows: emptyRows(table),
      ledger: [],
      extractedAtMs: 0,
      source: 'archive',
      span,
      open: [],
      refused: null,
    }
  }
}

/** The walk that fits the order of the dataset's rows. */
function walk(job: SpanJob, period: Period | null): AsyncGenerator<Step> {
  switch (job.dataset.order) {
    case 'calendar':
      if (period === null) throw new Error(`${job.dataset.name} without a period`)
      return fetchByCalendar({ ...job, period })
    case 'time':
      return fetchByTime(job)
    case 'id': {
      const row = unaskedRow(job)
      return row ? fetchRun(job, row) : fetchById(job)
    }
  }
}
