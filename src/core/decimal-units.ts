// Exact sums of decimals: each as a whole number of 10^-18, the smallest unit that the contract knows, so
// that any number of them adds up without a digit lost.
import { FRACTION_DIGITS } from './decimal.ts'

/** 10^18, 10^17, …: what a number with so many digits after the point is multiplied by. */
const SCALES = Array.from(
  { length: FRACTION_DIGITS + 1 },
  (_, digits) => 10n ** BigInt(FRACTION_DIGITS - digits),
)

/** A canonical decimal as a whole number of 10^-18. Throws SyntaxError where `text` is no decimal. */
export function decimalUnits(text: string): bigint {
  const point = text.indexOf('.')
  const digits = point < 0 ? text : text.slice(0, point) + text.slice(point + 1)
  const scale = SCALES[point < 0 ? 0 : text.length - point - 1]
  if (scale === undefined) throw new SyntaxError(`${text} has more than ${FRACTION_DIGITS} fraction digits`)
  return BigInt(digits) * scale
}

/** A whole number of 10^-18 as a canonical decimal, of any size. */
export function decimalText(units: bigint): string {
  const digits = String(units < 0n ? -units : units).padStart(FRACTION_DIGITS + 1, '0')
  const whole = digits.slice(0, -FRACTION_DIGITS)
  const fraction = digits.slice(-FRACTION_DIGITS).replace(/0+$/, '')
  return `${units < 0n ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`
}
