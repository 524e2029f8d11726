// What the local exchange knows of a symbol, and what follows from it: the seed of its prices, how its
// decimals are written, and its live time, that is when it has candles at all. Everything else of the market
// is computed from this.
import { advance, floorToPeriod } from '../../src/core/calendar.ts'
import type { Market, Period } from '../../src/core/series.ts'
import { minus, type Span, union } from '../../src/core/span.ts'

/** One candle as the exchange sends it: decimals are its exact text, times epoch ms. */
export type Candle = {
  readonly openMs: number
  readonly open: string
  readonly high: string
  readonly low: string
  readonly close: string
  readonly volume: string
  readonly closeMs: number
  readonly quoteVolume: string
  readonly trades: number
  readonly takerBase: string
  readonly takerQuote: string
  readonly ignore: string
}

/** A candle given literally; it takes the place of its period that its open time lies in, outage or not. */
export type OddCandle = Candle & { readonly period: Period }

/** Magnitudes. Units are the last decimal: price 3000000 with 2 decimals is 30000.00. */
export type Digits = {
  readonly price: number
  readonly priceDecimals: number
  /** Mean volume a minute, in units. */
  readonly volume: number
  readonly volumeDecimals: number
  /** Mean number of trades a minute. */
  readonly trades: number
}

export type SymbolSpec = {
  readonly market: Market
  readonly symbol: string
  readonly base: string
  readonly quote: string
  /** The exchange's own word; TRADING where it is not given. */
  readonly status?: string
  /** False for contracts that left exchangeInfo but still answer klines. */
  readonly inExchangeInfo?: boolean
  /** Nothing but the archives knows it: contracts of old, and names like ICPUSDTSETTLED (reference 8.2). */
  readonly onlyInArchives?: boolean
  readonly contractType?: string
  readonly listedAtMs: number
  /** When trading ended. Spot candles end here; futures go on with flat ones. */
  readonly endsAtMs?: number
  /** No candle whose place lies wholly inside one of these. */
  readonly outages?: readonly Span[]
  readonly odd?: readonly OddCandle[]
  readonly digits?: Partial<Digits>
}

/** A spec with what is derived from it once. */
export type Feed = {
  readonly spec: SymbolSpec
  readonly seed: number
  readonly digits: Digits
  /** The first minute (epoch minutes) after trading ended, or Infinity. */
  readonly endMinute: number
  readonly live: readonly Span[]
  /** Live time by period: with the places of odd candles. Filled as it is asked for. */
  readonly liveByPeriod: Map<Period, readonly Span[]>
  readonly odd: ReadonlyMap<string, OddCandle>
}

const defaultDigits: Digits = {
  price: 3_000_000,
  priceDecimals: 2,
  volume: 1_234_567,
  volumeDecimals: 5,
  trades: 900,
}

/**
 * Bounds under which every sum of a month stays an exact integer: units of price, units of volume a minute,
 * their product.
 */
const MAX_PRICE_UNITS = 2 ** 30
const MAX_VOLUME_UNITS = 1e11
const MAX_QUOTE_UNITS = 1e20
const MINUTE_MS = 60_000

const feeds = new WeakMap<SymbolSpec, Feed>()

/** What is derived from a spec. Throws when its digits are out of the bounds of exact sums. */
export function feedOf(spec: SymbolSpec): Feed {
  const known = feeds.get(spec)
  if (known) return known
  const digits = { ...defaultDigits, ...spec.digits }
  const exact =
    digits.price >= 1 &&
    digits.price <= MAX_PRICE_UNITS &&
    digits.volume >= 1 &&
    digits.volume <= MAX_VOLUME_UNITS &&
    digits.price * digits.volume <= MAX_QUOTE_UNITS
  if (!exact) throw new Error(`digits of ${spec.symbol} are out of the bounds of exact sums`)
  const endMs = spec.market === 'spot' ? (spec.endsAtMs ?? Infinity) : Infinity
  const feed: Feed = {
    spec,
    seed: Bun.hash.murmur32v3(`${spec.market}/${spec.symbol}`) | 0,
    digits,
    endMinute: spec.endsAtMs === undefined ? Infinity : Math.ceil(spec.endsAtMs / MINUTE_MS),
    live: minus([{ startMs: spec.listedAtMs, endMs }], spec.outages ?? []),
    liveByPeriod: new Map(),
    odd: new Map((spec.odd ?? []).map((odd) => [oddKey(odd.period, odd.openMs), odd])),
  }
  feeds.set(spec, feed)
  return feed
}

const oddKey = (period: Period, timeMs: number): string => `${period}/${floorToPeriod(period, timeMs)}`

/** The candle given literally for the place that `timeMs` lies in. */
export function oddAt(feed: Feed, period: Period, timeMs: number): OddCandle | undefined {
  return feed.odd.size === 0 ? undefined : feed.odd.get(oddKey(period, timeMs))
}

/** When a symbol has candles of `period`: listed, not ended, no outage, and the places of odd candles. */
export function liveTime(feed: Feed, period: Period): readonly Span[] {
  const known = feed.liveByPeriod.get(period)
  if (known) return known
  const places = (feed.spec.odd ?? [])
    .filter((odd) => odd.period === period)
    .map((odd) => floorToPeriod(period, odd.openMs))
    .map((startMs) => ({ startMs, endMs: advance(period, startMs, 1) }))
  const live = places.length === 0 ? feed.live : union(feed.live, places)
  feed.liveByPeriod.set(period, live)
  return live
}

/** The index of the first span of a normal set that ends after `timeMs`; its length when there is none. */
export function spanAfter(spans: readonly Span[], timeMs: number): number {
  let low = 0
  let high = spans.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((spans[middle]?.endMs ?? Infinity) > timeMs) high = middle
    else low = middle + 1
  }
  return low
}

/** Whether [startMs, endMs) meets one of a normal set of spans. */
export function meets(spans: readonly Span[], startMs: number, endMs: number): boolean {
  const span = spans[spanAfter(spans, startMs)]
  return span !== undefined && span.startMs < endMs
}
