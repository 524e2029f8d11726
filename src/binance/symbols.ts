// The symbols of a market: what exchangeInfo says of each, and which of them a user means by names, patterns
// and `all`.
import { array, type GenericSchema, looseObject, number as numeric, optional, string } from 'valibot'
import { nearest } from '../core/nearest.ts'
import type { Market } from '../core/series.ts'
import type { Listing } from '../core/source.ts'
import { RefusedError, UnavailableError, UserError } from '../errors.ts'
import { type Client, EXCHANGE_INFO_BYTES } from './client.ts'
import { readJson } from './json.ts'
import { marketFacts } from './markets.ts'

/** A perpetual contract's deliveryDate while no end is announced (2100-12-25, reference 4.2). */
const NEVER_MS = 4_133_404_800_000

const exchangeInfo = looseObject({
  rateLimits: optional(
    array(
      looseObject({ rateLimitType: string(), interval: string(), intervalNum: numeric(), limit: numeric() }),
    ),
    [],
  ),
  symbols: array(
    looseObject({
      symbol: string(),
      status: optional(string()),
      contractStatus: optional(string()),
      baseAsset: optional(string(), ''),
      quoteAsset: optional(string(), ''),
      pair: optional(string()),
      onboardDate: optional(numeric()),
      deliveryDate: optional(numeric()),
    }),
  ),
})
type ExchangeInfo = typeof exchangeInfo extends GenericSchema<unknown, infer Output> ? Output : never

/**
 * What the exchange lists: all of a market, or, where the market can be asked so, only `symbols`. Learns the
 * weight limit on the way. An unknown name among `symbols` makes it ask for the whole list, so that the
 * nearest names can be told.
 */
export async function fetchListings(
  client: Client,
  market: Market,
  symbols: readonly string[] | null,
): Promise<ReadonlyMap<string, Listing>> {
  const facts = marketFacts[market]
  const isFew = symbols !== null && symbols.length > 0 && symbols.length <= MOST_NAMED
  // What can be no symbol is not sent: an address in the wrong place holds a password.
  const narrow = facts.exchangeInfoBySymbols && isFew && symbols.every((name) => /^[^/:@\s]+$/.test(name))
  const ask = async (query: Record<string, string>): Promise<ExchangeInfo> =>
    (
      await client.get({
        market,
        path: facts.exchangeInfoPath,
        query,
        weight: facts.exchangeInfoWeight,
        mostBytes: EXCHANGE_INFO_BYTES,
        read: (body) => readJson(body, exchangeInfo),
      })
    ).value
  const address = client.host(market) + facts.exchangeInfoPath
  const info = await askedOnceOrTwice(ask, narrow ? symbols : null, address)
  const weightLimit = info.rateLimits.find(
    (limit) => limit.rateLimitType === 'REQUEST_WEIGHT' && limit.interval === 'MINUTE',
  )
  if (weightLimit?.intervalNum === 1) client.budget(market).setLimit(weightLimit.limit)
  return new Map(info.symbols.map((symbol) => [symbol.symbol, toListing(symbol)]))
}

/**
 * The list of some symbols, or of all. Only a true refusal of names makes it ask for all of them: an exchange
 * that answers with errors and nonsense is not asked for more. Throws UnavailableError where there is none.
 */
async function askedOnceOrTwice(
  ask: (query: Record<string, string>) => Promise<ExchangeInfo>,
  symbols: readonly string[] | null,
  address: string,
): Promise<ExchangeInfo> {
  try {
    if (symbols === null) return await ask({})
    return await ask({ symbols: JSON.stringify(symbols) }).catch((error: unknown) => {
      // Errors that pass, and garbage, are the cause of what `get` made of them.
      if (!(error instanceof RefusedError) || error.cause !== undefined) throw error
      return ask({})
    })
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error
    const message = `the exchange does not tell its symbols: ${error.message} (${address})`
    throw new UnavailableError(message, 'run the same command again later', { cause: error })
  }
}

/** Names asked for by themselves; more make a longer address than proxies like. */
const MOST_NAMED = 100

function toListing(symbol: ExchangeInfo['symbols'][number]): Listing {
  const status = symbol.status ?? symbol.contractStatus ?? 'UNKNOWN'
  const deliveryMs = symbol.deliveryDate ?? NEVER_MS
  return {
    symbol: symbol.symbol,
    trading: status === 'TRADING',
    status,
    base: symbol.baseAsset,
    quote: symbol.quoteAsset,
    listedAtMs: symbol.onboardDate ?? null,
    endsAtMs: deliveryMs === NEVER_MS ? null : deliveryMs,
    ...(symbol.pair === undefined ? {} : { pair: symbol.pair }),
  }
}

/**
 * The pairs of the listed contracts, as if they were symbols: an index price belongs to a pair, and ends with
 * the last of its contracts.
 */
