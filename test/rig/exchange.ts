// The local exchange of the tests: a simulated Binance, as strict as the real one, on one address for all
// markets. It serves a computed market (market.ts), counts weight (limiter.ts) and fails on demand
// (faults.ts).
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Market } from '../../src/core/series.ts'
import { type ArchiveOptions, startShelf } from './archive-shelf.ts'
import { type ClockOption, exchangeClock } from './clock.ts'
import { answerControl } from './control.ts'
import { type Counts, type LogEntry, startCounter } from './counts.ts'
import type { Surroundings } from './endpoint.ts'
import type { Faults } from './faults.ts'
import { type Limiter, SHORTEST_BAN_MS, startLimiter } from './limiter.ts'
import { startPageCache } from './page-cache.ts'
import { type Desk, faultyDesk, HOST, serve } from './serve.ts'
import { isOfArchives, serveArchives } from './serve-archives.ts'
import type { SymbolSpec } from './symbol-spec.ts'

/** All of it can be written as JSON, so that a process can be told the same. */
export type ExchangeOptions = {
  readonly symbols: readonly SymbolSpec[]
  readonly clock?: ClockOption
  /** Request weight a minute by market; Binance's own where it is not given. */
  readonly limits?: Partial<Record<Market, number>>
  /** Weight a minute that a foreign program spends on the same address. */
  readonly foreign?: Partial<Record<Market, number>>
  /** Requests to the funding bucket of USD-M in five minutes; Binance's own where it is not given. */
  readonly fundingLimit?: number
  /** How long the first ban lasts; two minutes where it is not given. */
  readonly banMs?: number
  /** Real milliseconds after a 429 in which requests may have been on their way, and are not punished; 50. */
  readonly graceMs?: number
  /** Answers gzip to those who accept it. */
  readonly gzip?: boolean
  readonly faults?: Faults
  /** The bulk archives: BINANCE_ARCHIVE_URL is `url` + /archive, BINANCE_ARCHIVE_LISTING_URL + /listing. */
  readonly archives?: ArchiveOptions
  readonly port?: number
  /** Answers /_rig/ (control.ts) too. */
  readonly control?: boolean
}

export type LocalExchange = {
  readonly url: string
  nowMs(): number
  setNowMs(nowMs: number): void
  counts(): Counts
  resetCounts(): void
  /** The last requests, oldest first. */
  log(): readonly LogEntry[]
  setFaults(faults: Faults): void
  /** Refuses every connection until `up`, which listens on the same port again. */
  down(): Promise<void>
  up(): Promise<void>
  stop(): Promise<void>
}

const binanceLimits = { spot: 6_000, um: 2_400, cm: 2_400 } as const
/** Requests to fundingRate and fundingInfo of USD-M in five minutes (reference 4). */
const FUNDING_LIMIT = 500
const FUNDING_WINDOW_MS = 300_000
const GRACE_MS = 50
/**
 * Longer than any test takes, so that no idle connection is closed under a client that is about to use it.
 */
const KEEP_ALIVE_MS = 300_000

/** Starts an exchange on a free port of this machine (or the port given). Throws what listening throws. */
export async function startExchange(options: ExchangeOptions): Promise<LocalExchange> {
  const clock = exchangeClock(options.clock ?? 'real')
  const desk = deskOf(options, clock.nowMs)
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const url = new URL(request.url ?? '/', `http://${HOST}`)
    if (options.control && url.pathname.startsWith('/_rig/')) {
      void answerControl(exchange, url.pathname, request, response)
    } else if (isOfArchives(url.pathname)) {
      void serveArchives(desk, url, request, response)
    } else {
      serve(desk, url, request, response)
    }
  }
  let server: Server = await listen(answer, options.port ?? 0)
  const port = portOf(server)
  const exchange: LocalExchange = {
    url: `http://${HOST}:${port}`,
    nowMs: clock.nowMs,
    setNowMs: clock.setNowMs,
    counts: () => desk.counter.counts(desk.limiters, desk.funding),
    resetCounts() {
      desk.counter.reset()
      for (const limiter of [...Object.values(desk.limiters), desk.funding]) limiter.resetCounts()
    },
    log: desk.counter.log,
    setFaults(faults) {
      Object.assign(desk, faultyDesk(faults))
    },
    down: () => close(server),
    async up() {
      if (!server.listening) server = await listen(answer, port)
    },
    stop: () => close(server),
  }
  return exchange
}

function deskOf(options: ExchangeOptions, nowMs: () => number): Desk {
  const punishment = { banMs: options.banMs ?? SHORTEST_BAN_MS, graceMs: options.graceMs ?? GRACE_MS }
  const limiterOf = (market: Market): Limiter =>
    startLimiter({
      market,
      limit: options.limits?.[market] ?? binanceLimits[market],
      ...punishment,
      foreign: options.foreign?.[market] ?? 0,
    })
  const fundingLimit = options.fundingLimit ?? FUNDING_LIMIT
  const funding = startLimiter({
    market: 'um',
    limit: fundingLimit,
    windowMs: FUNDING_WINDOW_MS,
    ...punishment,
    foreign: 0,
  })
  const limiters = { spot: limiterOf('spot'), um: limiterOf('um'), cm: limiterOf('cm') }
  const bySymbol = new Map(options.symbols.map((spec) => [`${spec.market}/${spec.symbol}`, spec]))
  const around: Surroundings = {
    symbol: (market, symbol) => bySymbol.get(`${market}/${symbol}`),
    symbols: (market) => options.symbols.filter((spec) => spec.market === market),
    nowMs,
    weightLimit: (market) => limiters[market].limit,
    pages: startPageCache(),
  }
  const shelf = startShelf(options.symbols, options.archives)
  const desk = { around, limiters, funding, counter: startCounter(), gzip: options.gzip === true, shelf }
  return { ...desk, ...faultyDesk(options.faults ?? {}) }
}

function listen(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  port: number,
): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer(answer)
    server.keepAliveTimeout = KEEP_ALIVE_MS
    server.once('error', reject)
    server.listen(port, HOST, () => resolve(server))
  })
}

function portOf(server: Server): number {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the exchange listens on no port')
  return address.port
}

/** Closes the port and every connection. */
function close(server: Server): Promise<void> {
  if (!server.listening) return Promise.resolve()
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
