// The unit that is planned, fetched, covered and reported: market + dataset + symbol (+ period).

export const markets = ['spot', 'um', 'cm'] as const
export type Market = (typeof markets)[number]

export const datasetNames = [
  'klines',
  'funding',
  'trades',
  'agg-trades',
  'mark-price-klines',
  'index-price-klines',
  'premium-index-klines',
] as const
export type DatasetName = (typeof datasetNames)[number]

/** Every period, spelled as Binance spells it, with the suffix that its tables bear. Order: short to long. */
export const periodSuffixes = {
  '1s': 's1',
  '1m': 'm1',
  '3m': 'm3',
  '5m': 'm5',
  '15m': 'm15',
  '30m': 'm30',
  '1h': 'h1',
  '2h': 'h2',
  '4h': 'h4',
  '6h': 'h6',
  '8h': 'h8',
  '12h': 'h12',
  '1d': 'd1',
  '3d': 'd3',
  '1w': 'w1',
  '1M': 'mo1',
} as const
export type Period = keyof typeof periodSuffixes
export const periods = Object.keys(periodSuffixes) as readonly Period[]

export type Series = {
  readonly market: Market
  readonly dataset: DatasetName
  readonly symbol: string
  /** Null for datasets without a period (trades, funding rates). */
  readonly period: Period | null
}

/** `spot/klines/BTCUSDT/1m`: the name of a series in the ledger, in results and in logs. */
export function seriesKey(series: Series): string {
  const key = `${series.market}/${series.dataset}/${series.symbol}`
  return series.period === null ? key : `${key}/${series.period}`
}

/** The series that `key` names, or null when it is not a series key. */
export function parseSeriesKey(key: string): Series | null {
  const [market, dataset, symbol, period, ...rest] = key.split('/')
  if (!isMember(markets, market) || !isMember(datasetNames, dataset) || !symbol || rest.length > 0)
    return null
  if (period !== undefined && !isMember(periods, period)) return null
  return { market, dataset, symbol, period: period ?? null }
}

/** Whether `value` is one of `members`; narrows its type. */
export function isMember<T extends string>(members: readonly T[], value: string | undefined): value is T {
  return value !== undefined && (members as readonly string[]).includes(value)
}
