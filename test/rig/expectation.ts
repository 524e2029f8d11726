// What must be stored of a series, of any dataset: the local exchange's market (market.ts, price-market.ts,
// trade-market.ts, funding-market.ts), cut to the spans that were asked for.
import { joinRows, type Rows, type Table } from '../../src/core/dataset.ts'
import { type DatasetName, isMember, type Period, type Series } from '../../src/core/series.ts'
import type { Span } from '../../src/core/span.ts'
import { datasetNamed } from '../../src/datasets/all.ts'
import { expectedFunding, expectedTrades } from './expected-trades.ts'
import { expectedRows } from './market.ts'
import { expectedPriceRows, priceDatasets, priceSymbol } from './price-market.ts'
import type { SymbolSpec } from './symbol-spec.ts'

/** What must be stored of a series: the rows of `spans`, of candles those that closed in time. */
export type Expectation = {
  /** For index prices the one that indexSpecOf (contracts.ts) finds for the pair. */
  readonly spec: SymbolSpec
  /** Klines where it is not given. */
  readonly dataset?: DatasetName
  /** Where the dataset has one. */
  readonly period?: Period
  readonly spans: readonly Span[]
  /** What closes later (of a candle) or happens later is not to be there yet, epoch ms. */
  readonly closedBeforeMs: number
}

/** The series that an expectation is of. */
export function seriesOf({ spec, dataset = 'klines', period = null }: ExpectedSeries): Series {
  const symbol = isMember(priceDatasets, dataset) ? priceSymbol(spec, dataset) : spec.symbol
  return { market: spec.market, dataset, symbol, period: period ?? null }
}
type ExpectedSeries = {
  readonly spec: SymbolSpec
  readonly dataset?: DatasetName
  readonly period?: Period | null
}

/** The table that a series is kept in. */
export function tableOfSeries(series: Series): Table {
  const dataset = datasetNamed(series.dataset)
  if (!dataset) throw new Error(`the program has no ${series.dataset}`)
  return dataset.table(series)
}

const known = new WeakMap<Expectation, Rows>()

/**
 * The rows of an expectation, in order of time. Computed once: a test that kills twenty times compares with
 * the same rows each time.
 */
export function expectedOf(one: Expectation): Rows {
  const found = known.get(one) ?? one.spans.map((span) => rowsIn(one, span)).reduce(joinRows)
  known.set(one, found)
  return found
}

function rowsIn(one: Expectation, asked: Span): Rows {
  const { spec, closedBeforeMs } = one
  const dataset: DatasetName = one.dataset ?? 'klines'
  const span = { ...asked, endMs: Math.min(asked.endMs, closedBeforeMs) }
  switch (dataset) {
    case 'klines':
      return expectedRows(spec, periodOf(one), asked, closedBeforeMs)
    case 'mark-price-klines':
    case 'index-price-klines':
    case 'premium-index-klines':
      return expectedPriceRows(spec, dataset, periodOf(one), asked, closedBeforeMs)
    case 'agg-trades':
      return expectedTrades(spec, 'agg', span)
    case 'trades':
      return expectedTrades(spec, 'raw', span)
    case 'funding':
      return expectedFunding(spec, span)
  }
}

function periodOf({ spec, period }: Expectation): Period {
  if (!period) throw new Error(`the candles of ${spec.symbol} have a period`)
  return period
}
