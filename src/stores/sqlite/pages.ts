// Pages on their way from the thread that fetches to the one that writes. What is large changes hands and is
// not copied: the bytes of a page, and where its decimals stand.
import type { Rows, Value } from '../../core/dataset.ts'
import { freeMemory, isWhole } from '../../core/free-memory.ts'
import { numberRoom } from '../../core/number-room.ts'
import { ownSlices, type SliceColumn, slicedRows, slicesOf } from '../../core/sliced-rows.ts'
import type { Page } from '../../core/store.ts'

/** Rows as few pieces of memory: each piece costs both threads as much as hundreds of numbers (measured). */
type SentRows = {
  readonly count: number
  /** By column: what stands in the slices, what in the numbers, and values of other kinds. */
  readonly columns: readonly ('slice' | 'number' | readonly Value[])[]
  /** The numbers, column after column. */
  readonly numbers: Float64Array
  /** The bytes that slices stand in; null for rows without. */
  readonly bytes: Uint8Array | null
  /** Where they begin and where they end. */
  readonly places: Int32Array
  /** Where in `places` the begins of a column stand, and where its ends, column after column. */
  readonly columnPlaces: readonly number[]
}

export type SentPage = Omit<Page, 'rows'> & { readonly rows: SentRows }

export type Parcel = { readonly pages: readonly SentPage[]; readonly transfer: ArrayBuffer[] }

/** Pages ready to be sent with what changes hands: their rows must not be looked at afterwards. */
export function packPages(pages: readonly Page[]): Parcel {
  const transfer: ArrayBuffer[] = []
  const sent = pages.map((page) => ({ ...page, rows: packRows(page.rows) }))
  for (const { rows } of sent)
    for (const held of [rows.bytes, rows.numbers, rows.places])
      if (held?.buffer instanceof ArrayBuffer && held.length > 0) transfer.push(held.buffer)
  return { pages: sent, transfer }
}

function packRows(rows: Rows): SentRows {
  const { count } = rows
  const known = slicesOf(rows)
  const found = known && ownSlices(known, count)
  const sliced = found?.columns.flatMap((column) => (column ? [column.starts, column.ends] : [])) ?? []
  const numeric: (readonly number[])[] = []
  const columns = Array.from({ length: rows.columns.length }, (_, i) => {
    if (found?.columns[i]) return 'slice'
    const values = rows.columns[i] ?? []
    if (!areNumbers(values)) return values
    numeric.push(values)
    return 'number'
  })
  return {
    count,
    columns,
    numbers: joined(numeric, count),
    bytes: found ? ownBytes(found.bytes) : null,
    ...packPlaces(sliced, count, found === known),
  }
}

/** The places of columns in one piece of memory: the one that they stand in, if it is theirs, or a copy. */
function packPlaces(
  columns: readonly Int32Array[],
  count: number,
  own: boolean,
): Pick<SentRows, 'places' | 'columnPlaces'> {
  const held = columns[0]?.buffer
  if (own && held instanceof ArrayBuffer && columns.every(({ buffer }) => buffer === held))
    return {
      places: new Int32Array(held),
      columnPlaces: columns.map(({ byteOffset }) => byteOffset / Int32Array.BYTES_PER_ELEMENT),
    }
  const places = new Int32Array(columns.length * count)
  for (const [i, column] of columns.entries()) places.set(column, i * count)
  return { places, columnPlaces: columns.map((_, i) => i * count) }
}

/** A loop, since Float64Array.from and set take many times as long for an Array (measured). */
function joined(columns: readonly (readonly number[])[], count: number): Float64Array {
  const numbers = new Float64Array(columns.length * count)
  let at = 0
  for (const values of columns) for (let row = 0; row < count; row += 1) numbers[at++] = values[row] ?? 0
  return numbers
}

/** Memory that nothing else looks into. A view of a part may share it with who knows what: that is copied. */
function ownBytes(bytes: Uint8Array): Uint8Array {
  // Not by the own slice() of a Buffer, which copies nothing.
  return isWhole(bytes) ? bytes : Uint8Array.from(bytes)
}

function areNumbers(values: readonly Value[]): values is readonly number[] {
  for (const value of values) if (typeof value !== 'number') return false
  return true
}

/** Gives the memory of pages back at once, which nobody may look at any more. */
export function freePages(pages: readonly SentPage[]): void {
  freeMemory(pages.flatMap(({ rows }) => [rows.numbers, rows.places, ...(rows.bytes ? [rows.bytes] : [])]))
}

/** Pages as they were before they were sent. */
export function unpackPages(pages: readonly SentPage[]): Page[] {
  return pages.map((page) => ({ ...page, rows: unpackRows(page.rows) }))
}

function unpackRows({ count, columns, numbers, bytes, places, columnPlaces }: SentRows): Rows {
  let [numeric, sliced] = [0, 0]
  const values: (readonly Value[])[] = []
  const slices: (SliceColumn | null)[] = []
  for (const column of columns) {
    values.push(column === 'number' ? part(numbers, count, numeric++) : column === 'slice' ? [] : column)
    if (column === 'slice') {
      const [starts, ends] = [columnPlaces[sliced++] ?? 0, columnPlaces[sliced++] ?? 0]
      slices.push({
        starts: places.subarray(starts, starts + count),
        ends: places.subarray(ends, ends + count),
      })
    } else slices.push(null)
  }
  if (!bytes) return { count, columns: values }
  return slicedRows(count, values, { bytes, columns: slices }, oneByteText)
}

function part(numbers: Float64Array, count: number, index: number): number[] {
  const values = numberRoom(count)
  for (let row = 0, at = index * count; row < count; row += 1, at += 1) values[row] = numbers[at] ?? 0
  return values
}

/** One character a byte. */
const oneByteText = ({ buffer, byteOffset, byteLength }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('latin1')
