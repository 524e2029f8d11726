// Finds what is empty by counting: a range whose count is not that of its places is cut in parts that are
// counted in turn, until a part is empty or full. Places may be those of a calendar or the ids of trades; the
// rows stay where they are. What is in hand at a time, and what is found, is bounded, whatever the holes.

/** A line of places, each of which holds one row at most, or two by somebody's hand, and the ranges of it. */
export type Line<R> = {
  /** How many places a range has. */
  size(range: R): number
  /** The range in at most `parts` parts, in order, none of them without places. */
  cut(range: R, parts: number): readonly R[]
  /** How many rows lie in each range. */
  count(ranges: readonly R[]): Promise<readonly number[]>
  /** Negative where `a` begins before `b`. */
  compare(a: R, b: R): number
  /** From where `first` begins to where `last` ends; it does not end before. */
  hull(first: R, last: R): R
}

/** A range without rows; `whole` is false for what is left when there were too many: it has some rows too. */
export type EmptyRange<R> = { readonly range: R; readonly whole: boolean }

/** Ranges are counted first in parts of so many places: a hole makes only its own part be counted anew. */
const FIRST_PLACES = 8_192
/** Parts of the first question, at most: of longer ranges they have more places. */
const FIRST_PARTS = 4_096
/** A part that is not full is cut in so many. */
const PARTS = 16
/** Ranges counted by one question. */
const RANGES_A_QUESTION = 4_096
/** Empty ranges of one search; where there are more, what is left is told as one. */
const MOST_EMPTY = 50_000

/** The empty ranges of `ranges` (disjoint, in order), in order. */
export async function emptyRanges<R>(
  line: Line<R>,
  ranges: readonly R[],
  mostEmpty = MOST_EMPTY,
): Promise<EmptyRange<R>[]> {
  const places = ranges.reduce((sum, range) => sum + line.size(range), 0)
  const firstPlaces = Math.max(FIRST_PLACES, Math.ceil(places / FIRST_PARTS))
  let found: EmptyRange<R>[] = []
  let waiting = ranges
    .filter((range) => line.size(range) > 0)
    .flatMap((range) => line.cut(range, Math.ceil(line.size(range) / firstPlaces)))
  while (waiting.length > 0 && found.length <= mostEmpty) {
    const asked = waiting.slice(0, RANGES_A_QUESTION)
    const counted = await line.count(asked)
    const short: R[] = []
    for (const [i, range] of asked.entries()) {
      const [rows, size] = [counted[i] ?? 0, line.size(range)]
      if (rows === 0) found.push({ range, whole: true })
      // One place with two rows may hide another with none: such a range is looked into as well.
      else if (rows !== size && size > 1) short.push(...line.cut(range, PARTS))
    }
    // The earliest goes first, so that what is left when there are too many is the end of the ranges.
    waiting = [...short, ...waiting.slice(RANGES_A_QUESTION)]
  }
  const [first, last] = [waiting[0], waiting.at(-1)]
  if (first !== undefined && last !== undefined) {
    const rest = line.hull(first, last)
    found = found.filter(({ range }) => line.compare(range, rest) < 0)
    found.push({ range: rest, whole: false })
  }
  return found.sort((a, b) => line.compare(a.range, b.range))
}
