// Larger candles against the smaller ones inside them, where both are stored: the open of the first, the
// highest high, the lowest low, the close of the last, and every amount as an exact sum. Around an outage or
// an odd candle a difference is a note: the exchange itself does not agree with itself there (reference 7.2).
import { advance, countPlaces, fixedGrid, floorToPeriod } from '../calendar.ts'
import type { Rows, Table, Value } from '../dataset.ts'
import { compareDecimals } from '../decimal.ts'
import { decimalText, decimalUnits } from '../decimal-units.ts'
import type { Period } from '../series.ts'
import type { Span } from '../span.ts'

/**
 * Whether every candle of `larger` is made of whole candles of `smaller`: months of whatever divides a day.
 * Where periods begin needs no look: every one that divides another opens with it (reference 7.1).
 */
export function divides(smaller: Period, larger: Period): boolean {
  const small = fixedGrid(smaller)
  const large = fixedGrid(larger === '1M' ? '1d' : larger)
  if (smaller === larger || small === null || large === null) return false
  return large.lengthMs % small.lengthMs === 0
}

/** Which columns of a table of candles are made how of those of smaller candles. */
export type SumColumns = {
  readonly open: number
  readonly high: number
  readonly low: number
  readonly close: number
  /** Amounts that add up, and whether each is a decimal; none for candles of a price alone. */
  readonly amounts: readonly { readonly column: number; readonly decimal: boolean }[]
}

const amountNames: readonly string[] = [
  'volume',
  'quote_asset_volume',
  'number_of_trades',
  'taker_buy_base_asset_volume',
  'taker_buy_quote_asset_volume',
]

/** The columns of a table of candles. */
export function sumColumns(table: Table): SumColumns {
  const at = (name: string): number => table.columns.findIndex((column) => column.name === name)
  const amounts = table.columns.flatMap(({ name, kind }, column) =>
    amountNames.includes(name) ? [{ column, decimal: kind === 'decimal' }] : [],
  )
  return {
    open: at('open_price'),
    high: at('high_price'),
    low: at('low_price'),
    close: at('close_price'),
    amounts,
  }
}

/** What the smaller candles of one place add up to. */
export class CandleSum {
  readonly #columns: SumColumns
  readonly #units: bigint[]
  #counts: number[]
  #open: Value = null
  #high = ''
  #low = ''
  #close: Value = null
  #candles = 0

  constructor(columns: SumColumns) {
    this.#columns = columns
    this.#units = columns.amounts.map(() => 0n)
    this.#counts = columns.amounts.map(() => 0)
  }

  get candles(): number {
    return this.#candles
  }

  /** Adds the next candle; its cells are canonical. */
  add(rows: Rows, row: number): void {
    const { open, high, low, close, amounts } = this.#columns
    const cell = (column: number): string => String(rows.columns[column]?.[row])
    if (this.#candles === 0) {
      this.#open = cell(open)
      this.#high = cell(high)
      this.#low = cell(low)
    } else {
      if (compareDecimals(cell(high), this.#high) > 0) this.#high = cell(high)
      if (compareDecimals(cell(low), this.#low) < 0) this.#low = cell(low)
    }
    this.#close = cell(close)
    this.#candles += 1
    for (const [i, { column, decimal }] of amounts.entries()) {
      if (decimal) this.#units[i] = (this.#units[i] ?? 0n) + decimalUnits(cell(column))
      else this.#counts[i] = (this.#counts[i] ?? 0) + Number(rows.columns[column]?.[row])
    }
  }

  /** The columns in which a larger candle differs from the sum, with what they should hold. */
  differences(rows: Rows, row: number): { readonly column: number; readonly expected: string }[] {
    const { open, high, low, close, amounts } = this.#columns
    const sums: [number, string][] = [
      [open, String(this.#open)],
      [high, this.#high],
      [low, this.#low],
      [close, String(this.#close)],
      ...amounts.map(({ column, decimal }, i): [number, string] => [
        column,
        decimal ? decimalText(this.#units[i] ?? 0n) : String(this.#counts[i]),
      ]),
    ]
    return sums
      .filter(([column, expected]) => String(rows.columns[column]?.[row]) !== expected)
      .map(([column, expected]) => ({ column, expected }))
  }
}

/** The place of a candle that opens at `openMs`. */
export function placeOf(period: Period, openMs: number): Span {
  const startMs = floorToPeriod(period, openMs)
  return { startMs, endMs: advance(period, startMs, 1) }
}

/** Whether a candle opens and closes where its period says. */
export function isRegular(period: Period, openMs: number, closeMs: number): boolean {
  const place = placeOf(period, openMs)
  return openMs === place.startMs && closeMs === place.endMs - 1
}

/** How many candles of `smaller` a place has. */
export function candlesIn(smaller: Period, place: Span): number {
  return countPlaces(smaller, place)
}
