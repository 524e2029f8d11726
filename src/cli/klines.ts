// petrosa klines: brings klines up to date, or fetches --start … --end.
import { restSource } from '../binance/rest.ts'
import { floorToPeriod, HOUR_MS } from '../core/calendar.ts'
import { runPass, type SeriesJob } from '../core/pass.ts'
import { CLOSE_MARGIN_MS, costPlan, planSpans, type Range } from '../core/plan.ts'
import { type Period, type Series, seriesKey } from '../core/series.ts'
import type { Source } from '../core/source.ts'
import type { Store } from '../core/store.ts'
import { klines } from '../datasets/klines.ts'
import { UserError } from '../errors.ts'
import type { Moment } from '../settings/values.ts'
import { type CommandContext, type CommandResult, need } from './command.ts'
import { choiceOf, marketOf, openClient, resolveSymbols } from './exchange.ts'
import { chosenStore, withStore } from './open-store.ts'
import { passResult } from './pass-result.ts'
import { planResult } from './plan-result.ts'
import { inShard } from './shard.ts'

/** Runs the command: symbols first, so that nothing is touched for a name that does not exist. */
export async function runKlines(context: CommandContext): Promise<CommandResult> {
  const { settings, world } = context
  const market = marketOf(context)
  const periods = need(settings, 'period')
  if (market !== 'spot' && periods.includes('1s'))
    throw new UserError(`${market} has no period 1s`, 'its shortest is 1m')
  refuseBackwards(settings.start, settings.end, null)
  // An address that makes no sense is refused before anything is asked of the exchange.
  chosenStore(context)
  const client = openClient(context)
  await client.syncClock(market)
  refuseBackwards(settings.start, settings.end, client.nowMs(market))
  const listings = await resolveSymbols(client, market, choiceOf(context, need(settings, 'symbols')))
  await closeMargin(context, periods, () => client.nowMs(market))
  const nowMs = client.nowMs(market)
  const range: Range = {
    startMs: atMs(settings.start, nowMs),
    endMs: atMs(settings.end, nowMs),
    lookbackMs: need(settings, 'lookbackHours') * HOUR_MS,
  }
  const wanted = listings.flatMap((listing) =>
    periods.map((period) => {
      const series: Series = { market, dataset: 'klines', symbol: listing.symbol, period }
      return { series, period, listing }
    }),
  )
  const mine = wanted.filter(({ series }) => inShard(seriesKey(series), settings.shard))
  const dryRun = settings.dryRun === true
  return withStore(context, dryRun, async (store) => {
    const tables = [...new Set(mine.map(({ series }) => klines.table(series)))]
    if (!dryRun) await store.prepare(tables)
    const source = restSource(client, klines, market)
    const jobs = await plan(store, mine, source, range, nowMs)
    if (dryRun) return planResult(jobs)
    const summary = await runPass({
      command: 'klines',
      startMs: range.startMs,
      jobs,
      store,
      workers: need(settings, 'maxWorkers'),
      clock: world,
      signal: world.signal,
      tell: context.tell,
      spent: () => ({ requests: client.requests, weight: client.weight }),
    })
    return passResult(summary)
  })
}

type Wanted = Pick<SeriesJob, 'series' | 'period' | 'listing'>

async function plan(
  store: Store,
  wanted: readonly Wanted[],
  source: Source,
  range: Range,
  nowMs: number,
): Promise<SeriesJob[]> {
  const ledgers = await store.ledger(wanted.map(({ series }) => series))
  return wanted.map(({ series, period, listing }, i) => {
    const ledger = ledgers[i] ?? []
    const spans = planSpans({ series, period, range, ledger, listing, nowMs })
    const table = klines.table(series)
    return {
      series,
      period,
      dataset: klines,
      table,
      source,
      listing,
      ledger,
      plan: costPlan(series, period, spans, source),
    }
  })
}

/**
 * Waits until the last closed candles are final: the last trades of a candle arrive up to two seconds after
 * its close.
 */
async function closeMargin(
  context: CommandContext,
  periods: readonly Period[],
  nowMs: () => number,
): Promise<void> {
  const sinceMs = periods
    .filter((period) => period !== '1s')
    .map((period) => nowMs() - floorToPeriod(period, nowMs()))
  const waitMs = CLOSE_MARGIN_MS - Math.min(...sinceMs)
  if (Number.isFinite(waitMs) && waitMs > 0) await context.world.wait(waitMs, context.world.signal)
}

function atMs(moment: Moment | null, nowMs: number): number | null {
  if (moment === null) return null
  return 'atMs' in moment ? moment.atMs : nowMs - moment.agoMs
}

/**
 * Refuses a start after its end, or in the future; before the exchange's clock is known only what is certain
 * without it.
 */
function refuseBackwards(start: Moment | null, end: Moment | null, nowMs: number | null): void {
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
