// Klines: one candle a place of the period's grid. Open time is identity; the close time is data, since old
// candles close early (reference 7.2).
import type { ArchiveShape, Column, Dataset, Flaw, Rows, Table, Value, Window } from '../core/dataset.ts'
import { firstAbove } from '../core/row-comparison.ts'
import { type Period, periodSuffixes, periods, type Series } from '../core/series.ts'
import { slicesOf } from '../core/sliced-rows.ts'

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
export const klineWire: readonly string[] = [
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

/** The periods that are longer than a day. */
const longPeriods: readonly Period[] = ['3d', '1w', '1M']

/** Files of days end at periods of a day (reference 8.2). */
export const hasDailyFiles = (period: Period | null): boolean =>
  period !== null && !longPeriods.includes(period)

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
  markets: ['spot', 'um', 'cm'],
  order: 'calendar',
  tables: Object.values(klineTables),
  table: tableOf,
  rest: () => ({ kind: 'arrays', columns: klineWire }),
  query: (series, window) => klineQuery(series, window, 'symbol'),
  flaw: candleFlaw,
  archive: () => klineArchive,
}

/** Twelve columns, as in a REST array. */
const klineArchive: ArchiveShape = {
  folder: 'klines',
  columns: [...klineWire, null],
  fill: {},
  daily: hasDailyFiles,
}

/** The query of a kline endpoint, which calls the symbol by `symbolField`; both bounds are included. */
export function klineQuery(
  series: Series,
  window: Window,
  symbolField: 'symbol' | 'pair',
): Record<string, string> {
  return {
    [symbolField]: series.symbol,
    interval: series.period ?? '',
    startTime: String(window.span.startMs),
    endTime: String(window.span.endMs - 1),
    limit: String(window.limit),
  }
}

const [OPENS, CLOSES, OPEN, HIGH, LOW, CLOSE] = [0, 1, 2, 3, 4, 5] as const

/** What no candle can be: a high below its prices, a low above them, or one that closes before it opens. */
export function candleFlaw(rows: Rows): Flaw | null {
  const ordered = slicesOf(rows)?.ordered ?? 0
  const wrong = (a: number, b: number, problem: string): Flaw[] => {
    const row = firstAbove(rows, a, b, ordered)
    return row < 0 ? [] : [{ row, problem }]
  }
  const early = firstEarly(rows)
  const flaws = [
    ...wrong(OPEN, HIGH, 'high is below open or close'),
    ...wrong(CLOSE, HIGH, 'high is below open or close'),
    ...wrong(LOW, OPEN, 'low is above open or close'),
    ...wrong(LOW, CLOSE, 'low is above open or close'),
    ...(early < 0 ? [] : [{ row: early, problem: 'it closes before it opens' }]),
  ]
  return flaws.reduce<Flaw | null>((first, flaw) => (first && first.row <= flaw.row ? first : flaw), null)
}

/** The first candle that closes before it opens; -1 where there is none. */
function firstEarly({ columns, count }: Rows): number {
  const opensMs = columns[OPENS] ?? []
  const closesMs = columns[CLOSES] ?? []
  for (let row = 0; row < count; row += 1) if (!isAtLeast(closesMs[row], opensMs[row])) return row
  return -1
}

const isAtLeast = (a: Value | undefined, b: Value | undefined): boolean =>
  typeof a === 'number' && typeof b === 'number' ? a >= b : Number(a) >= Number(b)
