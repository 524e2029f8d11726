// Faults of the exchange, chosen by seed and request, so that the same run meets the same faults whatever
// the order of its workers. A retry of a request draws anew. wire.ts does to the connection what is chosen
// here.
import type { Market, Period } from '../../src/core/series.ts'
import type { ArchiveFaults } from './archive-rules.ts'
import { errorBody } from './endpoint.ts'
import { garbledObjects, isPageOfObjects } from './garbled-objects.ts'

/**
 * What can go wrong. `reset` closes the connection before the answer: where it was a kept one, Bun's fetch
 * asks again by itself, once and silently, so that a client may see fewer resets (and spend more weight)
 * than were counted here.
 */
export const faultKinds = [
  'error-500',
  'error-503',
  'overloaded',
  'timeout-408',
  'bad-request-400',
  'blocked-403',
  'geo-block-451',
  'limit-429',
  'ban-418',
  'cut',
  'reset',
  'hang',
  'slow',
  'html',
  'half-json',
  'wrong-types',
  'doubled-rows',
  'unordered-rows',
  'foreign-rows',
  'missing-rows',
] as const
export type FaultKind = (typeof faultKinds)[number]

/**
 * A fault that always hits: requests whose startTime lies in [fromMs, toMs), of the market, path, symbol
 * and period named.
 */
export type FaultRule = {
  readonly kind: FaultKind
  readonly market?: Market
  /** How the path ends: `/aggTrades`. */
  readonly path?: string
  readonly symbol?: string
  readonly period?: Period
  readonly fromMs?: number
  readonly toMs?: number
  /** Over when the exchange's clock has reached this time: a late candle is `missing-rows` with an end. */
  readonly untilMs?: number
  /** Over when it has hit this often. */
  readonly times?: number
}

export type Faults = {
  readonly seed?: number
  /** The part of requests (0 to 1) that each kind hits. */
  readonly rates?: Partial<Record<FaultKind, number>>
  /** Rules go before rates; the first that fits hits. */
  readonly refuse?: readonly FaultRule[]
  /** Real milliseconds that `slow` waits. */
  readonly slowMs?: number
  /** What `limit-429` says in Retry-After. */
  readonly retryAfterSeconds?: number
  /** Hits /ping, /time and /exchangeInfo too. */
  readonly everywhere?: boolean
  /** The hosts of these markets answer 451 to everything (reference 1); the archives go on. */
  readonly geoBlocked?: readonly Market[]
  /** Faults of the archives (archive-rules.ts). */
  readonly archives?: ArchiveFaults
}

/** What is hit, and by what. */
export type Target = { readonly market: Market; readonly path: string; readonly query: URLSearchParams }
export type Hit = { readonly kind: FaultKind; readonly rule: FaultRule | null }
export type FaultChoice = (target: Target, nowMs: number) => Hit | null

/** Requests whose attempts are remembered; beyond, counting begins anew. */
const REQUESTS_REMEMBERED = 100_000

/** A chooser with its own memory of attempts and of how often each rule has hit. */
export function faultChoice(faults: Faults): FaultChoice {
  const attempts = new Map<string, number>()
  const hits = new Map<FaultRule, number>()
  const rates = Object.entries(faults.rates ?? {}) as [FaultKind, number][]
  return (target, nowMs) => {
    for (const rule of faults.refuse ?? []) {
      const hit = hits.get(rule) ?? 0
      if (hit >= (rule.times ?? Infinity) || nowMs >= (rule.untilMs ?? Infinity) || !fits(rule, target))
        continue
      hits.set(rule, hit + 1)
      return { kind: rule.kind, rule }
    }
    if (rates.length === 0) return null
    const request = `${target.path}?${target.query}`
    const attempt = (attempts.get(request) ?? 0) + 1
    if (attempts.size >= REQUESTS_REMEMBERED) attempts.clear()
    attempts.set(request, attempt)
    let draw = Bun.hash.murmur32v3(`${faults.seed ?? 1}/${attempt}/${request}`) / 2 ** 32
    for (const [kind, rate] of rates) {
      if (draw < rate) return { kind, rule: null }
      draw -= rate
    }
    return null
  }
}

function fits(rule: FaultRule, { market, path, query }: Target): boolean {
  if (rule.market !== undefined && rule.market !== market) return false
  if (rule.path !== undefined && !path.endsWith(rule.path)) return false
  if (rule.symbol !== undefined && rule.symbol !== (query.get('symbol') ?? query.get('pair'))) return false
  if (rule.period !== undefined && rule.period !== query.get('interval')) return false
  // Rows that are missing are missing from every page; anything else hits the request for the span.
  if (rule.kind === 'missing-rows' || (rule.fromMs === undefined && rule.toMs === undefined)) return true
  const start = query.get('startTime')
  const startMs = start === null ? Number.NaN : Number(start)
  return startMs >= (rule.fromMs ?? -Infinity) && startMs < (rule.toMs ?? Infinity)
}

