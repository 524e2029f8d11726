// One request at the local exchange: limits first, then faults, then the answer, in the order in which the
// real one decides. The state that this needs is handed in as a desk, so that exchange.ts keeps only what
// lives and dies.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Market } from '../../src/core/series.ts'
import { checkApiKey } from './api-key.ts'
import { type ArchiveChoice, archiveChoice } from './archive-rules.ts'
import type { Shelf } from './archive-shelf.ts'
import type { Counter } from './counts.ts'
import {
  type Answer,
  checkParameters,
  type Endpoint,
  errorBody,
  Refusal,
  type Surroundings,
} from './endpoint.ts'
import { endpoints } from './endpoints.ts'
import {
  errorAnswer,
  type FaultChoice,
  type FaultKind,
  type Faults,
  faultChoice,
  garbled,
  type Hit,
} from './faults.ts'
import type { Limiter, Verdict } from './limiter.ts'
import { type Reply, send, sendCut, sendNothing } from './wire.ts'

export type Desk = {
  readonly around: Surroundings
  readonly limiters: Readonly<Record<Market, Limiter>>
  /** The bucket of requests for funding rates of USD-M. */
  readonly funding: Limiter
  readonly counter: Counter
  readonly gzip: boolean
  readonly shelf: Shelf
} & FaultyDesk

/** What is exchanged when the faults are. */
export type FaultyDesk = { faults: Faults; choose: FaultChoice; chooseOfArchives: ArchiveChoice }

/** The part of a desk that follows from its faults. */
export function faultyDesk(faults: Faults): FaultyDesk {
  const chooseOfArchives = archiveChoice(faults.archives ?? {}, faults)
  return { faults, choose: faultChoice(faults), chooseOfArchives }
}

export const HOST = '127.0.0.1'
const JSON_TYPE = 'application/json;charset=UTF-8'
const SLOW_MS = 300
const RETRY_AFTER_SECONDS = 1
/** A status that no answer of the exchange has: the rig itself is broken. */
const DEFECT_STATUS = 599

const table = new Map(endpoints.map((endpoint) => [endpoint.path, endpoint]))

/** What is known of a request while it is served. */
type Call = {
  readonly desk: Desk
  readonly url: URL
  readonly response: ServerResponse
  readonly nowMs: number
  readonly gzip: boolean
  readonly apiKey: unknown
}

/** Answers one request, or fails it as the faults say. */
export function serve(desk: Desk, url: URL, request: IncomingMessage, response: ServerResponse): void {
  const accepted = request.headers['accept-encoding'] ?? ''
  const gzip = desk.gzip && accepted.includes('gzip')
  const apiKey = request.headers['x-mbx-apikey']
  const call: Call = { desk, url, response, nowMs: desk.around.nowMs(), gzip, apiKey }
  response.setHeader('date', new Date(call.nowMs).toUTCString())
  const endpoint = request.method === 'GET' ? table.get(url.pathname) : undefined
  try {
    if (geoBlocks(desk.faults, url.pathname)) finish(call, geoBlocked(call.nowMs), 0, 'geo-block-451')
    else if (endpoint) serveEndpoint(call, endpoint)
    else finish(call, notFound(request, url.pathname), 0, null)
  } catch (error) {
    console.error('defect of the rig:', error)
    finish(call, { status: DEFECT_STATUS, headers: {}, body: String(error) }, 0, null)
  }
}

const marketRoots = { spot: '/api/', um: '/fapi/', cm: '/dapi/' } as const

const geoBlocks = (faults: Faults, path: string): boolean =>
  faults.geoBlocked?.some((market) => path.startsWith(marketRoots[market])) === true

function geoBlocked(nowMs: number): Reply {
  const error = errorAnswer('geo-block-451', nowMs)
  return { status: 451, headers: { 'content-type': JSON_TYPE }, body: error?.body ?? '' }
}

function serveEndpoint(call: Call, endpoint: Endpoint): void {
  const { desk, nowMs, url } = call
  const query = url.searchParams
  const limiter = desk.limiters[endpoint.market]
  const weight = endpoint.weight(query)
  const verdict = limiter.spend(weight, nowMs)
  if (verdict.kind !== 'served') {
    finish(call, refused(endpoint.market, limiter.limit, verdict), weight, null)
    return
  }
  const emptied = endpoint.bucket && emptyBucket(call, limiter, verdict.used)
  if (emptied) {
    finish(call, emptied, weight, null)
    return
  }
  const hit =
    endpoint.faulty || desk.faults.everywhere
      ? desk.choose({ market: endpoint.market, path: url.pathname, query }, nowMs)
      : null
  const used = usedHeaders(verdict.used)
  const own = hit && ownReply(desk, hit, endpoint.market, nowMs)
  if (own) {
    finish(call, { ...own, headers: { ...used, ...own.headers } }, weight, hit.kind)
    return
  }
  const { answer, status } = answerTo(endpoint, call)
  const whole: Reply = { status, headers: { 'content-type': JSON_TYPE, ...used }, body: answer.body }
  if (hit) sendBroken(call, hit, whole, weight)
  else finish(call, whole, weight, null, answer.rows)
}

