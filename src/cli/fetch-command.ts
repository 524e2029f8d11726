// What a command that fetches does with its job: one pass, or, with --serve, the same pass again and again.
import type { Dataset } from '../core/dataset.ts'
import type { Period } from '../core/series.ts'
import { UserError } from '../errors.ts'
import type { Resolved } from '../settings/resolve.ts'
import type { SettingName } from '../settings/table.ts'
import type { CommandContext, CommandResult } from './command.ts'
import { runFetch } from './fetch.ts'
import { namedJob } from './jobs.ts'

/** What settings mean: a dataset and periods of it (null: it has none). Throws UserError. */
export type Wanted = { readonly dataset: Dataset; readonly periods: readonly (Period | null)[] }

const onlyServing: readonly SettingName[] = ['schedule', 'host', 'port']

/** Runs a command that fetches what `wantedOf` makes of its settings. */
export async function runFetchCommand(
  context: CommandContext,
  wantedOf: (resolved: Resolved) => Wanted,
): Promise<CommandResult> {
  const { dataset, periods } = wantedOf(context)
  refuseJobs(context)
  if (!isServing(context)) return runFetch(context, dataset, periods)
  const { serve } = await import('./serve.ts')
  const { servedJobsOf } = await import('./serve-jobs.ts')
  return serve(context, (resolved, nowMs) => {
    refuseJobs({ ...resolved, command: context.command })
    const wanted = wantedOf(resolved)
    return servedJobsOf([namedJob(resolved, wanted.dataset, wanted.periods)], nowMs)
  })
}

/** Jobs of --config are for the pipeline: what one command made of them would not be what they say. */
function refuseJobs({ command, jobs }: Pick<CommandContext, 'command' | 'jobs'>): void {
  if (jobs.length === 0) return
  const advice = 'use: petrosa run, which runs them; or leave the jobs out'
  throw new UserError(`--config has jobs, and petrosa ${command} runs none`, advice)
}

/** Whether the command is to stay up. Throws UserError for a flag that means nothing where it is not. */
export function isServing({ settings, origins }: CommandContext): boolean {
  const idle = onlyServing.find((name) => origins[name] === 'flag')
  if (settings.serve || !idle) return settings.serve === true
  throw new UserError(`--${idle} means something only while serving`, 'add --serve, or leave it out')
}