export type ErrorAnswer = { readonly status: number; readonly contentType: string; readonly body: string }

const JSON_TYPE = 'application/json;charset=UTF-8'
const HTML_TYPE = 'text/html'
const cloudFront =
  '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN" "http://www.w3.org/TR/html4/loose.dtd">\n' +
  '<HTML><HEAD><TITLE>ERROR: The request could not be satisfied</TITLE></HEAD>' +
  '<BODY><H1>403 ERROR</H1><H2>The request could not be satisfied.</H2>' +
  'Generated by cloudfront (CloudFront)</BODY></HTML>'
const geoBlock =
  'Service unavailable from a restricted location according to ' +
  "'b. Eligibility' in https://www.binance.com/en/terms. Please contact customer service if you believe " +
  'you received this message in error.'
const texts503 = [
  errorBody(-1000, 'Unknown error, please check your request or try again later.'),
  errorBody(-1000, 'Service Unavailable.'),
  errorBody(-1001, 'Internal error; unable to process your request. Please try again.'),
] as const

/**
 * The whole answer of the faults that are an HTTP answer of their own; null for those that change another
 * one.
 */
export function errorAnswer(kind: FaultKind, nowMs: number): ErrorAnswer | null {
  const json = (status: number, body: string): ErrorAnswer => ({ status, contentType: JSON_TYPE, body })
  switch (kind) {
    case 'error-500':
      return json(500, errorBody(-1000, 'An unknown error occurred while processing the request.'))
    case 'error-503':
      return json(503, texts503[nowMs % texts503.length] ?? texts503[0])
    case 'overloaded':
      return json(
        503,
        errorBody(
          -1008,
          'Server is currently overloaded with other requests. Please try again in a few minutes.',
        ),
      )
    case 'timeout-408':
      return json(
        408,
        errorBody(
          -1007,
          'Timeout waiting for response from backend server. Send status unknown; execution status unknown.',
        ),
      )
    case 'bad-request-400':
      return json(400, errorBody(-1130, "Data sent for parameter 'startTime' is not valid."))
    case 'blocked-403':
      return { status: 403, contentType: HTML_TYPE, body: cloudFront }
    case 'geo-block-451':
      return json(451, errorBody(0, geoBlock))
    case 'html':
      return { status: 200, contentType: HTML_TYPE, body: '<html><body>Bad gateway</body></html>' }
    case 'limit-429':
    case 'ban-418':
    case 'cut':
    case 'reset':
    case 'hang':
    case 'slow':
    case 'half-json':
    case 'wrong-types':
    case 'doubled-rows':
    case 'unordered-rows':
    case 'foreign-rows':
    case 'missing-rows':
      return null
  }
}

type Row = (string | number)[]

/**
 * A body as the fault garbles it. Bodies that are no page of rows, or too short to garble so, come back as
 * they are.
 */
export function garbled(hit: Hit, body: string, query: URLSearchParams): string {
  if (hit.kind === 'half-json') return body.slice(0, Math.max(1, Math.floor(body.length / 2)))
  if (isPageOfObjects(body)) return garbledObjects(hit.kind, hit.rule, body, query)
  const rows: unknown = JSON.parse(body)
  if (!Array.isArray(rows)) return body
  return JSON.stringify(garbledRows(hit, rows as Row[], query))
}

function garbledRows({ kind, rule }: Hit, rows: Row[], query: URLSearchParams): Row[] {
  const middle = Math.floor(rows.length / 2)
  const row = rows[middle]
  if (!row) return rows
  switch (kind) {
    case 'wrong-types':
      return rows.with(
        middle,
        row.map((value) => (typeof value === 'string' ? Number(value) : String(value))),
      )
    case 'doubled-rows':
      return rows.toSpliced(middle, 0, row)
    case 'unordered-rows':
      return rows.length < 2 ? rows : [...rows.slice(1), ...rows.slice(0, 1)]
    case 'foreign-rows':
      return withForeignRow(rows, query)
    case 'missing-rows':
      return rows.filter((each) => !isIn(rule, Number(each[0])))
    default:
      return rows
  }
}

/** A row from before the request's startTime, in front: the first row, one page earlier. */
function withForeignRow(rows: Row[], query: URLSearchParams): Row[] {
  const [first] = rows
  const startMs = Number(query.get('startTime') ?? Number.NaN)
  if (!first || Number.isNaN(startMs)) return rows
  const closeMs = Number(first[6])
  const lengthMs = closeMs + 1 - Number(first[0])
  const backMs = lengthMs * Math.ceil((Number(first[0]) - startMs + 1) / lengthMs)
  return [first.with(0, Number(first[0]) - backMs).with(6, closeMs - backMs), ...rows]
}

const isIn = (rule: FaultRule | null, timeMs: number): boolean =>
  timeMs >= (rule?.fromMs ?? -Infinity) && timeMs < (rule?.toMs ?? Infinity)
