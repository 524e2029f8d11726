// /ping, /time and /exchangeInfo of COIN-M (reference 4.2 and 5): the state of a contract has another name
// than on USD-M, and volumes are in contracts of a size.
import { contractSize, contractStatus, contractType, isInfoListed, pairOf } from './contracts.ts'
import type { Endpoint } from './endpoint.ts'
import { filters, NO_DELIVERY_MS, plain, time, weightLimit } from './info-endpoints.ts'
import { feedOf, type SymbolSpec } from './symbol-spec.ts'

const HOUR_MS = 3_600_000
/** The clock inside exchangeInfo was found this far behind; nobody should read it. */
const STALE_MS = 22 * HOUR_MS

function coinSymbol(spec: SymbolSpec, nowMs: number): unknown {
  const { priceDecimals, volumeDecimals } = feedOf(spec).digits
  return {
    symbol: spec.symbol,
    pair: pairOf(spec),
    contractType: contractType(spec, nowMs),
    deliveryDate: spec.endsAtMs ?? NO_DELIVERY_MS,
    onboardDate: spec.listedAtMs,
    contractStatus: contractStatus(spec, nowMs),
    contractSize: contractSize(spec),
    marginAsset: spec.base,
    baseAsset: spec.base,
    quoteAsset: spec.quote,
    pricePrecision: priceDecimals,
    quantityPrecision: volumeDecimals,
    baseAssetPrecision: 8,
    quotePrecision: 8,
    equalQtyPrecision: 4,
    underlyingType: 'COIN',
    underlyingSubType: [],
    filters: filters(spec),
  }
}

const coinInfo: Endpoint = {
  path: '/dapi/v1/exchangeInfo',
  market: 'cm',
  parameters: [],
  mandatory: [],
  faulty: false,
  weight: () => 1,
  answer(_query, around) {
    const nowMs = around.nowMs()
    const symbols = around.symbols('cm').filter((spec) => isInfoListed(spec, nowMs))
    const body = {
      timezone: 'UTC',
      serverTime: nowMs - STALE_MS,
      rateLimits: [
        weightLimit(around.weightLimit('cm')),
        { rateLimitType: 'ORDERS', interval: 'MINUTE', intervalNum: 1, limit: 1_200 },
      ],
      exchangeFilters: [],
      symbols: symbols.map((spec) => coinSymbol(spec, nowMs)),
    }
    return { body: JSON.stringify(body), rows: 0 }
  },
}

export const coinInfoEndpoints: readonly Endpoint[] = [
  plain('cm', '/dapi/v1/ping', () => '{}'),
  plain('cm', '/dapi/v1/time', time),
  coinInfo,
]
