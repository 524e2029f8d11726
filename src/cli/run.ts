// petrosa run: the whole pipeline, job by job, then a report. One job's failure does not stop the others.
import { ArchiveReach } from '../core/archive-reach.ts'
import type { Summary } from '../core/events.ts'
import { type ExitCode, errorLine, exitCodeOf, exitCodes, PetrosaError, worstExitCode } from '../errors.ts'
import { counted, thousands } from '../observe/progress.ts'
import type { CommandContext, CommandResult } from './command.ts'
import { runFetch } from './fetch.ts'
import { isServing } from './fetch-command.ts'
import { type Job, jobsOf } from './jobs.ts'
import { refreshedJson, refreshLines } from './pass-result.ts'
import { textTable } from './text-table.ts'

/** What came of a job. */
type Outcome = {
  readonly job: Job
  readonly result: CommandResult | null
  readonly exitCode: ExitCode
  readonly error: string | null
}

/** Runs the command. */
export async function runPipeline(given: CommandContext): Promise<CommandResult> {
  if (isServing(given)) return servePipeline(given)
  const context = { ...given, archiveReach: new ArchiveReach() }
  const outcomes: Outcome[] = []
  for (const job of jobsOf(context)) {
    context.world.signal.throwIfAborted()
    outcomes.push(await runJob(context, job))
  }
  const exitCode = worstExitCode(outcomes.map((outcome) => outcome.exitCode))
  const summary = addUp(context, outcomes, exitCode)
  const plans = outcomes.flatMap(({ result }) => {
    const plan = result?.fields?.plan
    return Array.isArray(plan) ? plan : []
  })
  const isPlan = context.settings.dryRun === true
  const isRefresh = !isPlan && context.settings.refresh === true
  const fields = {
    jobs: outcomes.map(jobJson),
    ...(isPlan ? { plan: plans } : {}),
    ...(isRefresh ? { refreshed: (summary.refreshed ?? []).map(refreshedJson) } : {}),
  }
  const refreshed = isRefresh ? refreshLines(summary.refreshed ?? []) : []
  const text = isPlan ? planText(outcomes) : reportText(outcomes, refreshed)
  return isPlan ? { fields, text, exitCode, errors: summary.errors } : { summary, fields, text, exitCode }
}

/** Serves the jobs of the command: each on its own schedule. */
export async function servePipeline(context: CommandContext): Promise<CommandResult> {
  const { serve } = await import('./serve.ts')
  return serve(context, jobsOf)
}

async function runJob(context: CommandContext, job: Job): Promise<Outcome> {
  const { settings, origins } = job
  try {
    const result = await runFetch({ ...context, settings, origins }, job.dataset, job.periods)
    return { job, result, exitCode: result.exitCode, error: null }
  } catch (error) {
    if (context.world.signal.aborted || !(error instanceof PetrosaError)) throw error
    context.tell({ type: 'warning', message: `${job.name}: ${errorLine(error)}` })
    return { job, result: null, exitCode: exitCodeOf(error), error: errorLine(error) }
  }
}

/** One summary over all jobs. */
function addUp(context: CommandContext, outcomes: readonly Outcome[], exitCode: ExitCode): Summary {
  const summaries = outcomes.flatMap(({ result }) => result?.summary ?? [])
  const sum = (of: (summary: Summary) => number): number =>
    summaries.reduce((total, summary) => total + of(summary), 0)
  const failures = outcomes.flatMap(({ job, error }) => (error === null ? [] : [`${job.name}: ${error}`]))
  return {
    command: context.command,
    startedAtMs: context.startedAtMs,
    durationMs: context.world.monotonicMs() - context.startedMs,
    series: sum((one) => one.series),
    rowsFetched: sum((one) => one.rowsFetched),
    rowsWritten: sum((one) => one.rowsWritten),
    rowsChanged: sum((one) => one.rowsChanged),
    requests: sum((one) => one.requests),
    weight: sum((one) => one.weight),
    archives: sum((one) => one.archives),
    unsettled: summaries.flatMap((one) => one.unsettled),
    refreshed: summaries.flatMap((one) => one.refreshed ?? []),
    errors: [...failures, ...summaries.flatMap((one) => one.errors)],
    exitCode,
  }
}

const jobJson = ({ job, result, exitCode, error }: Outcome): Record<string, unknown> => ({
  name: job.name,
  exit_code: exitCode,
  series: result?.summary?.series ?? 0,
  rows_written: result?.summary?.rowsWritten ?? 0,
  rows_changed: result?.summary?.rowsChanged ?? 0,
  unsettled: result?.summary?.unsettled.length ?? 0,
  errors: [...(error === null ? [] : [error]), ...(result?.summary?.errors ?? [])],
})

/** The report: a line a job, then what was published anew, what failed and what is open. */
function reportText(outcomes: readonly Outcome[], refreshed: readonly string[]): string {
  const rows = outcomes.map(({ job, result, exitCode }) => [
    job.name,
    thousands(result?.summary?.series ?? 0),
    thousands(result?.summary?.rowsWritten ?? 0),
    thousands(result?.summary?.rowsChanged ?? 0),
    exitCode === exitCodes.done ? 'done' : exitCode === exitCodes.open ? 'open' : 'failed',
  ])
  const open = outcomes.reduce((sum, { result }) => sum + (result?.summary?.unsettled.length ?? 0), 0)
  const errors = outcomes.flatMap(({ job, result, error }) =>
    [...(error === null ? [] : [error]), ...(result?.summary?.errors ?? [])].map(
      (line) => `${job.name}: ${line}`,
    ),
  )
  return [
    textTable(['job', 'series', 'new', 'changed', ''], rows),
    ...refreshed.map((line) => `${line}\n`),
    ...errors.map((line) => `${line}\n`),
    open > 0 ? `${counted(open, 'span')} open; run the same command again, --json names them\n` : '',
  ].join('')
}

function planText(outcomes: readonly Outcome[]): string {
  return outcomes.map(({ job, result, error }) => `${job.name}\n${result?.text ?? `${error}\n`}`).join('\n')
}
