// What was traded at what price: exact integers in units of the last decimal, as pure functions of a symbol's
// seed and an index. The quantity of an aggregate is the sum of the raw trades that it joins.
import { mix } from './amounts.ts'
import { contractSize } from './contracts.ts'
import { CYCLE } from './trade-groups.ts'
import type { TradeFeed } from './trade-market.ts'

const PRICE = 0x7feb352d
const SIDE = 0x846ca68b
const QUANTITY = 0x9e3779b9
const RPI = 0x3c6ef372
const MICROSECONDS = 0x1f83d9ab
/** Cycles that the price takes to rise and fall once. */
const WAVE = 65_536
/** One raw trade of this many on USD-M came about by retail price improvement. */
const RPI_ONE_IN = 16
/** So that the microseconds of a millisecond ascend with the aggregates of a cycle. */
const MICROSECONDS_A_PLACE = 60

/** The price of the aggregate `index` and of its raw trades, in units. */
export function priceOf(feed: TradeFeed, index: number): number {
  const { price } = feed.digits
  const at = Math.floor(index / CYCLE) % WAVE
  const rise = Math.floor((price / WAVE / 32) * Math.min(at, WAVE - at))
  return price + rise + (mix(feed.seed, index, PRICE) % (Math.floor(price / 2_000) + 1))
}

/** Whether the buyer of the aggregate `index` was the maker. */
export const isBuyerMaker = (feed: TradeFeed, index: number): boolean =>
  (mix(feed.seed, index, SIDE) & 1) === 1

/** What comes behind the milliseconds of the time of the aggregate `index`: 0 to 999. */
export function microsecondsOf(feed: TradeFeed, index: number): number {
  const cycle = Math.floor(index / CYCLE)
  return (index - cycle * CYCLE) * MICROSECONDS_A_PLACE + (mix(feed.seed, cycle, MICROSECONDS) % 60)
}

/** The quantity of raw trade `raw`, in units. */
export const quantityOf = (feed: TradeFeed, raw: number): number =>
  1 + Math.floor((mix(feed.seed, raw, QUANTITY) / 2 ** 31) * feed.meanQuantity)

/** Whether raw trade `raw` of USD-M came about by retail price improvement. */
export const isRpi = (feed: TradeFeed, raw: number): boolean =>
  feed.spec.market === 'um' && mix(feed.seed, raw, RPI) % RPI_ONE_IN === 0

/** The most decimals that the exchange writes of an amount, where it has cut off the rest. */
const AMOUNT_DECIMALS = 8

/** An amount in units of its last decimal; a bigint where it may be too large for a number. */
export type Amount = { readonly units: number | bigint; readonly decimals: number }

/**
 * What a raw trade cost. Spot cuts it off after eight decimals and USD-M after those of the price (recorded
 * trades: 0.064362 x 0.0158 is 0.00101691, 11494.06 x 0.007 is 80.45); prices with more than eight decimals,
 * which no real symbol has, give the whole product.
 */
export function quoteAmount(feed: TradeFeed, price: number, quantity: number): Amount {
  const { priceDecimals, volumeDecimals } = feed.digits
  const whole = priceDecimals + volumeDecimals
  const kept = feed.spec.market === 'spot' ? AMOUNT_DECIMALS : priceDecimals
  const decimals = priceDecimals > AMOUNT_DECIMALS ? whole : Math.min(whole, kept)
  const product = price * quantity
  const cut = 10 ** (whole - decimals)
  const units = Number.isSafeInteger(product)
    ? Math.floor(product / cut)
    : (BigInt(price) * BigInt(quantity)) / BigInt(cut)
  return { units, decimals }
}

/** What so many contracts of COIN-M are in the base asset, cut off after eight decimals. */
export function baseAmount(feed: TradeFeed, price: number, quantity: number): Amount {
  const { priceDecimals, volumeDecimals } = feed.digits
  const scale = BigInt(10 ** (AMOUNT_DECIMALS + priceDecimals))
  const worth = BigInt(quantity) * BigInt(contractSize(feed.spec)) * scale
  return { units: worth / BigInt(10 ** volumeDecimals) / BigInt(price), decimals: AMOUNT_DECIMALS }
}
