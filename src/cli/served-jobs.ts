// The jobs that are served: their loops, what they have done, and when all of it ends.
import type { PetrosaEvent, Summary, Tell } from '../core/events.ts'
import { seriesKey } from '../core/series.ts'
import { type ExitCode, exitCodes, StoppedError, worstExitCode } from '../errors.ts'
import { type Board, openBoard } from '../server/board.ts'
import type { EventStreams } from '../server/event-streams.ts'
import { openGate } from '../server/gate.ts'
import { type Loop, startLoop } from '../server/loop.ts'
import type { JobKind, JobView, Started } from '../server/served.ts'
import type { CommandContext } from './command.ts'
import { atMs } from './fetch.ts'
import { FollowedSeries } from './followed-series.ts'
import type { KeptConnections } from './kept-connections.ts'
import type { ServeJob } from './serve-jobs.ts'
import { servedPass } from './served-pass.ts'

/** Jobs that run a pass at once: each has so many workers as the settings say. */
const MOST_AT_ONCE = 4

type Active = {
  readonly job: ServeJob
  readonly board: Board
  readonly loop: Loop
  readonly stop: AbortController
  last: Summary | null
  /** Whether the next pass is one that somebody asked for. */
  isAsked: boolean
}

export type ServedJobsOptions = {
  readonly context: CommandContext
  readonly connections: KeptConnections
  readonly streams: EventStreams
}

/** Whether the next pass may wait for its schedule: gaps that stay open are looked at again at night. */
const isEnough = ({ kind }: ServeJob, { exitCode }: Summary): boolean =>
  exitCode === exitCodes.done || (kind === 'gaps' && exitCode === exitCodes.open)

