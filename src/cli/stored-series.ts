// Which of the stored series a command is about. Filters count only where they were said as flags: the
// defaults of fetching are none of its business.
import { patternTest } from '../binance/symbols.ts'
import { type Series, seriesKey } from '../core/series.ts'
import type { Store } from '../core/store.ts'
import { allTables } from '../datasets/all.ts'
import type { CommandContext } from './command.ts'
import { inShard } from './shard.ts'

/** Every series of the store that the flags of the command let through, in order of their keys. */
export async function storedSeries(context: CommandContext, store: Store): Promise<Series[]> {
  return (await store.knownSeries(allTables)).filter(filterOf(context))
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
