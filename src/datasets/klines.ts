// Klines: one candle a place of the period's grid. Open time is identity; the close time is data, since old
// candles close early (reference 7.2).
import type { Column, Dataset, Rows, Table, Value } from '../core/dataset.ts'
import { compareDecimals } from '../core/decimal.ts'
import { type Period, periodSuffixes, periods, type Series } from '../core/series.ts'

const klineColumns: readonly Column[] = [
  { name: 'open_time', kind: 'time' },
  { name: 'close_time', kind: 'time' },
  { name: 'open_price', kind: 'decimal' },
  { name: 'high_price', kind: 'decimal' },
  { name: 'low_price', kind: 'decimal' },
  { name: 'close_price', kind: 'decimal' },
  { name: 'volume', kind: 'decimal' },
  { name: 'quote_asset_volume', kind: 'decimal' },
  { name: 'number_of_trades', kind: 'integer' },
  { name: 'taker_buy_base_asset_volume', kind: 'decimal' },
  { name: 'taker_buy_quote_asset_volume', kind: 'decimal' },
]

/** The elements of a kline array (reference 3.1); a twelfth one means nothing. */
const klineWire: readonly string[] = [
  'open_time',
  'open_price',
  'high_price',
  'low_price',
  'close_price',
  'volume',
  'close_time',
  'quote_asset_volume',
  'number_of_trades',
  'taker_buy_base_asset_volume',
  'taker_buy_quote_asset_volume',
]

/** The table of each period: klines_m1, klines_mo1, … */
const klineTables = Object.fromEntries(periods.map((period) => [period, klineTable(period)])) as Readonly<
  Record<Period, Table>
>

function klineTable(period: Period): Table {
  const name = `klines_${periodSuffixes[period]}`
  return { name, dataset: 'klines', period, columns: klineColumns, keyLength: 1, timeColumn: 0 }
}

function tableOf(series: Series): Table {
  if (series.period === null) throw new Error('klines have a period')
  return klineTables[series.period]
}

export const klines: Dataset = {
  name: 'klines',
  markets: ['spot', 'um'],
  calendar: true,
  tables: Object.values(klineTables),
  table: tableOf,
  wire: klineWire,
  query: (series, window) => ({
    symbol: series.symbol,
    interval: series.period ?? '',
    startTime: String(window.span.startMs),
    endTime: String(window.span.endMs - 1),
    limit: String(window.limit),
  }),
  flaw: klineFlaw,
}

const NO_VALUES: readonly Value[] = []

/** What no candle can be: a high below its prices, a low above them, or one that closes before it opens. */
function klineFlaw(rows: Rows, index: number): string | null {
  const [
    opensMs = NO_VALUES,
    closesMs = NO_VALUES,
    open = NO_VALUES,
    high = NO_VALUES,
    low = NO_VALUES,
    close = NO_VALUES,
  ] = rows.columns
  const first = String(open[index])
  const highest = String(high[index])
  const lowest = String(low[index])
  const last = String(close[index])
  const compare = samePoint(first, highest, lowest, last) ? compareText : compareDecimals
  if (compare(highest, first) < 0 || compare(highest, last) < 0) return 'high is below open or close'
  if (compare(lowest, first) > 0 || compare(lowest, last) > 0) return 'low is above open or close'
  if (Number(closesMs[index]) < Number(opensMs[index])) return 'it closes before it opens'
  return null
}

const POINT = 46
const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/**
 * Whether four decimals without a sign have their points at the same place, as the prices of a candle mostly
 * have: then text compares as the numbers do, at half the cost.
 */
function samePoint(a: string, b: string, c: string, d: string): boolean {
  const point = a.indexOf('.')
  if (point < 1 || a.startsWith('-')) return false
  return b.charCodeAt(point) === POINT && c.charCodeAt(point) === POINT && d.charCodeAt(point) === POINT
}
