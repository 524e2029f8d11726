// Reads a decimal where it stands, and cuts it to its canonical form (core/decimal.ts) by moving its ends: no
// text is made, and no float. For bodies whose bytes belong to their rows: a sign may move in them.
import {
  canonicalDecimal,
  FRACTION_DIGITS,
  INTEGER_DIGITS,
  LONGEST_TEXT,
  TOTAL_DIGITS,
} from '../core/decimal.ts'

const MINUS = 45
const POINT = 46
const ZERO = 48

/** What scanDecimal gives for what is no decimal, and for one that cannot be stored exactly. */
export const NO_DECIMAL = -1
export const TOO_MANY_DIGITS = -2

export const tooManyDigits =
  `more digits than can be stored exactly (${INTEGER_DIGITS} before and ${FRACTION_DIGITS} after ` +
  `the point, ${TOTAL_DIGITS} in all)`

/**
 * Reads the decimal that begins at `begin` and puts where its canonical form stands at `row` of `starts` and
 * `ends`. Gives the place of the first byte behind it, which the caller has yet to judge, or NO_DECIMAL or
 * TOO_MANY_DIGITS.
 */
export function scanDecimal(
  bytes: Uint8Array,
  begin: number,
  starts: Int32Array,
  ends: Int32Array,
  row: number,
): number {
  let at = begin
  let byte = bytes[at] ?? 0
  const negative = byte === MINUS
  if (negative) byte = bytes[++at] ?? 0
  const written = at
  while (byte === ZERO) byte = bytes[++at] ?? 0
  const whole = at
  while ((byte - ZERO) >>> 0 < 10) byte = bytes[++at] ?? 0
  const wholeDigits = at - whole
  if (at === written) return NO_DECIMAL
  let end = at
  let fractionDigits = 0
  if (byte === POINT) {
    const point = at
    byte = bytes[++at] ?? 0
    while ((byte - ZERO) >>> 0 < 10) byte = bytes[++at] ?? 0
    if (at === point + 1) return NO_DECIMAL
    let last = at - 1
    while (bytes[last] === ZERO) last -= 1
    fractionDigits = last - point
    if (fractionDigits > 0) end = last + 1
  }
  if (
    at - begin > LONGEST_TEXT ||
    wholeDigits > INTEGER_DIGITS ||
    fractionDigits > FRACTION_DIGITS ||
    wholeDigits + fractionDigits > TOTAL_DIGITS
  ) {
    return TOO_MANY_DIGITS
  }
  // Of a number below one a single 0 is kept before the point; of zero nothing else.
  let from = wholeDigits === 0 ? whole - 1 : whole
  if (wholeDigits === 0 && fractionDigits === 0) end = whole
  else if (negative) {
    from -= 1
    // A sign that stands apart from its first kept digit takes the place of the last superfluous 0.
    bytes[from] = MINUS
  }
  starts[row] = from
  ends[row] = end
  return at
}

const exponential = /^(-?)(\d+)(?:\.(\d+))?[eE]([+-]?\d{1,2})$/

/**
 * The canonical form of a decimal that is written with an exponent, as some files do (`0E-8`), or null where
 * it is none or cannot be stored exactly.
 */
export function plainDecimal(text: string): string | null {
  const match = exponential.exec(text)
  if (!match) return null
  const [, sign = '', whole = '', fraction = '', exponent = ''] = match
  const point = whole.length + Number(exponent)
  const digits = whole + fraction
  const padded = point <= 0 ? '0'.repeat(1 - point) + digits : digits.padEnd(point, '0')
  const place = Math.max(1, point)
  const rest = padded.slice(place)
  return canonicalDecimal(`${sign}${padded.slice(0, place)}${rest === '' ? '' : `.${rest}`}`)
}