export class ServedJobs {
  readonly #options: ServedJobsOptions
  readonly #gate = openGate(MOST_AT_ONCE)
  readonly #active = new Map<string, Active>()
  readonly #followed = new FollowedSeries()
  /** Those taken away, by key, until their last pass has ended and all that was theirs is given up. */
  readonly #leaving = new Map<string, Promise<void>>()
  readonly #stopping = new AbortController()
  readonly #total = {
    passes: 0,
    rowsFetched: 0,
    rowsWritten: 0,
    rowsChanged: 0,
    requests: 0,
    weight: 0,
    archives: 0,
  }
  #hasWorked = false

  constructor(options: ServedJobsOptions) {
    this.#options = options
    const { signal } = options.context.world
    const stop = (): void => this.#stop(signal.reason)
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  }

  /** Aborted when all of it is to end. */
  get stopping(): AbortSignal {
    return this.#stopping.signal
  }

  /** Resolves when it was told to end and no pass runs any more. */
  async ended(): Promise<void> {
    const { signal } = this.#stopping
    if (!signal.aborted)
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
    await Promise.all([...this.#active.values()].map(({ loop }) => loop.ended))
    await Promise.all(this.#leaving.values())
  }

  /** Makes these the jobs: what is new begins, what is gone stops between pages. Tells how many of each. */
  replace(jobs: readonly ServeJob[]): { readonly begun: number; readonly gone: number } {
    const wanted = new Map(jobs.map((job) => [job.key, job]))
    const gone = [...this.#active].filter(([key]) => !wanted.has(key))
    for (const [key, active] of gone) {
      this.#active.delete(key)
      active.stop.abort(new StoppedError())
      const leaving: Promise<void> = this.#leave(key, active.loop).finally(() => {
        if (this.#leaving.get(key) === leaving) this.#leaving.delete(key)
      })
      this.#leaving.set(key, leaving)
    }
    const fresh = [...wanted].filter(([key]) => !this.#active.has(key))
    for (const [key, job] of fresh) this.#active.set(key, this.#begin(job))
    return { begun: fresh.length, gone: gone.length }
  }

  /** The jobs that are served now. */
  served(): ServeJob[] {
    return [...this.#active.values()].map(({ job }) => job)
  }

  views(): JobView[] {
    const nowMs = this.#options.context.world.nowMs()
    return [...this.#active.values()].map(({ job, board, loop }) => {
      const untilNextMs = loop.untilNextMs()
      return {
        name: job.name,
        schedule: job.schedule.text,
        pass: board.pass(),
        // By this machine's clock, as all other times are; the schedule may go by the exchange's.
        nextPassAtMs: untilNextMs === null ? null : nowMs + untilNextMs,
        lastPass: board.lastPass(),
      }
    })
  }

  /** The clock of the first job, epoch ms: the exchange's, where it is known. */
  nowMs(): number {
    const { connections, context } = this.#options
    const [first] = this.#active.values()
    return first ? connections.nowMs(this.#contextOf(first.job), first.job.market) : context.world.nowMs()
  }

  /** Whether a pass has begun. */
  get hasBegun(): boolean {
    return [...this.#active.values()].some(({ board }) => board.pass().startedAtMs !== null)
  }

  /** For how long the pass that takes longest has run, or waited for its place, ms. */
  pendingMs(): number {
    return Math.max(0, ...[...this.#active.values()].map(({ loop }) => loop.pendingMs()))
  }

  start(kind: JobKind, name: string | null): Started {
    const meant = [...this.#active.values()].filter(
      ({ job }) => job.kind === kind && (name === null || job.name === name),
    )
    const started = meant.filter((active) => {
      const begins = active.loop.runNow()
      if (begins) active.isAsked = true
      return begins
    })
    const names = (some: readonly Active[]): string[] => some.map(({ job }) => job.name)
    const leasedSeries = this.#options.connections.leasedSeries()
    return { known: names(meant), started: names(started), leasedSeries }
  }

  /**
   * What a look at the store of `context` found of a series. The jobs that hold it follow it also before
   * their first pass has planned, which takes the exchange's answer: so long it lacks what its ledger says.
   */
  surveyed(context: CommandContext, { lacksFromMs: fromMs, series }: Surveyed): void {
    const { connections, context: all } = this.#options
    if (fromMs === null) return
    for (const { job } of this.#active.values()) {
      if (this.#followed.hasPlanned(job.key) || !job.holds(series)) continue
      const own = this.#contextOf(job)
      if (connections.distinct([context, own]).length > 1) continue
      const nowMs = connections.nowMs(own, job.market)
      const endMs = atMs(job.settings.end, nowMs)
      // All that the job is to fetch is settled.
      if (endMs !== null && fromMs >= endMs) continue
      this.#followed.found(job.key, seriesKey(series))
      all.tell({ type: 'series-followed', nowMs, series, fromMs })
    }
  }

  /** The context of each job, with its own settings. */
  contexts(): CommandContext[] {
    return [...this.#active.values()].map(({ job }) => this.#contextOf(job))
  }

  /** What came of all passes, and with which code the program ends: see `exitCode`. */
  total(): { readonly passes: number; readonly summary: Summary } {
    const { context } = this.#options
    const lasts = [...this.#active.values()].flatMap(({ last }) => last ?? [])
    const { passes, ...sums } = this.#total
    return {
      passes,
      summary: {
        ...sums,
        command: context.command,
        startedAtMs: context.startedAtMs,
        durationMs: context.world.monotonicMs() - context.startedMs,
        series: lasts.reduce((sum, { series }) => sum + series, 0),
        unsettled: lasts.flatMap(({ unsettled }) => unsettled),
        errors: [...new Set(lasts.flatMap(({ errors }) => errors))],
        exitCode: this.#exitCode(lasts),
      },
    }
  }

  /**
   * The code of what was being done (interface.md, section 3): a pass that the signal interrupted ends with
   * the signal's; where none was, nothing was cut short, and the last pass of each job says whether all
   * that was asked for is stored.
   */
  #exitCode(lasts: readonly Summary[]): ExitCode {
    return worstExitCode(lasts.map(({ exitCode }) => exitCode as ExitCode))
  }

  /** Gives up what a job had once its last pass has ended. */
  async #leave(key: string, loop: Loop): Promise<void> {
    const { connections, context } = this.#options
    // One of the same key that left before it.
    await Promise.all([this.#leaving.get(key), loop.ended])
    tellLeft(context.tell, this.#followed.left(key))
    await connections.leave(key)
    await connections.keepOnly(this.contexts())
  }

  #begin(job: ServeJob): Active {
    const { context, connections } = this.#options
    // Of one that came back before its last pass had ended: that ends first.
    const before = this.#leaving.get(job.key)
    const stop = new AbortController()
    const board = openBoard()
    // A scan of gaps waits for its night, and for what it finds then.
    const isScan = job.kind === 'gaps'
    const wake = (): boolean => isScan || loop.runNow()
    const own = connections.of({ key: job.key, group: job.group, takesRest: isScan }, wake)
    const loop = startLoop({
      schedule: job.schedule,
      atOnce: job.atOnce,
      nowMs: () => connections.nowMs(this.#contextOf(job), job.market),
      clock: context.world,
      signal: stop.signal,
      gate: this.#gate,
      pass: async () => {
        await before
        const context = this.#passContext(active.isAsked ? asked(job) : job)
        active.isAsked = false
        const summary = await servedPass(context, job, own, board, stop.signal)
        active.last = summary
        this.#ended(job, board, summary)
        return isEnough(job, summary) ? 'done' : 'again'
      },
    })
    const active: Active = { job, board, loop, stop, last: null, isAsked: false }
    return active
  }

  #contextOf({ settings, origins }: ServeJob): CommandContext {
    const { context } = this.#options
    // How long leases last counts when the program starts: one holder has one keeper of them.
    const { leaseSeconds } = context.settings
    return { ...context, settings: { ...settings, leaseSeconds }, origins }
  }

  /** The same for a pass, whose plan says which series are followed. */
  #passContext(job: ServeJob): CommandContext {
    const context = this.#contextOf(job)
    const tell: Tell = (event) => {
      context.tell(event)
      if (event.type === 'pass-due') tellLeft(context.tell, this.#followed.planned(job, event))
    }
    return { ...context, tell }
  }

  #ended(job: ServeJob, board: Board, summary: Summary): void {
    const { streams } = this.#options
    this.#total.passes += 1
    for (const name of [
      'rowsFetched',
      'rowsWritten',
      'rowsChanged',
      'requests',
      'weight',
      'archives',
    ] as const)
      this.#total[name] += summary[name]
    streams.send({ event: 'pass-ended', data: { job: job.name, summary: board.lastPass() } })
    this.#hasWorked ||= summary.exitCode !== exitCodes.user
    const active = [...this.#active.values()].filter((one) => one.job.atOnce)
    // With settings like these no job can do anything, today or tomorrow: somebody has to change them.
    if (!this.#hasWorked && active.every(({ last }) => last !== null))
      this.#stop(new StoppedError(exitCodes.user))
  }

  #stop(reason: unknown): void {
    this.#stopping.abort(reason)
    for (const { stop } of this.#active.values()) stop.abort(reason)
  }
}

type Surveyed = Extract<PetrosaEvent, { type: 'series-surveyed' }>

/** A job as somebody asks for it: to ask for a job over gaps is to ask for them to be filled. */
const asked = (job: ServeJob): ServeJob =>
  job.kind === 'gaps' ? { ...job, settings: { ...job.settings, fill: true } } : job

/** Tells of series that nobody here follows any more. */
function tellLeft(tell: Tell, series: readonly string[]): void {
  if (series.length > 0) tell({ type: 'series-left', series })
}
