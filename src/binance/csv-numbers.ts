// Readers for what a CSV holds as numbers: times in either unit, counts, and flags in any spelling.
import { BAD_FIELD, type FieldReader, type PieceColumn } from './csv-field.ts'

const ZERO = 48
const [CAPITAL_F, CAPITAL_T, SMALL_F, SMALL_T] = [70, 84, 102, 116] as const

/** Most digits of an integer that a double holds exactly, whatever the digits. */
const SAFE_INTEGER_DIGITS = 15
/** Microseconds have sixteen; doubles hold them until 2255. */
const TIME_DIGITS = 16
/** From here on a time is in microseconds (reference 8.6): in milliseconds it would lie in the year 5138. */
const MICROSECONDS_FROM = 1e14

/** A count, or a time in milliseconds or microseconds. */
export class WholeField implements FieldReader {
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

const [TRUE_REST, FALSE_REST] = ['rue', 'alse'] as const

/** `True` or `true`, `False` or `false`, 1 or 0. */
export class FlagField implements FieldReader {
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
