// The trades and funding rates that a store must hold after a span was fetched: columns in the order of
// interface.md section 5. The digits are written here by other means than in pages and archives, so that a
// mistake there is not expected here.
import type { Rows, Value } from '../../src/core/dataset.ts'
import { canonicalDecimal } from '../../src/core/decimal.ts'
import type { Span } from '../../src/core/span.ts'
import { fundingRates } from './funding-market.ts'
import type { SymbolSpec } from './symbol-spec.ts'
import { type Amount, baseAmount, isBuyerMaker, priceOf, quantityOf, quoteAmount } from './trade-amounts.ts'
import { idText } from './trade-ids.ts'
import {
  aggregateFrom,
  aggregateOf,
  aggregateTime,
  isMarker,
  rawFrom,
  rawIdOffset,
  type TradeFeed,
  tradeFeedOf,
} from './trade-market.ts'
import { groupOf, groupQuantity } from './trade-rows.ts'

export type TradeKind = 'agg' | 'raw'

/** The contract's form of an amount. */
function decimal({ units, decimals }: Amount): string {
  const digits = String(units).padStart(decimals + 1, '0')
  const whole = digits.length - decimals
  return canonical(decimals === 0 ? digits : `${digits.slice(0, whole)}.${digits.slice(whole)}`)
}

function canonical(text: string): string {
  const found = canonicalDecimal(text)
  if (found === null) throw new Error(`${text} is beyond the digits of the contract`)
  return found
}

const whole = (from: number, end: number): number[] =>
  Array.from({ length: Math.max(0, end - from) }, (_, i) => from + i)

/** Lists of values, one a row, as columns. */
function asColumns(width: number, rows: readonly (readonly Value[])[]): Rows {
  const columns = Array.from({ length: width }, (_, column) => rows.map((row) => row[column] ?? null))
  return { count: rows.length, columns }
}

const rawId = (feed: TradeFeed, raw: number): string => idText(feed.rawIds, rawIdOffset(feed, raw))

function aggregateRow(feed: TradeFeed, index: number): Value[] {
  const { priceDecimals, volumeDecimals } = feed.digits
  const group = groupOf(feed, index)
  return [
    idText(feed.aggIds, index),
    decimal({ units: priceOf(feed, index), decimals: priceDecimals }),
    decimal({ units: groupQuantity(feed, group), decimals: volumeDecimals }),
    rawId(feed, group.first),
    rawId(feed, group.end - 1),
    aggregateTime(feed, index),
    isBuyerMaker(feed, index) ? 1 : 0,
  ]
}

function rawRow(feed: TradeFeed, raw: number): Value[] {
  const { priceDecimals, volumeDecimals } = feed.digits
  const index = aggregateOf(feed, raw)
  const price = priceOf(feed, index)
  const quantity = quantityOf(feed, raw)
  const isCoin = feed.spec.market === 'cm'
  return [
    rawId(feed, raw),
    decimal({ units: price, decimals: priceDecimals }),
    decimal({ units: quantity, decimals: volumeDecimals }),
    isCoin ? null : decimal(quoteAmount(feed, price, quantity)),
    isCoin ? decimal(baseAmount(feed, price, quantity)) : null,
    aggregateTime(feed, index),
    isBuyerMaker(feed, index) ? 1 : 0,
  ]
}

/**
 * The trades of `span`, by id. Aggregates: agg_trade_id, price, quantity, first_trade_id, last_trade_id,
 * trade_time, is_buyer_maker, without markers. Raw trades: trade_id, price, quantity, quote_quantity,
 * base_quantity, trade_time, is_buyer_maker.
 */
export function expectedTrades(spec: SymbolSpec, kind: TradeKind, span: Span): Rows {
  const feed = tradeFeedOf(spec)
  if (!feed) return asColumns(7, [])
  if (kind === 'raw') {
    const trades = whole(rawFrom(feed, span.startMs), rawFrom(feed, span.endMs))
    return asColumns(
      7,
      trades.map((raw) => rawRow(feed, raw)),
    )
  }
  const indexes = whole(aggregateFrom(feed, span.startMs), aggregateFrom(feed, span.endMs))
  const valid = indexes.filter((index) => !isMarker(feed, index))
  return asColumns(
    7,
    valid.map((index) => aggregateRow(feed, index)),
  )
}

/** The markers of invalid aggregates in `span`: their ids, ascending. They are counted, and never stored. */
export function expectedMarkers(spec: SymbolSpec, span: Span): string[] {
  const feed = tradeFeedOf(spec)
  if (!feed) return []
  const from = aggregateFrom(feed, span.startMs)
  const end = aggregateFrom(feed, span.endMs)
  return feed.markers
    .filter((index) => index >= from && index < end)
    .map((index) => idText(feed.aggIds, index))
}

/** The funding rates of `span`: funding_time, rate_type, funding_rate, mark_price. */
export function expectedFunding(spec: SymbolSpec, span: Span): Rows {
  const rows = fundingRates(spec, span).map((rate): Value[] => [
    rate.timeMs,
    rate.rateType,
    canonical(rate.rate),
    rate.markPrice === '' ? null : canonical(rate.markPrice),
  ])
  return asColumns(4, rows)
}
