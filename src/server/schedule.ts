// When passes begin: cron expressions in UTC, with seconds, and what they are where nobody names one. croner
// computes the times; whoever waits for them waits by the program's own clock.
import { Cron } from 'croner'
import type { Order } from '../core/dataset.ts'
import { type Period, periods } from '../core/series.ts'
import { UserError } from '../errors.ts'

export type Schedule = {
  /** The cron expression. */
  readonly text: string
  /**
   * The first time after `afterMs` (epoch ms) that the expression names; null where there is none any more.
   */
  nextMs(afterMs: number): number | null
}

/**
 * The schedule of a cron expression of five fields, or of six with seconds first, in UTC. Throws UserError
 * where it is none, or where its time never comes (after `nowMs`).
 */
export function cronSchedule(text: string, nowMs: number): Schedule {
  const advice = 'write it as second minute hour day month weekday, such as 3 * * * * *'
  let cron: Cron
  try {
    cron = new Cron(text, { timezone: 'UTC', mode: '5-or-6-parts' })
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^Cron\w+: /, '') : String(error)
    throw new UserError(`--schedule '${text}' is no cron expression: ${why}`, advice)
  }
  const nextMs = (afterMs: number): number | null => cron.nextRun(new Date(afterMs))?.getTime() ?? null
  if (nextMs(nowMs) === null)
    throw new UserError(`--schedule '${text}' names a time that never comes`, advice)
  return { text, nextMs }
}

/**
 * A few seconds after each period has closed: the last trades of a candle arrive up to two seconds late
 * (reference 9). Candles of a second are fetched some at a time; 3d and 1w open on days that cron cannot
 * name, or seldom.
 */
const ofPeriod: Readonly<Record<Period, string>> = {
  '1s': '*/5 * * * * *',
  '1m': '3 * * * * *',
  '3m': '3 */3 * * * *',
  '5m': '3 */5 * * * *',
  '15m': '3 */15 * * * *',
  '30m': '3 */30 * * * *',
  '1h': '3 0 * * * *',
  '2h': '3 0 */2 * * *',
  '4h': '3 0 */4 * * *',
  '6h': '3 0 */6 * * *',
  '8h': '3 0 */8 * * *',
  '12h': '3 0 */12 * * *',
  '1d': '3 0 0 * * *',
  '3d': '3 0 0 * * *',
  '1w': '3 0 0 * * *',
  '1M': '3 0 0 * * *',
}

/** Funding rates are posted at the full hour, and are there a minute later (core/plan.ts). */
const HOURLY = '3 1 * * * *'

/** Gaps are looked for at night, when the archives of the day before are out, and away from full hours. */
export const NIGHTLY = '0 40 3 * * *'

/** The expression of a job that names none: its shortest period decides. */
export function defaultCron(order: Order, wanted: readonly (Period | null)[]): string {
  if (order === 'time') return HOURLY
  const shortest = periods.find((period) => wanted.includes(period)) ?? '1m'
  return ofPeriod[shortest]
}

/** Replicas of one job begin up to so much later than their schedule, each by chance. */
const MOST_JITTER_MS = 30_000
/** And at most by this part of the time between two passes. */
const JITTER_SHARE = 0.01

/** How much later than scheduled a pass may begin, ms, by the distance to the pass after it. */
export function mostJitterMs(schedule: Schedule, atMs: number): number {
  const nextMs = schedule.nextMs(atMs)
  return nextMs === null ? 0 : Math.min(MOST_JITTER_MS, (nextMs - atMs) * JITTER_SHARE)
}
