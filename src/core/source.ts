// What a source of rows owes: what a page of it costs, and one page when asked. REST is one, the archives are
// another.
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
}

export type PageCost = { readonly rows: number; readonly weight: number }

export type Answer = {
  readonly rows: Rows
  /** The exchange's clock when the answer was made, epoch ms: what had not closed then is no candle yet. */
  readonly servedAtMs: number
}

export type Source = {
  readonly name: SourceName
  /** How many of `places` rows the next page should hold, and the request weight that it costs. */
  page(series: Series, places: number): PageCost
  /**
   * One page: the oldest rows of the window, at most `window.limit`. Throws RefusedError when the exchange
   * refuses this page for good, UnavailableError or UserError when nothing more can be had from it,
   * StoppedError when told to stop. `hurried`: its neighbour was just refused, so fewer tries will do.
   */
  fetch(series: Series, window: Window, hurried?: boolean): Promise<Answer>
  /** The exchange's clock now, epoch ms. */
  nowMs(): number
}
