// The ids of a series as a line that empty ranges are looked for on, and the little algebra of runs of ids
// that this takes. Ids have up to 63 bits, so runs are of BigInt.
import type { EmptyRange, Line } from './empty-ranges.ts'
import type { GapScan } from './gap.ts'
import type { IdRange } from './id.ts'

/** Ids from `first` to `last`, both included. */
export type IdRun = { readonly first: bigint; readonly last: bigint }

export const runOf = ({ firstId, lastId }: IdRange): IdRun => ({
  first: BigInt(firstId),
  last: BigInt(lastId),
})
export const rangeOf = ({ first, last }: IdRun): IdRange => ({ firstId: `${first}`, lastId: `${last}` })
export const sizeOf = ({ first, last }: IdRun): number => Number(last - first) + 1
export const byFirst = (a: IdRun, b: IdRun): number => (a.first < b.first ? -1 : Number(a.first > b.first))
export const overlaps = (a: IdRun, b: IdRun): boolean => a.first <= b.last && b.first <= a.last
export const within = (inner: IdRun, outer: IdRun): boolean =>
  outer.first <= inner.first && inner.last <= outer.last

/** Runs that overlap or touch as one, in order; runs without ids are dropped. */
export function united(runs: readonly IdRun[]): IdRun[] {
  const out: IdRun[] = []
  for (const run of runs.filter(({ first, last }) => first <= last).toSorted(byFirst)) {
    const before = out.at(-1)
    if (before === undefined || run.first > before.last + 1n) out.push(run)
    else if (run.last > before.last) out[out.length - 1] = { first: before.first, last: run.last }
  }
  return out
}

/** What of `run` is in none of `taken` (see `united`), in order. */
export function minusRuns(run: IdRun, taken: readonly IdRun[]): IdRun[] {
  const out: IdRun[] = []
  let { first } = run
  for (let at = placeAfter(taken, run.first); at < taken.length; at += 1) {
    const hole = taken[at]
    if (!hole || hole.first > run.last) break
    if (hole.first > first) out.push({ first, last: hole.first - 1n })
    first = hole.last + 1n
  }
  if (first <= run.last) out.push({ first, last: run.last })
  return out
}

/** The place of the first of `runs` (see `united`) that does not end before `id`; their number if all do. */
function placeAfter(runs: readonly IdRun[], id: bigint): number {
  let [low, high] = [0, runs.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    const run = runs[middle]
    if (run && run.last < id) low = middle + 1
    else high = middle
  }
  return low
}

/** Runs (disjoint, in order) cut before each id of `starts` that lies inside one of them. */
export function cutAt(runs: readonly IdRun[], starts: readonly bigint[]): IdRun[] {
  const sorted = starts.toSorted((a, b) => (a < b ? -1 : Number(a > b)))
  const out: IdRun[] = []
  let at = 0
  for (const run of runs) {
    let { first } = run
    for (let start = sorted[at]; start !== undefined && start <= run.last; start = sorted[at]) {
      if (start > first) out.push({ first, last: start - 1n })
      if (start > first) first = start
      at += 1
    }
    out.push({ first, last: run.last })
  }
  return out
}

/** The ids of a series as places. */
export function idLine({ series, store, table }: GapScan): Line<IdRun> {
  return {
    size: sizeOf,
    cut: (run, parts) => {
      const step = BigInt(Math.max(1, Math.ceil(sizeOf(run) / parts)))
      const out: IdRun[] = []
      for (let { first } = run; first <= run.last; first += step) {
        const end = first + step - 1n
        out.push({ first, last: end < run.last ? end : run.last })
      }
      return out
    },
    count: (runs) => store.countIds(series, table, runs.map(rangeOf)),
    compare: byFirst,
    hull: (a, b) => ({ first: a.first, last: b.last }),
  }
}

/** What was found as runs cut before `starts`, in order, and how many ids each of them lacks. */
export async function lacking(
  line: Line<IdRun>,
  found: readonly EmptyRange<IdRun>[],
  starts: readonly bigint[],
): Promise<(IdRun & { readonly missing: number })[]> {
  const whole = found.filter((one) => one.whole).map(({ range }) => range)
  const mixed = cutAt(
    found.filter((one) => !one.whole).map(({ range }) => range),
    starts,
  )
  const rows = mixed.length === 0 ? [] : await line.count(mixed)
  return [
    ...cutAt(united(whole), starts).map((run) => ({ ...run, missing: sizeOf(run) })),
    ...mixed
      .map((run, i) => ({ ...run, missing: sizeOf(run) - (rows[i] ?? 0) }))
      .filter(({ missing }) => missing > 0),
  ]
}
