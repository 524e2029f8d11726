// The rig's market behind a fake network: answers the klines, the clock and the list of spot in this
// process, on a virtual clock, with latency and the faults that a test chooses.
import type { Period } from '../../src/core/series.ts'
import { isMember, periods } from '../../src/core/series.ts'
import type { World } from '../../src/world.ts'
import { pageBytes, type SymbolSpec } from './market.ts'
import { candleJson, readPage } from './page-bytes.ts'
import type { VirtualClock } from './virtual-clock.ts'

/** What may become of a request instead of its answer; thrown errors are the network's. */
export type Trouble = (url: URL, nowMs: number) => Response | Error | null

export type MarketNetworkOptions = {
  readonly specs: readonly SymbolSpec[]
  readonly clock: Pick<VirtualClock, 'nowMs' | 'wait'>
  /** How long an answer takes, in ms. */
  latencyMs(): number
  readonly trouble: Trouble
  /** The request weight a minute that the exchange says it allows; nothing where it is not given. */
  readonly weightLimit?: number
  /** When a candle of a period begins to be shown, epoch ms; 0 for at once. */
  shownMs?(symbol: string, period: Period, openMs: number): number
}

export type MarketNetwork = {
  readonly fetch: World['fetch']
  /** Kline requests so far. */
  pages(): number
}

const jsonHeaders = { 'content-type': 'application/json' }

/** A spot exchange that is one function. */
export function marketNetwork(options: MarketNetworkOptions): MarketNetwork {
  const { clock, specs } = options
  let pages = 0
  const fetch: World['fetch'] = async (address, init) => {
    const url = new URL(address)
    if (url.pathname === '/api/v3/klines') pages += 1
    const signal = init?.signal ?? undefined
    await clock.wait(options.latencyMs(), signal)
    const trouble = options.trouble(url, clock.nowMs())
    if (trouble instanceof Error) throw trouble
    if (trouble) return trouble
    if (url.pathname === '/api/v3/time') return json(JSON.stringify({ serverTime: clock.nowMs() }))
    if (url.pathname === '/api/v3/exchangeInfo') return json(listBody(specs, options.weightLimit))
    const body = klinesBody(options, specs, url.searchParams, clock.nowMs())
    await clock.wait(options.latencyMs(), signal)
    return json(body)
  }
  return { fetch, pages: () => pages }
}

function json(body: string): Response {
  const headers = { ...jsonHeaders, 'content-length': String(Buffer.byteLength(body)) }
  return new Response(body, { headers })
}

/** What exchangeInfo says of the symbols; which of them were asked for does not matter here. */
function listBody(specs: readonly SymbolSpec[], limit: number | undefined): string {
  const symbols = specs.map(({ symbol, base, quote, status = 'TRADING' }) => ({
    ...{ symbol, status, baseAsset: base, quoteAsset: quote },
  }))
  const minute = { rateLimitType: 'REQUEST_WEIGHT', interval: 'MINUTE', intervalNum: 1, limit }
  return JSON.stringify({ symbols, ...(limit === undefined ? {} : { rateLimits: [minute] }) })
}

function klinesBody(
  options: MarketNetworkOptions,
  specs: readonly SymbolSpec[],
  query: URLSearchParams,
  nowMs: number,
): string {
  const spec = specs.find(({ symbol }) => symbol === query.get('symbol'))
  const period = query.get('interval') ?? undefined
  if (!spec || !isMember(periods, period)) throw new Error(`the market has no ${query}`)
  const limit = Number(query.get('limit'))
  const wanted = {
    startMs: Number(query.get('startTime')),
    lastMs: Number(query.get('endTime')),
    // Room for the late candles that are left out.
    limit: limit + LATE_AT_MOST,
    newest: false,
  }
  const shown = readPage(pageBytes(spec, period, wanted, nowMs).body).filter(
    ({ openMs }) => (options.shownMs?.(spec.symbol, period, openMs) ?? 0) <= nowMs,
  )
  return `[${shown.slice(0, limit).map(candleJson)}]`
}

/** Candles of one answer that may be late. */
const LATE_AT_MOST = 10
