// Mark price, index price and premium index klines: candles of a price that is computed, so they have no
// volume. The elements that volumes have in klines mean nothing here (reference 4), and a premium index may
// be negative.
import type { Column, Dataset, Table } from '../core/dataset.ts'
import { type DatasetName, type Period, periodSuffixes, periods, type Series } from '../core/series.ts'
import { candleFlaw, hasDailyFiles, klineQuery } from './klines.ts'

const priceColumns: readonly Column[] = [
  { name: 'open_time', kind: 'time' },
  { name: 'close_time', kind: 'time' },
  { name: 'open_price', kind: 'decimal' },
  { name: 'high_price', kind: 'decimal' },
  { name: 'low_price', kind: 'decimal' },
  { name: 'close_price', kind: 'decimal' },
]

/** The elements of a kline array; after the close time nothing means anything. */
const wire: readonly (string | null)[] = [
  'open_time',
  'open_price',
  'high_price',
  'low_price',
  'close_price',
  null,
  'close_time',
]

type PriceKlines = 'mark-price-klines' | 'index-price-klines' | 'premium-index-klines'

/**
 * The dataset of that name; `symbolField` is what its endpoint calls the symbol: index klines have a pair.
 */
function priceKlines(name: PriceKlines, symbolField: 'symbol' | 'pair'): Dataset {
  const tables = Object.fromEntries(
    periods.filter((period) => period !== '1s').map((period) => [period, tableOf(name, period)]),
  ) as Readonly<Partial<Record<Period, Table>>>
  return {
    name,
    markets: ['um', 'cm'],
    order: 'calendar',
    tables: Object.values(tables),
    table: (series: Series) => {
      const table = series.period === null ? undefined : tables[series.period]
      if (!table) throw new Error(`${name} have no period ${series.period}`)
      return table
    },
    rest: () => ({ kind: 'arrays', columns: wire }),
    query: (series, window) => klineQuery(series, window, symbolField),
    flaw: candleFlaw,
    // Twelve columns as those of klines; mark-price-klines lie in markPriceKlines.
    archive: () => ({
      folder: name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase()),
      columns: [...wire, null, null, null, null, null],
      fill: {},
      daily: hasDailyFiles,
    }),
  }
}

function tableOf(dataset: DatasetName, period: Period): Table {
  const name = `${dataset.replaceAll('-', '_')}_${periodSuffixes[period]}`
  return { name, dataset, period, columns: priceColumns, keyLength: 1, timeColumn: 0 }
}

export const markPriceKlines = priceKlines('mark-price-klines', 'symbol')
export const indexPriceKlines = priceKlines('index-price-klines', 'pair')
export const premiumIndexKlines = priceKlines('premium-index-klines', 'symbol')
