// A deterministic market: the candles of a symbol as the exchange sends them, and as a store must hold them,
// computed from the spec and the time alone. What is expected of a run can so be known without asking any
// server.
import { advance, floorToPeriod } from '../../src/core/calendar.ts'
import type { Rows, Value } from '../../src/core/dataset.ts'
import { canonicalDecimal } from '../../src/core/decimal.ts'
import type { Period } from '../../src/core/series.ts'
import type { Span } from '../../src/core/span.ts'
import { type Amounts, minuteAmounts, secondAmounts, sumAmounts, unfinishedAmounts } from './amounts.ts'
import { draftPage, finishPage, putLiteral, putRow, readPage } from './page-bytes.ts'
import { type Candle, type Feed, feedOf, liveTime, oddAt, type SymbolSpec, spanAfter } from './symbol-spec.ts'

export type { Candle, OddCandle, SymbolSpec } from './symbol-spec.ts'

const MINUTE_MS = 60_000

/** The finished candle of the place that `openMs` lies in, or null when the exchange has none there. */
export function candle(spec: SymbolSpec, period: Period, openMs: number): Candle | null {
  const placeMs = floorToPeriod(period, openMs)
  const endMs = advance(period, placeMs, 1)
  return candles(spec, period, { startMs: placeMs, endMs })[0] ?? null
}

/** Every finished candle whose open time lies in `span`, oldest first. */
export function candles(spec: SymbolSpec, period: Period, span: Span): Candle[] {
  return page(
    spec,
    period,
    { startMs: span.startMs, lastMs: span.endMs - 1, limit: Infinity, newest: false },
    Infinity,
  )
}

/**
 * A request: bounds on the open time, both included; at most `limit` candles, the oldest or the newest ones.
 */
export type Wanted = {
  readonly startMs: number
  readonly lastMs: number
  readonly limit: number
  readonly newest: boolean
}

/** The candles that the exchange answers at `nowMs`, oldest first; the last one may be unfinished. */
export function page(spec: SymbolSpec, period: Period, wanted: Wanted, nowMs: number): Candle[] {
  return readPage(pageBytes(spec, period, wanted, nowMs).body)
}

export type RenderedPage = {
  readonly body: Uint8Array<ArrayBuffer>
  readonly rows: number
  /** When the newest candle closes or closed, epoch ms; null on an empty page. */
  readonly lastCloseMs: number | null
}

/** The same as the bytes of the exchange's JSON array. */
export function pageBytes(spec: SymbolSpec, period: Period, wanted: Wanted, nowMs: number): RenderedPage {
  return feedPage(feedOf(spec), period, wanted, nowMs)
}

/** The same of any feed: of klines, or of prices (price-feed.ts). */
export function feedPage(feed: Feed, period: Period, wanted: Wanted, nowMs: number): RenderedPage {
  const places = wantedPlaces(feed, period, wanted, nowMs)
  const draft = draftPage(places.length)
  for (let i = places.length - 1; i >= 0; i -= 1) {
    const placeMs = places[i] ?? 0
    const odd = oddAt(feed, period, placeMs)
    const endMs = advance(period, placeMs, 1)
    if (odd) putLiteral(draft, odd)
    else putRow(draft, feed, placeMs, endMs, amountsAt(feed, period, placeMs, endMs, nowMs))
  }
  const lastMs = places.at(-1)
  const lastCloseMs = lastMs === undefined ? null : closeMsOf(feed, period, lastMs)
  return { body: finishPage(draft), rows: places.length, lastCloseMs }
}

const openMsOf = (feed: Feed, period: Period, placeMs: number): number =>
  oddAt(feed, period, placeMs)?.openMs ?? placeMs
const closeMsOf = (feed: Feed, period: Period, placeMs: number): number =>
  oddAt(feed, period, placeMs)?.closeMs ?? advance(period, placeMs, 1) - 1

/** The places of the candles that are answered, oldest first. */
function wantedPlaces(feed: Feed, period: Period, wanted: Wanted, nowMs: number): number[] {
  const out: number[] = []
  const lastMs = Math.min(wanted.lastMs, nowMs)
  const step = wanted.newest ? -1 : 1
  let placeMs = livePlace(feed, period, wanted.newest ? lastMs : wanted.startMs, step)
  while (placeMs !== null && out.length < wanted.limit) {
    const beyond = wanted.newest ? advance(period, placeMs, 1) <= wanted.startMs : placeMs > lastMs
    if (beyond) break
    const openMs = openMsOf(feed, period, placeMs)
    if (openMs >= wanted.startMs && openMs <= lastMs) out.push(placeMs)
    placeMs = livePlace(feed, period, advance(period, placeMs, step), step)
  }
  return wanted.newest ? out.reverse() : out
}

