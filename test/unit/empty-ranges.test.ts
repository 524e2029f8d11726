// Empty ranges of a line against a plain look at every place; and the bounds of what is asked and found.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { emptyRanges, type Line } from '../../src/core/empty-ranges.ts'
import { runsFor } from '../rig/seed.ts'

const runs = runsFor('test/unit/empty-ranges.test.ts')

/** Places from `from` to `to`, which is excluded. */
type Range = { readonly from: number; readonly to: number }

/** A line whose rows are at `rows`; counts what is asked. */
function lineOf(rows: ReadonlySet<number>): Line<Range> & { asked(): number; counted(): number } {
  let [asked, counted] = [0, 0]
  const places = ({ from, to }: Range): number[] => Array.from({ length: to - from }, (_, i) => from + i)
  return {
    size: ({ from, to }) => to - from,
    cut: ({ from, to }, parts) => {
      const step = Math.ceil((to - from) / parts)
      const starts = places({ from, to }).filter((place) => (place - from) % step === 0)
      return starts.map((start) => ({ from: start, to: Math.min(to, start + step) }))
    },
    count: async (ranges) => {
      asked += 1
      counted += ranges.reduce((sum, { from, to }) => sum + to - from, 0)
      return ranges.map((range) => places(range).filter((place) => rows.has(place)).length)
    },
    compare: (a, b) => a.from - b.from,
    hull: (first, last) => ({ from: first.from, to: last.to }),
    asked: () => asked,
    counted: () => counted,
  }
}

const anyLine = fc.record({
  rows: fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 60 })), { maxLength: 12 }).map((runs) => {
    const out = new Set<number>()
    let place = 0
    for (const [full, length] of runs) {
      if (full) for (let i = 0; i < length; i += 1) out.add(place + i)
      place += length
    }
    return out
  }),
  cuts: fc.uniqueArray(fc.nat({ max: 400 }), { maxLength: 8 }),
  mostEmpty: fc.integer({ min: 1, max: 6 }),
})

/** Every other range between the cuts: disjoint, in order, some of them without places. */
function rangesOf(cuts: readonly number[]): Range[] {
  const sorted = cuts.toSorted((a, b) => a - b)
  return sorted.flatMap((from, i) => (i % 2 === 0 ? [{ from, to: sorted[i + 1] ?? from }] : []))
}

const placesOf = (ranges: readonly Range[]): number[] =>
  ranges.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i))

test('exactly the places without a row, in order, whatever the rows', async () => {
  const property = fc.asyncProperty(anyLine, async ({ rows, cuts }) => {
    const ranges = rangesOf(cuts)
    const found = await emptyRanges(lineOf(rows), ranges)
    expect(found.every(({ whole }) => whole)).toBe(true)
    expect(placesOf(found.map(({ range }) => range))).toEqual(
      placesOf(ranges).filter((place) => !rows.has(place)),
    )
  })
  await fc.assert(property, runs)
})

test('where there are too many, the end of it is told as one, with some rows in it', async () => {
  const property = fc.asyncProperty(anyLine, async ({ rows, cuts, mostEmpty }) => {
    const ranges = rangesOf(cuts)
    const found = await emptyRanges(lineOf(rows), ranges, mostEmpty)
    const whole = placesOf(found.filter((one) => one.whole).map(({ range }) => range))
    const [rest, ...others] = found.filter((one) => !one.whole).map(({ range }) => range)
    expect(others).toEqual([])
    expect(whole.filter((place) => rows.has(place))).toEqual([])
    const missing = placesOf(ranges).filter((place) => !rows.has(place))
    expect(missing.filter((place) => !rest || place < rest.from)).toEqual(whole)
    if (rest) expect(missing.some((place) => place >= rest.from && place < rest.to)).toBe(true)
  })
  await fc.assert(property, runs)
})

test('a hole in a long line makes only its own part be counted anew', async () => {
  const places = 200_000
  const rows = new Set(placesOf([{ from: 0, to: places }]))
  rows.delete(123_456)
  const line = lineOf(rows)
  expect(await emptyRanges(line, [{ from: 0, to: places }])).toEqual([
    { range: { from: 123_456, to: 123_457 }, whole: true },
  ])
  expect(line.asked()).toBeLessThanOrEqual(5)
  expect(line.counted()).toBeLessThan(1.1 * places)
})

test('places with two rows hide none without, and end the search themselves', async () => {
  const rows = new Set(Array.from({ length: 99 }, (_, i) => (i < 40 ? i : i + 1)))
  const once = lineOf(rows)
  const count = async (ranges: readonly Range[]): Promise<number[]> => {
    const twice = [3, 70, 80].map((place) => ({ from: place, to: place + 1 }))
    const counts = await once.count(ranges)
    return ranges.map(
      ({ from, to }, i) => (counts[i] ?? 0) + twice.filter((one) => one.from >= from && one.from < to).length,
    )
  }
  const found = await emptyRanges({ ...once, count }, [{ from: 0, to: 100 }])
  expect(found).toEqual([{ range: { from: 40, to: 41 }, whole: true }])
})
