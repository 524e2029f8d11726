// `petrosa gaps --fill` over what jobs hold: the end of `petrosa run`, and the gap jobs of serving. Jobs that
// go to the same store and exchange are one run, so that a market is opened once.
import { isQuotedIn, patternTest } from '../binance/symbols.ts'
import { type Series, seriesKey } from '../core/series.ts'
import type { SettingName } from '../settings/table.ts'
import type { Moment } from '../settings/values.ts'
import { type CommandContext, need } from './command.ts'
import { type Connections, ownConnections } from './connections.ts'
import { type GapsResult, runOverGaps } from './gap-run.ts'
import type { Job } from './jobs.ts'
import { inShard } from './shard.ts'

/** What jobs may differ in and still be filled by one run: which series they mean, and when. */
const ofSelection: readonly SettingName[] = [
  ...(['symbols', 'quote', 'exclude', 'status', 'period', 'market', 'dataset', 'kind'] as const),
  ...(['start', 'end', 'lookbackHours', 'schedule'] as const),
]

/** Jobs that one run can fill the gaps of. */
export type JobGroup = readonly [Job, ...Job[]]

/** `jobs` in groups, in their order. */
export function groupedJobs(jobs: readonly Job[]): JobGroup[] {
  const groups = new Map<string, [Job, ...Job[]]>()
  for (const job of jobs) {
    const others = Object.entries(job.settings).filter(([name]) => !ofSelection.includes(name as SettingName))
    const key = JSON.stringify(others)
    const group = groups.get(key)
    if (group) group.push(job)
    else groups.set(key, [job])
  }
  return [...groups.values()]
}

/**
 * One pass of `gaps --fill` over the stored series of a group of jobs (see `groupedJobs`; one job alone is
 * one), each from its first row, or the start of its job, to the last closed period, or the end of its job.
 * Outages that were asked for a week ago are asked for again. Throws what opening and reading the store
 * throws; what goes wrong afterwards stands in the summary.
 */
export function fillGaps(
  context: CommandContext,
  jobs: JobGroup,
  connections: Connections = ownConnections,
): Promise<GapsResult> {
  const [{ settings, origins }] = jobs
  const holders = jobs.map((job) => ({ job, holds: holderOf(job) }))
  const asked = {
    concerns: (series: Series) => holders.some(({ holds }) => holds(series)),
    range: (series: Series) => rangeOf(holders.flatMap(({ job, holds }) => (holds(series) ? [job] : []))),
    wish: { open: true, outages: 'overdue' },
    dryRun: false,
  } as const
  return runOverGaps({ ...context, settings, origins }, asked, connections)
}

/** Whether a stored series is one of a job's, by its name alone: also one that the exchange lists no more. */
export function holderOf({ dataset, periods, settings }: Job): (series: Series) => boolean {
  const market = need(settings, 'market')
  const symbols = need(settings, 'symbols').map(patternTest)
  const excluded = (settings.exclude ?? []).map(patternTest)
  const { quote, shard } = settings
  return (series) =>
    series.market === market &&
    series.dataset === dataset.name &&
    periods.includes(series.period) &&
    symbols.some((fits) => fits(series.symbol)) &&
    !excluded.some((fits) => fits(series.symbol)) &&
    (quote === null || isQuotedIn(series.symbol, quote)) &&
    inShard(seriesKey(series), shard)
}

/** Where any of some jobs of a series looks: nothing of one is left to another. */
function rangeOf(jobs: readonly Job[]): { readonly start: Moment | null; readonly end: Moment | null } {
  const [first, ...more] = jobs
  if (!first) return { start: null, end: null }
  const same = (a: Moment | null, b: Moment | null): boolean => JSON.stringify(a) === JSON.stringify(b)
  const { start, end } = first.settings
  return {
    start: more.every(({ settings }) => same(settings.start, start)) ? start : null,
    end: more.every(({ settings }) => same(settings.end, end)) ? end : null,
  }
}
