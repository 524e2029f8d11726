// The numbers of a candle, as pure functions of a symbol's seed and the time: exact integers in units of the
// last decimal, never a sum of floats. Minutes are the atoms; larger periods are sums of them and seconds
// are parts of them, so that every period agrees with every other, as on the real exchange.
import { DAY_MS } from '../../src/core/calendar.ts'
import { type Feed, meets, quoteUnits } from './symbol-spec.ts'

/** One candle in units. Quote amounts are pairs, quoteHigh x 1e9 + quoteLow, since they outgrow 2^53. */
export type Amounts = {
  open: number
  high: number
  low: number
  close: number
  volume: number
  trades: number
  taker: number
  quoteHigh: number
  quoteLow: number
  takerQuoteHigh: number
  takerQuoteLow: number
}

export const PAIR_BASE = 1e9
const MINUTE_MS = 60_000
const SECONDS = 60
const MINUTES_A_DAY = 1_440
/** One minute of this many is quiet: present, flat, without a trade. */
const QUIET_ONE_IN = 64
/** Salts, one for each independent choice. */
const WAVE = 0x51ed270b
const NOISE = 0x2545f491
const QUIET = 0x6c62272e
const VOLUME = 0x1b873593
const SHAPE = 0x38495ab5
/** Days whose sums are kept, per symbol: eleven years. */
const DAYS_KEPT = 4_096

