// What a symbol's spec says of its trades and funding rates. All of it can be written as JSON, so ids beyond
// 2^53 are decimal text.

/** An id: a number where it is exact, else decimal text; at most 63 bits. */
export type TradeId = number | string

export type TradeSpec = {
  /** Mean number of aggregates a minute; there are 25 raw trades to 16 aggregates. At most 960,000. */
  readonly perMinute: number
  /** Id of the first raw trade; 0 where it is not given, as on the real BTCUSDT. */
  readonly firstId?: TradeId
  /** Id of the first aggregate; 0 where it is not given. */
  readonly firstAggId?: TradeId
  /**
   * Ids of aggregates that were marked as invalid after the audit of 2022: on spot only. They keep their id
   * and time, and no raw trade belongs to them.
   */
  readonly markers?: readonly TradeId[]
  /** The ids after+1 to after+size belong to raw trades that no source publishes (reference 8.7). */
  readonly jumps?: readonly { readonly after: TradeId; readonly size: number }[]
}

export type FundingSpec = {
  /** From `fromMs` on, rates are settled every so many hours since midnight UTC; 8 before the first. */
  readonly intervals?: readonly { readonly fromMs: number; readonly hours: number }[]
  /**
   * Extra rates of rateType Special, on USD-M only and in no archive: `offsetMs` after the rate that is
   * settled at the hour `atMs`, so that 0 gives two rates of one funding time.
   */
  readonly specials?: readonly { readonly atMs: number; readonly offsetMs: number }[]
}
