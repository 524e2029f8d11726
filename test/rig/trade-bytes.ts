// Text of trades as bytes, written from front to back: forty million rows of an archive would take minutes as
// strings. Pages and archives are written by the same functions, so that their digits are the same.
import type { Amount } from './trade-amounts.ts'
import { type IdSpace, LOW_BASE, LOW_DIGITS } from './trade-ids.ts'

/** More than any row needs. */
export const ROW_BYTES = 512

/** Text that grows: its bytes are those before `length`. */
export type TradeText = { readonly bytes: Buffer<ArrayBuffer>; length: number }

/** Empty text with room for so many rows. */
export function startText(rows: number): TradeText {
  return { bytes: Buffer.allocUnsafe((rows + 1) * ROW_BYTES), length: 0 }
}

/** The text as a string; what is written next overwrites it. */
export function takeText(text: TradeText): string {
  const taken = text.bytes.toString('latin1', 0, text.length)
  text.length = 0
  return taken
}

const ZERO = 48
const POINT = 46
const CHUNK = 1e9
const CHUNK_DIGITS = 9

/** Puts characters of Latin-1. */
export function putWord(text: TradeText, word: string): void {
  let at = text.length
  for (let i = 0; i < word.length; i += 1) {
    text.bytes[at] = word.charCodeAt(i)
    at += 1
  }
  text.length = at
}

/** Puts exactly so many digits of a number below 2^31, with zeros in front. */
export function putDigits(text: TradeText, value: number, digits: number): void {
  let rest = value | 0
  for (let at = text.length + digits - 1; at >= text.length; at -= 1) {
    const next = (rest / 10) | 0
    text.bytes[at] = ZERO + (rest - next * 10)
    rest = next
  }
  text.length += digits
}

/** Puts exactly so many digits of a whole number, with zeros in front. */
function putPadded(text: TradeText, value: number, digits: number): void {
  if (digits <= CHUNK_DIGITS) {
    putDigits(text, value, digits)
  } else {
    const high = Math.floor(value / CHUNK)
    putPadded(text, high, digits - CHUNK_DIGITS)
    putDigits(text, value - high * CHUNK, CHUNK_DIGITS)
  }
}

/** Puts a whole number that is not negative. */
export function putWhole(text: TradeText, value: number): void {
  let digits = 1
  for (let limit = 10; value >= limit; limit *= 10) digits += 1
  putPadded(text, value, digits)
}

/** Puts the id that stands `offset` after the first one. */
export function putId(text: TradeText, ids: IdSpace, offset: number): void {
  let high = ids.high
  let low = ids.low + offset
  if (low >= LOW_BASE) {
    const carried = Math.floor(low / LOW_BASE)
    high += carried
    low -= carried * LOW_BASE
  }
  if (high === 0) {
    putWhole(text, low)
  } else {
    putWhole(text, high)
    putPadded(text, low, LOW_DIGITS)
  }
}

/** Puts a decimal, with zeros behind it up to `least` decimals. */
export function putDecimal(text: TradeText, units: number, decimals: number, least: number): void {
  if (decimals === 0) {
    putWhole(text, units)
  } else {
    const unit = 10 ** decimals
    const whole = Math.floor(units / unit)
    putWhole(text, whole)
    text.bytes[text.length] = POINT
    text.length += 1
    putPadded(text, units - whole * unit, decimals)
  }
  putZeros(text, decimals, least)
}

/** Puts an amount as `putDecimal` does, however large it is. */
export function putAmount(text: TradeText, amount: Amount, least: number): void {
  const { units, decimals } = amount
  if (typeof units === 'number') {
    putDecimal(text, units, decimals, least)
  } else {
    const digits = String(units).padStart(decimals + 1, '0')
    const whole = digits.length - decimals
    putWord(text, digits.slice(0, whole))
    if (decimals > 0) putWord(text, `.${digits.slice(whole)}`)
    putZeros(text, decimals, least)
  }
}

function putZeros(text: TradeText, decimals: number, least: number): void {
  if (decimals >= least) return
  if (decimals === 0) putWord(text, '.')
  for (let i = decimals; i < least; i += 1) {
    text.bytes[text.length] = ZERO
    text.length += 1
  }
}
