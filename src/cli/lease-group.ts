// What programs share by leases: the series of a job. Those whose jobs mean the same series are replicas of
// each other, whatever else they differ in; the parts of a split, and jobs that are only called alike, mean
// different ones.
import type { Resolved } from '../settings/resolve.ts'
import type { SettingName, Settings } from '../settings/table.ts'
import type { Job } from './jobs.ts'

/** The name of what a job that fetches selects: the same in every program, in whatever order it is said. */
export function leaseGroup({ dataset, periods, settings }: Job): string {
  const { exclude, market, quote, shard, status, symbols } = settings
  return JSON.stringify([dataset.name, market, periods, symbols, quote, exclude, status, shard].map(inOrder))
}

/** The same of a job over the gaps of what other jobs fetch. */
export function gapLeaseGroup(jobs: readonly Job[]): string {
  return JSON.stringify(['gaps', ...jobs.map(leaseGroup).sort()])
}

/** Settings that select among what is stored where they are flags, see stored-series.ts. */
const ofStored = ['symbols', 'exclude', 'period', 'market', 'dataset'] as const satisfies SettingName[]

/** The same of `petrosa gaps`, which is about what is stored. */
export function storedLeaseGroup({ settings, origins }: Resolved): string {
  const said = ofStored.map((name): Settings[SettingName] =>
    origins[name] === 'flag' ? settings[name] : null,
  )
  const { fill, recheck, shard } = settings
  return JSON.stringify(['gaps command', ...said.map(inOrder), fill, recheck, shard])
}

const inOrder = (value: unknown): unknown => (Array.isArray(value) ? value.toSorted() : value)
