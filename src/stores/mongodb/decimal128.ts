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

/** Bytes of a Decimal128. */
const BYTES = 16

/**
 * The Decimal128 of a canonical decimal (core/decimal.ts): its digits as they are, and their exponent. Throws
 * on text that is no decimal, or has more digits than fit.
 */
export function toDecimal128(text: string): Decimal128 {
  const bytes = new Uint8Array(BYTES)
  putDecimalText(new DataView(bytes.buffer), 0, text)
  return new Decimal128(bytes)
}

/** The same, put at a place of other bytes. */
export function putDecimalText(view: DataView, at: number, text: string): void {
  const written = encoder.encode(text)
  if (putDecimal(view, at, written, 0, written.length)) return
  const { bytes } = Decimal128.fromString(text)
  for (let i = 0; i < BYTES; i += 1) view.setUint8(at + i, bytes[i] ?? 0)
}

const encoder = new TextEncoder()

/**
 * Puts the Decimal128 of a canonical decimal, which stands as text in `source`, at a place of `view`. False
 * where it has so many digits that the driver has to do it. Throws on text that is no decimal.
 */
export function putDecimal(
  view: DataView,
  at: number,
  source: Uint8Array,
  from: number,
  to: number,
): boolean {
  if (to - from > EXACT_LENGTH) return false
  const negative = source[from] === MINUS
  let coefficient = 0
  let point = to
  for (let i = negative ? from + 1 : from; i < to; i += 1) {
    const code = source[i] ?? 0
    if (code >= ZERO && code <= NINE) coefficient = coefficient * 10 + (code - ZERO)
    else if (code === POINT) point = i
    else throw new Error(`'${new TextDecoder().decode(source.subarray(from, to))}' is no decimal`)
  }
  // Sums beyond this are rounded, but never down to it: what passes is exact.
  if (coefficient > Number.MAX_SAFE_INTEGER) return false
  // Little-endian: 113 bits of coefficient, 14 of exponent, the sign on top.
  const exponent = EXPONENT_BIAS - Math.max(0, to - point - 1)
  view.setInt32(at, coefficient % WORD, true)
  view.setInt32(at + 4, Math.floor(coefficient / WORD), true)
  view.setInt32(at + 8, 0, true)
  view.setInt16(at + 12, 0, true)
  view.setUint16(at + 14, (exponent << 1) | (negative ? SIGN : 0), true)
  return true
}

/** The sign in the two bytes that hold the exponent, which begins one bit into them. */
const SIGN = 0x8000

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
