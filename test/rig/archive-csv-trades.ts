// What the archives hold of trades and funding rates (reference 8.5 and 8.6): the lines of a span as text,
// many of them at a time, without header. Digits are those of REST. Whether a file has a header, how it is
// packed and what is damaged in it is decided by whoever builds the file.
import type { Span } from '../../src/core/span.ts'
import type { CsvOptions } from './archive-csv.ts'
import { type FundingRate, fundingRates } from './funding-market.ts'
import type { SymbolSpec } from './symbol-spec.ts'
import { startText, type TradeText, takeText } from './trade-bytes.ts'
import { aggregateFrom, rawFrom, type TradeFeed, tradeFeedOf } from './trade-market.ts'
import { putAggregateLine, putTradeLine } from './trade-rows.ts'

/** Rows that are rendered at a time. */
const CHUNK_ROWS = 4_096

type PutLine = (text: TradeText, feed: TradeFeed, index: number, microseconds: boolean) => void

/** Whether a symbol has trades in `span`: a file without a row is never published. */
export function hasTrades(spec: SymbolSpec, span: Span): boolean {
  const feed = tradeFeedOf(spec)
  return feed !== null && aggregateFrom(feed, span.startMs) < aggregateFrom(feed, span.endMs)
}

/** Whether a symbol has regular funding rates in `span`. */
export function hasFundingRates(spec: SymbolSpec, span: Span): boolean {
  const specials = spec.funding?.specials?.length ?? 0
  return fundingRates(spec, span, specials + 1).some((rate) => rate.rateType === 'Regular')
}

/** The aggregates of `span` by id; markers of invalid ones too. */
export function* aggTradesCsv(spec: SymbolSpec, span: Span, options: CsvOptions): Iterable<string> {
  const feed = tradeFeedOf(spec)
  if (!feed) return
  const from = aggregateFrom(feed, span.startMs)
  yield* lines(feed, from, aggregateFrom(feed, span.endMs), putAggregateLine, options)
}

/** The raw trades of `span` by id. */
export function* tradesCsv(spec: SymbolSpec, span: Span, options: CsvOptions): Iterable<string> {
  const feed = tradeFeedOf(spec)
  if (!feed) return
  yield* lines(feed, rawFrom(feed, span.startMs), rawFrom(feed, span.endMs), putTradeLine, options)
}

function* lines(
  feed: TradeFeed,
  from: number,
  end: number,
  put: PutLine,
  options: CsvOptions,
): Iterable<string> {
  const text = startText(CHUNK_ROWS)
  for (let start = from; start < end; start += CHUNK_ROWS) {
    const stop = Math.min(start + CHUNK_ROWS, end)
    for (let index = start; index < stop; index += 1) put(text, feed, index, options.microseconds)
    yield takeText(text)
  }
}

/** The regular funding rates of `span` by time; always in milliseconds, and without mark price. */
export function* fundingCsv(spec: SymbolSpec, span: Span): Iterable<string> {
  const rates = fundingRates(spec, span).filter((rate) => rate.rateType === 'Regular')
  if (rates.length > 0) yield rates.map(fundingLine).join('')
}

const fundingLine = (rate: FundingRate): string => `${rate.timeMs},${rate.hours},${rate.rate}\n`
