// Readers for what stays where it stands in the bytes of a CSV: decimals, whose ends are moved to their
// canonical form, and ids.
import { ARCHIVE_PIECE_ROWS } from '../core/archive.ts'
import { LONGEST_TEXT } from '../core/decimal.ts'
import type { SliceColumn } from '../core/sliced-rows.ts'
import { BAD_FIELD, endOfField, endsField, type FieldReader, type PieceColumn } from './csv-field.ts'
import { plainDecimal, scanDecimal, TOO_MANY_DIGITS, tooManyDigits } from './decimal-scan.ts'

const [MINUS, ZERO] = [45, 48] as const
const [CAPITAL_E, SMALL_E] = [69, 101] as const
const LARGEST_ID = '9223372036854775807'

/** Where the values of a column stand; used for piece after piece. */
const newPlaces = (): SliceColumn => ({
  starts: new Int32Array(ARCHIVE_PIECE_ROWS),
  ends: new Int32Array(ARCHIVE_PIECE_ROWS),
})

/** The places of `count` rows as arrays of their own. */
const taken = ({ starts, ends }: SliceColumn, count: number): PieceColumn => ({
  kind: 'slices',
  slices: { starts: starts.slice(0, count), ends: ends.slice(0, count) },
})

/** A decimal; where it may be null, an empty field is. */
export class DecimalField implements FieldReader {
  problem = ''
  readonly ascending = false
  readonly negative = false
  readonly #places = newPlaces()
  /** By row, what stands nowhere as it is to be kept: nulls, and what was written with an exponent. */
  #odd = new Map<number, string | null>()
  readonly #nullable: boolean

  constructor(nullable: boolean) {
    this.#nullable = nullable
  }

  read(bytes: Buffer, begin: number, row: number): number {
    const { starts, ends } = this.#places
    const at = scanDecimal(bytes, begin, starts, ends, row)
    return at >= 0 && endsField(bytes[at]) ? at : this.#readOdd(bytes, begin, row, at)
  }

  take(bytes: Buffer, count: number): PieceColumn {
    const places = this.#places
    const odd = this.#odd
    this.#odd = new Map()
    if (odd.size === 0) return taken(places, count)
    const values = Array.from({ length: count }, (_, row) =>
      odd.has(row) ? (odd.get(row) ?? null) : bytes.toString('latin1', places.starts[row], places.ends[row]),
    )
    return { kind: 'values', values }
  }

  #readOdd(bytes: Buffer, begin: number, row: number, stopped: number): number {
    const end = endOfField(bytes, begin)
    if (end === begin && this.#nullable) {
      this.#odd.set(row, null)
      return end
    }
    const byte = bytes[stopped]
    const hasExponent = byte === CAPITAL_E || byte === SMALL_E
    const plain =
      hasExponent && end - begin <= LONGEST_TEXT ? plainDecimal(bytes.toString('latin1', begin, end)) : null
    if (plain === null) {
      this.problem = stopped === TOO_MANY_DIGITS ? tooManyDigits : 'not a decimal'
      return BAD_FIELD
    }
    this.#odd.set(row, plain)
    return end
  }
}

/** An id of up to 63 bits, or -1. */
export class IdField implements FieldReader {
  readonly problem = 'not an id'
  ascending = true
  negative = false
  readonly #places = newPlaces()
  /** The id before, rounded: where two round alike, their order is looked at more closely later. */
  #last = -1

  read(bytes: Buffer, begin: number, row: number): number {
    const { starts, ends } = this.#places
    let at = bytes[begin] === MINUS ? begin + 1 : begin
    const first = at
    let value = 0
    for (;;) {
      const digit = (bytes[at] ?? 0) - ZERO
      if (digit < 0 || digit > 9) break
      value = value * 10 + digit
      at += 1
    }
    const digits = at - first
    if (digits === 0 || digits > LARGEST_ID.length) return BAD_FIELD
    if (digits > 1 && bytes[first] === ZERO) return BAD_FIELD
    if (digits === LARGEST_ID.length && bytes.toString('latin1', first, at) > LARGEST_ID) return BAD_FIELD
    if (first > begin) {
      if (value !== 1) return BAD_FIELD
      this.negative = true
      value = -1
    }
    if (value <= this.#last) this.ascending = false
    this.#last = value
    starts[row] = begin
    ends[row] = at
    return at
  }

  take(_bytes: Buffer, count: number): PieceColumn {
    this.#last = -1
    this.ascending = true
    this.negative = false
    return taken(this.#places, count)
  }
}
