// Exact decimals as text. Everything here works on the canonical form: an optional minus, digits without
// leading zeros, and, only where there is a fraction, a point and digits without trailing zeros. "0" has no
// sign.

/** Limits of the contract (interface.md, section 5): what every store holds exactly. */
export const INTEGER_DIGITS = 20
export const FRACTION_DIGITS = 18
export const TOTAL_DIGITS = 34

/** Longest text that is looked at, in characters: room for needless zeros, and no work for hostile pages. */
export const LONGEST_TEXT = 128

const decimalPattern = /^(-?)0*(\d+?)(?:\.(\d*?)0*)?$/

/**
 * The canonical form of a decimal as the exchange writes it; null when `text` is none, has more digits than
 * the contract names, or is longer than 128 characters.
 */
export function canonicalDecimal(text: string): string | null {
  if (text.length > LONGEST_TEXT) return null
  const match = decimalPattern.exec(text)
  if (!match || text.endsWith('.')) return null
  const [, sign = '', whole = '', fraction = ''] = match
  const wholeDigits = whole === '0' ? 0 : whole.length
  if (wholeDigits > INTEGER_DIGITS || fraction.length > FRACTION_DIGITS) return null
  if (wholeDigits + fraction.length > TOTAL_DIGITS) return null
  const digits = fraction === '' ? whole : `${whole}.${fraction}`
  return digits === '0' ? '0' : sign + digits
}

/** Compares two canonical decimals as numbers: negative, zero or positive, like a sort function. */
export function compareDecimals(a: string, b: string): number {
  if (a === b) return 0
  const negativeA = a.charCodeAt(0) === 45
  const negativeB = b.charCodeAt(0) === 45
  if (negativeA !== negativeB) return negativeA ? -1 : 1
  return negativeA ? -compareMagnitudes(a.slice(1), b.slice(1)) : compareMagnitudes(a, b)
}

/** Compares two canonical decimals without a sign. Text of equal whole length compares as the numbers do. */
function compareMagnitudes(a: string, b: string): number {
  const pointA = a.indexOf('.')
  const pointB = b.indexOf('.')
  const wholeA = pointA < 0 ? a.length : pointA
  const wholeB = pointB < 0 ? b.length : pointB
  if (wholeA !== wholeB) return wholeA - wholeB
  return a < b ? -1 : a > b ? 1 : 0
}
