// The local exchange of the tests: a simulated Binance, as strict as the real one, on one address for all markets.
// It serves a computed market (market.ts), counts weight (limiter.ts) and fails on demand (faults.ts).
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Market } from '../../src/core/series.ts'
import { type ClockOption, exchangeClock } from './clock.ts'
import { answerControl } from './control.ts'
import { type Counts, type LogEntry, startCounter } from './counts.ts'
import {
  type Answer,
  checkParameters,
  type Endpoint,
  errorBody,
  Refusal,
  type Surroundings,
} from './endpoint.ts'
import { endpoints } from './endpoints.ts'
import { errorAnswer, type FaultKind, type Faults, faultChoice, garbled, type Hit } from './faults.ts'
import { type Limiter, SHORTEST_BAN_MS, startLimiter, type Verdict } from './limiter.ts'
import { startPageCache } from './page-cache.ts'
import type { SymbolSpec } from './symbol-spec.ts'
import { type Reply, send, sendCut, sendNothing } from './wire.ts'

/** All of it can be written as JSON, so that a process can be told the same. */
export type ExchangeOptions = {
  readonly symbols: readonly SymbolSpec[]
  readonly clock?: ClockOption
  /** Request weight a minute by market; Binance's own where it is not given. */
  readonly limits?: Partial<Record<Market, number>>
  /** Weight a minute that a foreign program spends on the same address. */
  readonly foreign?: Partial<Record<Market, number>>
  readonly banMs?: number
  /** Real milliseconds in which requests that were on their way when a 429 was sent are not punished for it; 50. */
  readonly graceMs?: number
  /** Answers gzip to those who accept it. */
  readonly gzip?: boolean
  readonly faults?: Faults
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
const GRACE_MS = 50
const SLOW_MS = 300
const RETRY_AFTER_SECONDS = 1
/** Idle connections are kept longer than any test takes, so that none is closed under a client that is about to use it. */
const KEEP_ALIVE_MS = 300_000
const HOST = '127.0.0.1'
const JSON_TYPE = 'application/json;charset=UTF-8'

const table = new Map(endpoints.map((endpoint) => [endpoint.path, endpoint]))

/** Starts an exchange on a free port of this machine (or the port given). Throws what listening throws. */
export async function startExchange(options: ExchangeOptions): Promise<LocalExchange> {
  const clock = exchangeClock(options.clock ?? 'real')
  const limiterOf = (market: Market): Limiter =>
    startLimiter({
      market,
      limit: options.limits?.[market] ?? binanceLimits[market],
      banMs: options.banMs ?? SHORTEST_BAN_MS,
      graceMs: options.graceMs ?? GRACE_MS,
      foreign: options.foreign?.[market] ?? 0,
    })
  const limiters = { spot: limiterOf('spot'), um: limiterOf('um'), cm: limiterOf('cm') }
  const bySymbol = new Map(options.symbols.map((spec) => [`${spec.market}/${spec.symbol}`, spec]))
  const around: Surroundings = {
    symbol: (market, symbol) => bySymbol.get(`${market}/${symbol}`),
    symbols: (market) => options.symbols.filter((spec) => spec.market === market),
    nowMs: clock.nowMs,
    weightLimit: (market) => limiters[market].limit,
    pages: startPageCache(),
  }
  const counter = startCounter()
  let faults = options.faults ?? {}
  let choose = faultChoice(faults)

  /** Decides on a request: what is answered, what it is noted as, and how it is sent. */
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    const url = new URL(request.url ?? '/', `http://${HOST}`)
    if (options.control && url.pathname.startsWith('/_rig/')) {
      void answerControl(exchange, url.pathname, request, response)
      return
    }
    const nowMs = clock.nowMs()
    const query = url.searchParams
    const endpoint = request.method === 'GET' ? table.get(url.pathname) : undefined
    const note = (status: number, weight: number, fault: FaultKind | null, rows = 0): void =>
      counter.note(
        { atMs: nowMs, path: url.pathname, query: url.search.slice(1), status, weight, fault },
        rows,
      )
    const gzip = options.gzip === true && (request.headers['accept-encoding'] ?? '').includes('gzip')
    if (!endpoint) {
      note(404, 0, null)
      send(response, notFound(request, url.pathname), gzip)
      return
    }
    const limiter = limiters[endpoint.market]
    const weight = endpoint.weight(query)
    const verdict = limiter.spend(weight, nowMs)
    if (verdict.kind !== 'served') {
      const reply = refused(endpoint.market, limiter.limit, verdict)
      note(reply.status, weight, null)
      send(response, reply, gzip)
      return
    }
    const hit =
      endpoint.faulty || faults.everywhere
        ? choose({ market: endpoint.market, path: url.pathname, query }, nowMs)
        : null
    const headers = {
      'x-mbx-used-weight-1m': String(verdict.used),
      'x-mbx-used-weight': String(verdict.used),
    }
    const reply = hit && (ownReply(hit, endpoint, limiter, nowMs) ?? null)
    if (reply) {
      note(reply.status, weight, hit.kind)
      send(response, { ...reply, headers: { ...headers, ...reply.headers } }, gzip)
      return
    }
    const { answer, status } = answerTo(endpoint, query, around)
    const whole: Reply = { status, headers: { 'content-type': JSON_TYPE, ...headers }, body: answer.body }
    if (!hit) {
      note(status, weight, null, answer.rows)
      send(response, whole, gzip)
      return
    }
    note(hit.kind === 'hang' || hit.kind === 'reset' ? 0 : status, weight, hit.kind)
    sendBroken(hit, response, whole, query, gzip)
  }

  const sendBroken = (
    hit: Hit,
    response: ServerResponse,
    whole: Reply,
    query: URLSearchParams,
    gzip: boolean,
  ): void => {
    if (hit.kind === 'hang') return
    if (hit.kind === 'reset') sendNothing(response)
    else if (hit.kind === 'cut') sendCut(response, whole)
    else if (hit.kind === 'slow') setTimeout(() => send(response, whole, gzip), faults.slowMs ?? SLOW_MS)
    else send(response, { ...whole, body: garbled(hit, textOf(whole.body), query) }, gzip)
  }

  const ownReply = (hit: Hit, endpoint: Endpoint, limiter: Limiter, nowMs: number): Reply | null => {
    const retryAfterSeconds = faults.retryAfterSeconds ?? RETRY_AFTER_SECONDS
    if (hit.kind === 'limit-429')
      return refused(endpoint.market, limiter.limit, limiter.refuse(nowMs, retryAfterSeconds))
    if (hit.kind === 'ban-418') return refused(endpoint.market, limiter.limit, limiter.ban(nowMs))
    const error = errorAnswer(hit.kind, nowMs)
    return error && { status: error.status, headers: { 'content-type': error.contentType }, body: error.body }
  }

  let server: Server = await listen(serve, options.port ?? 0)
  const port = portOf(server)
  const exchange: LocalExchange = {
    url: `http://${HOST}:${port}`,
    nowMs: clock.nowMs,
    setNowMs: clock.setNowMs,
    counts: () => counter.counts(limiters),
    resetCounts() {
      counter.reset()
      for (const limiter of Object.values(limiters)) limiter.resetCounts()
    },
    log: counter.log,
    setFaults(next) {
      faults = next
      choose = faultChoice(next)
    },
    down: () => close(server),
    async up() {
      if (!server.listening) server = await listen(serve, port)
    },
    stop: () => close(server),
  }
  return exchange
}

