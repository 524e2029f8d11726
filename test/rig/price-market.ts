// The candles of mark prices, indexes and premiums as the exchange sends them and as a store must hold them,
// computed like klines (market.ts), from the spec and the time alone.
import type { Rows } from '../../src/core/dataset.ts'
import type { Period } from '../../src/core/series.ts'
import type { Span } from '../../src/core/span.ts'
import { closedCandles, exactDecimal, feedPage } from './market.ts'
import { readPage } from './page-bytes.ts'
import { priceFeedOf } from './price-feed.ts'
import type { Candle, PriceDataset, SymbolSpec } from './symbol-spec.ts'

export { priceSymbol } from './price-feed.ts'
export { type PriceDataset, priceDatasets } from './symbol-spec.ts'

/** Every finished candle of a dataset whose open time lies in `span`, oldest first. */
export function priceCandles(spec: SymbolSpec, dataset: PriceDataset, period: Period, span: Span): Candle[] {
  const wanted = { startMs: span.startMs, lastMs: span.endMs - 1, limit: Infinity, newest: false }
  return readPage(feedPage(priceFeedOf(spec, dataset), period, wanted, Infinity).body)
}

/**
 * The rows that a store must hold of a series after `span` was fetched: canonical decimals, columns in the
 * order of interface.md section 5 (open_time, close_time, open, high, low, close). Only candles that closed
 * before `closedBeforeMs`, and none that opened when trading had ended. For the index, `spec` is the one that
 * indexSpecOf (contracts.ts) finds for the pair, and priceSymbol is what the series is called.
 */
export function expectedPriceRows(
  spec: SymbolSpec,
  dataset: PriceDataset,
  period: Period,
  span: Span,
  closedBeforeMs: number,
): Rows {
  const rows = closedCandles(priceFeedOf(spec, dataset), period, span, closedBeforeMs)
  return {
    count: rows.length,
    columns: [
      rows.map((row) => row.openMs),
      rows.map((row) => row.closeMs),
      rows.map((row) => exactDecimal(spec, row.open)),
      rows.map((row) => exactDecimal(spec, row.high)),
      rows.map((row) => exactDecimal(spec, row.low)),
      rows.map((row) => exactDecimal(spec, row.close)),
    ],
  }
}
