// petrosa run: the whole pipeline, job by job, then gaps --fill over what the jobs hold, then a report. What
// fails of it does not stop the rest.
import { ArchiveReach } from '../core/archive-reach.ts'
import type { Summary } from '../core/events.ts'
import { type ExitCode, errorLine, exitCodeOf, PetrosaError, worstExitCode } from '../errors.ts'
import type { CommandContext, CommandResult, Spent } from './command.ts'
import { type Connections, ownConnections } from './connections.ts'
import { runFetch } from './fetch.ts'
import { isServing } from './fetch-command.ts'
import { fillGaps, groupedJobs, type JobGroup } from './fill-gaps.ts'
import { type Job, jobsOf } from './jobs.ts'
import { KeptConnections } from './kept-connections.ts'
import { refreshedJson } from './pass-result.ts'
import {
  type Filled,
  judgedStages,
  openGaps,
  runFields,
  type Stage,
  seriesOf,
  unsettledOf,
} from './run-outcome.ts'
import { runText } from './run-text.ts'

/** Runs the command. */
export async function runPipeline(given: CommandContext): Promise<CommandResult> {
  if (isServing(given)) return servePipeline(given)
  const context = { ...given, archiveReach: new ArchiveReach() }
  const jobs = jobsOf(context)
  if (context.settings.dryRun === true) return planOf(context, jobs)
  // One store and one count of the request weight for all of it: also what one job learns of a ban.
  const connections = new KeptConnections(context.world)
  try {
    const stages = await inTurn(context, jobs, (job) => runJob(context, job, connections))
    const groups = await inTurn(context, groupedJobs(jobs), (group) => runGroup(context, group, connections))
    return runResult(context, stages, groups)
  } finally {
    await connections.close()
  }
}

/** Serves the jobs of the command: each on its own schedule. */
export async function servePipeline(context: CommandContext): Promise<CommandResult> {
  const { serve } = await import('./serve.ts')
  const { servedJobsOf } = await import('./serve-jobs.ts')
  return serve(context, (resolved, nowMs) => servedJobsOf(jobsOf(resolved), nowMs))
}

/** One after another, until it is told to stop: what was done by then is told all the same. */
async function inTurn<T, R>(
  { world }: CommandContext,
  items: readonly T[],
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const done: R[] = []
  for (const item of items) {
    if (world.signal.aborted) break
    done.push(await work(item))
  }
  return done
}

async function runJob(context: CommandContext, job: Job, connections: Connections): Promise<Stage> {
  const { settings, origins, dataset, name, periods } = job
  const own = { ...context, settings, origins }
  const { result, ...ended } = await attempt(context, name, () =>
    runFetch(own, dataset, periods, connections),
  )
  return { job, result, ...ended }
}

async function runGroup(context: CommandContext, jobs: JobGroup, connections: Connections): Promise<Filled> {
  const { result, ...ended } = await attempt(context, 'gaps', () => fillGaps(context, jobs, connections))
  return { jobs, result, ...ended }
}

type Attempt<R> = { readonly result: R | null; readonly exitCode: ExitCode; readonly error: string | null }

/** What comes of `work`; an error with an instruction is told, and ends nothing else. */
async function attempt<R extends CommandResult>(
  context: CommandContext,
  name: string,
  work: () => Promise<R>,
): Promise<Attempt<R>> {
  try {
    const result = await work()
    return { result, exitCode: result.exitCode, error: null }
  } catch (thrown) {
    const { signal } = context.world
    const error: unknown = signal.aborted ? signal.reason : thrown
    if (!(error instanceof PetrosaError)) throw error
    context.tell({ type: 'warning', message: `${name}: ${errorLine(error)}` })
    return { result: null, exitCode: exitCodeOf(error), error: errorLine(error) }
  }
}

function runResult(
  context: CommandContext,
  stages: readonly Stage[],
  groups: readonly Filled[],
): CommandResult {
  const { signal } = context.world
  const judged = judgedStages(stages, groups)
  const codes = [...judged, ...groups].map(({ exitCode }) => exitCode)
  const exitCode = worstExitCode(signal.aborted ? [...codes, exitCodeOf(signal.reason)] : codes)
  const summary = addUp(context, judged, groups, exitCode)
  const gaps = openGaps(groups)
  const isRefresh = context.settings.refresh === true
  const text = runText({ stages: judged, gaps, summary, isRefresh })
  const refreshed = isRefresh ? { refreshed: (summary.refreshed ?? []).map(refreshedJson) } : {}
  const fields = { ...runFields(judged, gaps, summary.unsettled), ...refreshed }
  return { summary, fields, text, exitCode }
}

/** One summary over all of it. */
function addUp(
  context: CommandContext,
  stages: readonly Stage[],
  groups: readonly Filled[],
  exitCode: ExitCode,
): Summary {
  const fetched = stages.flatMap(({ result }) => result?.summary ?? [])
  const filled = groups.flatMap(({ result }) => result?.summary ?? [])
  const all = [...fetched, ...filled]
  const sum = (some: readonly Summary[], of: (summary: Summary) => number): number =>
    some.reduce((total, summary) => total + of(summary), 0)
  const named = [
    ...stages.flatMap(({ job, error }) => (error === null ? [] : [`${job.name}: ${error}`])),
    ...groups.flatMap(({ error }) => (error === null ? [] : [`gaps: ${error}`])),
  ]
  return {
    command: context.command,
    startedAtMs: context.startedAtMs,
    durationMs: context.world.monotonicMs() - context.startedMs,
    series: sum(fetched, (one) => one.series),
    rowsFetched: sum(all, (one) => one.rowsFetched),
    rowsWritten: sum(all, (one) => one.rowsWritten),
    rowsChanged: sum(all, (one) => one.rowsChanged),
    requests: sum(all, (one) => one.requests),
    weight: sum(all, (one) => one.weight),
    archives: sum(all, (one) => one.archives),
    gapsFound: sum(filled, (one) => one.gapsFound ?? 0),
    gapsFilled: sum(filled, (one) => one.gapsFilled ?? 0),
    unsettled: unsettledOf(stages, groups),
    refreshed: fetched.flatMap((one) => one.refreshed ?? []),
    errors: [...new Set([...named, ...all.flatMap((one) => one.errors)])],
    exitCode,
  }
}

/** The plans of the jobs. What gaps would cost shows only when they have run. */
async function planOf(context: CommandContext, jobs: readonly Job[]): Promise<CommandResult> {
  const stages = await inTurn(context, jobs, (job) => runJob(context, job, ownConnections))
  context.world.signal.throwIfAborted()
  const plan = stages.flatMap(({ result }) => {
    const found = result?.fields?.plan
    return Array.isArray(found) ? found : []
  })
  const series = stages.reduce((sum, { result }) => sum + seriesOf(result), 0)
  const spent = (of: keyof Spent): number =>
    stages.reduce((sum, { result }) => sum + (result?.spent?.[of] ?? 0), 0)
  return {
    fields: { series, ...runFields(stages, [], []), plan },
    spent: { requests: spent('requests'), weight: spent('weight'), archives: spent('archives') },
    text: stages.map(({ job, result, error }) => `${job.name}\n${result?.text ?? `${error}\n`}`).join('\n'),
    exitCode: worstExitCode(stages.map(({ exitCode }) => exitCode)),
    errors: stages.flatMap(({ job, error }) => (error === null ? [] : [`${job.name}: ${error}`])),
  }
}
