// Reads a row in the form in which the exchange writes nearly all of them: no blanks, no signs, no
// superfluous zeros, eight digits after each point, checked four at a time. One loop with everything at hand
// is a third faster than a step for each element (measured). What looks different in any way is left to the
// thorough reading in decode.ts: nothing is accepted here that is refused there, or means anything else.

const COMMA = 44
const POINT = 46
const QUOTE = 34
const ZERO = 48
const NINE = 57
const OPEN = 91
const CLOSE = 93

/** A page while it is read. */
export type PageInHand = {
  readonly bytes: Uint8Array
  /** The same bytes, to read four at once. */
  readonly words: DataView
  /** By element of a row: the values of whole numbers; null for decimals. */
  readonly integers: readonly (number[] | null)[]
  /** Decimals of a row. */
  readonly decimals: number
  /** Where the first decimal of each row begins, then where it ends, then the same of the second, ... */
  places: Int32Array
  /** Rows that each column of places has room for; more than the row that is read. */
  room: number
}

/** What usualRow returns when it leaves the row to the thorough reading. */
export const UNUSUAL = -1

/** Digits of a decimal after its point, and before it at most; and of a whole number at most. */
const FRACTION_DIGITS = 8
const WHOLE_DIGITS = 12
const INTEGER_DIGITS = 15

/** Digits that the machine's own integers hold: times are read in two parts, since doubles are slower. */
const PART_DIGITS = 9
const partPowers = Array.from({ length: PART_DIGITS + 1 }, (_, i) => 10 ** i)

/** The upper halves of four digits; six more in each lower half carries over where it is no digit's. */
const FOUR_DIGITS = 0x30303030
const UPPER_HALVES = 0xf0f0f0f0
const SIX_EACH = 0x06060606

function isFourDigits(word: number): boolean {
  return (word & UPPER_HALVES) === FOUR_DIGITS && ((word + SIX_EACH) & UPPER_HALVES) === FOUR_DIGITS
}

/**
 * Reads row number `row` (from 0), which begins at `start`; returns the position behind it, or UNUSUAL. Then
 * what it has put into the page for that row so far means nothing.
 */
export function usualRow(page: PageInHand, start: number, row: number): number {
  const { bytes, words, integers, places, room } = page
  let place = row
  let at = start
  for (let i = 0; i < integers.length; i += 1) {
    if (bytes[at] !== (i === 0 ? OPEN : COMMA)) return UNUSUAL
    const begin = at + 1
    const values = integers[i]
    if (values) {
      at = begin
      let byte = bytes[at] ?? 0
      let high = 0
      for (; byte >= ZERO && byte <= NINE && at - begin < PART_DIGITS; byte = bytes[++at] ?? 0)
        high = high * 10 + (byte - ZERO)
      const middle = at
      let low = 0
      for (; byte >= ZERO && byte <= NINE && at - begin < INTEGER_DIGITS; byte = bytes[++at] ?? 0)
        low = low * 10 + (byte - ZERO)
      if (at === begin || (bytes[begin] === ZERO && at - begin > 1)) return UNUSUAL
      values[row] = high * (partPowers[at - middle] ?? Number.NaN) + low
      continue
    }
    const first = begin + 1
    let point = first
    let byte = bytes[point] ?? 0
    while (byte >= ZERO && byte <= NINE) byte = bytes[++point] ?? 0
    let end = point + FRACTION_DIGITS + 1
    if (
      bytes[begin] !== QUOTE ||
      point === first ||
      point - first > WHOLE_DIGITS ||
      (bytes[first] === ZERO && point - first > 1) ||
      byte !== POINT ||
      bytes[end] !== QUOTE ||
      !isFourDigits(words.getInt32(point + 1)) ||
      !isFourDigits(words.getInt32(point + 5))
    )
      return UNUSUAL
    at = end + 1
    while (bytes[end - 1] === ZERO) end -= 1
    places[place] = first
    // Of a whole number the point is left out too.
    places[place + room] = end - 1 === point ? point : end
    place += 2 * room
  }
  return behindRest(bytes, at)
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
