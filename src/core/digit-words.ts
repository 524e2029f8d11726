// Digits looked at four at a time, as whole numbers of 32 bits whose lowest byte is the first in memory: a
// loop over single bytes takes longer, since the processor cannot guess where a number ends (measured).

/** Bytes of a word. */
export const WORD_BYTES = 4

/** The word of four zeros. */
export const FOUR_ZEROS = 0x30303030

/** The upper halves of four digits; six more in each lower half carries over where it is no digit's. */
const UPPER_HALVES = 0xf0f0f0f0
const SIX_EACH = 0x06060606

/**
 * Zero for four digits. Else the lowest byte that is not zero is that of the first byte which is no digit;
 * what is above it means nothing.
 */
export function noDigits(word: number): number {
  return ((word & UPPER_HALVES) ^ FOUR_ZEROS) | (((word + SIX_EACH) & UPPER_HALVES) ^ FOUR_ZEROS)
}

/** In which of its bytes, as bits from the lowest one, a word has its first bit: 0, 8, 16 or 24; not of 0. */
export function firstByteBits(word: number): number {
  return (31 - Math.clz32(word & -word)) & ~7
}

/** How many of four digits at the end of a word are zeros; 4 for FOUR_ZEROS. */
export function zerosAtEnd(word: number): number {
  return Math.clz32(word ^ FOUR_ZEROS) >> 3
}

/** The number that four digits are. */
export function fourDigits(word: number): number {
  const pairs = Math.imul(word & 0x0f0f0f0f, 10) + ((word & 0x0f0f0f0f) >>> 8)
  return (pairs & 0xff) * 100 + ((pairs >>> 16) & 0xff)
}

/** The last `digits` of four, one to four of them, after zeros in place of the bytes before. */
export function lastDigits(word: number, digits: number): number {
  const others = (1 << (8 * (WORD_BYTES - digits))) - 1
  return (word & ~others) | (FOUR_ZEROS & others)
}