/** 32 well-mixed bits of a number, a seed and a salt. */
export function mix(seed: number, n: number, salt: number): number {
  let hash = (seed ^ salt) + Math.imul(n, 0x9e3779b1)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/**
 * The price at the beginning of a minute before quiet minutes are considered: a slow wave between days, and
 * noise.
 */
export function rawPrice(feed: Feed, minute: number): number {
  const price = feed.digits.price
  const swing = Math.floor(price / 2) + 1
  const day = Math.floor(minute / MINUTES_A_DAY)
  const from = mix(feed.seed, day, WAVE) % swing
  const to = mix(feed.seed, day + 1, WAVE) % swing
  const wave = from + Math.floor(((to - from) * (minute - day * MINUTES_A_DAY)) / MINUTES_A_DAY)
  return price + wave + (mix(feed.seed, minute, NOISE) % (Math.floor(price / 500) + 1))
}

// Only odd minutes can be quiet, so that the minute before a quiet one never is.
const isQuiet = (feed: Feed, minute: number): boolean =>
  (minute & 1) === 1 && mix(feed.seed, minute, QUIET) % QUIET_ONE_IN === 0

/** The price at the beginning of a minute: a quiet minute hands on its own opening price. */
function priceAt(feed: Feed, minute: number): number {
  return isQuiet(feed, minute - 1) ? rawPrice(feed, minute - 1) : rawPrice(feed, minute)
}

/** A candle that stands still at a price, without a trade. */
export function flat(price: number): Amounts {
  return {
    open: price,
    high: price,
    low: price,
    close: price,
    volume: 0,
    trades: 0,
    taker: 0,
    quoteHigh: 0,
    quoteLow: 0,
    takerQuoteHigh: 0,
    takerQuoteLow: 0,
  }
}

/** Sets volume, taker volume and what they cost at a price; the products are exact. */
function setVolume(feed: Feed, amounts: Amounts, at: number, volume: number, taker: number): Amounts {
  const price = quoteUnits(feed.spec, feed.digits, at)
  amounts.volume = volume
  amounts.taker = taker
  amounts.quoteHigh = productHigh(price, volume)
  amounts.quoteLow = productRest(price, volume) % PAIR_BASE
  amounts.takerQuoteHigh = productHigh(price, taker)
  amounts.takerQuoteLow = productRest(price, taker) % PAIR_BASE
  return amounts
}

const HALF = 2 ** 20
/** What of a x b is left below PAIR_BASE x HALF; under 2^53 while a < 2^32 and b < 2^41. */
const productRest = (a: number, b: number): number =>
  ((a * Math.floor(b / HALF)) % PAIR_BASE) * HALF + a * (b % HALF)
const productHigh = (a: number, b: number): number =>
  Math.floor((a * Math.floor(b / HALF)) / PAIR_BASE) * HALF + Math.floor(productRest(a, b) / PAIR_BASE)

/** The amounts of one minute (epoch minutes), whether the symbol is live then or not. */
export function minuteAmounts(feed: Feed, minute: number): Amounts {
  if (feed.minute) return feed.minute(minute)
  if (minute >= feed.endMinute) return flat(priceAt(feed, feed.endMinute))
  const amounts = flat(priceAt(feed, minute))
  if (isQuiet(feed, minute)) return amounts
  const { price, volume, trades } = feed.digits
  const shape = mix(feed.seed, minute, SHAPE)
  const spread = Math.floor(price / 1_000) + 1
  amounts.close = priceAt(feed, minute + 1)
  amounts.high = Math.max(amounts.open, amounts.close) + ((shape & 0xffff) % spread)
  amounts.low = Math.min(amounts.open, amounts.close) - ((shape >>> 16) % spread)
  if (amounts.low < 1) amounts.low = 1
  amounts.trades = 1 + (shape % (2 * trades))
  const share = shape & 1_023
  const traded = 1 + Math.floor((mix(feed.seed, minute, VOLUME) / 2 ** 31) * volume)
  return setVolume(feed, amounts, middle(amounts), traded, Math.floor((traded * share) / 1_024))
}

const middle = (amounts: Amounts): number => Math.floor((amounts.open + amounts.close) / 2)

/** The amounts of one second: its part of the minute it lies in; sixty of them make the minute, exactly. */
export function secondAmounts(feed: Feed, openMs: number): Amounts {
  const minuteNumber = Math.floor(openMs / MINUTE_MS)
  const minute = minuteAmounts(feed, minuteNumber)
  const second = Math.floor((openMs - minuteNumber * MINUTE_MS) / 1_000)
  const shape = mix(feed.seed, minuteNumber, SHAPE)
  const part = (total: number, at: number): number => Math.floor((total * at) / SECONDS)
  const rise = minute.close - minute.open
  const amounts = flat(minute.open + part(rise, second))
  if (minute.trades === 0) return amounts
  amounts.close = minute.open + part(rise, second + 1)
  const peaks = second === shape % SECONDS
  const dips = second === (shape >>> 8) % SECONDS
  amounts.high = peaks ? minute.high : Math.max(amounts.open, amounts.close)
  amounts.low = dips ? minute.low : Math.min(amounts.open, amounts.close)
  amounts.trades = part(minute.trades, second + 1) - part(minute.trades, second)
  const before = part(minute.volume, second)
  const after = part(minute.volume, second + 1)
  const share = shape & 1_023
  const taker = Math.floor((after * share) / 1_024) - Math.floor((before * share) / 1_024)
  return setVolume(feed, amounts, middle(minute), after - before, taker)
}

function add(sum: Amounts, next: Amounts): void {
  sum.high = Math.max(sum.high, next.high)
  sum.low = Math.min(sum.low, next.low)
  sum.close = next.close
  sum.volume += next.volume
  sum.trades += next.trades
  sum.taker += next.taker
  const quoteLow = sum.quoteLow + next.quoteLow
  sum.quoteHigh += next.quoteHigh + (quoteLow >= PAIR_BASE ? 1 : 0)
  sum.quoteLow = quoteLow >= PAIR_BASE ? quoteLow - PAIR_BASE : quoteLow
  const takerLow = sum.takerQuoteLow + next.takerQuoteLow
  sum.takerQuoteHigh += next.takerQuoteHigh + (takerLow >= PAIR_BASE ? 1 : 0)
  sum.takerQuoteLow = takerLow >= PAIR_BASE ? takerLow - PAIR_BASE : takerLow
}

const keptDays = new WeakMap<Feed, Map<number, Amounts | null>>()

/** The sum of a whole UTC day, remembered, since weeks and months ask for the same days again and again. */
function dayAmounts(feed: Feed, dayMs: number): Amounts | null {
  const days = keptDays.get(feed) ?? new Map<number, Amounts | null>()
  keptDays.set(feed, days)
  let amounts = days.get(dayMs)
  if (amounts === undefined) {
    if (days.size >= DAYS_KEPT) days.clear()
    amounts = sumMinutes(feed, dayMs, dayMs + DAY_MS)
    days.set(dayMs, amounts)
  }
  return amounts
}

function sumMinutes(feed: Feed, startMs: number, endMs: number): Amounts | null {
  let sum: Amounts | null = null
  for (let atMs = startMs; atMs < endMs; atMs += MINUTE_MS) {
    if (!meets(feed.live, atMs, atMs + MINUTE_MS)) continue
    const next = minuteAmounts(feed, atMs / MINUTE_MS)
    if (sum === null) sum = next
    else add(sum, next)
  }
  return sum
}

/** The sum of the live minutes in [startMs, endMs), both whole minutes, or null when there is none. */
export function sumAmounts(feed: Feed, startMs: number, endMs: number): Amounts | null {
  if (endMs - startMs < DAY_MS) return sumMinutes(feed, startMs, endMs)
  let sum: Amounts | null = null
  for (let dayMs = startMs; dayMs < endMs; dayMs += DAY_MS) {
    const day = dayAmounts(feed, dayMs)
    if (day === null) continue
    if (sum === null) sum = { ...day }
    else add(sum, day)
  }
  return sum
}

/** A candle as it looks when `share` (0 to 1) of its time has passed: not yet what it will be. */
export function unfinishedAmounts(whole: Amounts, share: number): Amounts {
  const part = (total: number): number => Math.floor(total * share)
  const low = whole.open - part(whole.open - whole.low)
  const high = whole.open + part(whole.high - whole.open)
  return {
    open: whole.open,
    high,
    low,
    close: low + Math.floor((high - low) / 2),
    volume: part(whole.volume),
    trades: part(whole.trades),
    taker: part(whole.taker),
    quoteHigh: part(whole.quoteHigh),
    quoteLow: part(whole.quoteLow),
    takerQuoteHigh: part(whole.takerQuoteHigh),
    takerQuoteLow: part(whole.takerQuoteLow),
  }
}
