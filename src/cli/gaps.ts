// petrosa gaps: finds gaps in what is stored, says why each is there; --fill fetches what can be fetched,
// --recheck asks again for outages.
import type { Summary, Unsettled } from '../core/events.ts'
import { isOpen } from '../core/gap.ts'
import { untouched } from '../core/gap-outcome.ts'
import { type ExitCode, exitCodes, worstExitCode } from '../errors.ts'
import { type CommandContext, type CommandResult, need } from './command.ts'
import { atMs, refuseBackwards } from './fetch.ts'
import { type GapMarkets, noMarkets, openMarkets } from './gap-markets.ts'
import { planFillJobs, runFillPass, type SeriesOutcome } from './gap-pass.ts'
import { type FillWish, type ScannedSeries, scanGaps } from './gap-scan.ts'
import { gapFields } from './gaps-json.ts'
import { gapsText } from './gaps-text.ts'
import { chosenStore, withStore } from './open-store.ts'
import { planResult } from './plan-result.ts'
import { storedSeries } from './stored-series.ts'

/** Runs the command. Without --fill and --recheck nothing is asked of the exchange. */
export async function runGaps(context: CommandContext): Promise<CommandResult> {
  const { settings, tell, world } = context
  const { signal } = world
  refuseBackwards(settings.start, settings.end, null)
  chosenStore(context)
  const wish = wishOf(context)
  const dryRun = settings.dryRun === true
  return withStore(context, dryRun || !wish, async (store) => {
    const series = await storedSeries(context, store)
    const markets = wish ? await openMarkets(context, series) : noMarkets
    const nowMs = [...markets.open.values()][0]?.nowMs() ?? world.nowMs()
    refuseBackwards(settings.start, settings.end, nowMs)
    const range = { startMs: atMs(settings.start, nowMs), endMs: atMs(settings.end, nowMs) }
    const scanned = await scanGaps({ store, series, range, markets, wish, nowMs, signal, tell })
    const jobs = wish ? await planFillJobs({ markets, scanned, store }) : []
    const found = scanned.map((one) => ({ ...untouched(one.gaps), series: one.series, scanned: one }))
    if (dryRun) {
      const { fields, ...plan } = planResult(jobs)
      return { ...plan, fields: { ...fields, ...gapFields(found), series: scanned.length } }
    }
    if (jobs.length === 0) return gapsResult(context, markets, found, null)
    const workers = need(settings, 'maxWorkers')
    const pass = { store, scanned, markets, workers, clock: world, signal, tell }
    const { summary, outcomes } = await runFillPass(pass, jobs)
    return gapsResult(context, markets, outcomes, summary)
  })
}

/** What is to be fetched; null for nothing. A plan without a word of what is that of --fill. */
function wishOf({ settings }: CommandContext): FillWish | null {
  const { dryRun, fill, recheck } = settings
  if (!fill && !recheck && !dryRun) return null
  return { open: fill === true || !recheck, outages: recheck ? 'all' : 'overdue' }
}

function gapsResult(
  context: CommandContext,
  markets: GapMarkets,
  outcomes: readonly SeriesOutcome[],
  passed: Summary | null,
): CommandResult {
  const wish = wishOf(context)
  const failures = [...markets.failed.values()]
  const base = passed ?? emptySummary(context)
  const summary: Summary = {
    ...base,
    ...markets.spent(),
    series: outcomes.length,
    unsettled: [...base.unsettled, ...(wish?.open ? outOfReach(markets, outcomes) : [])],
    errors: [...base.errors, ...failures.map(({ reason }) => reason)],
  }
  const open = outcomes.some(({ gaps }) => gaps.some((gap) => isOpen(gap) && !gap.filled))
  const exitCode = worstExitCode([
    base.exitCode as ExitCode,
    ...failures.map((failure) => failure.exitCode),
    open ? exitCodes.open : exitCodes.done,
  ])
  const text = gapsText({ outcomes, summary, asked: wish !== null })
  return { summary: { ...summary, exitCode }, fields: gapFields(outcomes), text, exitCode }
}

/** The open gaps that nobody could be asked for, and why. */
function outOfReach(markets: GapMarkets, outcomes: readonly SeriesOutcome[]): Unsettled[] {
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
  const archives = open.get(series.market)?.archives ? ' and has no archive of it' : ''
  return `the exchange does not list ${series.symbol} any more${archives}`
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
