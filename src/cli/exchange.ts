// What commands need of the exchange: the client, its clock, and the symbols that the user means.
import { Client } from '../binance/client.ts'
import { type FetchableMarket, fetchableMarkets } from '../binance/markets.ts'
import { chooseSymbols, fetchListings, namedOnly, type SymbolChoice } from '../binance/symbols.ts'
import type { Listing } from '../core/source.ts'
import { type CommandContext, need } from './command.ts'

/** The client for the addresses and the share of the settings. */
export function openClient({ world, settings, tell }: CommandContext): Client {
  const urls = { spot: need(settings, 'apiUrl'), um: need(settings, 'futuresApiUrl') }
  return new Client(world, { urls, weightShare: need(settings, 'weightShare'), tell })
}

/** The market of the settings. */
export function marketOf({ settings }: CommandContext): FetchableMarket {
  const wanted = need(settings, 'market')
  const market = fetchableMarkets.find((candidate) => candidate === wanted)
  if (!market) throw new Error(`no market ${wanted}`)
  return market
}

/** The symbols that the settings mean, resolved against what the exchange lists now. */
export async function resolveSymbols(
  client: Client,
  market: FetchableMarket,
  choice: SymbolChoice,
): Promise<Listing[]> {
  const listings = await fetchListings(client, market, namedOnly(choice))
  return chooseSymbols(choice, market, listings)
}

/** The choice of symbols that the settings make; `symbols` where they name none. */
export function choiceOf({ settings }: CommandContext, symbols: readonly string[]): SymbolChoice {
  return {
    symbols,
    quote: settings.quote,
    exclude: settings.exclude ?? [],
    status: settings.status ?? 'trading',
  }
}
