// Ids of trades: decimal text of up to 63 bits, since a double would round the larger ones. Arithmetic goes
// through BigInt, comparison through the text where that is enough.

/** Ids from one to another, both included. */
export type IdRange = { readonly firstId: string; readonly lastId: string }

/** The id that follows `id`. */
export function nextId(id: string): string {
  return String(BigInt(id) + 1n)
}

/** The id before `id`. */
export function previousId(id: string): string {
  return String(BigInt(id) - 1n)
}

/** Negative, zero or positive, as `a` is less than, equal to or greater than `b`; neither is negative. */
export function compareIds(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length
  return a < b ? -1 : Number(a > b)
}

/** The smallest (sign -1) or largest (sign 1) of the ids that are there; null where none is. */
export function outermost(ids: readonly (string | null | undefined)[], sign: 1 | -1): string | null {
  let found: string | null = null
  for (const id of ids) if (id && (found === null || compareIds(id, found) * sign > 0)) found = id
  return found
}

/** How many ids lie from `first` to `last`, both included. */
export function countIds(first: string, last: string): number {
  return Number(BigInt(last) - BigInt(first)) + 1
}
