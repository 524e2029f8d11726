// A small world with every dataset in it, and the commands that fetch it: what the end-to-end tests of
// datasets share. Whatever is odd about a dataset is in its span: the time before the listing, outages, holes
// of mark prices, days of delivery, ids beyond 2^53 that jump, invalid markers, intervals that change, and an
// end in an unfinished candle.
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/core/calendar.ts'
import type { DatasetName, Market, Period } from '../../src/core/series.ts'
import { isoTime, type Span } from '../../src/core/span.ts'
import { deliveryMs } from './contracts.ts'
import type { Expectation } from './expectation.ts'
import type { SymbolSpec } from './symbol-spec.ts'

/** The exchange's clock: in the middle of a minute. */
export const WORLD_NOW_MS = Date.parse('2024-03-22T13:37:30Z')

/** Runs of a command, and what they must leave behind. */
export type DatasetCase = {
  readonly name: string
  readonly market: Market
  readonly dataset: DatasetName
  /** The command with its flags, without those of the database. */
  readonly words: readonly string[]
  readonly expected: readonly Expectation[]
}

const ms = (text: string): number => Date.parse(text)
const span = (start: string, end: string): Span => ({ startMs: ms(start), endMs: ms(end) })

/** A page of futures holds 499 minutes: these are longer, and shorter. */
const markHoles = [
  span('2024-03-21T14:00Z', '2024-03-21T23:10Z'),
  span('2024-03-22T06:05Z', '2024-03-22T06:52Z'),
]
const spotOutages = [span('2024-03-22T01:00Z', '2024-03-22T03:30Z')]

type Rest = Partial<Omit<SymbolSpec, 'market' | 'symbol'>>

function symbolOf(market: Market, symbol: string, listedAt: string, rest: Rest = {}): SymbolSpec {
  const quote = market === 'cm' ? 'USD' : 'USDT'
  const endsAtMs = deliveryMs(symbol)
  return {
    market,
    symbol,
    base: symbol.slice(0, symbol.indexOf(quote)),
    quote,
    listedAtMs: ms(listedAt),
    ...(endsAtMs === null ? {} : { endsAtMs }),
    ...rest,
  }
}

const ether = { price: 180_000, priceDecimals: 2, volume: 9_876 }
const tether = { price: 3_000_000, volumeDecimals: 3 }
/** The last id but 60,000 that 63 bits have room for, and one that leaves 2^53 behind on its way. */
const LATE_ID = '9223372036854715807'
const LEAVING_ID = '9007199254740700'

/** Listed in the span, out for two hours and a half, with markers at the edges of pages and in a row. */
export const spotTrades = symbolOf('spot', 'TRADEUSDT', '2024-03-21T17:13Z', {
  outages: spotOutages,
  trades: {
    perMinute: 3,
    firstId: LEAVING_ID,
    firstAggId: LATE_ID,
    markers: [0, 1, 999, 1_000, 1_001, 1_500, 2_719].map((after) => String(BigInt(LATE_ID) + BigInt(after))),
    jumps: [
      { after: String(BigInt(LEAVING_ID) + 400n), size: 3 },
      { after: String(BigInt(LEAVING_ID) + 999n), size: 250 },
      { after: String(BigInt(LEAVING_ID) + 2_600n), size: 1 },
    ],
  },
})

/** Busy for a day, and quiet for a month. */
const futuresTrades = (
  market: 'um' | 'cm',
  symbol: string,
  listedAt: string,
  perMinute: number,
): SymbolSpec =>
  symbolOf(market, symbol, listedAt, {
    ...(market === 'um' ? { digits: tether } : {}),
    trades: {
      perMinute,
      firstId: market === 'um' ? LEAVING_ID : 5_266_583_935,
      firstAggId: LATE_ID,
      jumps: [{ after: market === 'um' ? String(BigInt(LEAVING_ID) + 21_000n) : 5_266_604_935, size: 7 }],
    },
  })
export const umBusy = futuresTrades('um', 'TRADEUSDT', '2024-03-18T08:00Z', 2)
export const cmBusy = futuresTrades('cm', 'TRADEUSD_PERP', '2024-03-18T08:00Z', 2)
export const umQuiet = futuresTrades('um', 'QUIETUSDT', '2023-09-01T08:00Z', 0.05)
export const cmQuiet = futuresTrades('cm', 'QUIETUSD_PERP', '2023-09-01T08:00Z', 0.05)

/** Perpetual, delivered an hour and a half after midnight's noon, and settled while flat candles go on. */
const coinContracts = [
  symbolOf('cm', 'BTCUSD_PERP', '2022-12-10T07:00Z', { markHoles }),
  symbolOf('cm', 'BTCUSD_240322', '2024-03-21T20:10Z'),
  symbolOf('cm', 'LTCUSD_PERP', '2023-04-01T07:00Z', {
    digits: ether,
    status: 'SETTLING',
    endsAtMs: ms('2024-03-22T02:30Z'),
  }),
]
const umContracts = [
  symbolOf('um', 'BTCUSDT', '2022-12-08T17:57Z', { digits: tether, markHoles }),
  symbolOf('um', 'BTCUSDT_240322', '2024-03-21T20:10Z', { digits: tether }),
  symbolOf('um', 'AGIXUSDT', '2023-02-10T14:00Z', {
    digits: { price: 7_009_000, priceDecimals: 7, volumeDecimals: 0 },
    status: 'SETTLING',
    endsAtMs: ms('2024-03-22T02:30Z'),
  }),
]