/**
 * The nearest place with a candle: that of `timeMs`, else the next one after it (or before it, for step -1).
 */
function livePlace(feed: Feed, period: Period, timeMs: number, step: 1 | -1): number | null {
  const live = liveTime(feed, period)
  // Before the first candle of all there is nothing to step through; a bound of minus infinity is none.
  const firstMs = live[0]?.startMs
  if (firstMs === undefined) return null
  if (step === 1) {
    const placeMs = floorToPeriod(period, Math.max(timeMs, firstMs))
    const next = live[spanAfter(live, placeMs)]
    if (!next) return null
    return next.startMs < advance(period, placeMs, 1) ? placeMs : floorToPeriod(period, next.startMs)
  }
  const lastMs = Math.min(timeMs, (live.at(-1)?.endMs ?? 0) - 1)
  const placeMs = floorToPeriod(period, lastMs)
  if (advance(period, placeMs, 1) <= firstMs) return null
  const at = spanAfter(live, placeMs)
  const here = live[at]
  if (here && here.startMs < advance(period, placeMs, 1)) return placeMs
  const before = live[at - 1]
  return before ? floorToPeriod(period, before.endMs - 1) : null
}

/** The amounts of a place that is known to have a candle, as they stand at `nowMs`. */
function amountsAt(feed: Feed, period: Period, placeMs: number, endMs: number, nowMs: number): Amounts {
  const whole = wholeAmounts(feed, period, placeMs, endMs)
  return nowMs < endMs ? unfinishedAmounts(whole, (nowMs - placeMs) / (endMs - placeMs)) : whole
}

function wholeAmounts(feed: Feed, period: Period, placeMs: number, endMs: number): Amounts {
  if (period === '1m') return minuteAmounts(feed, placeMs / MINUTE_MS)
  if (period === '1s') return secondAmounts(feed, placeMs)
  const sum = sumAmounts(feed, placeMs, endMs)
  if (sum === null) throw new Error(`no live minute of ${feed.spec.symbol} from ${placeMs} to ${endMs}`)
  return sum
}

/** The candles of `span` that closed before `closedBeforeMs` and opened before trading ended. */
export function closedCandles(feed: Feed, period: Period, span: Span, closedBeforeMs: number): Candle[] {
  const endMs = Math.min(span.endMs, feed.spec.endsAtMs ?? Infinity, closedBeforeMs)
  const wanted = { startMs: span.startMs, lastMs: endMs - 1, limit: Infinity, newest: false }
  const rows = readPage(feedPage(feed, period, wanted, Infinity).body)
  return rows.filter((row) => row.closeMs < closedBeforeMs)
}

/** A decimal as it must be stored. Throws for one that the contract has no room for. */
export function exactDecimal(spec: SymbolSpec, text: string): string {
  const canonical = canonicalDecimal(text)
  if (canonical === null) throw new Error(`${text} of ${spec.symbol} is beyond the digits of the contract`)
  return canonical
}

/**
 * The rows that a store must hold of a series after `span` was fetched: canonical decimals, columns in the
 * order of interface.md section 5 (open_time, close_time, open, high, low, close, volume, quote volume,
 * trades, taker base, taker quote). Only candles that closed before `closedBeforeMs`, and none that opened
 * when trading had ended. On COIN-M the volumes are in contracts and the quote volumes in the base asset.
 */
export function expectedRows(spec: SymbolSpec, period: Period, span: Span, closedBeforeMs: number): Rows {
  const rows = closedCandles(feedOf(spec), period, span, closedBeforeMs)
  const decimal = (text: string): Value => exactDecimal(spec, text)
  return {
    count: rows.length,
    columns: [
      rows.map((row) => row.openMs),
      rows.map((row) => row.closeMs),
      rows.map((row) => decimal(row.open)),
      rows.map((row) => decimal(row.high)),
      rows.map((row) => decimal(row.low)),
      rows.map((row) => decimal(row.close)),
      rows.map((row) => decimal(row.volume)),
      rows.map((row) => decimal(row.quoteVolume)),
      rows.map((row) => row.trades),
      rows.map((row) => decimal(row.takerBase)),
      rows.map((row) => decimal(row.takerQuote)),
    ],
  }
}
