// The parameters of an INSERT of many rows. What stands in the bytes of a page is bound as bytes, by views
// that are made once: a text of its own for each value is memory twice, for the collector and for SQLite's
// binding, and cost a tenth of a whole pass (measured). SQLite takes the bytes for text (CAST in write.ts).
import type { ColumnKind, Rows, Value } from '../../core/dataset.ts'
import { WORD_BYTES } from '../../core/digit-words.ts'
import { type SliceColumn, slicedText, slicesOf } from '../../core/sliced-rows.ts'

export type Parameter = Value | Uint8Array

/**
 * Rows of one INSERT: a quarter cheaper than one a row (measured), and far below SQLite's limit of
 * parameters.
 */
export const INSERT_ROWS = 50

/** Bytes of a slot: nearly every decimal and id; what is longer is bound as text. */
const SLOT_BYTES = 24
const SLOT_WORDS = SLOT_BYTES / WORD_BYTES

/** Columns that stand in bytes, at most: candles have eight. More would be bound as text. */
const SLOT_COLUMNS = 8

/** A slot for each value of a statement; SQLite copies what it is given while it is called. */
const words = new Int32Array(SLOT_COLUMNS * INSERT_ROWS * SLOT_WORDS)

/** The first 0, 1, … SLOT_BYTES bytes of each slot, slot after slot; made when they are first needed. */
const views = new Array<Uint8Array | null>(SLOT_COLUMNS * INSERT_ROWS * (SLOT_BYTES + 1)).fill(null)

/** Whether values of a kind may come as bytes: then the statement has to make text of them. */
export function mayBeBytes(kind: ColumnKind): boolean {
  return kind === 'decimal' || kind === 'id'
}

/**
 * Puts rows `from` to `from + count`, at most INSERT_ROWS, into `values`, row after row from `first` on. The
 * parameters before are left alone. With `bytes`, what stands in the bytes of a page comes as bytes where it
 * fits and its kind allows; they hold until the next call.
 */
export function fillParameters(
  values: Parameter[],
  rows: Rows,
  { first, from, count, kinds, bytes }: Filling,
): void {
  const width = rows.columns.length
  const slices = slicesOf(rows)
  const page = slices ? viewOf(slices.bytes) : null
  let slotColumn = 0
  for (let column = 0; column < width; column += 1) {
    const places = slices?.columns[column]
    const into = { values, first: first + column, width, from, count }
    const kind = kinds[column]
    const fits = bytes && kind !== undefined && mayBeBytes(kind) && slotColumn < SLOT_COLUMNS
    if (page && places && fits) {
      fillBytes(into, page, places, slotColumn * INSERT_ROWS, (row) => slicedText(rows, column, row))
      slotColumn += 1
    } else fillHeld(into, rows.columns[column] ?? [])
  }
}

export type Filling = {
  readonly first: number
  readonly from: number
  readonly count: number
  /** By column. */
  readonly kinds: readonly ColumnKind[]
  readonly bytes: boolean
}

/** The parameters of one column: every `width`th from `first` on. */
type Into = {
  readonly values: Parameter[]
  readonly first: number
  readonly width: number
  readonly from: number
  readonly count: number
}

function fillHeld({ values, first, width, from, count }: Into, held: readonly Value[]): void {
  for (let row = from, at = first; row < from + count; row += 1, at += width) values[at] = held[row] ?? null
}

/**
 * Copies each value into its slot and binds the view of its length, or the text of one that does not fit.
 * Whole words are copied: what comes after the value is in no view of that length.
 */
function fillBytes(
  { values, first, width, from, count }: Into,
  page: DataView,
  { starts, ends }: SliceColumn,
  firstSlot: number,
  textOf: (row: number) => string | null,
): void {
  const last = page.byteLength - SLOT_BYTES
  let slot = firstSlot
  for (let row = from, at = first; row < from + count; row += 1, at += width, slot += 1) {
    const start = starts[row] ?? 0
    const length = (ends[row] ?? 0) - start
    if (length > SLOT_BYTES || start > last) {
      values[at] = textOf(row)
      continue
    }
    const word = slot * SLOT_WORDS
    words[word] = page.getInt32(start, true)
    words[word + 1] = page.getInt32(start + WORD_BYTES, true)
    if (length > 2 * WORD_BYTES) {
      words[word + 2] = page.getInt32(start + 2 * WORD_BYTES, true)
      words[word + 3] = page.getInt32(start + 3 * WORD_BYTES, true)
      if (length > 4 * WORD_BYTES) {
        words[word + 4] = page.getInt32(start + 4 * WORD_BYTES, true)
        words[word + 5] = page.getInt32(start + 5 * WORD_BYTES, true)
      }
    }
    values[at] = views[slot * (SLOT_BYTES + 1) + length] ?? newView(slot, length)
  }
}

function newView(slot: number, length: number): Uint8Array {
  const view = new Uint8Array(words.buffer, slot * SLOT_BYTES, length)
  views[slot * (SLOT_BYTES + 1) + length] = view
  return view
}

const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array): DataView =>
  new DataView(buffer, byteOffset, byteLength)
