// The jobs of serve mode: those that fetch, and those that fill gaps at night. What a pass of each does,
// when, and by whose clock.
import type { Dataset } from '../core/dataset.ts'
import type { Market, Series } from '../core/series.ts'
import { cronSchedule, defaultCron, NIGHTLY, type Schedule } from '../server/schedule.ts'
import type { JobKind } from '../server/served.ts'
import type { Resolved } from '../settings/resolve.ts'
import type { SettingName } from '../settings/table.ts'
import type { CommandContext, CommandResult } from './command.ts'
import type { Connections } from './connections.ts'
import { checkFetch, runFetch } from './fetch.ts'
import { fillGaps, groupedJobs, holderOf } from './fill-gaps.ts'
import { gapsPass } from './gaps-once.ts'
import type { Job } from './jobs.ts'
import { gapLeaseGroup, leaseGroup, storedLeaseGroup } from './lease-group.ts'

/** Jobs that a job over their gaps is named for, at most. */
const NAMED_JOBS = 3

/** A job that repeats. Its settings are its own. */
export type ServeJob = Resolved & {
  readonly kind: JobKind
  /** For people, and for those who start it by name. */
  readonly name: string
  /** What makes it another job when the settings are read again. */
  readonly key: string
  /** What makes it the same job in other programs, see lease-group.ts. */
  readonly group: string
  readonly market: Market
  readonly dataset: Job['dataset']
  /** Whether it follows a stored series, by its name alone; a job over gaps follows nothing. */
  readonly holds: (series: Series) => boolean
  readonly schedule: Schedule
  /** Whether its first pass begins when serving does. */
  readonly atOnce: boolean
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
    group: leaseGroup(job),
    market,
    dataset,
    holds: holderOf({ ...job, settings: { ...settings, market } }),
    schedule: cronSchedule(settings.schedule ?? defaultCron(dataset.order, periods), nowMs),
    atOnce: true,
    pass: (context, connections) => runFetch(context, dataset, periods, connections),
  }
}

/** Jobs that fill the gaps of what `jobs` fetch, at night: those of one store and exchange together. */
function gapServeJobs(jobs: readonly Job[], nowMs: number): ServeJob[] {
  return groupedJobs(jobs).map((group) => {
    const [first] = group
    const { dataset, origins, settings } = first
    const names = group.map(({ name }) => name)
    return {
      settings,
      origins,
      kind: 'gaps',
      name: `gaps of ${names.length > NAMED_JOBS ? `${names[0]} and others` : names.join('; ')}`,
      key: JSON.stringify(['gaps', ...group.map((job) => fetchServeJob(job, nowMs).key)]),
      group: gapLeaseGroup(group),
      market: checkFetch(first, dataset),
      dataset,
      holds: () => false,
      schedule: cronSchedule(NIGHTLY, nowMs),
      atOnce: false,
      pass: (context, connections) => fillGaps(context, group, connections),
    }
  })
}

/** What serving `jobs` means: each of them, and at night their gaps. Throws UserError. */
export function servedJobsOf(jobs: readonly Job[], nowMs: number): ServeJob[] {
  return [...jobs.map((job) => fetchServeJob(job, nowMs)), ...gapServeJobs(jobs, nowMs)]
}

/** The job of `petrosa gaps --serve`: the command itself, at once and then by --schedule, or at night. */
export function gapsCommandJob({ settings, origins }: Resolved, dataset: Dataset, nowMs: number): ServeJob {
  const own = Object.entries(settings).filter(([setting]) => !ofProcess.includes(setting as SettingName))
  return {
    settings,
    origins,
    kind: 'gaps',
    name: settings.fill === true || settings.recheck === true ? 'gaps --fill' : 'gaps',
    key: JSON.stringify(['gaps', own]),
    group: storedLeaseGroup({ settings, origins }),
    market: settings.market ?? 'spot',
    dataset,
    holds: () => false,
    schedule: cronSchedule(settings.schedule ?? NIGHTLY, nowMs),
    atOnce: true,
    pass: gapsPass,
  }
}
