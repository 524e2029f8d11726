// Reads a row in the form in which the exchange writes nearly all of them: no blanks, no signs, no
// superfluous zeros, eight digits after each point, checked four at a time. One loop with everything at hand
// is a third faster than a step for each element (measured). What looks different in any way is left to the
// thorough reading in decode.ts: nothing is accepted here that is refused there, or means anything else.

import {
  FOUR_ZEROS,
  firstByteBits,
  fourDigits,
  lastDigits,
  noDigits,
  WORD_BYTES,
  zerosAtEnd,
} from '../core/digit-words.ts'
import type { PageInHand } from './page-in-hand.ts'

const COMMA = 44
const POINT = 46
const QUOTE = 34
const ZERO = 48
const NINE = 57
const OPEN = 91
const CLOSE = 93

/** What is returned for what does not look usual. */
const UNUSUAL = -1

/** Digits of a decimal after its point, and before it at most (up to three more); and of a count at most. */
const FRACTION_DIGITS = 8
const WHOLE_DIGITS = 12
const INTEGER_DIGITS = 9

/**
 * Of one, and whole digits at most, so that a price in units of its last digit is a number exactly. Written
 * out: as a power of ten it made reading a page take three times as long (measured).
 */
const UNITS = 100_000_000
const UNITS_WHOLE_DIGITS = 7

/** Digits of the times since 2001 and until 2286, in milliseconds. */
const TIME_DIGITS = 13

/** No element that is read here is longer, so that four bytes can be read anywhere in one. */
const MOST_BYTES = 32

/**
 * Reads rows from number `firstRow` (from 0) on, the first of which begins at `start`, one behind the other
 * as long as they look usual and the page has room; returns how many. `page.at` is then the position behind
 * the last of them. What it has put into the page for the row that it left means nothing. All rows in one
 * loop: a call for each took a tenth longer (measured).
 */
export function usualRows(page: PageInHand, start: number, firstRow: number): number {
  const { bytes, words, integers, places, room, prices, units } = page
  const last = bytes.length - MOST_BYTES
  const areCandles = prices < integers.length
  let row = firstRow
  let at = start
  rows: for (; row < room; row += 1) {
    let place = row
    for (let i = 0; i < integers.length; i += 1) {
      if (bytes[at] !== (i === 0 ? OPEN : COMMA)) break rows
      const begin = at + 1
      if (begin > last) break rows
      const values = integers[i]
      if (values) {
        const end = begin + TIME_DIGITS
        if (bytes[end] === COMMA && bytes[begin] !== ZERO) {
          const first = words.getInt32(begin, true)
          const second = words.getInt32(begin + 4, true)
          const third = words.getInt32(begin + 8, true)
          const digit = (bytes[end - 1] ?? 0) - ZERO
          if ((noDigits(first) | noDigits(second) | noDigits(third)) === 0 && digit >= 0 && digit <= 9) {
            const high = fourDigits(first) * 10_000 + fourDigits(second)
            values[row] = high * 100_000 + (fourDigits(third) * 10 + digit)
            at = end
            continue
          }
        }
        at = readCount(bytes, begin, values, row)
        if (at === UNUSUAL) break rows
        continue
      }
      const first = begin + 1
      const point = behindWhole(words, first)
      const end = point + FRACTION_DIGITS + 1
      const high = words.getInt32(point + 1, true)
      const low = words.getInt32(point + 5, true)
      if (
        bytes[begin] !== QUOTE ||
        point === first ||
        (bytes[first] === ZERO && point - first > 1) ||
        bytes[point] !== POINT ||
        bytes[end] !== QUOTE ||
        (noDigits(high) | noDigits(low)) !== 0
      )
        break rows
      at = end + 1
      if (i >= prices && i - prices < units.length)
        units[i - prices] = unitsOf(words, point, point - first, fourDigits(high) * 10_000 + fourDigits(low))
      places[place] = first
      places[place + room] = point + fractionBytes(high, low)
      place += 2 * room
    }
    const behind = behindRest(bytes, at)
    if (behind === UNUSUAL) break
    page.at = behind
    if (areCandles && page.ordered === row && isOrdered(units)) page.ordered += 1
    at = behind + 1
    if (bytes[behind] !== COMMA) {
      row += 1
      break
    }
  }
  return row - firstRow
}

/** Reads the count that begins at `begin` into a row of `values`; returns the position behind, or UNUSUAL. */
function readCount(bytes: Uint8Array, begin: number, values: number[], row: number): number {
  let at = begin
  let value = 0
  let byte = bytes[at] ?? 0
  for (; byte >= ZERO && byte <= NINE && at - begin < INTEGER_DIGITS; byte = bytes[++at] ?? 0)
    value = value * 10 + (byte - ZERO)
  if (at === begin || (bytes[begin] === ZERO && at - begin > 1)) return UNUSUAL
  values[row] = value
  return at
}

/** The position behind the digits that begin at `first`, or behind more than are read here. */
function behindWhole(words: DataView, first: number): number {
  let at = first
  let other = noDigits(words.getInt32(at, true))
  while (other === 0 && at - first < WHOLE_DIGITS) {
    at += WORD_BYTES
    other = noDigits(words.getInt32(at, true))
  }
  return at + (firstByteBits(other) >> 3)
}

/** Bytes of a point and the eight digits behind it without zeros at the end, nor a point before none. */
function fractionBytes(high: number, low: number): number {
  if (low !== FOUR_ZEROS) return FRACTION_DIGITS + 1 - zerosAtEnd(low)
  return high === FOUR_ZEROS ? 0 : FRACTION_DIGITS + 1 - WORD_BYTES - zerosAtEnd(high)
}

/**
 * A price as a number of its eighth digit after the point: `digits` stand before it, `fraction` is what comes
 * after. NaN for one that a number does not hold exactly. The row has begun eight bytes before the first
 * digit of five, and four before that of one.
 */
function unitsOf(words: DataView, point: number, digits: number, fraction: number): number {
  if (digits > UNITS_WHOLE_DIGITS) return Number.NaN
  const low = words.getInt32(point - WORD_BYTES, true)
  if (digits <= WORD_BYTES) return fourDigits(lastDigits(low, digits)) * UNITS + fraction
  const high = lastDigits(words.getInt32(point - 2 * WORD_BYTES, true), digits - WORD_BYTES)
  return (fourDigits(high) * 10_000 + fourDigits(low)) * UNITS + fraction
}

/** Whether a candle's high and low hold its open and close; false where that is not known. */
function isOrdered(units: Float64Array): boolean {
  const open = units[0] ?? 0
  const high = units[1] ?? 0
  const low = units[2] ?? 0
  const close = units[3] ?? 0
  return low <= open && low <= close && open <= high && close <= high
}

/** The position behind the rest of a row: nothing, or the one number in quotes that means nothing. */
function behindRest(bytes: Uint8Array, start: number): number {
  let at = start
  if (bytes[at] === COMMA && bytes[at + 1] === QUOTE) {
    at += 2
    while ((bytes[at] ?? 0) >= ZERO && (bytes[at] ?? 0) <= NINE) at += 1
    if (bytes[at] !== QUOTE) return UNUSUAL
    at += 1
  }
  return bytes[at] === CLOSE ? at + 1 : UNUSUAL
}
