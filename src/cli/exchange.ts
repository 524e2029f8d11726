// What commands need of the exchange: the client and its clock, and the archives. Where the API is closed to
// this place (451), the archives may go on alone, and that is said.
import { archiveSource } from '../binance/archive-source.ts'
import type { Budgets } from '../binance/budgets.ts'
import { Client } from '../binance/client.ts'
import { BlockedError } from '../binance/failures.ts'
import type { SymbolChoice } from '../binance/symbols.ts'
import type { ArchiveSource } from '../core/archive.ts'
import { ArchiveReach, whileInReach } from '../core/archive-reach.ts'
import type { Dataset } from '../core/dataset.ts'
import { type DatasetName, isMember, type Market, markets } from '../core/series.ts'
import { datasetNamed } from '../datasets/all.ts'
import { UnavailableError } from '../errors.ts'
import { type CommandContext, need, type Spent } from './command.ts'

/** The exchange as far as it is in reach. */
export type Exchange = {
  /** Null where the API is blocked, or not to be used. */
  readonly client: Client | null
  readonly archives: ArchiveSource | null
  /** Why the API is closed to this place, where the archives go on alone; else null. */
  readonly blocked: BlockedError | null
  /** The exchange's clock, epoch ms; this machine's where the API is out of reach. */
  readonly nowMs: () => number
  readonly spent: () => Spent
}

/**
 * The client for the addresses and the share of the settings; `budgets` are those that it shares with
 * others.
 */
export function openClient({ world, settings, tell }: CommandContext, budgets?: Budgets): Client {
  const urls = {
    spot: need(settings, 'apiUrl'),
    um: need(settings, 'futuresApiUrl'),
    cm: need(settings, 'coinFuturesApiUrl'),
  }
  return new Client(world, {
    urls,
    weightShare: need(settings, 'weightShare'),
    apiKey: settings.apiKey,
    ...(budgets ? { budgets } : {}),
    tell,
  })
}

export type ExchangeOptions = {
  /** Whether the list of the archives does where the API does not answer. */
  readonly listingDoes?: boolean
  /** The budgets that the client shares with others. */
  readonly budgets?: Budgets | undefined
}

/**
 * The sources that the settings allow, with the exchange's clock read. Throws what reading it throws, but
 * where the archives may go on alone: where the API is blocked, or, with `listingDoes`, does not answer.
 */
export async function openExchange(
  context: CommandContext,
  market: Market,
  { listingDoes = false, budgets }: ExchangeOptions = {},
): Promise<Exchange> {
  const { settings, tell, world } = context
  const source = need(settings, 'source')
  const client = openClient(context, budgets)
  const exchange = (
    archives: ArchiveSource | null,
    isAlone: boolean,
    blocked: BlockedError | null = null,
  ): Exchange => ({
    client: isAlone ? null : client,
    archives,
    blocked,
    nowMs: () => (isAlone ? world.nowMs() : client.nowMs(market)),
    spent: () => ({
      requests: client.requests,
      weight: client.weight,
      archives: archives?.spent().archives ?? 0,
    }),
  })
  if (source === 'archive') return exchange(openArchives(context), true)
  try {
    await client.syncClock(market, listingDoes)
  } catch (error) {
    const isAway = error instanceof BlockedError || (listingDoes && error instanceof UnavailableError)
    if (!isAway || source === 'rest') throw error
    const how = listingDoes
      ? 'the list of the archives alone, which does not say who trades'
      : 'the archives alone, which end a day or so ago'
    tell({ type: 'warning', message: `${error.message}; going on by ${how}` })
    const archives = openArchives(context, true)
    return error instanceof BlockedError
      ? exchange(insteadOf(error, archives), true, error)
      : exchange(archives, true)
  }
  if (source === 'rest') return exchange(null, false)
  const { archiveReach = new ArchiveReach() } = context
  return exchange(whileInReach(openArchives(context, true), archiveReach, tell), false)
}

/**
 * `archives` that stand in for an API which is closed to this place: where they are out of reach too, it is
 * the place that has to be changed, however long one waits.
 */
function insteadOf(blocked: BlockedError, archives: ArchiveSource): ArchiveSource {
  const ask = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error
      const message = `${blocked.message}, and ${error.message}`
      throw new BlockedError(message, blocked.advice, { cause: error })
    }
  }
  return {
    ...archives,
    list: (series, span) => ask(archives.list(series, span)),
    symbols: (market, dataset) => ask(archives.symbols(market, dataset)),
    checksum: (file) => ask(archives.checksum(file)),
    open: (series, file) => ask(archives.open(series, file)),
  }
}

/** The archives at the addresses of the settings; `optional` where REST has what they have. */
export function openArchives({ settings, tell, world }: CommandContext, optional = false): ArchiveSource {
  const urls = { files: need(settings, 'archiveUrl'), listing: need(settings, 'archiveListingUrl') }
  const dataset = (name: DatasetName): Dataset => {
    const found = datasetNamed(name)
    if (!found) throw new Error(`no dataset ${name}`)
    return found
  }
  return archiveSource(world, { urls, tell, dataset, optional })
}

/** The market of the settings. */
export function marketOf({ settings }: Pick<CommandContext, 'settings'>): Market {
  const wanted = need(settings, 'market')
  if (!isMember(markets, wanted)) throw new Error(`no market ${wanted}`)
  return wanted
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
