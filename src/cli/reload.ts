// SIGHUP: the settings are read again, checked first, the names of new symbols too. What is no good is
// refused, told, and the old settings stand. The level of the log and the jobs change while it runs; where it
// listens, and who may start something, do not.
import { errorLine, PetrosaError } from '../errors.ts'
import type { ResolvedRun } from '../settings/resolve.ts'
import type { SettingName } from '../settings/table.ts'
import type { CommandContext } from './command.ts'
import type { KeptConnections } from './kept-connections.ts'
import { namesKey, refuseUnknownNames } from './new-names.ts'
import type { ServeJob } from './serve-jobs.ts'
import type { ServedJobs } from './served-jobs.ts'

/** Settings that count when the program starts. */
const atStart: readonly SettingName[] = [
  ...(['host', 'port', 'apiToken', 'metricsPerSymbol', 'logFormat', 'leaseSeconds'] as const),
]

export type ReloadOptions = {
  readonly context: CommandContext
  readonly connections: KeptConnections
  readonly jobs: ServedJobs
  readonly jobsOf: (resolved: ResolvedRun) => readonly ServeJob[]
}

/** Reads the settings again at every hang-up, one after another. */
export function startReloads(options: ReloadOptions): void {
  let last = Promise.resolve()
  options.context.world.onHangup(() => {
    last = last.then(() => reload(options))
  })
}

async function reload({ context, connections, jobs, jobsOf }: ReloadOptions): Promise<void> {
  if (jobs.stopping.aborted) return
  try {
    const resolved = await context.resolveAgain()
    const wanted = jobsOf(resolved)
    const served = new Set(jobs.served().map(namesKey))
    const fresh = wanted.filter((job) => !served.has(namesKey(job)))
    await refuseUnknownNames(context, connections, fresh, jobs.stopping)
    if (jobs.stopping.aborted) return
    const later = atStart.filter((name) => resolved.settings[name] !== context.settings[name])
    context.setLogLevel(resolved.settings.logLevel ?? 'info')
    const { begun, gone } = jobs.replace(wanted)
    const fields = { jobs: wanted.length, begun, gone, log_level: resolved.settings.logLevel }
    context.tell({ type: 'note', message: 'settings read again', fields })
    if (later.length > 0) {
      const message = `${later.join(', ')} changed too: that takes effect when it is started again`
      context.tell({ type: 'warning', message })
    }
  } catch (error) {
    if (!(error instanceof PetrosaError)) context.tell({ type: 'defect', error })
    context.tell({ type: 'warning', message: `the settings stay as they were: ${errorLine(error)}` })
    // Hosts that only the refused jobs would ask.
    await connections.keepOnly(jobs.contexts())
  }
}
