// Ids of up to 63 bits, counted from a first one. Numbers are not exact there, and a bigint for each of forty
// million rows is slow, so the first id is kept in two parts that are added to.
import type { TradeId } from './trade-spec.ts'

/** An id is high x LOW_BASE + low. */
export const LOW_BASE = 1e15
export const LOW_DIGITS = 15
const LARGEST_ID = 2n ** 63n - 1n

export type IdSpace = { readonly first: bigint; readonly high: number; readonly low: number }

/** The ids from `first` on. Throws when it is none, or has more than 63 bits. */
export function idSpace(first: TradeId): IdSpace {
  const exact = exactId(first)
  const base = BigInt(LOW_BASE)
  return { first: exact, high: Number(exact / base), low: Number(exact % base) }
}

/** The id as a bigint. Throws when it is negative, not exact, or has more than 63 bits. */
export function exactId(id: TradeId): bigint {
  if (typeof id === 'number' && !Number.isSafeInteger(id)) throw new Error(`write the id ${id} as text`)
  const exact = BigInt(id)
  if (exact < 0n || exact > LARGEST_ID) throw new Error(`the id ${id} is negative or has more than 63 bits`)
  return exact
}

/** The id that stands `offset` after the first one, as decimal text. */
export const idText = (space: IdSpace, offset: number): string => String(space.first + BigInt(offset))

/** How far `id` is from the first one; 0 for ids before it, 2^53 - 1 for ids too far away to count. */
export function idOffset(space: IdSpace, id: bigint): number {
  if (id <= space.first) return 0
  const offset = id - space.first
  return offset > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(offset)
}
