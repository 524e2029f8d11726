// What programs that use petrosa as a library may import, and nothing else of it. README.md shows it at work.
export type { Market, Period } from './core/series.ts'
export { markets, periods } from './core/series.ts'
export type { Listing } from './core/source.ts'
export type { StoreKind, WriteResult } from './core/store.ts'
export { storeKinds } from './core/store.ts'
export { PetrosaError, RefusedError, UnavailableError, UserError } from './errors.ts'
export {
  type ClientDataset,
  type ClientSettings,
  type MarketClient,
  openClient,
} from './library/open-client.ts'
export { type Moment, openStore, type ReadRange, type RowStore } from './library/open-store.ts'
export {
  type AggTrade,
  aggTradeSchema,
  type FundingRate,
  fundingRateSchema,
  type Kline,
  klineSchema,
  type RowDataset,
  type RowSeries,
  type RowTypes,
  type Trade,
  tradeSchema,
} from './library/rows.ts'