/** The answer of an endpoint, or its refusal as a body of Binance's. */
function answerTo(
  endpoint: Endpoint,
  query: URLSearchParams,
  around: Surroundings,
): { answer: Answer; status: number } {
  try {
    checkParameters(endpoint, query)
    return { answer: endpoint.answer(query, around), status: 200 }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { answer: { body: errorBody(error.code, error.message), rows: 0 }, status: error.status }
  }
}

function notFound(request: IncomingMessage, path: string): Reply {
  const html = (request.headers.accept ?? '').includes('text/html')
  const body = html
    ? '<html><body><h2>404 Not found</h2></body></html>'
    : errorBody(-5000, `Path ${path}, Method ${request.method} is invalid`)
  return { status: 404, headers: { 'content-type': html ? 'text/html' : JSON_TYPE }, body }
}

/** A 429 or a 418 in the words of its market (reference 6.3). */
function refused(market: Market, limit: number, verdict: Verdict): Reply {
  if (verdict.kind === 'served') throw new Error('a served request is not refused')
  const headers = { 'content-type': JSON_TYPE, 'retry-after': String(verdict.retryAfterSeconds) }
  const spot = market === 'spot'
  if (verdict.kind === 'banned') {
    const message = spot
      ? `Way too much request weight used; IP banned until ${verdict.untilMs}. Please use WebSocket Streams for live updates to avoid bans.`
      : `Way too many requests; IP(${HOST}) banned until ${verdict.untilMs}. Please use the websocket for live updates to avoid bans.`
    return { status: 418, headers, body: errorBody(-1003, message) }
  }
  const message = spot
    ? `Too much request weight used; current limit is ${limit} request weight per 1 MINUTE. Please use WebSocket Streams for live updates to avoid polling the API.`
    : `Too many requests; current limit of IP(${HOST}) is ${limit} requests per minute. Please use the websocket for live updates to avoid polling the API.`
  const used = { 'x-mbx-used-weight-1m': String(verdict.used), 'x-mbx-used-weight': String(verdict.used) }
  return { status: 429, headers: { ...headers, ...used }, body: errorBody(-1003, message) }
}

const textOf = (body: Reply['body']): string =>
  typeof body === 'string' ? body : Buffer.from(body).toString('latin1')

function listen(
  serve: (request: IncomingMessage, response: ServerResponse) => void,
  port: number,
): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer(serve)
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
