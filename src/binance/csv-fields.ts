// Readers for the fields of a CSV of the archives, one kind of column each (reference 8.5 and 8.6). Each
// keeps what it has read of the piece: numbers as numbers, decimals and ids as the place where they stand.
import { ARCHIVE_PIECE_ROWS } from '../core/archive.ts'
import type { Column, ColumnKind, Value } from '../core/dataset.ts'
import { LONGEST_TEXT } from '../core/decimal.ts'
import type { SliceColumn } from '../core/sliced-rows.ts'
import { plainDecimal, scanDecimal, TOO_MANY_DIGITS, tooManyDigits } from './decimal-scan.ts'

const [NEWLINE, RETURN, COMMA, MINUS, ZERO] = [10, 13, 44, 45, 48] as const
const [CAPITAL_E, SMALL_E] = [69, 101] as const
const [CAPITAL_F, CAPITAL_T, SMALL_F, SMALL_T] = [70, 84, 102, 116] as const

/** Most digits of an integer that a double holds exactly, whatever the digits. */
const SAFE_INTEGER_DIGITS = 15
/** Microseconds have sixteen; doubles hold them until 2255. */
const TIME_DIGITS = 16
/** From here on a time is in microseconds (reference 8.6): in milliseconds it would lie in the year 5138. */
const MICROSECONDS_FROM = 1e14
const LARGEST_ID = '9223372036854775807'

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

/** The reader of a column; of one that means nothing for null. */
export function fieldReader(column: Column | null): FieldReader {
  if (column === null) return new SkippedField()
  const kind: ColumnKind = column.kind
  switch (kind) {
    case 'decimal':
      return new DecimalField(column.nullable === true)
    case 'time':
    case 'integer':
      return new WholeField(kind === 'time')
    case 'id':
      return new IdField()
    case 'flag':
      return new FlagField()
    case 'text':
      throw new Error(`no archive holds text: ${column.name}`)
  }
}

const endsField = (byte: number | undefined): boolean => byte === COMMA || byte === NEWLINE || byte === RETURN

/** Where the field that begins at `begin` ends; every line ends with a newline. */
function endOfField(bytes: Buffer, begin: number): number {
  let at = begin
  while (!endsField(bytes[at])) at += 1
  return at
}

class SkippedField implements FieldReader {
  readonly problem = ''
  readonly ascending = false
  readonly negative = false

  read(bytes: Buffer, at: number): number {
    return endOfField(bytes, at)
  }

  take(): PieceColumn {
    return { kind: 'values', values: [] }
  }
}

/** Where the values of a column stand. */
type Places = { readonly starts: Int32Array<ArrayBuffer>; readonly ends: Int32Array<ArrayBuffer> }

const freshPlaces = (): Places => ({
  starts: new Int32Array(ARCHIVE_PIECE_ROWS),
  ends: new Int32Array(ARCHIVE_PIECE_ROWS),
})

const taken = ({ starts, ends }: Places, count: number): PieceColumn => ({
  kind: 'slices',
  slices: { starts: starts.subarray(0, count), ends: ends.subarray(0, count) },
})

class DecimalField implements FieldReader {
  problem = ''
  readonly ascending = false
  readonly negative = false
  #places = freshPlaces()
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
    this.#places = freshPlaces()
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

/** A count, or a time in milliseconds or microseconds. */
class WholeField implements FieldReader {
  readonly problem = 'not a whole number'
  ascending = true
  readonly negative = false
  readonly #isTime: boolean
  #values: number[] = []
  #last = -1

  constructor(isTime: boolean) {
    this.#isTime = isTime
  }

  read(bytes: Buffer, begin: number): number {
    let at = begin
    let value = 0
    for (;;) {
      const digit = (bytes[at] ?? 0) - ZERO
      if (digit < 0 || digit > 9) break
      value = value * 10 + digit
      at += 1
    }
    const digits = at - begin
    if (digits === 0 || digits > (this.#isTime ? TIME_DIGITS : SAFE_INTEGER_DIGITS)) return BAD_FIELD
    if ((digits > 1 && bytes[begin] === ZERO) || value > Number.MAX_SAFE_INTEGER) return BAD_FIELD
    if (this.#isTime && value >= MICROSECONDS_FROM) value = (value - (value % 1_000)) / 1_000
    if (value <= this.#last) this.ascending = false
    this.#last = value
    this.#values.push(value)
    return at
  }

  take(): PieceColumn {
    const values = this.#values
    this.#values = []
    this.#last = -1
    this.ascending = true
    return { kind: 'numbers', values }
  }
}

/** An id of up to 63 bits, or -1. */
class IdField implements FieldReader {
  readonly problem = 'not an id'
  ascending = true
  negative = false
  #places = freshPlaces()
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
    const places = this.#places
    this.#places = freshPlaces()
    this.#last = -1
    this.ascending = true
    this.negative = false
    return taken(places, count)
  }
}

const [TRUE_REST, FALSE_REST] = ['rue', 'alse'] as const

/** `True` or `true`, `False` or `false`, 1 or 0. */
class FlagField implements FieldReader {
  readonly problem = 'neither true nor false'
  readonly ascending = false
  readonly negative = false
  #values: number[] = []

  read(bytes: Buffer, begin: number): number {
    const byte = bytes[begin]
    const isTrue = byte === SMALL_T || byte === CAPITAL_T
    if (isTrue || byte === SMALL_F || byte === CAPITAL_F) {
      const rest = isTrue ? TRUE_REST : FALSE_REST
      for (let i = 0; i < rest.length; i += 1) {
        if (bytes[begin + 1 + i] !== rest.charCodeAt(i)) return BAD_FIELD
      }
      this.#values.push(isTrue ? 1 : 0)
      return begin + 1 + rest.length
    }
    if (byte !== ZERO && byte !== ZERO + 1) return BAD_FIELD
    this.#values.push(byte - ZERO)
    return begin + 1
  }

  take(): PieceColumn {
    const values = this.#values
    this.#values = []
    return { kind: 'numbers', values }
  }
}
