// Rows whose decimals still stand in the page that they came in. A store that writes bytes copies them from
// there; one that wants text gets it when it asks for a column, and not before: most of the work on a page is
// making strings.
import type { Rows, Value } from './dataset.ts'

/**
 * Where the decimals of a page stand, each in its canonical form: bytes[starts[row] .. ends[row]) of a
 * column. The ids of an archive stand in its bytes too.
 */
export type Slices = {
  readonly bytes: Uint8Array
  /** By column of the table; null for columns that are held as values. */
  readonly columns: readonly (SliceColumn | null)[]
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

const MINUS = 45
const POINT = 46

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
