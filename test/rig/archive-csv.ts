// The text inside the archives (reference 8.5 and 8.6): what a day or a month of a dataset looks like as CSV.
// A dataset is in the archives when it has a renderer here. Rows come from the same market as over REST, so
// that both are equal digit for digit.
import { DAY_MS } from '../../src/core/calendar.ts'
import type { DatasetName, Market, Period } from '../../src/core/series.ts'
import type { Span } from '../../src/core/span.ts'
import { aggTradesCsv, fundingCsv, tradesCsv } from './archive-csv-trades.ts'
import { pageBytes } from './market.ts'
import { candleJson } from './page-bytes.ts'
import { type PriceDataset, priceCandles } from './price-market.ts'
import type { SymbolSpec } from './symbol-spec.ts'

export type CsvOptions = {
  /** Times are written in microseconds: spot, in files of 2025 and later. */
  readonly microseconds: boolean
}

/** Whole lines, each with its line feed. */
export type CsvChunk = string | Uint8Array

/**
 * The rows of `span` in the order of their key, without header. May be asked for months: what it yields is
 * deflated and dropped before it is asked for more. Dataset of candles: `period` is given, else null.
 */
export type CsvRenderer = (
  spec: SymbolSpec,
  period: Period | null,
  span: Span,
  options: CsvOptions,
) => Iterable<CsvChunk>

/** One line a row, without its line feed. */
export type LineRenderer = (spec: SymbolSpec, span: Span, options: CsvOptions) => Iterable<string>

/** Characters that are gathered before they are deflated. */
const CHUNK_LENGTH = 1024 * 1024

/** A renderer of a dataset without periods, from one that yields single lines. */
export function fromLines(lines: LineRenderer): CsvRenderer {
  return function* (spec, _period, span, options) {
    let chunk = ''
    for (const line of lines(spec, span, options)) {
      chunk += `${line}\n`
      if (chunk.length < CHUNK_LENGTH) continue
      yield chunk
      chunk = ''
    }
    if (chunk !== '') yield chunk
  }
}

/** The bytes of a page of candles as they are answered over REST: an array of arrays. */
export type CandlePage = (spec: SymbolSpec, period: Period, span: Span) => Uint8Array

/** A renderer of candles from what renders their pages: a page for each day. */
export function fromCandles(page: CandlePage): CsvRenderer {
  return function* (spec, period, span, options) {
    if (period === null) throw new Error('candles have a period')
    for (let startMs = span.startMs; startMs < span.endMs; startMs += DAY_MS) {
      const day = { startMs, endMs: Math.min(startMs + DAY_MS, span.endMs) }
      const csv = csvOfPage(page(spec, period, day), options.microseconds)
      if (csv.length > 0) yield csv
    }
  }
}

const byte = (character: string): number => character.charCodeAt(0)
const QUOTE = byte('"')
const OPEN = byte('[')
const CLOSE = byte(']')
const COMMA = byte(',')
const LINE_FEED = byte('\n')
const CLOSE_TIME_COLUMN = 6
const THOUSANDS = [Buffer.from('000'), Buffer.from('999')] as const
const ADDED_BYTES_A_ROW = 6
const LEAST_BYTES_A_ROW = 40

/** A page as CSV, without the characters that are JSON's. Open times end in 000 us, close times in 999. */
function csvOfPage(page: Uint8Array, microseconds: boolean): Uint8Array {
  const mostRows = Math.ceil(page.length / LEAST_BYTES_A_ROW)
  const out = Buffer.allocUnsafe(page.length + mostRows * ADDED_BYTES_A_ROW)
  let length = 0
  let column = 0
  // The brackets of the page itself are left out, and the comma after each row.
  for (let i = 1; i < page.length - 1; i += 1) {
    const code = page[i] ?? 0
    if (code === QUOTE || code === OPEN) continue
    if (code === CLOSE) {
      out[length] = LINE_FEED
      length += 1
      column = 0
      i += 1
      continue
    }
    if (code === COMMA) {
      if (microseconds && (column === 0 || column === CLOSE_TIME_COLUMN)) {
        length += THOUSANDS[column === 0 ? 0 : 1].copy(out, length)
      }
      column += 1
    }
    out[length] = code
    length += 1
  }
  return out.subarray(0, length)
}

const klines: CandlePage = (spec, period, span) =>
  pageBytes(
    spec,
    period,
    { startMs: span.startMs, lastMs: span.endMs - 1, limit: Infinity, newest: false },
    Infinity,
  ).body

const prices =
  (dataset: PriceDataset): CandlePage =>
  (spec, period, span) =>
    Buffer.from(`[${priceCandles(spec, dataset, period, span).map(candleJson).join()}]`)

/** The datasets that the archives hold. A further one joins by one line. */
export const csvRenderers: Partial<Readonly<Record<DatasetName, CsvRenderer>>> = {
  klines: fromCandles(klines),
  'mark-price-klines': fromCandles(prices('mark-price-klines')),
  'index-price-klines': fromCandles(prices('index-price-klines')),
  'premium-index-klines': fromCandles(prices('premium-index-klines')),
  'agg-trades': (spec, _period, span, options) => aggTradesCsv(spec, span, options),
  trades: (spec, _period, span, options) => tradesCsv(spec, span, options),
  funding: (spec, _period, span) => fundingCsv(spec, span),
}

/** From this day on the files of spot are written in microseconds. */
export const MICROSECONDS_FROM_MS = Date.UTC(2025, 0, 1)
const CANDLE_HEADERS_FROM_MS = Date.UTC(2022, 4, 1)
const TRADE_HEADERS_FROM_MS = Date.UTC(2022, 7, 11)

/** Whether the times of a file that begins at `startMs` are microseconds. */
export function inMicroseconds(market: Market, startMs: number): boolean {
  return market === 'spot' && startMs >= MICROSECONDS_FROM_MS
}

const candleHeader =
  'open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,' +
  'taker_buy_quote_volume,ignore'
const aggTradeHeader = 'agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker'

/** When a file has a header: as the real ones do, or in all of them, or in none. */
export type Headers = 'real' | 'always' | 'never'

/** The header of a file that begins at `startMs`, with its line feed; empty where it has none. */
export function headerOf(dataset: DatasetName, market: Market, startMs: number, headers: Headers): string {
  const { text, fromMs } = knownHeader(dataset, market)
  const real = market !== 'spot' && startMs >= fromMs
  return headers === 'always' || (headers === 'real' && real) ? `${text}\n` : ''
}

function knownHeader(
  dataset: DatasetName,
  market: Market,
): { readonly text: string; readonly fromMs: number } {
  switch (dataset) {
    case 'klines':
    case 'mark-price-klines':
    case 'index-price-klines':
    case 'premium-index-klines':
      return { text: candleHeader, fromMs: CANDLE_HEADERS_FROM_MS }
    case 'agg-trades':
      return { text: aggTradeHeader, fromMs: TRADE_HEADERS_FROM_MS }
    case 'trades': {
      const amount = market === 'cm' ? 'base_qty' : 'quote_qty'
      return { text: `id,price,qty,${amount},time,is_buyer_maker`, fromMs: TRADE_HEADERS_FROM_MS }
    }
    case 'funding':
      return { text: 'calc_time,funding_interval_hours,last_funding_rate', fromMs: -Infinity }
  }
}
