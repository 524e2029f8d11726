// Klines: one candle a place of the period's grid. Open time is identity; the close time is data, since old
// candles close early (reference 7.2).
import type { Column, Dataset, Flaw, Rows, Table, Value } from '../core/dataset.ts'
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
const POINT = 46

/** What no candle can be: a high below its prices, a low above them, or one that closes before it opens. */
function klineFlaw(rows: Rows): Flaw | null {
  const [opensMs = NO_VALUES, closesMs = NO_VALUES, ...prices] = rows.columns
  const [open = NO_VALUES, high = NO_VALUES, low = NO_VALUES, close = NO_VALUES] = prices
  let point = 0
  for (let row = 0; row < rows.count; row += 1) {
    const first = open[row] as string
    const highest = high[row] as string
    const lowest = low[row] as string
    const last = close[row] as string
    if (first.charCodeAt(point) !== POINT) point = Math.max(0, first.indexOf('.'))
    // Prices of one candle mostly have their points at the same place: then text compares as the numbers do.
    const alike =
      first.charCodeAt(point) === POINT &&
      highest.charCodeAt(point) === POINT &&
      lowest.charCodeAt(point) === POINT &&
      last.charCodeAt(point) === POINT &&
      first.charCodeAt(0) !== MINUS
    const tooLow = alike ? highest < first || highest < last : below(highest, first) || below(highest, last)
    if (tooLow) return { row, problem: 'high is below open or close' }
    const tooHigh = alike ? lowest > first || lowest > last : below(first, lowest) || below(last, lowest)
    if (tooHigh) return { row, problem: 'low is above open or close' }
    if (Number(closesMs[row]) < Number(opensMs[row])) return { row, problem: 'it closes before it opens' }
  }
  return null
}

const MINUS = 45
const below = (a: string, b: string): boolean => compareDecimals(a, b) < 0
