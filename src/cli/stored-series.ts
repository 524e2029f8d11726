// Which of the stored series a command is about. Filters count only where they were said as flags: the
// defaults of fetching are none of its business.
import { isPattern, patternTest } from '../binance/symbols.ts'
import { didYouMean } from '../core/nearest.ts'
import { type Series, seriesKey } from '../core/series.ts'
import type { Store } from '../core/store.ts'
import { allTables } from '../datasets/all.ts'
import { UserError } from '../errors.ts'
import type { CommandContext } from './command.ts'
import { inShard } from './shard.ts'

/** What is stored, and which of it a command is about. */
export type Chosen = { readonly series: readonly Series[]; readonly isEmpty: boolean }

/**
 * Every series of the store that the flags of the command let through, in order of their keys. Throws
 * UserError where they name a symbol of which nothing is stored.
 */
export async function storedSeries(context: CommandContext, store: Store): Promise<Chosen> {
  const known = await store.knownSeries(allTables)
  refuseUnknown(context, known)
  return { series: known.filter(filterOf(context)), isEmpty: known.length === 0 }
}

/**
 * Throws UserError where the flags name a symbol that no stored series has: a mistyped one would report
 * success for ever. An empty store, and a part of the series (--shard), may well know no name yet.
 */
export function refuseUnknown({ settings, origins }: CommandContext, known: readonly Series[]): void {
  if (origins.symbols !== 'flag' || settings.shard || known.length === 0) return
  const stored = new Set(known.map(({ symbol }) => symbol))
  const unknown = (settings.symbols ?? []).filter((name) => !isPattern(name) && !stored.has(name))
  const [first] = unknown
  if (first === undefined) return
  throw new UserError(
    `nothing is stored of ${unknown.join(', ')}`,
    `${didYouMean(first, [...stored]) || 'see what is stored with: petrosa status'}`,
  )
}

/** What is said where there is no series to tell of. */
export function nothingText(isEmpty: boolean): string {
  return isEmpty
    ? 'nothing is stored yet; begin with: petrosa klines\n'
    : 'no stored series fits; see what is stored with: petrosa status\n'
}

/** Whether the flags of the command let a stored series through. */
export function filterOf({ settings, origins }: CommandContext): (series: Series) => boolean {
  const symbols = origins.symbols === 'flag' ? (settings.symbols ?? []).map(patternTest) : null
  const excluded = origins.exclude === 'flag' ? (settings.exclude ?? []).map(patternTest) : []
  const periods = origins.period === 'flag' ? settings.period : null
  const market = origins.market === 'flag' ? settings.market : null
  const dataset = origins.dataset === 'flag' ? settings.dataset : null
  return (series) =>
    (symbols === null || symbols.some((fits) => fits(series.symbol))) &&
    !excluded.some((fits) => fits(series.symbol)) &&
    (periods === null || (series.period !== null && periods.includes(series.period))) &&
    (market === null || series.market === market) &&
    (dataset === null || series.dataset === dataset) &&
    inShard(seriesKey(series), settings.shard)
}