/** Eight hours, then four, then one, and back: with extra rates beside and between the others. */
export const umFunding = symbolOf('um', 'RATEUSDT', '2023-10-29T11:00Z', {
  digits: tether,
  funding: {
    intervals: [
      { fromMs: ms('2023-11-10T00:00Z'), hours: 4 },
      { fromMs: ms('2023-11-20T00:00Z'), hours: 1 },
      { fromMs: ms('2023-12-10T00:00Z'), hours: 8 },
    ],
    specials: [
      { atMs: ms('2023-11-05T08:00Z'), offsetMs: 0 },
      { atMs: ms('2023-11-25T16:00Z'), offsetMs: 61_000 },
      { atMs: ms('2024-03-22T08:00Z'), offsetMs: 0 },
    ],
  },
})
const umSettled = symbolOf('um', 'GONEUSDT', '2023-11-01T09:30Z', {
  digits: tether,
  status: 'SETTLING',
  endsAtMs: ms('2024-02-03T04:00Z'),
})
const cmFunding = symbolOf('cm', 'RATEUSD_PERP', '2023-08-10T07:00Z')

export const worldSymbols: readonly SymbolSpec[] = [
  ...[spotTrades, umBusy, cmBusy, umQuiet, cmQuiet],
  ...[...coinContracts, ...umContracts],
  ...[umFunding, umSettled, cmFunding],
]

type Candles = 'klines' | 'mark-price-klines' | 'index-price-klines' | 'premium-index-klines'

/** Begins before two of the symbols, and before the first of all on long periods. */
const minutes: Span = { startMs: ms('2024-03-21T12:17Z'), endMs: WORLD_NOW_MS }
const years: Span = { startMs: ms('2022-06-01T00:00Z'), endMs: WORLD_NOW_MS }

function candleCase(
  market: 'um' | 'cm',
  dataset: Candles,
  periods: readonly Period[],
  of: Span,
): DatasetCase {
  const contracts = market === 'um' ? umContracts : coinContracts
  // The index is that of a pair, which its perpetual contract speaks for.
  const specs = dataset === 'index-price-klines' ? contracts.filter((_, i) => i !== 1) : contracts
  const names = specs.map(({ symbol }) =>
    dataset === 'index-price-klines' ? symbol.replace('_PERP', '') : symbol,
  )
  const flags = [
    '--market',
    market,
    '--dataset',
    dataset,
    '--symbols',
    names.join(),
    '--period',
    periods.join(),
  ]
  return {
    name: `${market} ${dataset} ${periods.join()}`,
    market,
    dataset,
    words: ['klines', ...flags, '--start', isoTime(of.startMs)],
    expected: specs.flatMap((spec) =>
      periods.map((period) => ({ spec, dataset, period, spans: [of], closedBeforeMs: WORLD_NOW_MS })),
    ),
  }
}

function otherCase(
  command: 'funding' | 'trades',
  dataset: 'funding' | 'trades' | 'agg-trades',
  specs: readonly SymbolSpec[],
  of: Span,
): DatasetCase {
  const market = specs[0]?.market ?? 'um'
  const kind = command === 'trades' ? ['--kind', dataset === 'trades' ? 'raw' : 'agg'] : []
  const names = specs.map(({ symbol }) => symbol).join()
  const range = [
    '--start',
    isoTime(of.startMs),
    ...(of.endMs < WORLD_NOW_MS ? ['--end', isoTime(of.endMs)] : []),
  ]
  return {
    name: `${market} ${dataset} of ${names}`,
    market,
    dataset,
    words: [command, '--market', market, ...kind, '--symbols', names, ...range],
    expected: specs.map((spec) => ({ spec, dataset, spans: [of], closedBeforeMs: lastMinuteMs })),
  }
}

/** What has no period is fetched up to the last full minute. */
const lastMinuteMs = Math.floor(WORLD_NOW_MS / MINUTE_MS) * MINUTE_MS
const since = (backMs: number): Span => ({ startMs: lastMinuteMs - backMs, endMs: WORLD_NOW_MS })

const prices = ['mark-price-klines', 'index-price-klines', 'premium-index-klines'] as const

/** Every dataset on every market that has it, in minutes where there is a period. */
export const datasetCases: readonly DatasetCase[] = [
  candleCase('cm', 'klines', ['1m'], minutes),
  ...prices.flatMap((dataset) => [
    candleCase('um', dataset, ['1m'], minutes),
    candleCase('cm', dataset, ['1m'], minutes),
  ]),
  otherCase('funding', 'funding', [umFunding, umSettled], {
    startMs: ms('2023-10-01T00:00Z'),
    endMs: WORLD_NOW_MS,
  }),
  otherCase('funding', 'funding', [cmFunding], { startMs: ms('2023-06-01T00:00Z'), endMs: WORLD_NOW_MS }),
  otherCase('trades', 'agg-trades', [spotTrades], { startMs: ms('2024-03-21T12:00Z'), endMs: WORLD_NOW_MS }),
  otherCase('trades', 'agg-trades', [umBusy], since(23 * HOUR_MS)),
  otherCase('trades', 'agg-trades', [cmBusy], since(23 * HOUR_MS)),
  otherCase('trades', 'trades', [spotTrades], { startMs: ms('2024-03-21T12:00Z'), endMs: WORLD_NOW_MS }),
  otherCase('trades', 'trades', [umQuiet], since(28 * DAY_MS)),
  otherCase('trades', 'trades', [cmQuiet], since(28 * DAY_MS)),
]

/** Days and more over years, longer than the windows that COIN-M answers. */
export const longCases: readonly DatasetCase[] = [
  candleCase('cm', 'klines', ['1d', '3d', '1w', '1M'], years),
  candleCase('cm', 'mark-price-klines', ['1d'], years),
  candleCase('cm', 'index-price-klines', ['1w'], years),
  candleCase('cm', 'premium-index-klines', ['1M'], years),
  candleCase('um', 'mark-price-klines', ['1d', '1M'], years),
]
