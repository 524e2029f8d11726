// A deterministic market: the candles of a symbol as the exchange sends them, and as a store must hold them, computed
// from the spec and the time alone. What is expected of a run can so be known without asking any server.
import { advance, floorToPeriod } from '../../src/core/calendar.ts'
import type { Rows, Value } from '../../src/core/dataset.ts'
import { canonicalDecimal } from '../../src/core/decimal.ts'
import type { Period } from '../../src/core/series.ts'
import type { Span } from '../../src/core/span.ts'
import {
  type Amounts,
  minuteAmounts,
  PAIR_BASE,
  secondAmounts,
  sumAmounts,
  unfinishedAmounts,
} from './amounts.ts'
import {
  type Candle,
  type Feed,
  feedOf,
  liveTime,
  meets,
  oddAt,
  type SymbolSpec,
  spanAfter,
} from './symbol-spec.ts'

export type { Candle, OddCandle, SymbolSpec } from './symbol-spec.ts'

const MINUTE_MS = 60_000
/** Spot writes at least this many decimals, always (reference 2.1). */
const SPOT_DECIMALS = 8

/** The finished candle of the place that `openMs` lies in, or null when the exchange has none there. */
export function candle(spec: SymbolSpec, period: Period, openMs: number): Candle | null {
  const feed = feedOf(spec)
  const placeMs = floorToPeriod(period, openMs)
  if (!meets(liveTime(feed, period), placeMs, advance(period, placeMs, 1))) return null
  return candleAt(feed, period, placeMs, Infinity)
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

/** A request: bounds on the open time, both included; at most `limit` candles, the oldest or the newest ones. */
export type Wanted = {
  readonly startMs: number
  readonly lastMs: number
  readonly limit: number
  readonly newest: boolean
}

/** The candles that the exchange answers at `nowMs`, oldest first; the last one may be unfinished. */
export function page(spec: SymbolSpec, period: Period, wanted: Wanted, nowMs: number): Candle[] {
  const feed = feedOf(spec)
  const out: Candle[] = []
  const lastMs = Math.min(wanted.lastMs, nowMs)
  const step = wanted.newest ? -1 : 1
  let placeMs = livePlace(feed, period, wanted.newest ? lastMs : wanted.startMs, step)
  while (placeMs !== null && out.length < wanted.limit) {
    const beyond = wanted.newest ? advance(period, placeMs, 1) <= wanted.startMs : placeMs > lastMs
    if (beyond) break
    const found = candleAt(feed, period, placeMs, nowMs)
    if (found.openMs >= wanted.startMs && found.openMs <= lastMs) out.push(found)
    placeMs = livePlace(feed, period, advance(period, placeMs, step), step)
  }
  return wanted.newest ? out.reverse() : out
}

/** The nearest place with a candle: that of `timeMs`, else the next one after it (or before it, for step -1). */
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

/** The candle of a place that is known to have one, as it stands at `nowMs`. */
function candleAt(feed: Feed, period: Period, placeMs: number, nowMs: number): Candle {
  const odd = oddAt(feed, period, placeMs)
  if (odd) return odd
  const endMs = advance(period, placeMs, 1)
  const whole = wholeAmounts(feed, period, placeMs, endMs)
  const share = Math.max(0, (nowMs - placeMs) / (endMs - placeMs))
  return writtenCandle(feed, placeMs, endMs, share < 1 ? unfinishedAmounts(whole, share) : whole)
}

function wholeAmounts(feed: Feed, period: Period, placeMs: number, endMs: number): Amounts {
  if (period === '1m') return minuteAmounts(feed, placeMs / MINUTE_MS)
  if (period === '1s') return secondAmounts(feed, placeMs)
  const sum = sumAmounts(feed, placeMs, endMs)
  if (sum === null) throw new Error(`no live minute of ${feed.spec.symbol} from ${placeMs} to ${endMs}`)
  return sum
}

function writtenCandle(feed: Feed, openMs: number, endMs: number, amounts: Amounts): Candle {
  const { priceDecimals, volumeDecimals } = feed.digits
  const quoteDecimals = priceDecimals + volumeDecimals
  const spot = feed.spec.market === 'spot'
  // Old futures rows come without trailing zeros, newer ones with them: some rows of each kind.
  const trim = !spot && (amounts.open & 7) === 0
  const text = spot ? paddedText : trim ? trimmedText : plainText
  return {
    openMs,
    open: text(String(amounts.open), priceDecimals),
    high: text(String(amounts.high), priceDecimals),
    low: text(String(amounts.low), priceDecimals),
    close: text(String(amounts.close), priceDecimals),
    volume: text(String(amounts.volume), volumeDecimals),
    closeMs: endMs - 1,
    quoteVolume: text(pairText(amounts.quoteHigh, amounts.quoteLow), quoteDecimals),
    trades: amounts.trades,
    takerBase: text(String(amounts.taker), volumeDecimals),
    takerQuote: text(pairText(amounts.takerQuoteHigh, amounts.takerQuoteLow), quoteDecimals),
    ignore: '0',
  }
}

const pairText = (high: number, low: number): string =>
  high === 0 ? String(low) : String(high) + String(PAIR_BASE + low).slice(1)

/** `units` (digits) with a point before the last `decimals` of them; zero is "0". */
function plainText(units: string, decimals: number): string {
  if (decimals === 0 || units === '0') return units
  const digits = units.length > decimals ? units : units.padStart(decimals + 1, '0')
  return `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`
}

function trimmedText(units: string, decimals: number): string {
  return canonicalDecimal(plainText(units, decimals)) ?? units
}

const zeros = '00000000'

/** As spot writes it: 8 decimals, or the symbol's own where it has more. */
function paddedText(units: string, decimals: number): string {
  if (decimals === 0) return `${units}.${zeros}`
  const digits = units.length > decimals ? units : units.padStart(decimals + 1, '0')
  const tail = decimals < SPOT_DECIMALS ? zeros.slice(decimals) : ''
  return `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}${tail}`
}

/** One candle as an element of the exchange's JSON array. */
export function candleJson(row: Candle): string {
  return (
    `[${row.openMs},"${row.open}","${row.high}","${row.low}","${row.close}","${row.volume}",${row.closeMs},` +
    `"${row.quoteVolume}",${row.trades},"${row.takerBase}","${row.takerQuote}","${row.ignore}"]`
  )
}

/**
 * The rows that a store must hold of a series after `span` was fetched: canonical decimals, columns in the order of
 * interface.md section 5 (open_time, close_time, open, high, low, close, volume, quote volume, trades, taker base, taker
 * quote). Only candles that closed before `closedBeforeMs`, and none that opened when trading had ended.
 */
export function expectedRows(spec: SymbolSpec, period: Period, span: Span, closedBeforeMs: number): Rows {
  const endMs = Math.min(span.endMs, spec.endsAtMs ?? Infinity, closedBeforeMs)
  const rows = candles(spec, period, { startMs: span.startMs, endMs }).filter(
    (row) => row.closeMs < closedBeforeMs,
  )
  const decimal = (text: string): Value => {
    const canonical = canonicalDecimal(text)
    if (canonical === null) throw new Error(`${text} of ${spec.symbol} is beyond the digits of the contract`)
    return canonical
  }
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
