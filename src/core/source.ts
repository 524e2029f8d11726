// What a source of rows owes: what a page of it costs, and one page when asked. REST is one, the archives are
// another.
import type { UserError } from '../errors.ts'
import type { Rows, Window } from './dataset.ts'
import type { SourceName } from './ledger.ts'
import type { Series } from './series.ts'

/** What the exchange says of a symbol, as far as planning needs it. */
export type Listing = {
  readonly symbol: string
  readonly trading: boolean
  /** The exchange's own word for the state, for example TRADING or BREAK. */
  readonly status: string
  readonly base: string
  readonly quote: string
  /** When the contract was listed, epoch ms; spot does not say. */
  readonly listedAtMs: number | null
  /** When trading ends or ended, epoch ms: candles from then on are not real. Null while no end is known. */
  readonly endsAtMs: number | null
  /** The exchange does not list it any more: only its archives are left. */
  readonly archivedOnly?: true
  /** The pair that a futures contract is of: its index price has one. */
  readonly pair?: string
}

export type PageCost = { readonly rows: number; readonly weight: number }

export type Answer = {
  readonly rows: Rows
  /** The exchange's clock when the answer was made, epoch ms: what had not closed then is no candle yet. */
  readonly servedAtMs: number
  /** The ids of invalid records that were left out; for datasets in order of id. */
  readonly skippedIds?: readonly string[]
  /** Their times, in the same order, epoch ms. */
  readonly skippedTimesMs?: readonly number[]
}

export type Source = {
  readonly name: SourceName
  /**
   * How many of `places` rows the next page should hold, and the request weight that it costs; null places
   * where nobody knows how many there are.
   */
  page(series: Series, places: number | null): PageCost
  /**
   * One page: the oldest rows of the window, at most `window.limit`. Throws RefusedError when the exchange
   * refuses this page for good, UnavailableError or UserError when nothing more can be had from it,
   * StoppedError when told to stop. `hurried`: its neighbour was just refused, so fewer tries will do.
   */
  fetch(series: Series, window: Window, hurried?: boolean): Promise<Answer>
  /** The exchange's clock now, epoch ms. */
  nowMs(): number
  /**
   * Only where a window with more rows than its limit is answered with the newest ones (COIN-M): the time of
   * the first row from `fromMs` on, or null where there is none up to `untilMs`. Such a source is never asked
   * for a window that may hold more rows than its limit.
   */
  first?(series: Series, fromMs: number, untilMs: number, hurried?: boolean): Promise<number | null>
  /** The longest window by time that may be asked for, ms; no limit where it is not given. */
  readonly longestWindowMs?: number
  /** How far back it answers, ms; all of history where it is not given. */
  readonly reachMs?: number
  /** Where it answers only with an API key, and there is none: what is to be done about that. */
  readonly lacksKey?: UserError
}
