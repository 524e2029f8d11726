// What the take-over needs to know of the Python extractor's database: which series it held and from when on,
// its candles where nobody else has them any more, and views by which those who read it can go on.
import { type Period, periodSuffixes, periods } from '../../src/core/series.ts'
import type { Span } from '../../src/core/span.ts'
import { UserError } from '../../src/errors.ts'

/** What an old table or collection is called once it is set aside. */
export const ASIDE = 'python_'
/** What a view for old readers is called, where it stands beside the new table. */
export const VIEW = '_python'

/** The names of its tables of candles, by period. */
export const klinesTable = (period: Period): string => `klines_${periodSuffixes[period]}`
export const oldTables: readonly string[] = [...periods.map(klinesTable), 'funding_rates', 'trades']

/** A series of the old database. Times are UTC epoch ms, both of rows. */
export type OldSeries = {
  readonly symbol: string
  /** Null for funding rates. */
  readonly period: Period | null
  readonly firstMs: number
  readonly lastMs: number
}

/** A candle as it was kept: decimals as text, times in whole seconds as epoch ms. */
export type OldCandle = {
  readonly openMs: number
  readonly decimals: readonly string[]
  readonly trades: number
  readonly extractedAtMs: number
}

/** The decimals of a candle, by the names that both programs give them. */
export const decimalNames = [
  ...(['open_price', 'high_price', 'low_price', 'close_price'] as const),
  ...(['volume', 'quote_asset_volume', 'taker_buy_base_asset_volume'] as const),
  'taker_buy_quote_asset_volume',
] as const

export type PythonDatabase = {
  /** Its old tables under their first names, which stand in the way of the new ones. */
  inTheWay(): Promise<readonly string[]>
  /** Gives old tables other names, and keeps all that is in them. Gives the new names. */
  setAside(names: readonly string[]): Promise<readonly string[]>
  series(): Promise<readonly OldSeries[]>
  /** Whether it has trades, which cannot be taken over: they overwrote each other. */
  hasTrades(): Promise<boolean>
  /** The candles of a series in `span`, in order of time and each once, at most `limit`. */
  candles(series: OldSeries, span: Span, limit: number): Promise<readonly OldCandle[]>
  /** Throws UserError where views could not be made in `database` (null: beside the tables). */
  checkViews(database: string | null): Promise<void>
  /** Makes the views over the new tables of `periods`; gives their names. */
  makeViews(wanted: readonly Period[], market: string, database: string | null): Promise<readonly string[]>
  close(): Promise<void>
}

/** Where old tables are, by their first names. Throws UserError where one is there under both names. */
export function placesOf(old: readonly string[]): ReadonlyMap<string, string> {
  const places = new Map<string, string>()
  for (const name of oldTables) {
    const aside = `${ASIDE}${name}`
    if (old.includes(name) && old.includes(aside))
      throw new UserError(
        `${name} and ${aside} are both tables of the Python extractor`,
        'rename one of them',
      )
    if (old.includes(aside)) places.set(name, aside)
    else if (old.includes(name)) places.set(name, name)
  }
  return places
}

/** The period of a table of candles, by its first name. */
export function periodOfTable(name: string): Period | null {
  return periods.find((period) => klinesTable(period) === name) ?? null
}
