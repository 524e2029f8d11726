// Single trades as the exchange writes them: objects of JSON over REST (reference 3.2, 4 and 5), lines of CSV
// in archives (reference 8.5), of the same digits.
import {
  baseAmount,
  isBuyerMaker,
  isRpi,
  microsecondsOf,
  priceOf,
  quantityOf,
  quoteAmount,
} from './trade-amounts.ts'
import { putAmount, putDecimal, putDigits, putId, putWhole, putWord, type TradeText } from './trade-bytes.ts'
import { groupSize } from './trade-groups.ts'
import {
  aggregateOf,
  aggregateTime,
  firstRawOf,
  isMarker,
  rawIdOffset,
  type TradeFeed,
  validCount,
} from './trade-market.ts'

/** Spot writes eight decimals at least, futures as many as the symbol has (reference 2.1). */
const leastDecimals = (feed: TradeFeed): number => (feed.spec.market === 'spot' ? 8 : 0)

const putPrice = (text: TradeText, feed: TradeFeed, price: number): void =>
  putDecimal(text, price, feed.digits.priceDecimals, leastDecimals(feed))
const putQuantity = (text: TradeText, feed: TradeFeed, quantity: number): void =>
  putDecimal(text, quantity, feed.digits.volumeDecimals, leastDecimals(feed))

/** The raw trades that the aggregate `index` joins: the first, and one beyond the last. */
export type Group = { readonly first: number; readonly end: number }

/** The group of an aggregate that is no marker. */
export function groupOf(feed: TradeFeed, index: number): Group {
  const first = firstRawOf(feed, index)
  return { first, end: first + groupSize(feed.seed, validCount(feed, index)) }
}

/** The quantity of a group; without the trades by retail price improvement where `plain` asks for it. */
export function groupQuantity(feed: TradeFeed, group: Group, plain = false): number {
  let sum = 0
  for (let raw = group.first; raw < group.end; raw += 1) {
    if (!(plain && isRpi(feed, raw))) sum += quantityOf(feed, raw)
  }
  return sum
}

/** Puts the aggregate `index` as an object of JSON. */
export function putAggregateJson(text: TradeText, feed: TradeFeed, index: number): void {
  const { market } = feed.spec
  putWord(text, '{"a":')
  putId(text, feed.aggIds, index)
  if (isMarker(feed, index)) {
    putWord(text, ',"p":"0","q":"0","f":-1,"l":-1')
  } else {
    const group = groupOf(feed, index)
    putWord(text, ',"p":"')
    putPrice(text, feed, priceOf(feed, index))
    putWord(text, '","q":"')
    putQuantity(text, feed, groupQuantity(feed, group))
    if (market === 'um') {
      putWord(text, '","nq":"')
      putQuantity(text, feed, groupQuantity(feed, group, true))
    }
    putWord(text, '","f":')
    putId(text, feed.rawIds, rawIdOffset(feed, group.first))
    putWord(text, ',"l":')
    putId(text, feed.rawIds, rawIdOffset(feed, group.end - 1))
  }
  putWord(text, ',"T":')
  putWhole(text, aggregateTime(feed, index))
  putWord(text, isBuyerMaker(feed, index) ? ',"m":true' : ',"m":false')
  putWord(text, market === 'spot' ? ',"M":true}' : '}')
}

/** Puts raw trade `raw` as an object of JSON. */
export function putTradeJson(text: TradeText, feed: TradeFeed, raw: number): void {
  const { market } = feed.spec
  const index = aggregateOf(feed, raw)
  putWord(text, '{"id":')
  putId(text, feed.rawIds, rawIdOffset(feed, raw))
  const price = priceOf(feed, index)
  const quantity = quantityOf(feed, raw)
  putWord(text, ',"price":"')
  putPrice(text, feed, price)
  putWord(text, '","qty":"')
  putQuantity(text, feed, quantity)
  putWord(text, market === 'cm' ? '","baseQty":"' : '","quoteQty":"')
  putOtherAmount(text, feed, price, quantity)
  putWord(text, '","time":')
  putWhole(text, aggregateTime(feed, index))
  putWord(text, isBuyerMaker(feed, index) ? ',"isBuyerMaker":true' : ',"isBuyerMaker":false')
  if (market === 'spot') putWord(text, ',"isBestMatch":true')
  if (market === 'um') putWord(text, isRpi(feed, raw) ? ',"isRPITrade":true' : ',"isRPITrade":false')
  putWord(text, '}')
}

function putOtherAmount(text: TradeText, feed: TradeFeed, price: number, quantity: number): void {
  const amount = feed.spec.market === 'cm' ? baseAmount : quoteAmount
  putAmount(text, amount(feed, price, quantity), leastDecimals(feed))
}

/** Puts the time of the aggregate `index` and the booleans that end its line. */
function putEnd(text: TradeText, feed: TradeFeed, index: number, microseconds: boolean): void {
  putWord(text, ',')
  putWhole(text, aggregateTime(feed, index))
  if (microseconds) putDigits(text, microsecondsOf(feed, index), 3)
  const buyer = isBuyerMaker(feed, index)
  if (feed.spec.market === 'spot') putWord(text, buyer ? ',True,True\n' : ',False,True\n')
  else putWord(text, buyer ? ',true\n' : ',false\n')
}

/** Puts the aggregate `index` as a line of CSV. */
export function putAggregateLine(
  text: TradeText,
  feed: TradeFeed,
  index: number,
  microseconds: boolean,
): void {
  putId(text, feed.aggIds, index)
  if (isMarker(feed, index)) {
    putWord(text, ',0,0,-1,-1')
  } else {
    const group = groupOf(feed, index)
    putWord(text, ',')
    putPrice(text, feed, priceOf(feed, index))
    putWord(text, ',')
    putQuantity(text, feed, groupQuantity(feed, group))
    putWord(text, ',')
    putId(text, feed.rawIds, rawIdOffset(feed, group.first))
    putWord(text, ',')
    putId(text, feed.rawIds, rawIdOffset(feed, group.end - 1))
  }
  putEnd(text, feed, index, microseconds)
}

/** Puts raw trade `raw` as a line of CSV. */
export function putTradeLine(text: TradeText, feed: TradeFeed, raw: number, microseconds: boolean): void {
  const index = aggregateOf(feed, raw)
  const price = priceOf(feed, index)
  const quantity = quantityOf(feed, raw)
  putId(text, feed.rawIds, rawIdOffset(feed, raw))
  putWord(text, ',')
  putPrice(text, feed, price)
  putWord(text, ',')
  putQuantity(text, feed, quantity)
  putWord(text, ',')
  putOtherAmount(text, feed, price, quantity)
  putEnd(text, feed, index, microseconds)
}
