// Rows whose decimals still stand in the page that they came in. A store that writes bytes copies them from
// there; one that wants text gets it when it asks for a column, and not before: most of the work on a page is
// making strings.
import type { Rows, Value } from './dataset.ts'
import { firstByteBits, noDigits, WORD_BYTES } from './digit-words.ts'
import { freeMemory, isWhole } from './free-memory.ts'

/**
 * Where the decimals of a page stand, each in its canonical form: bytes[starts[row] .. ends[row]) of a
 * column. The ids of an archive stand in its bytes too.
 */
export type Slices = {
  readonly bytes: Uint8Array
  /** By column of the table; null for columns that are held as values. */
  readonly columns: readonly (SliceColumn | null)[]
  /**
   * How many rows from the first are candles whose high and low hold their open and close, as whoever read
   * them saw; none where it is not said.
   */
  readonly ordered?: number
  /** Whether other rows stand in the same bytes: then they must not change hands. */
  readonly shared?: true
}

export type SliceColumn = { readonly starts: Int32Array; readonly ends: Int32Array }

/** The slices of rows: another view of the same rows, and no part of what they are. */
const known = new WeakMap<Rows, Slices>()

/** Where the decimals of `rows` stand as bytes; undefined for rows that came in another way. */
export function slicesOf(rows: Rows): Slices | undefined {
  const slices = known.get(rows)
  if (slices) stillHere(slices, rows.count)
  return slices
}

/** A store may hand a page on to another thread: whoever looks at its rows then has a defect. */
function stillHere(slices: Slices, count: number): void {
  if (count > 0 && slices.bytes.length === 0) throw new Error('the page of these rows was handed on')
}

/** Gives the memory of rows over slices back at once: nobody may look at them any more. */
export function releaseRows(rows: Rows): void {
  const slices = known.get(rows)
  if (!slices || slices.shared) return
  const places = slices.columns.flatMap((column) => (column ? [column.starts, column.ends] : []))
  const { bytes } = slices
  const own = isWhole(bytes) ? [bytes, ...places] : places
  freeMemory(own)
}

const MINUS = 45
const POINT = 46
const [ZERO, NINE] = [48, 57] as const

/** Reads bytes as text, one character each; kept for the parts of a page. */
const readers = new WeakMap<Rows, (bytes: Uint8Array) => string>()

/**
 * The rows `from` (included) to `to` (excluded) of rows over slices, which stay where they are; null for rows
 * that came in another way.
 */
export function slicedPart(rows: Rows, from: number, to: number): Rows | null {
  const slices = slicesOf(rows)
  const textOf = readers.get(rows)
  if (!slices || !textOf) return null
  const plain = slices.columns.map((column, i) => (column ? null : (rows.columns[i] ?? []).slice(from, to)))
  const columns = slices.columns.map(
    (column) => column && { starts: column.starts.subarray(from, to), ends: column.ends.subarray(from, to) },
  )
  return slicedRows(to - from, plain, { bytes: slices.bytes, columns, shared: true }, textOf)
}

/** The rows at `places` of rows over slices, in that order; null for rows that came in another way. */
export function slicedPick(rows: Rows, places: readonly number[]): Rows | null {
  const slices = slicesOf(rows)
  const textOf = readers.get(rows)
  if (!slices || !textOf) return null
  const pick = (from: Int32Array): Int32Array => Int32Array.from(places, (place) => from[place] ?? 0)
  const plain = slices.columns.map((column, i) =>
    column ? null : places.map((place) => rows.columns[i]?.[place] ?? null),
  )
  const columns = slices.columns.map(
    (column) => column && { starts: pick(column.starts), ends: pick(column.ends) },
  )
  return slicedRows(places.length, plain, { bytes: slices.bytes, columns, shared: true }, textOf)
}

/** `first` and then `second` in bytes of their own; null where they do not stand in slices alike. */
export function slicedJoin(first: Rows, second: Rows): Rows | null {
  const [left, right] = [slicesOf(first), slicesOf(second)]
  const textOf = readers.get(first)
  if (!left || !right || !textOf || readers.get(second) !== textOf) return null
  if (left.columns.some((column, i) => (column === null) !== (right.columns[i] === null))) return null
  // Few rows may be a view of large bytes.
  const [head, tail] = [ownSlices(left, first.count), ownSlices(right, second.count)]
  const shift = head.bytes.length
  const bytes = new Uint8Array(shift + tail.bytes.length)
  bytes.set(head.bytes)
  bytes.set(tail.bytes, shift)
  const join = (a: Int32Array, b: Int32Array): Int32Array => {
    const places = new Int32Array(first.count + second.count)
    places.set(a.subarray(0, first.count))
    for (let row = 0; row < second.count; row += 1) places[first.count + row] = (b[row] ?? 0) + shift
    return places
  }
  const columns = head.columns.map((a, i) => {
    const b = tail.columns[i]
    return a && b ? { starts: join(a.starts, b.starts), ends: join(a.ends, b.ends) } : null
  })
  const plain = columns.map((column, i) =>
    column ? null : [...(first.columns[i] ?? []), ...(second.columns[i] ?? [])],
  )
  return slicedRows(first.count + second.count, plain, { bytes, columns }, textOf)
}

/** One value of a column that stands in slices, as text; null where it does not. */
export function slicedText(rows: Rows, column: number, row: number): string | null {
  const slices = slicesOf(rows)
  const places = slices?.columns[column]
  const textOf = readers.get(rows)
  if (!slices || !places || !textOf || row < 0 || row >= rows.count) return null
  return textOf(slices.bytes.subarray(places.starts[row], places.ends[row]))
}

