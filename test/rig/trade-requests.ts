// An exchange for the tests of the trades' endpoints: symbols with all that is odd about trades, a clock that
// stands still, and requests whose answers are read as text, so that ids stay exact.
import { RIG_API_KEY } from './api-key.ts'
import { aggTradesCsv, tradesCsv } from './archive-csv-trades.ts'
import { NO_LIMITS } from './bench.ts'
import { type LocalExchange, startExchange } from './exchange.ts'
import type { SymbolSpec } from './symbol-spec.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** Where the exchange's clock stands. */
export const NOW_MS = Date.parse('2024-03-22T10:00:30Z')
/** The first id, of raw trades and of aggregates, of ODDUSDT. */
export const FIRST_ID = '9200000000000000000'

const silent: SymbolSpec = {
  market: 'spot',
  symbol: 'SILENTUSDT',
  base: 'BTC',
  quote: 'USDT',
  listedAtMs: Date.parse('2024-01-01Z'),
}
/** Four aggregates a minute since the beginning of the year, on each market. */
export const spot: SymbolSpec = { ...silent, symbol: 'BTCUSDT', trades: { perMinute: 4 } }
export const um: SymbolSpec = { ...spot, market: 'um', digits: { volumeDecimals: 3 } }
export const cm: SymbolSpec = {
  ...spot,
  market: 'cm',
  symbol: 'BTCUSD_PERP',
  quote: 'USD',
  digits: { priceDecimals: 1, volume: 9_000, volumeDecimals: 0 },
}
/** Six hours of trades, one of them an outage; ids beyond 2^53, markers, and a jump of raw ids. */
export const odd: SymbolSpec = {
  ...spot,
  symbol: 'ODDUSDT',
  listedAtMs: NOW_MS - 6 * HOUR_MS,
  outages: [{ startMs: NOW_MS - 4 * HOUR_MS, endMs: NOW_MS - 3 * HOUR_MS }],
  trades: {
    perMinute: 20,
    firstId: FIRST_ID,
    firstAggId: FIRST_ID,
    markers: [FIRST_ID, '9200000000000000100', '9200000000000000101'],
    jumps: [{ after: '9200000000000000499', size: 77 }],
  },
}
const ended: SymbolSpec = { ...um, symbol: 'ENDEDUSDT', endsAtMs: NOW_MS - 40 * DAY_MS }

/** Starts an exchange with these symbols. */
export function startTradeExchange(): Promise<LocalExchange> {
  const symbols = [spot, odd, silent, um, ended, cm]
  return startExchange({ symbols, clock: { manualMs: NOW_MS }, graceMs: 0, limits: NO_LIMITS })
}

/** What stands behind `"name":` in each object of a page, as text. */
export const valuesOf = (page: string, name: string): string[] =>
  [...page.matchAll(new RegExp(`"${name}":"?([^",}]*)`, 'g'))].map((match) => match[1] ?? '')

const MOST_PAGES = 1_000

export type TradeRequests = {
  get(path: string, key?: string): Promise<Response>
  /** The body of a 200, asked for with a key. Throws for any other answer. */
  body(path: string): Promise<string>
  /** Status and body of a refusal. */
  refusal(path: string, key?: string): Promise<unknown>
  ids(path: string): Promise<string[]>
  times(path: string): Promise<number[]>
  /** All pages from `fromId` on, joined. */
  pages(path: string, fromId: string): Promise<string>
}

/** Requests to an exchange. */
export function tradeRequests(exchange: () => LocalExchange): TradeRequests {
  const get = (path: string, key?: string): Promise<Response> =>
    fetch(exchange().url + path, key === undefined ? {} : { headers: { 'X-MBX-APIKEY': key } })
  const body = async (path: string): Promise<string> => {
    const response = await get(path, RIG_API_KEY)
    const answer = await response.text()
    if (response.status !== 200) throw new Error(`${path}: ${response.status} ${answer}`)
    return answer
  }
  return {
    get,
    body,
    async refusal(path, key) {
      const response = await get(path, key)
      return { status: response.status, ...((await response.json()) as object) }
    },
    ids: async (path) => valuesOf(await body(path), '(?:a|id)'),
    times: async (path) => valuesOf(await body(path), '(?:T|time)').map(Number),
    async pages(path, fromId) {
      let next = fromId
      let joined = ''
      for (let turn = 0; turn < MOST_PAGES; turn += 1) {
        const page = await body(`${path}&fromId=${next}`)
        const last = valuesOf(page, '(?:a|id)').at(-1)
        if (last === undefined) return joined
        joined += page
        next = String(BigInt(last) + 1n)
      }
      throw new Error('the pages do not end')
    },
  }
}

type Render = typeof aggTradesCsv

/** The columns of each line of an archive of `span`, in milliseconds. */
function linesOf(render: Render, spec: SymbolSpec, span = { startMs: 0, endMs: NOW_MS }): string[][] {
  const text = [...render(spec, span, { microseconds: false })].join('')
  const lines = text.split('\n').slice(0, -1)
  return lines.map((line) => line.split(','))
}
export const aggregatesOf = (spec: SymbolSpec, span?: Parameters<Render>[1]): string[][] =>
  linesOf(aggTradesCsv, spec, span)
export const rawsOf = (spec: SymbolSpec, span?: Parameters<Render>[1]): string[][] =>
  linesOf(tradesCsv, spec, span)
