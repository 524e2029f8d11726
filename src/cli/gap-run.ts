// One run over the gaps of a store: which series, where and when, what is fetched, and the result as its
// command gives it. `petrosa gaps` is one such run; `petrosa run` ends with one, and serving repeats it.
import type { Summary, Unsettled } from '../core/events.ts'
import { isOpen } from '../core/gap.ts'
import { untouched } from '../core/gap-outcome.ts'
import type { SeriesJob } from '../core/pass.ts'
import { type Series, seriesKey } from '../core/series.ts'
import type { Store } from '../core/store.ts'
import { allTables } from '../datasets/all.ts'
import { type ExitCode, exitCodes, worstExitCode } from '../errors.ts'
import type { Moment } from '../settings/values.ts'
import { type CommandContext, type CommandResult, need } from './command.ts'
import type { Connections } from './connections.ts'
import { atMs, refuseBackwards } from './fetch.ts'
import { type GapMarkets, glanceAtMarkets, openMarkets } from './gap-markets.ts'
import { planFillJobs, runFillPass, type SeriesOutcome } from './gap-pass.ts'
import { type AskedRange, type FillWish, type ScannedSeries, scanGaps } from './gap-scan.ts'
import { gapFields } from './gaps-json.ts'
import { gapsText, reasonsText } from './gaps-text.ts'
import { type Held, isOwn, leased } from './leased.ts'
import { planResult } from './plan-result.ts'
import { tableColumns } from './text-table.ts'

/** What a run over gaps is about. */
export type GapsAsked = {
  /** Whether it is about a stored series. */
  readonly concerns: (series: Series) => boolean
  /** Throws UserError where what is asked for does not fit all that is stored. */
  readonly refuse?: (stored: readonly Series[]) => void
  /** Where gaps of a series are looked for; null where that is left to the program. */
  readonly range: (series: Series) => { readonly start: Moment | null; readonly end: Moment | null }
  /** What is to be fetched; null for nothing: then the exchange is asked only what has closed. */
  readonly wish: FillWish | null
  /** Whether only the plan is wanted: no store is touched. */
  readonly dryRun: boolean
}

/** The result of the command, and the gaps series by series. */
export type GapsResult = CommandResult & { readonly outcomes: readonly SeriesOutcome[] }

/** Runs it. Throws UserError for a senseless range, and what opening and reading the store throws. */
export async function runOverGaps(
  context: CommandContext,
  asked: GapsAsked,
  connections: Connections,
): Promise<GapsResult> {
  const { settings, tell, world } = context
  const { signal } = world
  const { dryRun, wish } = asked
  return connections.withStore(context, dryRun || !wish, async (store) => {
    const stored = await store.knownSeries(allTables)
    asked.refuse?.(stored)
    const known = stored.filter(asked.concerns)
    const held = dryRun || !wish ? null : await heldOf(context, connections, store, known)
    const series = known.filter((one) => isOwn(held, one))
    const markets = await (wish ? openMarkets : glanceAtMarkets)(context, series, connections)
    const nowMs = [...markets.open.values()][0]?.nowMs() ?? world.nowMs()
    const range = (one: Series): AskedRange => {
      const { start, end } = asked.range(one)
      refuseBackwards(start, end, nowMs)
      return { startMs: atMs(start, nowMs), endMs: atMs(end, nowMs) }
    }
    const scanned = await scanGaps({ store, series, range, markets, wish, nowMs, signal, tell })
    const jobs = wish ? await planFillJobs({ markets, scanned, store }) : []
    const found = scanned.map((one) => ({ ...untouched(one.gaps), series: one.series, scanned: one }))
    const run = { context, wish, markets, isEmpty: stored.length === 0 }
    if (dryRun) return gapsPlan(run, found, jobs)
    if (jobs.length === 0) return gapsResult(run, found, null)
    const workers = need(settings, 'maxWorkers')
    const pass = { store, scanned, markets, workers, clock: world, signal, tell, trace: context.trace }
    const { summary, outcomes } = await runFillPass(pass, leased(held, jobs))
    return gapsResult(run, outcomes, summary)
  })
}

