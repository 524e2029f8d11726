// Exact decimals as Decimal128 and back. The driver's own conversion goes digit by digit through generic
// arithmetic and is a bottleneck (twenty times slower, measured), so values whose digits fit a JavaScript
// integer are put together from bytes. Canonical text has one spelling a number, and so has what is made of
// it here: equal numbers are equal bytes.
import { Decimal128 } from 'mongodb'

/** Characters of a sign, a point, and as many digits as a JavaScript number may hold exactly. */
const EXACT_LENGTH = 18

/** What IEEE 754-2008 adds to the exponent of a decimal128. */
const EXPONENT_BIAS = 6_176

const WORD = 2 ** 32
const ZERO = 48
const NINE = 57
const POINT = 46
const MINUS = 45

/**
 * The Decimal128 of a canonical decimal (core/decimal.ts): its digits as they are, and their exponent. Throws
 * on text that is no decimal, or has more digits than fit.
 */
export function toDecimal128(text: string): Decimal128 {
  if (text.length > EXACT_LENGTH) return Decimal128.fromString(text)
  const negative = text.charCodeAt(0) === MINUS
  let coefficient = 0
  let fraction = -1
  for (let at = negative ? 1 : 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === POINT) {
      fraction = text.length - at - 1
    } else if (code >= ZERO && code <= NINE) {
      coefficient = coefficient * 10 + (code - ZERO)
    } else {
      throw new Error(`'${text}' is no decimal`)
    }
  }
  // Sums beyond this are rounded, but never down to it: what passes is exact.
  if (coefficient > Number.MAX_SAFE_INTEGER) return Decimal128.fromString(text)
  return fromParts(negative, coefficient, EXPONENT_BIAS - Math.max(0, fraction))
}

/** Little-endian: 113 bits of coefficient, 14 of exponent, the sign on top. */
function fromParts(negative: boolean, coefficient: number, exponent: number): Decimal128 {
  const low = coefficient >>> 0
  const high = Math.floor(coefficient / WORD)
  const bytes = new Uint8Array(16)
  bytes[0] = low
  bytes[1] = low >>> 8
  bytes[2] = low >>> 16
  bytes[3] = low >>> 24
  bytes[4] = high
  bytes[5] = high >>> 8
  bytes[6] = high >>> 16
  // The exponent begins at bit 113, one bit into byte 14.
  bytes[14] = exponent << 1
  bytes[15] = (exponent >>> 7) | (negative ? 0x80 : 0)
  return new Decimal128(bytes)
}

/**
 * A Decimal128 as canonical text, whoever wrote it: trailing zeros and positive exponents are normalised.
 * Null for infinities and what is not a number.
 */
export function fromDecimal128(value: Decimal128): string | null {
  const bytes = value.bytes
  const top = bytes[15] ?? 0
  // All of these two bits mark infinity, NaN, and an encoding of coefficients beyond 34 digits.
  if ((top & 0x60) === 0x60) return null
  const exponent = (((top & 0x7f) << 7) | ((bytes[14] ?? 0) >>> 1)) - EXPONENT_BIAS
  const magnitude = withPoint(coefficientText(bytes), exponent)
  return top & 0x80 && magnitude !== '0' ? `-${magnitude}` : magnitude
}

function coefficientText(bytes: Uint8Array): string {
  let wide = (bytes[14] ?? 0) & 1
  for (let at = 7; at < 14; at += 1) wide |= bytes[at] ?? 0
  const high = (bytes[4] ?? 0) | ((bytes[5] ?? 0) << 8) | ((bytes[6] ?? 0) << 16)
  if (wide === 0 && high < 2 ** 21) {
    const low =
      ((bytes[0] ?? 0) | ((bytes[1] ?? 0) << 8) | ((bytes[2] ?? 0) << 16) | ((bytes[3] ?? 0) << 24)) >>> 0
    return String(high * WORD + low)
  }
  let coefficient = BigInt((bytes[14] ?? 0) & 1)
  for (let at = 13; at >= 0; at -= 1) coefficient = (coefficient << 8n) | BigInt(bytes[at] ?? 0)
  return coefficient.toString()
}

/** Digits times ten to the power of `exponent`, without zeros that say nothing. */
function withPoint(digits: string, exponent: number): string {
  if (digits === '0') return '0'
  if (exponent >= 0) return digits + '0'.repeat(exponent)
  const places = -exponent
  const padded = digits.length > places ? digits : '0'.repeat(places - digits.length + 1) + digits
  const whole = padded.slice(0, padded.length - places)
  let end = padded.length
  while (end > whole.length && padded.charCodeAt(end - 1) === ZERO) end -= 1
  return end === whole.length ? whole : `${whole}.${padded.slice(whole.length, end)}`
}
