// Which raw trades an aggregate joins. Sixteen aggregates that are no markers hold 25 raw trades, in groups
// whose order turns by chance, so that the way between the indexes of both is short in either direction.
// Indexes count from 0 without holes; ids may jump.
import { mix } from './amounts.ts'

/** Aggregates in a cycle, and how many raw trades each joins. */
export const CYCLE = 16
const groupSizes: readonly number[] = [1, 1, 1, 2, 1, 1, 3, 1, 1, 1, 2, 1, 1, 6, 1, 1]
const GROUP = 0x2c1b3c6d

/** Raw trades before each place of the cycle, for two cycles in a row. */
const before: readonly number[] = Array.from({ length: 2 * CYCLE + 1 }, (_, place) =>
  Array.from({ length: place }, (__, i) => groupSizes[i % CYCLE] ?? 0).reduce((sum, size) => sum + size, 0),
)
/** Raw trades in a cycle. */
export const CYCLE_RAW = before[CYCLE] ?? 0

const turn = (seed: number, cycle: number): number => mix(seed, cycle, GROUP) & (CYCLE - 1)

/** How many raw trades come before the valid aggregate `valid` (markers are not counted). */
export function rawBefore(seed: number, valid: number): number {
  const cycle = Math.floor(valid / CYCLE)
  const from = turn(seed, cycle)
  return cycle * CYCLE_RAW + (before[from + valid - cycle * CYCLE] ?? 0) - (before[from] ?? 0)
}

/** How many raw trades the valid aggregate `valid` joins. */
export function groupSize(seed: number, valid: number): number {
  const cycle = Math.floor(valid / CYCLE)
  return groupSizes[(turn(seed, cycle) + valid - cycle * CYCLE) & (CYCLE - 1)] ?? 0
}

/** The valid aggregate that raw trade `raw` belongs to. */
export function validOf(seed: number, raw: number): number {
  const cycle = Math.floor(raw / CYCLE_RAW)
  const from = turn(seed, cycle)
  const inTurns = (before[from] ?? 0) + raw - cycle * CYCLE_RAW
  let place = from
  while ((before[place + 1] ?? Infinity) <= inTurns) place += 1
  return cycle * CYCLE + place - from
}

/** How many of `sorted` are less than `limit`. */
export function countBelow(sorted: readonly number[], limit: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] ?? Infinity) < limit) low = middle + 1
    else high = middle
  }
  return low
}