/** Takes a request from the bucket of funding rates; the refusal when there is none left. */
function emptyBucket({ desk, nowMs }: Call, limiter: Limiter, used: number): Reply | null {
  const { funding } = desk
  const verdict = funding.spend(1, nowMs)
  if (verdict.kind === 'served') return null
  // Whoever goes on regardless is banned from the whole market, as for its weight.
  if (verdict.kind === 'banned') return refused('um', limiter.limit, limiter.ban(nowMs))
  return refused('um', funding.limit, { ...verdict, used }, '5 minutes')
}

const usedHeaders = (used: number): Record<string, string> => ({
  'x-mbx-used-weight-1m': String(used),
  'x-mbx-used-weight': String(used),
})

function note(call: Call, status: number, weight: number, fault: FaultKind | null, rows = 0): void {
  const { desk, nowMs, url } = call
  const query = url.search.slice(1)
  desk.counter.note({ atMs: nowMs, path: url.pathname, query, status, weight, fault }, rows)
}

function finish(call: Call, reply: Reply, weight: number, fault: FaultKind | null, rows = 0): void {
  note(call, reply.status, weight, fault, rows)
  send(call.response, reply, call.gzip)
}

/** Sends an answer as its fault leaves it: not at all, late, in part, or with another body. */
function sendBroken(call: Call, hit: Hit, whole: Reply, weight: number): void {
  const { desk, response, gzip, url } = call
  note(call, hit.kind === 'hang' || hit.kind === 'reset' ? 0 : whole.status, weight, hit.kind)
  if (hit.kind === 'hang') return
  if (hit.kind === 'reset') sendNothing(response)
  else if (hit.kind === 'cut') sendCut(response, whole)
  else if (hit.kind === 'slow') setTimeout(() => send(response, whole, gzip), desk.faults.slowMs ?? SLOW_MS)
  else send(response, { ...whole, body: garbled(hit, textOf(whole.body), url.searchParams) }, gzip)
}

/**
 * The answer of the faults that have one of their own. A 429 or 418 by fault binds the limiter like a real
 * one.
 */
function ownReply(desk: Desk, hit: Hit, market: Market, nowMs: number): Reply | null {
  const limiter = desk.limiters[market]
  const retryAfterSeconds = desk.faults.retryAfterSeconds ?? RETRY_AFTER_SECONDS
  if (hit.kind === 'limit-429')
    return refused(market, limiter.limit, limiter.refuse(nowMs, retryAfterSeconds))
  if (hit.kind === 'ban-418') return refused(market, limiter.limit, limiter.ban(nowMs))
  const error = errorAnswer(hit.kind, nowMs)
  return error && { status: error.status, headers: { 'content-type': error.contentType }, body: error.body }
}

/** The answer of an endpoint, or its refusal as a body of Binance's. */
function answerTo(endpoint: Endpoint, call: Call): { answer: Answer; status: number } {
  const query = call.url.searchParams
  try {
    if (endpoint.keyed) checkApiKey(call.apiKey)
    checkParameters(endpoint, query)
    return { answer: endpoint.answer(query, call.desk.around), status: 200 }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { answer: { body: errorBody(error.code, error.message), rows: 0 }, status: error.status }
  }
}

function notFound(request: IncomingMessage, path: string): Reply {
  const html = (request.headers.accept ?? '').includes('text/html')
  const message = `Path ${path}, Method ${request.method} is invalid`
  const body = html ? '<html><body><h2>404 Not found</h2></body></html>' : errorBody(-5000, message)
  return { status: 404, headers: { 'content-type': html ? 'text/html' : JSON_TYPE }, body }
}

/** A 429 or a 418 in the words of its market (reference 6.3). */
function refused(market: Market, limit: number, verdict: Verdict, window = 'minute'): Reply {
  if (verdict.kind === 'served') throw new Error('a served request is not refused')
  const headers = { 'content-type': JSON_TYPE, 'retry-after': String(verdict.retryAfterSeconds) }
  const spot = market === 'spot'
  const stream = spot ? 'Please use WebSocket Streams' : 'Please use the websocket'
  if (verdict.kind === 'banned') {
    const what = spot ? 'Way too much request weight used; IP' : `Way too many requests; IP(${HOST})`
    const message = `${what} banned until ${verdict.untilMs}. ${stream} for live updates to avoid bans.`
    return { status: 418, headers, body: errorBody(-1003, message) }
  }
  const what = spot
    ? `Too much request weight used; current limit is ${limit} request weight per 1 MINUTE.`
    : `Too many requests; current limit of IP(${HOST}) is ${limit} requests per ${window}.`
  const body = errorBody(-1003, `${what} ${stream} for live updates to avoid polling the API.`)
  return { status: 429, headers: { ...headers, ...usedHeaders(verdict.used) }, body }
}

const textOf = (body: Reply['body']): string =>
  typeof body === 'string' ? body : Buffer.from(body).toString('latin1')