export function pairListings(listings: ReadonlyMap<string, Listing>): Map<string, Listing> {
  const pairs = new Map<string, Listing>()
  for (const listing of listings.values()) {
    const symbol = listing.pair ?? listing.symbol
    const known = pairs.get(symbol)
    const listedAtMs = Math.min(known?.listedAtMs ?? Infinity, listing.listedAtMs ?? Infinity)
    const trading = listing.trading || (known?.trading ?? false)
    const status = trading ? 'TRADING' : listing.status
    const goesOn = listing.endsAtMs === null || (known !== undefined && known.endsAtMs === null)
    const endsAtMs = goesOn ? null : Math.max(known?.endsAtMs ?? 0, listing.endsAtMs ?? 0)
    const listed = { listedAtMs: Number.isFinite(listedAtMs) ? listedAtMs : null, endsAtMs }
    pairs.set(symbol, { ...listing, symbol, trading, status, ...listed })
  }
  return pairs
}

/** What is known of a symbol that only the archives have. */
export function archivedListing(symbol: string, trading: boolean): Listing {
  const unknown = { base: '', quote: '', listedAtMs: null, endsAtMs: null }
  return { symbol, trading, status: trading ? 'UNKNOWN' : 'ARCHIVED', ...unknown, archivedOnly: true }
}

export type SymbolChoice = {
  /** Names, patterns with `*`, and `all`. */
  readonly symbols: readonly string[]
  readonly quote: string | null
  /** Patterns to leave out. */
  readonly exclude: readonly string[]
  /** Whether patterns find only symbols that trade, or all that are listed. */
  readonly status: 'trading' | 'all'
}

export const isPattern = (text: string): boolean => text === 'all' || text.includes('*')

/** The names when the choice needs no list of all symbols, else null. */
export function namedOnly(choice: SymbolChoice): readonly string[] | null {
  return choice.symbols.some(isPattern) ? null : choice.symbols
}

/**
 * The listings that the user means, in the order asked for, each once. Throws UserError for unknown names and
 * empty results.
 */
export function chooseSymbols(
  choice: SymbolChoice,
  market: Market,
  listings: ReadonlyMap<string, Listing>,
): Listing[] {
  const unknown = choice.symbols.filter((name) => !isPattern(name) && !listings.has(name))
  if (unknown.length > 0) throw unknownSymbols(unknown, market, [...listings.keys()])
  const excluded = choice.exclude.map(patternTest)
  const chosen = new Map<string, Listing>()
  for (const name of choice.symbols) {
    const fits = patternTest(name)
    const found = isPattern(name)
      ? [...listings.values()]
          .filter((listing) => fits(listing.symbol) && (choice.status === 'all' || listing.trading))
          .sort((a, b) => (a.symbol < b.symbol ? -1 : 1))
      : [listings.get(name)]
    for (const listing of found) if (listing) chosen.set(listing.symbol, listing)
  }
  const left = [...chosen.values()].filter(
    (listing) =>
      !excluded.some((fits) => fits(listing.symbol)) &&
      (choice.quote === null || hasQuote(listing, choice.quote)),
  )
  if (left.length > 0) return left
  throw new UserError(
    `no symbol of ${market} fits ${choice.symbols.join(',')}` +
      (choice.quote ? ` with quote asset ${choice.quote}` : ''),
    `see them with: petrosa symbols --market ${market}`,
  )
}

/** The archives do not say what the quote asset is: then the name has to tell. */
function hasQuote(listing: Listing, quote: string): boolean {
  return listing.archivedOnly ? isQuotedIn(listing.symbol, quote) : listing.quote === quote
}

/**
 * Whether a symbol is quoted in an asset, by its name alone. A contract's goes on after its pair:
 * BTCUSD_PERP, BTCUSDT_240628, ICPUSDTSETTLED.
 */
export function isQuotedIn(symbol: string, quote: string): boolean {
  return symbol.replace(/(_.*|SETTLED\d*)$/u, '').endsWith(quote)
}

/** Whether a name fits a pattern in which `*` stands for anything; `all` fits every name. */
export function patternTest(pattern: string): (name: string) => boolean {
  if (pattern === 'all') return () => true
  const parts = pattern.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  const expression = new RegExp(`^${parts.join('.*')}$`, 'u')
  return (name) => expression.test(name)
}

function unknownSymbols(unknown: readonly string[], market: Market, known: readonly string[]): UserError {
  const parts = unknown.map((name) => {
    const near = nearest(name, known)
    return near.length > 0 ? `${name} (did you mean ${near.join(' or ')}?)` : name
  })
  return new UserError(
    `unknown symbol${unknown.length > 1 ? 's' : ''} on ${market}: ${parts.join(', ')}`,
    `see all with: petrosa symbols --market ${market}`,
  )
}
