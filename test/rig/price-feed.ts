// Prices that nobody trades at: the mark price of a contract, the index of its pair and the premium of the
// one over the other. Minutes are the atoms, as of klines (amounts.ts), whose price the mark and the index
// stay close to; the premium is a small number on both sides of zero.
import { type Amounts, flat, mix, rawPrice } from './amounts.ts'
import { isDelivery, pairOf } from './contracts.ts'
import { type Feed, feedOf, lifeOf, oddOf, type PriceDataset, type SymbolSpec } from './symbol-spec.ts'

/** Mark prices, indexes and premiums have this many decimals, whatever those of the contract. */
const PRICE_DECIMALS = 8
const MINUTES_A_DAY = 1_440
/** The part of the price that mark and index stray from it by, and that a minute swings by. */
const STRAYS_ONE_IN = 2_000
const SWINGS_ONE_IN = 1_000
/** The premium, in units of 1e-8: a slow wave between days, noise upon it, and the swing of a minute. */
const PREMIUM_WAVE = 50_000
const PREMIUM_NOISE = 30_000
const PREMIUM_SWING = 5_000
/** Prices are sampled about once a second; a candle tells how often. */
const MOST_SAMPLES = 60
const MISSED_SAMPLES = 3
/** Salts, one for each independent choice. */
const STRAY = 0x7feb352d
const ABOVE = 0x68e31da4
const BELOW = 0x1656667b
const SAMPLES = 0x3c6ef372

const feeds = new WeakMap<SymbolSpec, Map<PriceDataset, Feed>>()

/**
 * The candles of a price of a contract. The index is one of its pair: hand in the spec that contracts.ts
 * names for it. Throws for spot, which has no such prices, and where the digits would not be exact.
 */
export function priceFeedOf(spec: SymbolSpec, dataset: PriceDataset): Feed {
  const known = feeds.get(spec) ?? new Map<PriceDataset, Feed>()
  feeds.set(spec, known)
  const feed = known.get(dataset) ?? makeFeed(spec, dataset)
  known.set(dataset, feed)
  return feed
}

/** The name that the series of a dataset bears: the pair for the index, else the symbol of the contract. */
export function priceSymbol(spec: SymbolSpec, dataset: PriceDataset): string {
  return dataset === 'index-price-klines' ? pairOf(spec) : spec.symbol
}

function makeFeed(spec: SymbolSpec, dataset: PriceDataset): Feed {
  if (spec.market === 'spot') throw new Error(`spot has no ${dataset}`)
  const traded = feedOf(spec)
  const priceDecimals = Math.max(PRICE_DECIMALS, traded.digits.priceDecimals)
  const scale = 10 ** (priceDecimals - traded.digits.priceDecimals)
  if (!Number.isSafeInteger(traded.digits.price * scale * 2))
    throw new Error(`digits of ${spec.symbol} are out of the bounds of exact prices`)
  const seed = Bun.hash.murmur32v3(`${spec.market}/${priceSymbol(spec, dataset)}/${dataset}`) | 0
  const at = dataset === 'premium-index-klines' ? premium(seed) : nearPrice(seed, traded, scale)
  const life = lifeOf(spec, dataset === 'mark-price-klines' ? (spec.markHoles ?? []) : [])
  return {
    spec,
    seed,
    digits: { ...traded.digits, priceDecimals, volumeDecimals: 0 },
    quoteDecimals: 0,
    ...life,
    // A contract that is delivered pays no funding, and so has no premium (reference 5 and 8.2).
    live: dataset === 'premium-index-klines' && isDelivery(spec) ? [] : life.live,
    minute: (minute) =>
      minute >= life.endMinute ? flat(at.price(life.endMinute)) : minuteOf(seed, at, minute),
    liveByPeriod: new Map(),
    odd: oddOf(spec, dataset),
  }
}

/** A price at the beginning of a minute, and the most that it swings by within one; in units. */
type Course = { price(minute: number): number; readonly swing: number }

function nearPrice(seed: number, traded: Feed, scale: number): Course {
  const price = traded.digits.price * scale
  const stray = Math.floor(price / STRAYS_ONE_IN)
  return {
    price: (minute) => rawPrice(traded, minute) * scale + aside(seed, minute, STRAY, stray),
    swing: Math.floor(price / SWINGS_ONE_IN) + 1,
  }
}

function premium(seed: number): Course {
  return {
    price(minute) {
      const day = Math.floor(minute / MINUTES_A_DAY)
      const from = aside(seed, day, ABOVE, PREMIUM_WAVE)
      const to = aside(seed, day + 1, ABOVE, PREMIUM_WAVE)
      const wave = Math.floor(((to - from) * (minute - day * MINUTES_A_DAY)) / MINUTES_A_DAY)
      return from + wave + aside(seed, minute, STRAY, PREMIUM_NOISE)
    },
    swing: PREMIUM_SWING,
  }
}

/** A whole number from -most to most. */
const aside = (seed: number, n: number, salt: number, most: number): number =>
  (mix(seed, n, salt) % (2 * most + 1)) - most

function minuteOf(seed: number, { price, swing }: Course, minute: number): Amounts {
  const amounts = flat(price(minute))
  amounts.close = price(minute + 1)
  amounts.high = Math.max(amounts.open, amounts.close) + (mix(seed, minute, ABOVE) % swing)
  amounts.low = Math.min(amounts.open, amounts.close) - (mix(seed, minute, BELOW) % swing)
  amounts.trades = MOST_SAMPLES - (mix(seed, minute, SAMPLES) % MISSED_SAMPLES)
  return amounts
}
