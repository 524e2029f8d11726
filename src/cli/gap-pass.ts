// Fills gaps: the plan of every series that has any, one pass over all of them, and then a second look at the
// rows, which decides what was filled.
import type { Summary, Tell } from '../core/events.ts'
import { type Outcome, outcomeOf, untouched } from '../core/gap-outcome.ts'
import { findGaps } from '../core/gaps.ts'
import { runPass, type SeriesJob } from '../core/pass.ts'
import type { Clock } from '../core/retry.ts'
import { type Series, seriesKey } from '../core/series.ts'
import type { Store } from '../core/store.ts'
import type { GapMarket, GapMarkets } from './gap-markets.ts'
import type { ScannedSeries } from './gap-scan.ts'
import { planJobs, type Wanted } from './plan-jobs.ts'

export type FillPassOptions = {
  readonly store: Store
  readonly scanned: readonly ScannedSeries[]
  readonly markets: GapMarkets
  readonly workers: number
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly tell: Tell
}

/** The gaps of a series, and what became of them. */
export type SeriesOutcome = Outcome & { readonly series: Series; readonly scanned: ScannedSeries }

/** The jobs of every series that something is to be fetched of. Throws what listing archives throws. */
export async function planFillJobs({
  markets,
  scanned,
  store,
}: Pick<FillPassOptions, 'markets' | 'scanned' | 'store'>): Promise<SeriesJob[]> {
  const jobs: SeriesJob[] = []
  for (const [name, market] of markets.open) {
    const own = scanned.filter(({ series, fill }) => fill !== null && series.market === name)
    for (const dataset of new Set(own.map((one) => one.dataset))) {
      const some = own.filter((one) => one.dataset === dataset)
      jobs.push(...(await jobsOf(store, market, some)))
    }
  }
  return jobs
}

/** The jobs of some series of one dataset on one market. */
async function jobsOf(store: Store, market: GapMarket, some: readonly ScannedSeries[]): Promise<SeriesJob[]> {
  const dataset = some[0]?.dataset
  if (!dataset) return []
  const wanted = some.flatMap(({ series, listing, fill }): Wanted[] =>
    listing && fill ? [{ series, period: series.period, listing, fill }] : [],
  )
  return planJobs({
    wanted,
    dataset,
    store,
    rest: market.rest(dataset),
    archives: market.archives,
    archivesOnly: market.archivesOnly,
    range: { startMs: null, endMs: null, lookbackMs: 0 },
    nowMs: market.nowMs(),
  })
}

/** Runs the pass over `jobs`. What goes wrong stands in its summary. */
export async function runFillPass(
  options: FillPassOptions,
  jobs: readonly SeriesJob[],
): Promise<{ readonly summary: Summary; readonly outcomes: SeriesOutcome[] }> {
  const { store, scanned, markets, workers, clock, signal, tell } = options
  await store.prepare([...new Set(jobs.map(({ table }) => table))])
  const pass = { store, workers, clock, signal, tell, spent: markets.spent }
  const summary = await runPass({ ...pass, command: 'gaps', startMs: null, jobs })
  // A pass that was told to stop leaves no time for a second look.
  const fetched = signal.aborted ? [] : jobs
  return { summary, outcomes: await secondLook(store, scanned, fetched) }
}

/** What became of the gaps of every series, by the rows that are there now. */
async function secondLook(
  store: Store,
  scanned: readonly ScannedSeries[],
  jobs: readonly SeriesJob[],
): Promise<SeriesOutcome[]> {
  const byKey = new Map(jobs.map((job) => [seriesKey(job.series), job]))
  const outcomes: SeriesOutcome[] = []
  for (const one of scanned) {
    const { series, gaps } = one
    const job = byKey.get(seriesKey(series))
    if (!job) {
      outcomes.push({ ...untouched(gaps), series, scanned: one })
      continue
    }
    const { dataset, period, plan, table } = job
    const [ledger = []] = await store.ledger([series])
    const after = await findGaps({ store, series, period, dataset, table, spans: plan.spans, ledger })
    outcomes.push({ ...outcomeOf(gaps, after, plan.spans, period), series, scanned: one })
  }
  return outcomes
}
