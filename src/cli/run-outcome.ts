// What came of the parts of petrosa run. The gaps are looked at last, so that they have the last word on what
// is open: what a job left unsettled may have been filled since.
import type { Unsettled } from '../core/events.ts'
import { isOpen } from '../core/gap.ts'
import { seriesKey } from '../core/series.ts'
import { spanText } from '../core/span.ts'
import { type ExitCode, exitCodes } from '../errors.ts'
import type { CommandResult } from './command.ts'
import { holderOf } from './fill-gaps.ts'
import type { GapsResult } from './gap-run.ts'
import { gapJson, type ListedGap, listedGaps } from './gaps-json.ts'
import type { Job } from './jobs.ts'

type Ended = { readonly exitCode: ExitCode; readonly error: string | null }

/** What came of a job. */
export type Stage = Ended & { readonly job: Job; readonly result: CommandResult | null }

/** What came of filling the gaps of a group of jobs. */
export type Filled = Ended & { readonly jobs: readonly Job[]; readonly result: GapsResult | null }

/** Whether all gaps of the group were looked at and could be asked for. */
function isWhole({ exitCode, result }: Filled): boolean {
  return result !== null && (exitCode === exitCodes.done || exitCode === exitCodes.open)
}

/** The jobs by what is open now: one that left something open is done when that has been filled. */
export function judgedStages(stages: readonly Stage[], groups: readonly Filled[]): Stage[] {
  const open = groups.map((group) => [...openGaps([group]), ...(group.result?.summary?.unsettled ?? [])])
  return stages.map((stage) => {
    const place = groups.findIndex(({ jobs }) => jobs.includes(stage.job))
    const group = groups[place]
    const hasWorked = stage.exitCode === exitCodes.open || stage.exitCode === exitCodes.done
    if (!group || !isWhole(group) || !hasWorked) return stage
    const holds = holderOf(stage.job)
    const isStillOpen = (open[place] ?? []).some(({ series }) => holds(series))
    return { ...stage, exitCode: isStillOpen ? exitCodes.open : exitCodes.done }
  })
}

/** The gaps that are open now. */
export function openGaps(groups: readonly Filled[]): ListedGap[] {
  const outcomes = groups.flatMap(({ result }) => result?.outcomes ?? [])
  return listedGaps(outcomes).filter((gap) => isOpen(gap) && !gap.filled)
}

/** What could not be settled: where gaps were looked at as a whole, what they could not settle. */
export function unsettledOf(stages: readonly Stage[], groups: readonly Filled[]): Unsettled[] {
  const left = groups.flatMap(({ result }) => result?.summary?.unsettled ?? [])
  const others = stages.flatMap(({ job, result }) => {
    const group = groups.find(({ jobs }) => jobs.includes(job))
    return group && isWhole(group) ? [] : (result?.summary?.unsettled ?? [])
  })
  const name = ({ series, span }: Unsettled): string => `${seriesKey(series)} ${spanText(span)}`
  const named = new Set(left.map(name))
  return [...others.filter((one) => !named.has(name(one))), ...left]
}

/** How many series a job was about, also where it only planned. */
export function seriesOf(result: CommandResult | null): number {
  const planned = result?.fields?.series
  return result?.summary?.series ?? (typeof planned === 'number' ? planned : 0)
}

/** What the JSON of the command adds: each job, and the gaps that are open. */
export function runFields(
  stages: readonly Stage[],
  gaps: readonly ListedGap[],
  unsettled: readonly Unsettled[],
): Readonly<Record<string, unknown>> {
  const jobs = stages.map(({ job, result, exitCode, error }) => ({
    name: job.name,
    exit_code: exitCode,
    series: seriesOf(result),
    rows_written: result?.summary?.rowsWritten ?? 0,
    rows_changed: result?.summary?.rowsChanged ?? 0,
    unsettled: unsettled.filter(({ series }) => holderOf(job)(series)).length,
    errors: [...(error === null ? [] : [error]), ...(result?.summary?.errors ?? [])],
  }))
  return { jobs, gaps: gaps.map(gapJson) }
}
