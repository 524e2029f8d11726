// Single values in PostgreSQL's binary format: each is its length in bytes and then its bytes, the highest
// first.

const MINUS = 45
const POINT = 46
const ZERO = 48

/** Times are counted in microseconds from the year 2000 on. */
const EPOCH_MS = Date.UTC(2000, 0, 1)
const TWO_TO_32 = 2 ** 32

/** A numeric is told in groups of so many digits, after four words that say how. */
const GROUP_DIGITS = 4
const NUMERIC_HEAD_BYTES = 8
const NEGATIVE = 0x4000

/** Digits of an integer that a double holds exactly, whatever the digits. */
const SAFE_DIGITS = 15

/** Each writes a value at `at` and answers where the next byte belongs. */
export function putNull(view: DataView, at: number): number {
  view.setInt32(at, -1)
  return at + 4
}

export function putFlag(view: DataView, at: number, flag: number): number {
  view.setInt32(at, 1)
  view.setUint8(at + 4, flag)
  return at + 5
}

/** A whole number that a double holds exactly, as a bigint of the server. */
export function putInteger(view: DataView, at: number, value: number): number {
  const high = Math.floor(value / TWO_TO_32)
  view.setInt32(at, 8)
  view.setInt32(at + 4, high)
  view.setUint32(at + 8, value - high * TWO_TO_32)
  return at + 12
}

/** Epoch ms as a timestamptz. */
export function putTime(view: DataView, at: number, ms: number): number {
  return putInteger(view, at, (ms - EPOCH_MS) * 1_000)
}

/** An id of up to 63 bits, whose digits stand in digits[from .. to). */
export function putBigint(view: DataView, at: number, digits: Uint8Array, from: number, to: number): number {
  if (to - from > SAFE_DIGITS || digits[from] === MINUS) {
    view.setInt32(at, 8)
    view.setBigInt64(at + 4, BigInt(Buffer.from(digits.subarray(from, to)).toString('latin1')))
    return at + 12
  }
  let value = 0
  for (let i = from; i < to; i += 1) value = value * 10 + digitAt(digits, i)
  return putInteger(view, at, value)
}

/**
 * A decimal in its canonical form (core/decimal.ts), which stands in digits[from .. to). The server keeps as
 * many digits after the point as are written, and itself strips groups that are all zeros.
 */
export function putDecimal(view: DataView, at: number, digits: Uint8Array, from: number, to: number): number {
  const isNegative = digits[from] === MINUS
  let begin = isNegative ? from + 1 : from
  let point = begin
  while (point < to && digits[point] !== POINT) point += 1
  // The 0 of a number below one is no digit of it.
  if (point === begin + 1 && digits[begin] === ZERO) begin = point
  const fraction = Math.max(0, to - point - 1)
  let next = at + 4 + NUMERIC_HEAD_BYTES
  const whole = Math.ceil((point - begin) / GROUP_DIGITS)
  for (let group = whole; group > 0; group -= 1) {
    const end = point - (group - 1) * GROUP_DIGITS
    let value = 0
    for (let i = Math.max(begin, end - GROUP_DIGITS); i < end; i += 1) value = value * 10 + digitAt(digits, i)
    view.setInt16(next, value)
    next += 2
  }
  for (let i = point + 1; i < to; i += GROUP_DIGITS) {
    let value = 0
    for (let j = i; j < i + GROUP_DIGITS; j += 1) value = value * 10 + (j < to ? digitAt(digits, j) : 0)
    view.setInt16(next, value)
    next += 2
  }
  const bytes = next - at - 4
  view.setInt32(at, bytes)
  view.setInt16(at + 4, (bytes - NUMERIC_HEAD_BYTES) / 2)
  view.setInt16(at + 6, bytes === NUMERIC_HEAD_BYTES ? 0 : whole - 1)
  view.setUint16(at + 8, isNegative ? NEGATIVE : 0)
  view.setInt16(at + 10, fraction)
  return next
}

/** The value of a digit. Throws for any other byte, since what is not canonical would be another number. */
function digitAt(digits: Uint8Array, at: number): number {
  const digit = (digits[at] ?? 0) - ZERO
  if (digit < 0 || digit > 9) throw new Error(`byte ${digits[at]} is no digit of a number`)
  return digit
}
