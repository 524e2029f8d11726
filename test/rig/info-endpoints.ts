// /ping, /time and /exchangeInfo of spot and USD-M (reference 3.3 and 4.2). They are never hit by faults
// unless a fault says so, since a program needs them before it can begin.
import { isMember, type Market } from '../../src/core/series.ts'
import { contractStatus, contractType, hasEnded, isInfoListed, pairOf } from './contracts.ts'
import { type Endpoint, knownSymbol, Refusal, type Surroundings } from './endpoint.ts'
import { feedOf, type SymbolSpec } from './symbol-spec.ts'

const HOUR_MS = 3_600_000
/** The clock inside the futures exchangeInfo was found this far behind; nobody should read it. */
const STALE_MS = 37 * HOUR_MS
/** What a perpetual contract says of its delivery: 2100-12-25. */
export const NO_DELIVERY_MS = 4_133_404_800_000
const spotStatuses = ['TRADING', 'HALT', 'BREAK'] as const

/** Whether the exchangeInfo of spot may show a symbol. */
export const isListed = (spec: SymbolSpec): boolean => spec.inExchangeInfo !== false && !spec.onlyInArchives

function spotStatus(spec: SymbolSpec, nowMs: number): string {
  return spec.status ?? (hasEnded(spec, nowMs) ? 'BREAK' : 'TRADING')
}

const tick = (decimals: number): string => (decimals === 0 ? '1' : `0.${'1'.padStart(decimals, '0')}`)

/** The price step and the lot size of a symbol. */
export function filters(spec: SymbolSpec): unknown[] {
  const { priceDecimals, volumeDecimals } = feedOf(spec).digits
  return [
    {
      filterType: 'PRICE_FILTER',
      minPrice: tick(priceDecimals),
      maxPrice: '1000000',
      tickSize: tick(priceDecimals),
    },
    {
      filterType: 'LOT_SIZE',
      minQty: tick(volumeDecimals),
      maxQty: '9000000',
      stepSize: tick(volumeDecimals),
    },
  ]
}

function spotSymbol(spec: SymbolSpec, nowMs: number): unknown {
  return {
    symbol: spec.symbol,
    status: spotStatus(spec, nowMs),
    baseAsset: spec.base,
    baseAssetPrecision: 8,
    quoteAsset: spec.quote,
    quotePrecision: 8,
    quoteAssetPrecision: 8,
    orderTypes: ['LIMIT', 'LIMIT_MAKER', 'MARKET'],
    isSpotTradingAllowed: spotStatus(spec, nowMs) === 'TRADING',
    isMarginTradingAllowed: false,
    filters: filters(spec),
    permissions: [],
    permissionSets: [['SPOT']],
  }
}

function umSymbol(spec: SymbolSpec, nowMs: number): unknown {
  const { priceDecimals, volumeDecimals } = feedOf(spec).digits
  return {
    symbol: spec.symbol,
    pair: pairOf(spec),
    contractType: contractType(spec, nowMs),
    deliveryDate: spec.endsAtMs ?? NO_DELIVERY_MS,
    onboardDate: spec.listedAtMs,
    status: contractStatus(spec, nowMs),
    baseAsset: spec.base,
    quoteAsset: spec.quote,
    marginAsset: spec.quote,
    pricePrecision: priceDecimals,
    quantityPrecision: volumeDecimals,
    baseAssetPrecision: 8,
    quotePrecision: 8,
    underlyingType: 'COIN',
    filters: filters(spec),
  }
}

/** The row of rateLimits that tells the weight a minute. */
export const weightLimit = (limit: number): unknown => ({
  rateLimitType: 'REQUEST_WEIGHT',
  interval: 'MINUTE',
  intervalNum: 1,
  limit,
})

