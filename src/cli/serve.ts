// petrosa serve, and --serve of every command that fetches: the same passes on a schedule, until a signal
// comes. What one pass meets ends that pass; only settings with which nothing can work end the program, and
// only at the start.
import { type ExitCode, UserError } from '../errors.ts'
import { counted, thousands } from '../observe/progress.ts'
import { type Metrics, startMetrics } from '../observe/start-metrics.ts'
import { type App, createApp } from '../server/app.ts'
import { type EventStreams, openStreams } from '../server/event-streams.ts'
import { listen } from '../server/listen.ts'
import { messageOf } from '../server/messages.ts'
import { startRateLimit } from '../server/rate-limit.ts'
import { type Page, statusPage } from '../server/status-page/page.ts'
import type { ResolvedRun } from '../settings/resolve.ts'
import { type CommandContext, type CommandResult, need } from './command.ts'
import { KeptConnections } from './kept-connections.ts'
import { startReloads } from './reload.ts'
import type { ServeJob } from './serve-jobs.ts'
import { ServedJobs } from './served-jobs.ts'
import { startWatch, type Watch } from './served-watch.ts'

/** The jobs that settings mean, by a clock in epoch ms. Throws UserError. */
export type JobsOf = (resolved: ResolvedRun, nowMs: number) => readonly ServeJob[]

/** Serves until a signal comes. Throws UserError for what makes no sense, before anything is begun. */
export async function serve(context: CommandContext, jobsOf: JobsOf): Promise<CommandResult> {
  const { settings, world } = context
  if (settings.dryRun) throw new UserError('--dry-run and --serve exclude each other', 'say one of them')
  if (settings.refresh) {
    const advice = 'run the same command with --refresh and without --serve, now and then'
    throw new UserError('--refresh and --serve exclude each other', advice)
  }
  const serveJobs = (resolved: ResolvedRun): readonly ServeJob[] => jobsOf(resolved, world.nowMs())
  const first = serveJobs(context)
  const page = await statusPage()
  const connections = new KeptConnections(world)
  const streams = openStreams(world)
  const jobs = new ServedJobs({ context, connections, streams })
  // Nobody is answered before all of it stands: once it listens nothing waits for anything until then.
  const defect = (error: unknown, met: string): void => context.tell({ type: 'defect', error, met })
  const place = { host: need(settings, 'host'), port: need(settings, 'port') }
  const server = await listen((...request) => app(...request), { ...place, clock: world, defect })
  context.tell({ type: 'note', message: 'serving', fields: { url: server.url, schedule: schedules(first) } })
  jobs.replace(first)
  const watch = startWatch(context, connections, jobs, streams)
  const metrics = metricsOf(context, connections, jobs, watch)
  const app = appOf(context, watch, metrics, streams, page)
  context.listen((event) => {
    metrics.tell(event)
    const message = messageOf(event)
    if (message) streams.send(message)
  })
  startReloads({ context, connections, jobs, jobsOf: serveJobs })
  await jobs.ended()
  // In the reverse order of opening: nobody asks any more when the store is closed.
  streams.close()
  await server.stop()
  metrics.stop()
  await watch.stop()
  await connections.close()
  return servedResult(context, jobs)
}

const schedules = (jobs: readonly ServeJob[]): Readonly<Record<string, string>> =>
  Object.fromEntries(jobs.map((job) => [job.name, job.schedule.text]))

function metricsOf(
  { settings, world }: CommandContext,
  connections: KeptConnections,
  jobs: ServedJobs,
  watch: Watch,
): Metrics {
  return startMetrics({
    clock: world,
    version: world.version,
    usage: world.usage,
    perSymbol: settings.metricsPerSymbol === true,
    weights: () => connections.weights(),
    storeUp: watch.storeUp,
    passPendingMs: () => jobs.pendingMs(),
  })
}

function appOf(
  { settings, tell, world }: CommandContext,
  watch: Watch,
  metrics: Metrics,
  streams: EventStreams,
  page: Page,
): App {
  return createApp({
    served: { ...watch.served, metrics: metrics.text },
    streams,
    limit: startRateLimit(world.monotonicMs),
    token: settings.apiToken,
    page,
    defect: (error, met) => tell({ type: 'defect', error, met }),
  })
}

function servedResult(context: CommandContext, jobs: ServedJobs): CommandResult {
  const { passes, summary } = jobs.total()
  const text =
    `${context.command}: ${thousands(passes)} ${passes === 1 ? 'pass' : 'passes'}, ` +
    `${counted(summary.rowsWritten, 'row')} new, ${thousands(summary.rowsChanged)} changed\n`
  return { summary, text, exitCode: summary.exitCode as ExitCode }
}
