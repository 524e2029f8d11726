// fundingRate and fundingInfo (reference 4, 4.1, 5 and 10). On USD-M both weigh nothing and share a bucket of
// requests instead, which no header shows; on COIN-M fundingRate is an endpoint like any other.
import type { Market } from '../../src/core/series.ts'
import type { Span } from '../../src/core/span.ts'
import { isGone } from './contracts.ts'
import {
  type Endpoint,
  integerParameter,
  knownSymbol,
  limitParameter,
  Refusal,
  type Surroundings,
} from './endpoint.ts'
import { type FundingRate, fundingRates, hoursAt } from './funding-market.ts'
import type { SymbolSpec } from './symbol-spec.ts'

const limits = { normal: 100, most: 1_000 } as const

function umItem(rate: FundingRate): unknown {
  const { symbol, rate: fundingRate, timeMs: fundingTime, markPrice, rateType } = rate
  return { symbol, fundingTime, fundingRate, markPrice, rateType }
}
const cmItem = ({ symbol, timeMs, rate }: FundingRate): unknown => ({
  symbol,
  fundingTime: timeMs,
  fundingRate: rate,
})

type Asked = { readonly span: Span; readonly limit: number; readonly newest: boolean }

function asked(query: URLSearchParams, nowMs: number): Asked {
  const limit = limitParameter(query, limits)
  const startMs = integerParameter(query, 'startTime')
  const lastMs = integerParameter(query, 'endTime')
  if (startMs !== undefined && lastMs !== undefined && startMs > lastMs)
    throw new Refusal(-1023, 'Start time is greater than end time.')
  const span = { startMs: startMs ?? 0, endMs: Math.min((lastMs ?? Infinity) + 1, nowMs) }
  return { span, limit, newest: startMs === undefined }
}

/** The rates of all the symbols together, in order of time; at most `limit`. */
function ratesOf(specs: readonly SymbolSpec[], { span, limit, newest }: Asked): readonly FundingRate[] {
  const found = specs.flatMap((spec) => fundingRates(spec, span, limit, newest))
  // Sorting keeps the order of the rates of one symbol, and that of symbols, where times are equal.
  if (specs.length > 1) found.sort((a, b) => a.timeMs - b.timeMs)
  return newest ? found.slice(Math.max(0, found.length - limit)) : found.slice(0, limit)
}

function umSymbols(query: URLSearchParams, around: Surroundings): readonly SymbolSpec[] {
  const symbol = query.get('symbol')
  if (symbol !== null) return [knownSymbol(around, 'um', symbol)]
  return around.symbols('um').filter((spec) => !isGone(spec, around.nowMs()))
}

function fundingRate(market: Market, path: string, rest: Partial<Endpoint>): Endpoint {
  return {
    path,
    market,
    parameters: ['symbol', 'startTime', 'endTime', 'limit'],
    mandatory: market === 'um' ? [] : ['symbol'],
    faulty: true,
    weight: () => 1,
    answer(query, around) {
      const specs =
        market === 'um' ? umSymbols(query, around) : [knownSymbol(around, market, query.get('symbol') ?? '')]
      const rates = ratesOf(specs, asked(query, around.nowMs()))
      return { body: JSON.stringify(rates.map(market === 'um' ? umItem : cmItem)), rows: rates.length }
    },
    ...rest,
  }
}

/** Only symbols whose interval was ever adjusted; the others have the default. */
function fundingInfo(around: Surroundings): unknown[] {
  const nowMs = around.nowMs()
  return umSymbols(new URLSearchParams(), around).flatMap((spec) => {
    const change = spec.funding?.intervals?.findLast(({ fromMs }) => fromMs <= nowMs)
    if (!change) return []
    return {
      symbol: spec.symbol,
      adjustedFundingRateCap: '0.02000000',
      adjustedFundingRateFloor: '-0.02000000',
      fundingIntervalHours: hoursAt(spec, nowMs),
      disclaimer: false,
      updateTime: change.fromMs,
    }
  })
}

export const fundingEndpoints: readonly Endpoint[] = [
  fundingRate('um', '/fapi/v1/fundingRate', { weight: () => 0, bucket: 'funding' }),
  fundingRate('cm', '/dapi/v1/fundingRate', {}),
  {
    path: '/fapi/v1/fundingInfo',
    market: 'um',
    parameters: [],
    mandatory: [],
    faulty: true,
    bucket: 'funding',
    weight: () => 0,
    answer: (_query, around) => ({ body: JSON.stringify(fundingInfo(around)), rows: 0 }),
  },
]
