// Finds the id that a time begins with among trades that can be asked for by id only: between the newest and
// the oldest that are answered, guessing by their times and halving in turns, a page at a time.
import { type Rows, type Table, timesOf } from '../core/dataset.ts'
import type { Series } from '../core/series.ts'
import { RefusedError } from '../errors.ts'
import type { AskPage } from './rest.ts'

export type TradeSearch = {
  readonly ask: AskPage
  readonly series: Series
  readonly table: Table
  /** Rows of a page, which cost as much as one. */
  readonly pageRows: number
  readonly hurried: boolean
}

/** A guess and a halving of 63 bits of ids each. */
const MOST_GUESSES = 2 * 63

/** Any time: pages by id have no bounds. */
const ANY_TIME = { startMs: 0, endMs: Number.MAX_SAFE_INTEGER }

type Placed = { readonly id: bigint; readonly timeMs: number }
type Edges = { readonly first: Placed; readonly last: Placed; readonly found: bigint | null }

/** The first id whose time is `startMs` or later; null where every trade is earlier. */
export async function searchTradeId(search: TradeSearch, startMs: number): Promise<string | null> {
  const newest = await pageFrom(search, null, startMs)
  if (newest === null || newest.last.timeMs < startMs) return null
  if (newest.first.timeMs < startMs) return text(newest.found)
  const oldest = await pageFrom(search, 0n, startMs)
  if (oldest !== null && oldest.found !== null) return text(oldest.found)
  // Up to `low` every trade is too early, or hidden since it is too old; from `high` on all are late enough.
  let low = oldest?.last ?? { id: -1n, timeMs: Number.NEGATIVE_INFINITY }
  let high = newest.first
  let found = newest.first.id
  for (let i = 0; i < MOST_GUESSES && high.id - low.id > 1n; i += 1) {
    const guess = i % 2 === 0 ? byTime(low, high, startMs, search.pageRows) : middle(low.id, high.id)
    const page = await pageFrom(search, guess, startMs)
    if (page === null) low = { ...low, id: guess }
    else if (page.last.timeMs < startMs) low = page.last
    else if (page.first.timeMs < startMs) return text(page.found)
    else {
      found = page.first.id
      high = { id: guess, timeMs: page.first.timeMs }
    }
  }
  return text(found)
}

const text = (id: bigint | null): string | null => (id === null ? null : String(id))
const middle = (low: bigint, high: bigint): bigint => low + (high - low) / 2n

/** Where the time would be if trades came evenly, in the middle of a page. */
function byTime(low: Placed, high: Placed, startMs: number, pageRows: number): bigint {
  const part = (startMs - low.timeMs) / (high.timeMs - low.timeMs)
  if (!(part >= 0 && part <= 1)) return middle(low.id, high.id)
  const scale = 1_000_000
  const even = low.id + ((high.id - low.id) * BigInt(Math.round(part * scale))) / BigInt(scale)
  const guess = even - BigInt(Math.floor(pageRows / 2))
  if (guess <= low.id) return low.id + 1n
  return guess >= high.id ? high.id - 1n : guess
}

/** The edges of the page from an id on (null: the newest), and its first trade that is late enough. */
async function pageFrom(search: TradeSearch, id: bigint | null, startMs: number): Promise<Edges | null> {
  const { ask, hurried, pageRows, series, table } = search
  const window = { span: ANY_TIME, limit: pageRows, ...(id === null ? {} : { fromId: String(id) }) }
  try {
    const { rows } = await ask(series, window, hurried)
    const timesMs = timesOf(table, rows)
    const [first, last] = [placedAt(table, rows, 0), placedAt(table, rows, rows.count - 1)]
    if (first === null || last === null) return null
    const found = placedAt(
      table,
      rows,
      timesMs.findIndex((timeMs) => timeMs >= startMs),
    )
    return { first, last, found: found?.id ?? null }
  } catch (error) {
    // Ids beyond the reach may be refused: they are too early.
    if (error instanceof RefusedError && id !== null) return null
    throw error
  }
}

function placedAt(table: Table, rows: Rows, row: number): Placed | null {
  const [id, timeMs] = [rows.columns[0]?.[row], timesOf(table, rows)[row]]
  return typeof id === 'string' && timeMs !== undefined ? { id: BigInt(id), timeMs } : null
}
