// Which series of candles are made of which: each of the largest stored period that divides its own.
import type { LedgerRow } from '../ledger.ts'
import type { Period, Series } from '../series.ts'
import type { Span } from '../span.ts'
import type { StoredSeries } from './stored-rows.ts'
import { candlesIn, divides } from './sums.ts'

/** A series of candles, what of it is looked at, and its ledger. */
export type CandleSeries = StoredSeries & {
  readonly period: Period
  readonly range: Span
  readonly ledger: readonly LedgerRow[]
}

/** The series of the largest period that `larger` is made of, of its own symbol; null where there is none. */
export function partsOf<T extends { readonly series: Series }>(larger: T, stored: readonly T[]): T | null {
  const { market, dataset, symbol, period } = larger.series
  const parts = stored.filter(
    ({ series }) =>
      series.market === market &&
      series.dataset === dataset &&
      series.symbol === symbol &&
      series.period !== null &&
      period !== null &&
      divides(series.period, period),
  )
  const length = ({ series }: T): number => (series.period === null ? 0 : candlesIn(series.period, LONG_SPAN))
  return parts.sort((a, b) => length(a) - length(b))[0] ?? null
}

/** A span in which the candles of every period of fixed length can be counted, and told apart. */
const LONG_SPAN: Span = { startMs: 0, endMs: Date.UTC(1971, 0, 1) }

export type CandlePair = { readonly larger: CandleSeries; readonly smaller: CandleSeries }

/** Each series of candles with the largest stored one that it is made of. */
export function candlePairs(
  series: readonly (StoredSeries & { period: Period | null; range: Span; ledger: readonly LedgerRow[] })[],
): CandlePair[] {
  const bySymbol = new Map<string, CandleSeries[]>()
  for (const one of series) {
    const { period } = one
    if (period === null) continue
    const { market, dataset, symbol } = one.series
    const key = `${market}/${dataset}/${symbol}`
    bySymbol.set(key, [...(bySymbol.get(key) ?? []), { ...one, period }])
  }
  return [...bySymbol.values()].flatMap((candles) =>
    candles.flatMap((larger) => {
      const smaller = partsOf(larger, candles)
      return smaller ? [{ larger, smaller }] : []
    }),
  )
}
