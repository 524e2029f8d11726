// Named markets for the demo and the end-to-end tests: what is odd on the real exchange, in a size that runs
// in seconds.
import type { Span } from '../../src/core/span.ts'
import { coinMargined } from './coin-scenario.ts'
import { spotOutages } from './outages.ts'
import type { Digits, SymbolSpec } from './symbol-spec.ts'

export type Scenario = {
  readonly symbols: readonly SymbolSpec[]
  /**
   * The exchange's clock when the scenario begins: half a minute past a full minute, so that a candle is
   * unfinished.
   */
  readonly nowMs: number
  /** What it makes sense to ask for. */
  readonly span: Span
}

type Rest = Omit<SymbolSpec, 'market' | 'symbol' | 'base' | 'quote' | 'listedAtMs'>

function usdt(market: 'spot' | 'um', base: string, listedAt: string, rest: Rest = {}): SymbolSpec {
  return { market, symbol: `${base}USDT`, base, quote: 'USDT', listedAtMs: Date.parse(listedAt), ...rest }
}

/** Tiny prices, whole coins, and 16 digits of volume in a week, as SHIBUSDT has (reference 11). */
export const hugeVolume: Partial<Digits> = {
  price: 1_237,
  priceDecimals: 8,
  volume: 99_483_548_825,
  volumeDecimals: 0,
}
/** 18 decimals in the quote volume: the most that the contract names. */
export const manyDecimals: Partial<Digits> = {
  price: 1_234_567,
  priceDecimals: 10,
  volume: 987_654_321,
  volumeDecimals: 8,
}

const memeCoin: Partial<Digits> = { price: 2_345, priceDecimals: 4, volumeDecimals: 1 }

/** One outage of 20 hours: longer than a page of 1,000 minutes, so that a whole page of it is empty. */
const longOutage: Span = { startMs: Date.parse('2024-03-10T02:00Z'), endMs: Date.parse('2024-03-10T22:00Z') }
/** One of 47 minutes that begins and ends inside an hour: no larger candle is missing. */
const shortOutage: Span = { startMs: Date.parse('2024-03-14T06:05Z'), endMs: Date.parse('2024-03-14T06:52Z') }
const outages = [longOutage, shortOutage]

/** Three weeks of March 2024: spot with two outages, futures without. */
const fewWeeks: Scenario = {
  nowMs: Date.parse('2024-03-22T00:00:30Z'),
  span: { startMs: Date.parse('2024-03-01T00:00Z'), endMs: Date.parse('2024-03-22T00:00Z') },
  symbols: [
    usdt('spot', 'BTC', '2017-08-17T04:00Z', { outages }),
    usdt('spot', 'ETH', '2017-08-17T04:00Z', { outages, digits: { price: 180_000, volumeDecimals: 4 } }),
    usdt('spot', 'SHIB', '2021-05-10T11:00Z', { outages, digits: hugeVolume }),
    usdt('spot', 'DUST', '2023-01-01T00:00Z', { outages, digits: manyDecimals }),
    // Listed in the middle of the span, in the middle of a day and of an hour.
    usdt('spot', 'LATE', '2024-03-12T08:37Z', { outages }),
    // Delisted in the middle of the span: still in exchangeInfo, candles up to the end.
    usdt('spot', 'GONE', '2022-06-01T00:00Z', {
      outages,
      status: 'BREAK',
      endsAtMs: Date.parse('2024-03-15T03:00Z'),
    }),
    usdt('spot', '币安人生', '2024-02-20T12:00Z', {
      outages,
      digits: memeCoin,
    }),
    // Alike to a careless collation, different to the exchange.
    usdt('spot', '123', '2024-02-01T00:00Z', { outages }),
    usdt('spot', '１２３', '2024-02-01T00:00Z', { outages }),
    usdt('um', 'BTC', '2019-09-08T17:57Z', { digits: { price: 3_000_000, volumeDecimals: 3 } }),
    usdt('um', 'ETH', '2019-11-27T07:45Z', { digits: { price: 180_000, volumeDecimals: 3 } }),
    // Settled in the middle of the span: flat candles go on after it, and are not to be stored.
    usdt('um', 'AGIX', '2023-02-10T14:00Z', {
      status: 'SETTLING',
      endsAtMs: Date.parse('2024-03-16T09:00Z'),
      digits: { price: 7_009_000, priceDecimals: 7, volumeDecimals: 0 },
    }),
    usdt('um', '币安人生', '2024-03-05T10:30Z', {
      digits: { price: 2_345, priceDecimals: 5, volumeDecimals: 0 },
    }),
  ],
}

/**
 * A year of five symbols for the archives: from the middle of a month, over the change to microseconds, to a
 * morning when yesterday's files are not there yet; and a contract that only the archives know.
 */
const archivedYear: Scenario = {
  nowMs: Date.parse('2025-04-10T08:00:30Z'),
  span: { startMs: Date.parse('2024-04-10T00:00Z'), endMs: Date.parse('2025-04-10T00:00Z') },
  symbols: [
    usdt('spot', 'BTC', '2017-08-17T04:00Z', {
      outages: [
        { startMs: Date.parse('2024-05-03T02:00Z'), endMs: Date.parse('2024-05-03T09:30Z') },
        // A day without a file, and both of its neighbours cut.
        { startMs: Date.parse('2025-02-11T22:00Z'), endMs: Date.parse('2025-02-13T01:00Z') },
      ],
    }),
    usdt('spot', 'ETH', '2017-08-17T04:00Z', { digits: { price: 180_000, volumeDecimals: 4 } }),
    usdt('spot', 'SHIB', '2021-05-10T11:00Z', { digits: hugeVolume }),
    // Listed and delisted within the span.
    usdt('spot', '币安人生', '2024-07-20T12:00Z', {
      digits: memeCoin,
      status: 'BREAK',
      endsAtMs: Date.parse('2025-03-17T03:00Z'),
    }),
    usdt('um', 'BTC', '2019-09-08T17:57Z', { digits: { price: 3_000_000, volumeDecimals: 3 } }),
    {
      ...usdt('um', 'ICP', '2022-09-27T02:30Z'),
      symbol: 'ICPUSDTSETTLED',
      onlyInArchives: true,
      endsAtMs: Date.parse('2024-06-10T09:00Z'),
    },
  ],
}

/** A spot symbol since the beginning with every known outage, for long runs and gap scans. */
const wholeHistory: Scenario = {
  nowMs: Date.parse('2024-01-01T00:00:30Z'),
  span: { startMs: Date.parse('2017-08-17T04:00Z'), endMs: Date.parse('2024-01-01T00:00Z') },
  symbols: [
    usdt('spot', 'BTC', '2017-08-17T04:00Z', { outages: spotOutages }),
    usdt('um', 'BTC', '2019-09-08T17:57Z', { digits: { price: 3_000_000, volumeDecimals: 3 } }),
  ],
}

export const scenarios = { fewWeeks, wholeHistory, coinMargined, archivedYear } as const

/** Whether `name` is a scenario; narrows its type. */
export function isScenario(name: string): name is keyof typeof scenarios {
  return Object.hasOwn(scenarios, name)
}
