// What the local exchange knows of a symbol, and what follows from it: the seed of its prices, how its
// decimals are written, and its live time, that is when it has candles at all. Everything else of the market
// is computed from this.
import { advance, floorToPeriod } from '../../src/core/calendar.ts'
import type { DatasetName, Market, Period } from '../../src/core/series.ts'
import { minus, type Span, union } from '../../src/core/span.ts'
import type { Amounts } from './amounts.ts'
import { contractSize, deliveryMs, isDelivery } from './contracts.ts'
import type { FundingSpec, TradeSpec } from './trade-spec.ts'

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

/** Klines of prices that nobody trades at, with an open, high, low and close alone. */
export const priceDatasets = [
  'mark-price-klines',
  'index-price-klines',
  'premium-index-klines',
] as const satisfies readonly DatasetName[]
export type PriceDataset = (typeof priceDatasets)[number]

/**
 * A candle given literally, of klines unless it names another dataset; it takes the place of its period that
 * its open time lies in, outage or not.
 */
export type OddCandle = Candle & { readonly period: Period; readonly dataset?: PriceDataset }

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
  /** COIN-M: what one contract is worth in the quote asset; 100 for BTC and 10 for others if not given. */
  readonly contractSize?: number
  readonly listedAtMs: number
  /**
   * When trading ended. Spot candles end here and those of delivery contracts, which must say it; other
   * futures go on with flat ones.
   */
  readonly endsAtMs?: number
  /** When the exchange forgets a contract: out of exchangeInfo, and -1121 to whoever asks; else never. */
  readonly goneAtMs?: number
  /** No kline whose place lies wholly inside one of these; prices that nobody trades at go on. */
  readonly outages?: readonly Span[]
  /** The same for mark price klines, which have holes of their own (reference 7.4). */
  readonly markHoles?: readonly Span[]
  readonly odd?: readonly OddCandle[]
  readonly digits?: Partial<Digits>
  /** Without it the symbol has candles, but no trades. */
  readonly trades?: TradeSpec
  /** Perpetual contracts have rates every 8 hours where it is not given. */
  readonly funding?: FundingSpec
}

/** One series of candles of a spec, its klines or prices of it, with what is derived once. */
export type Feed = {
  readonly spec: SymbolSpec
  readonly seed: number
  readonly digits: Digits
  /** Decimals of the quote volume. */
  readonly quoteDecimals: number
  /** The minutes (epoch minutes) that all else is made of, where they are not those of klines. */
  readonly minute?: (minute: number) => Amounts
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
/** BTCUSD_PERP, about: 30000.0, and volume in whole contracts. */
const coinDigits: Digits = { price: 300_000, priceDecimals: 1, volume: 4_321, volumeDecimals: 0, trades: 90 }
/** The quote volume of COIN-M is in the base asset, with this many decimals (reference 5). */
const COIN_DECIMALS = 8

/**
 * Bounds under which every sum of a month stays an exact integer: units of price, units of volume a minute,
 * their product.
 */
const MAX_PRICE_UNITS = 2 ** 30
const MAX_VOLUME_UNITS = 1e11
const MAX_QUOTE_UNITS = 1e20
const MINUTE_MS = 60_000

const feeds = new WeakMap<SymbolSpec, Feed>()

/** The klines of a spec. Throws when its digits are out of the bounds of exact sums. */
export function feedOf(spec: SymbolSpec): Feed {
  const known = feeds.get(spec)
  if (known) return known
  const isCoin = spec.market === 'cm'
  const digits = { ...(isCoin ? coinDigits : defaultDigits), ...spec.digits }
  const worth = quoteUnits(spec, digits, digits.price)
  const exact =
    digits.price >= 1 &&
    Math.max(digits.price, worth) <= MAX_PRICE_UNITS &&
    digits.volume >= 1 &&
    digits.volume <= MAX_VOLUME_UNITS &&
    worth * digits.volume <= MAX_QUOTE_UNITS
  if (!exact) throw new Error(`digits of ${spec.symbol} are out of the bounds of exact sums`)
  if (isCoin && digits.volumeDecimals !== 0) throw new Error(`${spec.symbol} trades in whole contracts`)
  const feed: Feed = {
    spec,
    seed: Bun.hash.murmur32v3(`${spec.market}/${spec.symbol}`) | 0,
    digits,
    quoteDecimals: isCoin ? COIN_DECIMALS : digits.priceDecimals + digits.volumeDecimals,
    ...lifeOf(spec, spec.outages ?? []),
    liveByPeriod: new Map(),
    odd: oddOf(spec, undefined),
  }
  feeds.set(spec, feed)
  return feed
}

/** When a spec has candles, outside `holes`. Throws for a delivery contract that does not end on its day. */
export function lifeOf(spec: SymbolSpec, holes: readonly Span[]): Pick<Feed, 'endMinute' | 'live'> {
  if (isDelivery(spec) && spec.endsAtMs !== deliveryMs(spec.symbol))
    throw new Error(`${spec.symbol} must end when it is delivered, ${deliveryMs(spec.symbol)}`)
  const stops = spec.market === 'spot' || isDelivery(spec)
  const endMs = stops ? (spec.endsAtMs ?? Infinity) : Infinity
  return {
    endMinute: spec.endsAtMs === undefined ? Infinity : Math.ceil(spec.endsAtMs / MINUTE_MS),
    live: minus([{ startMs: spec.listedAtMs, endMs }], holes),
  }
}

/** The candles of a dataset (klines where none is named) that a spec gives literally, by their places. */
export function oddOf(spec: SymbolSpec, dataset: PriceDataset | undefined): Feed['odd'] {
  const odd = (spec.odd ?? []).filter((each) => each.dataset === dataset)
  return new Map(odd.map((each) => [oddKey(each.period, each.openMs), each]))
}

/**
 * What a unit of volume costs at a price, in units of the quote volume: the price itself, or on COIN-M, where
 * volume is in contracts, the coins that a contract is worth.
 */
export function quoteUnits(spec: SymbolSpec, digits: Digits, price: number): number {
  if (spec.market !== 'cm') return price
  return Math.floor((contractSize(spec) * 10 ** (COIN_DECIMALS + digits.priceDecimals)) / price)
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
  const places = [...feed.odd.values()]
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