/** The leases of what is stored, once there is a place for them. */
async function heldOf(
  context: CommandContext,
  connections: Connections,
  store: Store,
  series: readonly Series[],
): Promise<Held> {
  if (store.leases) await store.prepare([])
  return connections.leases(context, series.map(seriesKey))
}

type GapsRun = {
  readonly context: CommandContext
  readonly wish: FillWish | null
  readonly markets: GapMarkets
  /** Whether the store holds nothing at all. */
  readonly isEmpty: boolean
}

/** What would be fetched, and what could not be planned. */
function gapsPlan(
  { context, wish, markets }: GapsRun,
  outcomes: readonly SeriesOutcome[],
  jobs: readonly SeriesJob[],
): GapsResult {
  const failures = [...markets.failed.values()]
  const errors = failures.map(({ reason }) => reason)
  const unsettled = notAsked(wish, markets, outcomes)
  const summary: Summary = { ...emptySummary(context), ...markets.spent(), unsettled, errors }
  const isClear = errors.length === 0 && summary.unsettled.length === 0
  const columns = tableColumns(context.world.stdout)
  const plan = planResult(jobs, columns, isClear ? undefined : 'nothing can be fetched now')
  return {
    summary,
    fields: { ...plan.fields, ...gapFields(outcomes), series: outcomes.length },
    text: plan.text + reasonsText(summary),
    exitCode: worstExitCode([plan.exitCode, ...failures.map(({ exitCode }) => exitCode)]),
    outcomes,
  }
}

function gapsResult(
  { context, wish, markets, isEmpty }: GapsRun,
  outcomes: readonly SeriesOutcome[],
  passed: Summary | null,
): GapsResult {
  const failures = [...markets.failed.values()]
  const base = passed ?? emptySummary(context)
  const sum = (of: (outcome: SeriesOutcome) => number): number =>
    outcomes.reduce((total, outcome) => total + of(outcome), 0)
  const open = outcomes.some(({ gaps }) => gaps.some((gap) => isOpen(gap) && !gap.filled))
  const exitCode = worstExitCode([
    base.exitCode as ExitCode,
    ...failures.map((failure) => failure.exitCode),
    open ? exitCodes.open : exitCodes.done,
  ])
  const summary: Summary = {
    ...base,
    ...markets.spent(),
    command: context.command,
    series: outcomes.length,
    gapsFound: sum(({ found }) => found),
    gapsFilled: sum(({ filled }) => filled),
    unsettled: [...base.unsettled, ...notAsked(wish, markets, outcomes)],
    errors: [...base.errors, ...failures.map(({ reason }) => reason)],
    exitCode,
  }
  const columns = tableColumns(context.world.stdout)
  const text = gapsText({ outcomes, summary, asked: wish !== null, isEmpty, columns })
  return { summary, fields: gapFields(outcomes), text, exitCode, outcomes }
}

/** The open gaps that were to be filled and that nobody could be asked for, and why. */
function notAsked(
  wish: FillWish | null,
  markets: GapMarkets,
  outcomes: readonly SeriesOutcome[],
): Unsettled[] {
  if (!wish?.open) return []
  return outcomes.flatMap(({ gaps, series, scanned }) => {
    const reason = whyNot(markets, scanned)
    if (reason === null) return []
    return gaps.filter(isOpen).map(({ span }) => ({ series, span, reason }))
  })
}

function whyNot({ failed, open }: GapMarkets, { listing, series }: ScannedSeries): string | null {
  const failure = failed.get(series.market)
  if (failure) return failure.reason
  if (listing) return null
  const market = open.get(series.market)
  const unlisted = `the exchange does not list ${series.symbol} any more`
  if (!market?.archives) return unlisted
  return unlisted + (market.archivesOut ? ', and its archives are out of reach' : ' and has no archive of it')
}

function emptySummary({ command, startedAtMs, startedMs, world }: CommandContext): Summary {
  return {
    command,
    startedAtMs,
    durationMs: world.monotonicMs() - startedMs,
    series: 0,
    rowsFetched: 0,
    rowsWritten: 0,
    rowsChanged: 0,
    requests: 0,
    weight: 0,
    archives: 0,
    unsettled: [],
    errors: [],
    exitCode: exitCodes.done,
  }
}
