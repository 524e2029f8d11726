// What programs that use petrosa as a library hand in and get: one object a row, by the names of the columns,
// checked at the door. Times are UTC epoch milliseconds, decimals and ids exact text.
import * as v from 'valibot'
import type { Rows, Table, Value } from '../core/dataset.ts'
import { canonicalDecimal } from '../core/decimal.ts'
import { type Market, markets, type Period, periods } from '../core/series.ts'
import { isoTime, readIsoTime } from '../core/span.ts'
import { UserError } from '../errors.ts'

const LATEST_MS = Date.UTC(9999, 11, 31)
const LONGEST_SYMBOL = 64

const time = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(LATEST_MS))
const decimal = v.pipe(
  v.string(),
  v.check((text) => canonicalDecimal(text) !== null, 'is no decimal of at most 20 and 18 digits, as text'),
  v.transform((text) => canonicalDecimal(text) ?? text),
)
const id = v.pipe(v.string(), v.regex(/^(0|[1-9]\d{0,18})$/, 'is no id: digits, as text'))
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))

export const klineSchema = v.strictObject({
  open_time: time,
  close_time: time,
  open_price: decimal,
  high_price: decimal,
  low_price: decimal,
  close_price: decimal,
  volume: decimal,
  quote_asset_volume: decimal,
  number_of_trades: count,
  taker_buy_base_asset_volume: decimal,
  taker_buy_quote_asset_volume: decimal,
})

export const fundingRateSchema = v.strictObject({
  funding_time: time,
  rate_type: v.optional(v.string(), 'Regular'),
  funding_rate: decimal,
  mark_price: v.nullable(decimal),
})

export const tradeSchema = v.strictObject({
  trade_id: id,
  price: decimal,
  quantity: decimal,
  quote_quantity: v.nullable(decimal),
  base_quantity: v.nullable(decimal),
  trade_time: time,
  is_buyer_maker: v.boolean(),
})

export const aggTradeSchema = v.strictObject({
  agg_trade_id: id,
  price: decimal,
  quantity: decimal,
  first_trade_id: id,
  last_trade_id: id,
  trade_time: time,
  is_buyer_maker: v.boolean(),
})

export type Kline = v.InferOutput<typeof klineSchema>
export type FundingRate = v.InferOutput<typeof fundingRateSchema>
export type Trade = v.InferOutput<typeof tradeSchema>
export type AggTrade = v.InferOutput<typeof aggTradeSchema>

/** The rows of each dataset that the library knows. */
export type RowTypes = {
  readonly klines: Kline
  readonly funding: FundingRate
  readonly trades: Trade
  readonly 'agg-trades': AggTrade
}
export type RowDataset = keyof RowTypes

/** What rows belong to; candles have a period, nothing else has. */
export type RowSeries<D extends RowDataset> = {
  readonly dataset: D
  readonly market: Market
  readonly symbol: string
} & (D extends 'klines' ? { readonly period: Period } : { readonly period?: never })

const rowSchemas = {
  klines: klineSchema,
  funding: fundingRateSchema,
  trades: tradeSchema,
  'agg-trades': aggTradeSchema,
} as const

const symbol = v.pipe(v.string(), v.minLength(1), v.maxLength(LONGEST_SYMBOL), v.regex(/^[^/\s]+$/))
const seriesSchema = v.pipe(
  v.strictObject({
    dataset: v.picklist(['klines', 'funding', 'trades', 'agg-trades']),
    market: v.picklist(markets),
    symbol,
    period: v.optional(v.picklist(periods)),
  }),
  v.check(
    ({ dataset, period }) => (dataset === 'klines') === (period !== undefined),
    'only klines have a period',
  ),
)

/** Throws UserError, with the place of what is wrong, unless `value` is what `schema` says. */
function check<S extends v.GenericSchema>(schema: S, value: unknown, what: string): v.InferOutput<S> {
  const result = v.safeParse(schema, value)
  if (result.success) return result.output
  const [issue] = result.issues
  const place = v.getDotPath(issue)
  throw new UserError(`${what}${place ? `: ${place}` : ''} ${issue.message}`, 'mend it, nothing was stored')
}

/** Throws UserError unless it names a series. */
export function checkSeries(series: unknown): void {
  check(seriesSchema, series, 'the series')
}

/** Objects as a page of columns. Throws UserError at the first that is none of the dataset's rows. */
export function toRows(table: Table, dataset: RowDataset, records: readonly unknown[]): Rows {
  const columns: Value[][] = table.columns.map(() => [])
  for (const [i, record] of records.entries()) {
    const row: Readonly<Record<string, unknown>> = check(rowSchemas[dataset], record, `row ${i}`)
    for (const [place, { name, kind }] of table.columns.entries()) {
      const value = row[name]
      columns[place]?.push(kind === 'flag' ? Number(value === true) : (value as Value))
    }
  }
  return { count: records.length, columns }
}

/** A page of columns as objects. */
export function fromRows<D extends RowDataset>(table: Table, rows: Rows): RowTypes[D][] {
  return Array.from({ length: rows.count }, (_, i) => {
    const entries = table.columns.map(({ name, kind }, place) => {
      const value = rows.columns[place]?.[i] ?? null
      return [name, kind === 'flag' ? value === 1 : value]
    })
    return Object.fromEntries(entries) as RowTypes[D]
  })
}

/** A time as people write it: a Date, epoch ms, or ISO 8601, UTC where it names no zone. Throws UserError. */
export function toMs(moment: Date | number | string): number {
  const ms =
    moment instanceof Date ? moment.getTime() : typeof moment === 'number' ? moment : readIsoTime(moment)
  if (ms !== null && Number.isSafeInteger(ms) && ms >= 0 && ms <= LATEST_MS) return ms
  throw new UserError(`${String(moment)} is no time`, `write it as ${isoTime(0)}, a Date, or epoch ms`)
}
