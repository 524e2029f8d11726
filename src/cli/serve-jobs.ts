// The jobs of serve mode: what a pass of each does, when, and by whose clock.
import type { Market } from '../core/series.ts'
import { cronSchedule, defaultCron, type Schedule } from '../server/schedule.ts'
import type { JobKind } from '../server/served.ts'
import type { Resolved } from '../settings/resolve.ts'
import type { SettingName } from '../settings/table.ts'
import type { CommandContext, CommandResult } from './command.ts'
import type { Connections } from './connections.ts'
import { checkFetch, runFetch } from './fetch.ts'
import type { Job } from './jobs.ts'

/** A job that repeats. Its settings are its own. */
export type ServeJob = Resolved & {
  readonly kind: JobKind
  /** For people, and for those who start it by name. */
  readonly name: string
  /** What makes it another job when the settings are read again. */
  readonly key: string
  readonly market: Market
  readonly dataset: Job['dataset']
  readonly schedule: Schedule
  /** One pass, with the settings of the job in the context. */
  readonly pass: (context: CommandContext, connections: Connections) => Promise<CommandResult>
}

/** Settings of the process: another value of theirs makes no other job. */
const ofProcess: readonly SettingName[] = [
  ...(['logLevel', 'logFormat', 'json', 'config', 'serve', 'host', 'port'] as const),
  ...(['apiToken', 'metricsPerSymbol', 'leaseSeconds'] as const),
]

/** A job that fetches, checked: throws UserError for what makes no sense. `nowMs`: epoch ms. */
export function fetchServeJob(job: Job, nowMs: number): ServeJob {
  const { settings, origins, name, dataset, periods } = job
  const market = checkFetch(job, dataset)
  const own = Object.entries(settings).filter(([setting]) => !ofProcess.includes(setting as SettingName))
  return {
    settings,
    origins,
    kind: 'fetch',
    name,
    key: JSON.stringify([dataset.name, periods, own]),
    market,
    dataset,
    schedule: cronSchedule(settings.schedule ?? defaultCron(dataset.order, periods), nowMs),
    pass: (context, connections) => runFetch(context, dataset, periods, connections),
  }
}
