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

export type PageWriter = {
  /** Puts a candle in front of those already written. */
  row(feed: Feed, openMs: number, endMs: number, amounts: Amounts): void
  /** Puts a candle that was given literally in front of those already written. */
  literal(candle: Candle): void
  /** The whole page. */
  finish(): Uint8Array<ArrayBuffer>
}

/** A writer for a page of at most `rows` candles, which are handed over from the newest to the oldest. */
export function pageWriter(rows: number): PageWriter {
  const bytes = Buffer.allocUnsafe(rows * ROW_BYTES + 2)
  let at = bytes.length
  let written = 0

  const put = (code: number): void => {
    at -= 1
    bytes[at] = code
  }
  const putInteger = (value: number): void => {
    let rest = value
    do {
      const next = Math.floor(rest / 10)
      put(ZERO + (rest - next * 10))
      rest = next
    } while (rest > 0)
  }
  /** The decimal of (high x 1e9 + low) units, in quotes. */
  const putDecimal = (high: number, low: number, decimals: number, style: Style): void => {
    put(QUOTE)
    for (let i = decimals; i < style.leastDecimals; i += 1) put(ZERO)
    const higher = Math.floor(high / PAIR_BASE)
    let chunk = low | 0
    let rest = [high - higher * PAIR_BASE, higher]
    let skipping = style.trim
    if (style.leastDecimals > 0 && decimals === 0) put(POINT)
    // A zero has no decimals where the style does not fill up.
    const last = low === 0 && high === 0 && style.leastDecimals === 0 ? 0 : decimals
    for (let digits = 1; ; digits += 1) {
      const next = (chunk / 10) | 0
      const digit = chunk - next * 10
      chunk = next
      if (digit !== 0 || digits > last) skipping = false
      if (!skipping) put(ZERO + digit)
      if (digits % CHUNK_DIGITS === 0) {
        chunk = (rest[0] ?? 0) | 0
        rest = rest.slice(1)
      }
      if (digits > last && chunk === 0 && rest.every((part) => part === 0)) break
      if (digits === last && !skipping) put(POINT)
    }
    put(QUOTE)
  }
  const putUnits = (units: number, decimals: number, style: Style): void => {
    const high = Math.floor(units / PAIR_BASE)
    putDecimal(high, units - high * PAIR_BASE, decimals, style)
  }
  const begin = (): void => {
    if (written > 0) put(COMMA)
    written += 1
  }

  return {
    row(feed, openMs, endMs, amounts) {
      const { priceDecimals, volumeDecimals } = feed.digits
      const quoteDecimals = priceDecimals + volumeDecimals
      const style = styleOf(feed, amounts)
      begin()
      put(CLOSE)
      put(QUOTE)
      put(ZERO)
      put(QUOTE)
      put(COMMA)
      putDecimal(amounts.takerQuoteHigh, amounts.takerQuoteLow, quoteDecimals, style)
      put(COMMA)
      putUnits(amounts.taker, volumeDecimals, style)
      put(COMMA)
      putInteger(amounts.trades)
      put(COMMA)
      putDecimal(amounts.quoteHigh, amounts.quoteLow, quoteDecimals, style)
      put(COMMA)
      putInteger(endMs - 1)
      put(COMMA)
      putUnits(amounts.volume, volumeDecimals, style)
      put(COMMA)
      putUnits(amounts.close, priceDecimals, style)
      put(COMMA)
      putUnits(amounts.low, priceDecimals, style)
      put(COMMA)
      putUnits(amounts.high, priceDecimals, style)
      put(COMMA)
      putUnits(amounts.open, priceDecimals, style)
      put(COMMA)
      putInteger(openMs)
      put(OPEN)
    },
    literal(candle) {
      begin()
      const text = candleJson(candle)
      at -= bytes.write(text, at - text.length, 'latin1')
    },
    finish() {
      if (written === 0) return Buffer.from('[]')
      put(OPEN)
      const page = Buffer.allocUnsafe(bytes.length - at + 1)
      bytes.copy(page, 0, at)
      page[page.length - 1] = CLOSE
      return page
    },
  }
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
