// What reading a field of a CSV of the archives comes to: a reader for each kind of column keeps what it has
// read of the piece, numbers as numbers, decimals and ids as the place where they stand.
import type { Value } from '../core/dataset.ts'
import type { SliceColumn } from '../core/sliced-rows.ts'

const [NEWLINE, RETURN, COMMA] = [10, 13, 44] as const

/** What a piece holds of a column. */
export type PieceColumn =
  | { readonly kind: 'numbers'; readonly values: readonly number[] }
  | { readonly kind: 'slices'; readonly slices: SliceColumn }
  | { readonly kind: 'values'; readonly values: readonly Value[] }

/** What a reader gives in place of a position when the field is none of its kind. */
export const BAD_FIELD = -1

export type FieldReader = {
  /**
   * Reads the field that begins at `at` as that of `row`. Gives the place of the first byte behind it, which
   * the caller has yet to judge, or BAD_FIELD.
   */
  read(bytes: Buffer, at: number, row: number): number
  /** What was wrong with a bad field. */
  readonly problem: string
  /** Whether the values of this piece ascend, each greater than the one before. */
  readonly ascending: boolean
  /** Whether one of this piece is a negative id. */
  readonly negative: boolean
  /** What was read of `count` rows of `bytes`; from then on a new piece is read. */
  take(bytes: Buffer, count: number): PieceColumn
}

/** Whether a field ends here: a field is followed by a comma or by the end of its line. */
export function endsField(byte: number | undefined): boolean {
  return byte === COMMA || byte === NEWLINE || byte === RETURN
}

/** Where the field that begins at `begin` ends; every line ends with a newline. */
export function endOfField(bytes: Buffer, begin: number): number {
  let at = begin
  while (!endsField(bytes[at])) at += 1
  return at
}
