// What a futures contract is beside its prices: the pair that it is of, when it is delivered and gone, how
// much one contract is worth, and which contract speaks for the index of its pair (reference 4.2, 5 and 11).
import type { SymbolSpec } from './symbol-spec.ts'

const DELIVERY_HOUR = 8
/** A contract of BTC is worth 100 of the quote asset, one of any other base 10 (reference 4.2). */
const CONTRACT_SIZES = { BTC: 100, others: 10 } as const

/** The pair of a contract: BTCUSD of BTCUSD_PERP, BTCUSDT of BTCUSDT_240329 and of BTCUSDT itself. */
export function pairOf(spec: Pick<SymbolSpec, 'symbol'>): string {
  return spec.symbol.replace(/_[^_]*$/, '')
}

/** When the contract that is named by its day (BTCUSD_240329) is delivered, epoch ms; null for any other. */
export function deliveryMs(symbol: string): number | null {
  const [, year, month, day] = /_(\d\d)(\d\d)(\d\d)$/.exec(symbol) ?? []
  if (year === undefined) return null
  return Date.UTC(2_000 + Number(year), Number(month) - 1, Number(day), DELIVERY_HOUR)
}

/** Whether a spec is a contract with a day of delivery: it has no candles from then on. */
export function isDelivery(spec: Pick<SymbolSpec, 'market' | 'symbol'>): boolean {
  return spec.market !== 'spot' && deliveryMs(spec.symbol) !== null
}

/** Whether the exchange has forgotten a symbol: not in exchangeInfo, and -1121 to whoever asks. */
export function isGone(spec: SymbolSpec, nowMs: number): boolean {
  return spec.onlyInArchives === true || (spec.goneAtMs !== undefined && spec.goneAtMs <= nowMs)
}

/** Whether a contract is in its market's exchangeInfo. */
export function isInfoListed(spec: SymbolSpec, nowMs: number): boolean {
  return spec.inExchangeInfo !== false && !isGone(spec, nowMs)
}

/** Whether trading is over. */
export const hasEnded = (spec: SymbolSpec, nowMs: number): boolean =>
  spec.endsAtMs !== undefined && spec.endsAtMs <= nowMs

/** The exchange's word for the state of a contract; spec.status where that is given. */
export function contractStatus(spec: SymbolSpec, nowMs: number): string {
  if (spec.status !== undefined) return spec.status
  if (!hasEnded(spec, nowMs)) return 'TRADING'
  return isDelivery(spec) ? 'DELIVERING' : 'SETTLING'
}

/** The exchange's word for the kind of a contract; spec.contractType where that is given. */
export function contractType(spec: SymbolSpec, nowMs: number): string {
  const kind = spec.contractType ?? (isDelivery(spec) ? 'CURRENT_QUARTER' : 'PERPETUAL')
  // With a space, as it was recorded.
  return isDelivery(spec) && hasEnded(spec, nowMs) ? `${kind} DELIVERING` : kind
}

/** What one contract of COIN-M is worth, in the quote asset. */
export function contractSize(spec: SymbolSpec): number {
  return spec.contractSize ?? (spec.base === 'BTC' ? CONTRACT_SIZES.BTC : CONTRACT_SIZES.others)
}

/**
 * The contract whose spec makes the index of a pair: the perpetual one, else the one listed first; undefined
 * where the market has none of the pair.
 */
export function indexSpecOf(specs: readonly SymbolSpec[], pair: string): SymbolSpec | undefined {
  const contracts = specs.filter((spec) => spec.market !== 'spot' && pairOf(spec) === pair)
  const byListing = contracts.toSorted((a, b) => a.listedAtMs - b.listedAtMs)
  return byListing.find((spec) => !isDelivery(spec)) ?? byListing[0]
}