/** The symbols that a spot exchangeInfo was asked for. Refused: -1128, -1121, -1151, -1122, -1100. */
function spotSelection(query: URLSearchParams, around: Surroundings): readonly SymbolSpec[] {
  const nowMs = around.nowMs()
  const one = query.get('symbol')
  const many = query.get('symbols')
  const status = query.get('symbolStatus')
  if ([one, many, status].filter((sent) => sent !== null).length > 1) {
    throw new Refusal(-1128, 'Combination of optional parameters invalid.')
  }
  if (one !== null) return [knownSymbol(around, 'spot', one)]
  if (many !== null) return symbolList(many).map((symbol) => knownSymbol(around, 'spot', symbol, 'symbols'))
  const listed = around.symbols('spot').filter((spec) => isListed(spec) && spec.listedAtMs <= nowMs)
  if (status === null) return listed
  if (!isMember(spotStatuses, status)) throw new Refusal(-1122, 'Invalid symbolStatus.')
  return listed.filter((spec) => spotStatus(spec, nowMs) === status)
}

function symbolList(text: string): string[] {
  const bad = new Refusal(
    -1100,
    "Illegal characters found in parameter 'symbols'; legal range is a JSON array.",
  )
  let list: unknown
  try {
    list = JSON.parse(text)
  } catch {
    throw bad
  }
  if (!Array.isArray(list) || !list.every((item) => typeof item === 'string')) throw bad
  if (new Set(list).size < list.length)
    throw new Refusal(-1151, 'Symbol is present multiple times in the list.')
  return list
}

const spotInfo: Endpoint = {
  path: '/api/v3/exchangeInfo',
  market: 'spot',
  parameters: ['symbol', 'symbols', 'permissions', 'symbolStatus', 'showPermissionSets'],
  mandatory: [],
  faulty: false,
  weight: () => 20,
  answer(query, around) {
    const symbols = spotSelection(query, around)
    const nowMs = around.nowMs()
    const body = {
      timezone: 'UTC',
      serverTime: nowMs,
      rateLimits: [
        weightLimit(around.weightLimit('spot')),
        { rateLimitType: 'ORDERS', interval: 'SECOND', intervalNum: 10, limit: 100 },
        { rateLimitType: 'RAW_REQUESTS', interval: 'MINUTE', intervalNum: 5, limit: 300_000 },
      ],
      exchangeFilters: [],
      symbols: symbols.map((spec) => spotSymbol(spec, nowMs)),
    }
    return { body: JSON.stringify(body), rows: 0 }
  },
}

const umInfo: Endpoint = {
  path: '/fapi/v1/exchangeInfo',
  market: 'um',
  parameters: [],
  mandatory: [],
  faulty: false,
  weight: () => 1,
  answer(_query, around) {
    const nowMs = around.nowMs()
    const symbols = around.symbols('um').filter((spec) => isInfoListed(spec, nowMs))
    const body = {
      timezone: 'UTC',
      serverTime: nowMs - STALE_MS,
      futuresType: 'U_MARGINED',
      rateLimits: [
        weightLimit(around.weightLimit('um')),
        { rateLimitType: 'ORDERS', interval: 'MINUTE', intervalNum: 1, limit: 1_200 },
      ],
      exchangeFilters: [],
      assets: [],
      symbols: symbols.map((spec) => umSymbol(spec, nowMs)),
    }
    return { body: JSON.stringify(body), rows: 0 }
  },
}

/** An endpoint of weight 1 that reads nothing. */
export function plain(market: Market, path: string, body: (around: Surroundings) => string): Endpoint {
  return {
    path,
    market,
    parameters: [],
    mandatory: [],
    faulty: false,
    weight: () => 1,
    answer: (_query, around) => ({ body: body(around), rows: 0 }),
  }
}

/** What /time answers. */
export const time = (around: Surroundings): string => JSON.stringify({ serverTime: around.nowMs() })

export const infoEndpoints: readonly Endpoint[] = [
  plain('spot', '/api/v3/ping', () => '{}'),
  plain('spot', '/api/v3/time', time),
  spotInfo,
  plain('um', '/fapi/v1/ping', () => '{}'),
  plain('um', '/fapi/v1/time', time),
  umInfo,
]
