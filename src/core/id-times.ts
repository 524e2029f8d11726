// Times of ids and ids of times, by look-ups of the key alone: not every store has an index on the time of
// trades. Ids rise with time, so a time is found by halving.
import type { GapScan } from './gap.ts'
import type { Ends } from './store.ts'

type Look = Pick<GapScan, 'store' | 'series' | 'table'>

/** Ids looked up by one question. */
const IDS_A_QUESTION = 4_096

/** The time of the row of each id, epoch ms; null where no row has it. */
export async function timesOfIds(
  { store, series, table }: Look,
  ids: readonly bigint[],
): Promise<(number | null)[]> {
  const out: (number | null)[] = []
  for (let from = 0; from < ids.length; from += IDS_A_QUESTION) {
    // A key has no id below 0, and the row before the first one is none.
    const asked = ids.slice(from, from + IDS_A_QUESTION).map((id) => `${id < 0n ? 0n : id}`)
    const found = await store.fromIds(series, table, asked)
    out.push(...asked.map((id, i) => (found[i]?.id === id ? found[i].timeMs : null)))
  }
  return out
}

/** The rows on both sides of a time: the last one before it, and the first one at or after it. */
export type Neighbours = { readonly before: bigint | null; readonly after: bigint | null }

type Halving = { readonly timeMs: number; low: bigint; high: bigint; top: bigint }

/** The neighbours of each time in a series that begins and ends so. */
export async function neighboursOf(
  look: Look,
  ends: Ends,
  timesMs: readonly number[],
): Promise<Neighbours[]> {
  const [firstId, lastId] = [BigInt(ends.firstId ?? 0), BigInt(ends.lastId ?? 0)]
  // Between `low`, which is before the time, and `high`, which is not, rows are unknown up to `top`.
  const halvings = timesMs.map(
    (timeMs): Halving => ({ timeMs, low: firstId, high: lastId, top: lastId - 1n }),
  )
  const inside = halvings.filter(({ timeMs }) => timeMs > ends.firstMs && timeMs <= ends.lastMs)
  const halvable = ({ low, top }: Halving): boolean => low < top
  for (let open = inside.filter(halvable); open.length > 0; open = open.filter(halvable)) {
    const middles = open.map(({ low, top }) => low + (top - low + 1n) / 2n)
    const found = await look.store.fromIds(look.series, look.table, middles.map(String))
    for (const [i, halving] of open.entries()) {
      const row = found[i]
      const middle = middles[i] ?? halving.top
      if (!row || BigInt(row.id) >= halving.high) halving.top = middle - 1n
      else if (row.timeMs < halving.timeMs) halving.low = BigInt(row.id)
      else {
        halving.high = BigInt(row.id)
        halving.top = middle - 1n
      }
    }
  }
  return halvings.map(({ timeMs, low, high }) => {
    if (timeMs <= ends.firstMs) return { before: null, after: firstId }
    return timeMs > ends.lastMs ? { before: lastId, after: null } : { before: low, after: high }
  })
}
