// What klines, funding and trades have in common: symbols first, so that nothing is touched for a name that
// does not exist, then a plan of every series, then one pass.
import { restSource } from '../binance/rest.ts'
import { HOUR_MS } from '../core/calendar.ts'
import type { Dataset } from '../core/dataset.ts'
import type { Summary } from '../core/events.ts'
import { runPass, type SeriesJob } from '../core/pass.ts'
import type { Range } from '../core/plan.ts'
import { type Market, type Period, type Series, seriesKey } from '../core/series.ts'
import { errorLine, UserError } from '../errors.ts'
import type { Moment } from '../settings/values.ts'
import { type CommandContext, type CommandResult, need } from './command.ts'
import { type Connections, ownConnections } from './connections.ts'
import { choiceOf, type Exchange, marketOf, openExchange } from './exchange.ts'
import { isOwn, leased } from './leased.ts'
import { closeMargin } from './margin.ts'
import { chosenStore } from './open-store.ts'
import { passResult } from './pass-result.ts'
import { planJobs } from './plan-jobs.ts'
import { planResult } from './plan-result.ts'
import { recountRates, wholeRates } from './rate-counts.ts'
import { inShard } from './shard.ts'
import { resolveSymbols, withMissing } from './symbol-choice.ts'
import { tableColumns } from './text-table.ts'

/**
 * Refuses what can be seen to make no sense before anything is asked of the exchange or the store: UserError.
 * Gives the market.
 */
export function checkFetch(context: Pick<CommandContext, 'settings' | 'origins'>, dataset: Dataset): Market {
  const { settings } = context
  const market = marketOf(context)
  if (!dataset.markets.includes(market)) {
    const advice = `use --market ${dataset.markets.join(' or --market ')}`
    throw new UserError(`${market} has no ${dataset.name}`, advice)
  }
  if (settings.refresh && settings.source === 'rest') {
    const advice = 'say --source auto, or leave --refresh out'
    throw new UserError('--refresh takes in archives, and --source rest none', advice)
  }
  refuseBackwards(settings.start, settings.end, null)
  chosenStore(context)
  return market
}

/** Runs a command that fetches `dataset`, in every one of `periods` (null: the dataset has none). */
export async function runFetch(
  context: CommandContext,
  dataset: Dataset,
  periods: readonly (Period | null)[],
  connections: Connections = ownConnections,
): Promise<CommandResult> {
  const { settings, trace, world } = context
  const market = checkFetch(context, dataset)
  const exchange = await trace('clock', {}, () =>
    openExchange(context, market, { budgets: connections.budgets(context, market) }),
  )
  refuseBackwards(settings.start, settings.end, exchange.nowMs())
  const choice = choiceOf(context, need(settings, 'symbols'))
  const { listings, missing } = await trace('symbols', {}, () =>
    resolveSymbols(exchange, market, dataset.name, choice),
  )
  await trace('margin', {}, () => closeMargin(world, periods, exchange.nowMs))
  const nowMs = exchange.nowMs()
  const range: Range = {
    startMs: atMs(settings.start, nowMs),
    endMs: atMs(settings.end, nowMs),
    lookbackMs: need(settings, 'lookbackHours') * HOUR_MS,
  }
  const mine = listings
    .flatMap((listing) =>
      periods.map((period) => {
        const series: Series = { market, dataset: dataset.name, symbol: listing.symbol, period }
        return { series, period, listing }
      }),
    )
    .filter(({ series }) => inShard(seriesKey(series), settings.shard))
  const dryRun = settings.dryRun === true
  return connections.withStore(context, dryRun, async (store) => {
    const tables = [...new Set(mine.map(({ series }) => dataset.table(series)))]
    await trace('prepare', {}, () => store.prepare(tables))
    const keys = mine.map(({ series }) => seriesKey(series))
    const held = dryRun ? null : await connections.leases(context, keys)
    const source = exchange.client ? restSource(exchange.client, dataset, market) : null
    const jobs: SeriesJob[] = await trace('plan', {}, () =>
      planJobs({
        wanted: mine.filter(({ series }) => isOwn(held, series)),
        dataset,
        store,
        rest: source,
        archives: exchange.archives,
        archivesOnly: need(settings, 'source') === 'archive',
        range,
        nowMs,
        refresh: settings.refresh ? { tell: context.tell, signal: world.signal } : null,
      }),
    )
    if (dryRun) {
      const plan = planResult(jobs, tableColumns(world.stdout))
      return withMissing(context, { ...plan, spent: exchange.spent() }, missing)
    }
    const countable = settings.refresh ? await wholeRates(store, jobs) : []
    const summary = await runPass({
      command: context.command,
      startMs: range.startMs,
      jobs: leased(held, jobs),
      plannedAtMs: nowMs,
      store,
      workers: need(settings, 'maxWorkers'),
      clock: world,
      signal: world.signal,
      tell: context.tell,
      trace,
      spent: exchange.spent,
    })
    if (!world.signal.aborted) await recountRates(store, countable, summary.startedAtMs)
    const told = withBlocked(summary, exchange.blocked)
    return withMissing(context, passResult(told, settings.refresh === true), missing)
  })
}

/** What is open where the archives had to go on alone is open for a reason that somebody can change. */
function withBlocked(summary: Summary, blocked: Exchange['blocked']): Summary {
  if (blocked === null || summary.unsettled.length === 0) return summary
  return { ...summary, errors: [...summary.errors, errorLine(blocked)] }
}

/** A moment as epoch ms, by the exchange's clock; null for none. */
export function atMs(moment: Moment | null, nowMs: number): number | null {
  if (moment === null) return null
  return 'atMs' in moment ? moment.atMs : nowMs - moment.agoMs
}

/**
 * Refuses a start after its end, or in the future; before the exchange's clock is known only what is certain
 * without it.
 */
export function refuseBackwards(start: Moment | null, end: Moment | null, nowMs: number | null): void {
  if (start === null) return
  const both = end !== null && 'atMs' in start === 'atMs' in end
  if (nowMs === null && !both) return
  const startMs = atMs(start, nowMs ?? 0) ?? 0
  const endMs = end === null ? null : atMs(end, nowMs ?? 0)
  if (endMs !== null && startMs > endMs) {
    throw new UserError(
      '--start lies after --end',
      'swap them, or leave --end out for the last closed period',
    )
  }
  if (nowMs !== null && startMs > nowMs)
    throw new UserError('--start lies in the future', 'name an earlier time')
}
