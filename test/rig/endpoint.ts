// What an endpoint of the local exchange is: a path, a weight, the parameters it reads and its answer. Each
// file of endpoints exports a list of them, and endpoints.ts joins the lists: that is all it takes to add
// one.
import type { Market } from '../../src/core/series.ts'
import { indexSpecOf, isGone } from './contracts.ts'
import type { SymbolSpec } from './symbol-spec.ts'

/** What an endpoint may know of the exchange. */
export type Surroundings = {
  /** The symbol of a market, or undefined. */
  symbol(market: Market, symbol: string): SymbolSpec | undefined
  symbols(market: Market): readonly SymbolSpec[]
  /** The exchange's clock, epoch ms. */
  nowMs(): number
  /** Request weight a minute. */
  weightLimit(market: Market): number
  readonly pages: PageCache
}

export type Body = string | Uint8Array<ArrayBuffer>
export type Answer = { readonly body: Body; readonly rows: number }

/** Rendered pages that can never change again, by what was asked. */
export type PageCache = {
  get(key: string): Answer | undefined
  set(key: string, answer: Answer): void
}

export type Endpoint = {
  readonly path: string
  readonly market: Market
  /** Every parameter that the endpoint reads, mandatory ones included. */
  readonly parameters: readonly string[]
  readonly mandatory: readonly string[]
  /** Whether faults may hit it without being told to. */
  readonly faulty: boolean
  /** Whether it wants an API key (X-MBX-APIKEY). */
  readonly keyed?: boolean
  /** The bucket of requests that it shares with others, besides its weight. */
  readonly bucket?: 'funding'
  weight(query: URLSearchParams): number
  /** The body of a 200. Throws Refusal for anything that Binance refuses. */
  answer(query: URLSearchParams, around: Surroundings): Answer
}

/** What Binance answers to a bad request: its code and text, with HTTP 400 unless it says otherwise. */
export class Refusal extends Error {
  readonly code: number
  readonly status: number

  constructor(code: number, message: string, status = 400) {
    super(message)
    this.name = 'Refusal'
    this.code = code
    this.status = status
  }
}

/** The body of an error, as Binance writes it. */
export function errorBody(code: number, message: string): string {
  return JSON.stringify({ code, msg: message })
}

const numberPattern = /^[0-9]{1,20}$/

/** An integer parameter, or undefined where it was not sent. Refused: empty (-1105), not digits (-1100). */
export function integerParameter(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)
  if (text === null) return undefined
  if (text === '') throw new Refusal(-1105, `Parameter '${name}' was empty.`)
  if (!numberPattern.test(text)) {
    const range = numberPattern.source
    throw new Refusal(-1100, `Illegal characters found in parameter '${name}'; legal range is '${range}'.`)
  }
  return Number(text)
}

/** An id of up to 63 bits, exact, or undefined where it was not sent. Refused: as whole numbers are. */
export function idParameter(query: URLSearchParams, name: string): bigint | undefined {
  return integerParameter(query, name) === undefined ? undefined : BigInt(query.get(name) ?? 0)
}

/** The limit that was sent, or the normal one. Refused: none, and more than the most (-1130). */
export function limitParameter(
  query: URLSearchParams,
  limits: { readonly normal: number; readonly most: number },
): number {
  const limit = integerParameter(query, 'limit') ?? limits.normal
  if (limit < 1 || limit > limits.most) {
    throw new Refusal(-1130, "Data sent for parameter 'limit' is not valid.")
  }
  return limit
}

/**
 * Checks the set of parameters: doubles and too many (-1101), unknown ones (-1104), missing ones (-1102),
 * empty ones (-1105).
 */
export function checkParameters(endpoint: Endpoint, query: URLSearchParams): void {
  const names = [...query.keys()]
  if (new Set(names).size < names.length)
    throw new Refusal(-1101, 'Duplicate values for a parameter detected.')
  const known = endpoint.parameters.length
  if (names.length > known) {
    throw new Refusal(-1101, `Too many parameters; expected '${known}' and received '${names.length}'.`)
  }
  for (const name of endpoint.mandatory) {
    const value = query.get(name)
    if (value === '') throw new Refusal(-1105, `Parameter '${name}' was empty.`)
    if (value === null) {
      throw new Refusal(-1102, `Mandatory parameter '${name}' was not sent, was empty/null, or malformed.`)
    }
  }
  const read = names.filter((name) => endpoint.parameters.includes(name)).length
  if (read < names.length) {
    const counts = `read '${read}' parameter(s) but was sent '${names.length}'`
    throw new Refusal(-1104, `Not all sent parameters were read; ${counts}.`)
  }
}

const symbolPattern = /^[\p{L}\p{N}\-._]{1,50}$/u
const symbolRange = '^[\\w\\-._&&[^a-z]]{1,50}$'

/** Refused: illegal or lower-case characters (-1100). */
function checkName(text: string, name: string): void {
  if (symbolPattern.test(text) && !/[a-z]/.test(text)) return
  throw new Refusal(
    -1100,
    `Illegal characters found in parameter '${name}'; legal range is '${symbolRange}'.`,
  )
}

/**
 * The spec of a symbol as it was sent. Refused: illegal or lower-case characters (-1100), unknown or gone
 * (-1121).
 */
export function knownSymbol(
  around: Surroundings,
  market: Market,
  symbol: string,
  name = 'symbol',
): SymbolSpec {
  checkName(symbol, name)
  const spec = around.symbol(market, symbol)
  const nowMs = around.nowMs()
  // Spot lists a symbol when it begins to trade; futures announce contracts before.
  const isYetToCome = spec !== undefined && market === 'spot' && spec.listedAtMs > nowMs
  if (!spec || isYetToCome || isGone(spec, nowMs)) throw new Refusal(-1121, 'Invalid symbol.')
  return spec
}

/**
 * The spec that makes the index of a pair as it was sent. Refused: illegal or lower-case characters (-1100),
 * a pair of which there is no contract, or none any more (-4144).
 */
export function knownPair(around: Surroundings, market: Market, pair: string): SymbolSpec {
  checkName(pair, 'pair')
  const nowMs = around.nowMs()
  const spec = indexSpecOf(
    around.symbols(market).filter((each) => !isGone(each, nowMs)),
    pair,
  )
  if (!spec) throw new Refusal(-4144, 'Invalid pair.')
  return spec
}
