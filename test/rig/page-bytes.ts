// Pages of candles as the bytes that the exchange sends. A page is written from its end to its beginning,
// because that is the order in which the digits of a number come out; it makes rendering cheaper than
// reading, so that a benchmark measures the program and not the rig.
import { type Amounts, PAIR_BASE } from './amounts.ts'
import type { Candle, Feed } from './symbol-spec.ts'

/**
 * More than any row needs: eight decimals of at most 36 digits, three integers of at most 17, and
 * punctuation.
 */
const ROW_BYTES = 400
/** Spot writes at least this many decimals, always (reference 2.1). */
const SPOT_DECIMALS = 8
const CHUNK_DIGITS = 9

const byte = (character: string): number => character.charCodeAt(0)
const ZERO = byte('0')
const POINT = byte('.')
const QUOTE = byte('"')
const COMMA = byte(',')
const MINUS = byte('-')
const OPEN = byte('[')
const CLOSE = byte(']')

/** How a market writes decimals: zeros to fill up with, and whether zeros at the end are left out. */
type Style = { readonly leastDecimals: number; readonly trim: boolean }
const spotStyle: Style = { leastDecimals: SPOT_DECIMALS, trim: false }
const plainStyle: Style = { leastDecimals: 0, trim: false }
const trimmedStyle: Style = { leastDecimals: 0, trim: true }

/**
 * Old futures rows come without trailing zeros and newer ones with them (reference 2.1): here, some rows of
 * each kind.
 */
function styleOf(feed: Feed, amounts: Amounts): Style {
  if (feed.spec.market === 'spot') return spotStyle
  return (amounts.open & 7) === 0 ? trimmedStyle : plainStyle
}

/** A page that is being written: its bytes from `at` on, and how many candles they hold. */
export type PageDraft = { readonly bytes: Buffer<ArrayBuffer>; at: number; rows: number }

/** An empty draft for at most `rows` candles, which are to be put in from the newest to the oldest. */
export function draftPage(rows: number): PageDraft {
  const bytes = Buffer.allocUnsafe(rows * ROW_BYTES + 2)
  return { bytes, at: bytes.length, rows: 0 }
}

function put(draft: PageDraft, code: number): void {
  draft.at -= 1
  draft.bytes[draft.at] = code
}

function putInteger(draft: PageDraft, value: number): void {
  let rest = value
  do {
    const next = Math.floor(rest / 10)
    put(draft, ZERO + (rest - next * 10))
    rest = next
  } while (rest > 0)
}

/** The decimal of (high x 1e9 + low) units, in quotes. */
function putDecimal(draft: PageDraft, high: number, low: number, decimals: number, style: Style): void {
  put(draft, QUOTE)
  putDigits(draft, high, low, decimals, style)
  put(draft, QUOTE)
}

function putDigits(draft: PageDraft, high: number, low: number, decimals: number, style: Style): void {
  for (let i = decimals; i < style.leastDecimals; i += 1) put(draft, ZERO)
  if (style.leastDecimals > 0 && decimals === 0) put(draft, POINT)
  // Three chunks of nine digits, the lowest first, each small enough for 32-bit arithmetic.
  let chunk = low | 0
  let second = high % PAIR_BASE
  let third = Math.floor(high / PAIR_BASE)
  // A zero has no decimals where the style does not fill up.
  const last = low === 0 && high === 0 && style.leastDecimals === 0 ? 0 : decimals
  let skipping = style.trim
  for (let digits = 1; ; digits += 1) {
    const next = (chunk / 10) | 0
    const digit = chunk - next * 10
    chunk = next
    if (digit !== 0 || digits > last) skipping = false
    if (!skipping) put(draft, ZERO + digit)
    if (digits % CHUNK_DIGITS === 0) {
      chunk = second | 0
      second = third
      third = 0
    }
    if (digits > last && chunk === 0 && second === 0 && third === 0) break
    if (digits === last && !skipping) put(draft, POINT)
  }
}

/** The same of so many units, which may be below zero: only a premium is. */
function putUnits(draft: PageDraft, units: number, decimals: number, style: Style): void {
  const size = Math.abs(units)
  const high = Math.floor(size / PAIR_BASE)
  put(draft, QUOTE)
  putDigits(draft, high, size - high * PAIR_BASE, decimals, style)
  if (units < 0) put(draft, MINUS)
  put(draft, QUOTE)
}

function beginRow(draft: PageDraft): void {
  if (draft.rows > 0) put(draft, COMMA)
  draft.rows += 1
}

/** Puts a candle in front of those already written. */
export function putRow(draft: PageDraft, feed: Feed, openMs: number, endMs: number, amounts: Amounts): void {
  const { priceDecimals, volumeDecimals } = feed.digits
  const { quoteDecimals } = feed
  const style = styleOf(feed, amounts)
  beginRow(draft)
  put(draft, CLOSE)
  putDecimal(draft, 0, 0, 0, plainStyle)
  put(draft, COMMA)
  putDecimal(draft, amounts.takerQuoteHigh, amounts.takerQuoteLow, quoteDecimals, style)
  put(draft, COMMA)
  putUnits(draft, amounts.taker, volumeDecimals, style)
  put(draft, COMMA)
  putInteger(draft, amounts.trades)
  put(draft, COMMA)
  putDecimal(draft, amounts.quoteHigh, amounts.quoteLow, quoteDecimals, style)
  put(draft, COMMA)
  putInteger(draft, endMs - 1)
  put(draft, COMMA)
  putUnits(draft, amounts.volume, volumeDecimals, style)
  for (const price of [amounts.close, amounts.low, amounts.high, amounts.open]) {
    put(draft, COMMA)
    putUnits(draft, price, priceDecimals, style)
  }
  put(draft, COMMA)
  putInteger(draft, openMs)
  put(draft, OPEN)
}

/** Puts a candle that was given literally in front of those already written. */
export function putLiteral(draft: PageDraft, candle: Candle): void {
  beginRow(draft)
  const text = candleJson(candle)
  draft.at -= text.length
  draft.bytes.write(text, draft.at, 'latin1')
}

/** The whole page. */
export function finishPage(draft: PageDraft): Uint8Array<ArrayBuffer> {
  if (draft.rows === 0) return Buffer.from('[]')
  put(draft, OPEN)
  const page = Buffer.allocUnsafe(draft.bytes.length - draft.at + 1)
  draft.bytes.copy(page, 0, draft.at)
  page[page.length - 1] = CLOSE
  return page
}

/** One candle as an element of the exchange's JSON array. */
export function candleJson(row: Candle): string {
  const decimals = [row.open, row.high, row.low, row.close, row.volume].map((text) => `"${text}"`)
  const takers = `"${row.takerBase}","${row.takerQuote}","${row.ignore}"`
  return `[${row.openMs},${decimals},${row.closeMs},"${row.quoteVolume}",${row.trades},${takers}]`
}

type WireRow = [
  number,
  string,
  string,
  string,
  string,
  string,
  number,
  string,
  number,
  string,
  string,
  string,
]

/** The candles of a page that this writer made. */
export function readPage(page: Uint8Array): Candle[] {
  const rows = JSON.parse(Buffer.from(page).toString('latin1')) as WireRow[]
  return rows.map(
    ([
      openMs,
      open,
      high,
      low,
      close,
      volume,
      closeMs,
      quoteVolume,
      trades,
      takerBase,
      takerQuote,
      ignore,
    ]) => ({
      openMs,
      open,
      high,
      low,
      close,
      volume,
      closeMs,
      quoteVolume,
      trades,
      takerBase,
      takerQuote,
      ignore,
    }),
  )
}