/** Slices with bytes of their own: only those that they stand in, where they are shared. */
export function ownSlices(slices: Slices, count: number): Slices {
  if (!slices.shared) return slices
  let [low, high] = [Number.POSITIVE_INFINITY, 0]
  for (const column of slices.columns) {
    if (!column) continue
    for (let row = 0; row < count; row += 1) {
      low = Math.min(low, column.starts[row] ?? 0)
      high = Math.max(high, column.ends[row] ?? 0)
    }
  }
  if (high < low) low = high
  const moved = (places: Int32Array): Int32Array => places.map((place) => place - low)
  const columns = slices.columns.map(
    (column) => column && { starts: moved(column.starts), ends: moved(column.ends) },
  )
  // Not the own slice() of a Buffer, which copies nothing.
  return { bytes: Uint8Array.prototype.slice.call(slices.bytes, low, high), columns }
}

/**
 * Rows over slices. `plain` holds the other columns by their index; `textOf` reads the bytes as one
 * character each.
 */
export function slicedRows(
  count: number,
  plain: readonly (readonly Value[] | null)[],
  slices: Slices,
  textOf: (bytes: Uint8Array) => string,
): Rows {
  let text: string | null = null
  const columns: (readonly Value[])[] = plain.map((held) => held ?? [])
  for (const [i, column] of slices.columns.entries()) {
    if (!column) continue
    const define = (property: PropertyDescriptor): unknown =>
      Object.defineProperty(columns, i, { ...property, enumerable: true, configurable: true })
    const get = (): readonly Value[] => {
      stillHere(slices, count)
      text ??= textOf(slices.bytes)
      const page = text
      const values: string[] = []
      const { starts, ends } = column
      for (let row = 0; row < count; row += 1) values.push(page.substring(starts[row] ?? 0, ends[row]))
      define({ value: values, writable: true })
      return values
    }
    define({ get })
  }
  const rows: Rows = { count, columns }
  known.set(rows, slices)
  readers.set(rows, textOf)
  return rows
}

/**
 * Compares the decimals of one row in two columns as numbers, where they stand: negative, zero or positive.
 * Null where one has a sign: then they have to be compared as text (core/decimal.ts).
 */
export function compareSlices(bytes: Uint8Array, a: SliceColumn, b: SliceColumn, row: number): number | null {
  const startA = a.starts[row] ?? 0
  const startB = b.starts[row] ?? 0
  if (startA === startB) return 0
  if (bytes[startA] === MINUS || bytes[startB] === MINUS) return null
  const lengthA = (a.ends[row] ?? 0) - startA
  const lengthB = (b.ends[row] ?? 0) - startB
  const shared = Math.min(lengthA, lengthB)
  let at = 0
  let whole = true
  while (at < shared && bytes[startA + at] === bytes[startB + at]) {
    if (bytes[startA + at] === POINT) whole = false
    at += 1
  }
  // What continues the other has more digits, before the point or after it.
  if (at === shared) return lengthA - lengthB
  // The first byte that differs decides, unless one number has more digits before the point.
  const difference = (bytes[startA + at] ?? 0) - (bytes[startB + at] ?? 0)
  while (whole) {
    const inA = at < lengthA && bytes[startA + at] !== POINT
    const inB = at < lengthB && bytes[startB + at] !== POINT
    if (inA !== inB) return inA ? 1 : -1
    whole = inA
    at += 1
  }
  return difference
}

/**
 * The first row of `from` to `count` of which a quick look does not tell that its number in `a` is at most
 * that in `b`: it has to be compared. `count` where there is none.
 */
export function firstUnclear(
  bytes: Uint8Array,
  a: SliceColumn,
  b: SliceColumn,
  from: number,
  count: number,
): number {
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const last = bytes.byteLength - WORD_BYTES
  for (let row = from; row < count; row += 1) {
    const startA = a.starts[row] ?? 0
    const startB = b.starts[row] ?? 0
    const lengthA = (a.ends[row] ?? 0) - startA
    const lengthB = (b.ends[row] ?? 0) - startB
    const longest = Math.max(lengthA, lengthB)
    // What stands behind the end of one may belong to it (zeros that were left out) or to anything else.
    const shared = Math.min(lengthA, lengthB)
    let whole = true
    let order = 0
    for (let at = 0; at < longest && (whole || order === 0); at += WORD_BYTES) {
      if (startA + at > last || startB + at > last) return row
      const wordA = words.getInt32(startA + at, true)
      const wordB = words.getInt32(startB + at, true)
      if (whole) {
        const endA = noDigits(wordA)
        const endB = noDigits(wordB)
        if ((endA | endB) !== 0) {
          whole = false
          const digits = at + (firstByteBits(endA) >> 3)
          // One has more digits before the point, or a sign.
          if (endA === 0 || endB === 0 || firstByteBits(endA) !== firstByteBits(endB)) return row
          if (digits === 0 || digits > shared) return row
        }
      }
      const differs = wordA ^ wordB
      if (order !== 0 || differs === 0) continue
      // The first digit that differs decides, of as many before the point.
      const bits = firstByteBits(differs)
      const digitA = (wordA >>> bits) & 0xff
      const digitB = (wordB >>> bits) & 0xff
      if (at + (bits >> 3) >= shared || !isDigit(digitA) || !isDigit(digitB)) return row
      order = digitA - digitB
    }
    if (order > 0 || (lengthA !== lengthB && (whole || order === 0))) return row
  }
  return count
}

const isDigit = (byte: number): boolean => byte >= ZERO && byte <= NINE
