// Fills gaps: the plan of every series that has any, one pass over all of them, and then a second look at the
// rows, which decides what was filled.

import { emptyRows } from '../core/dataset.ts'
import type { Summary, Tell } from '../core/events.ts'
import { type Gap, openRows } from '../core/gap.ts'
import { type Outcome, outcomeOf, untouched } from '../core/gap-outcome.ts'
import { findGaps } from '../core/gaps.ts'
import { recounted } from '../core/id-recount.ts'
import type { LedgerRow } from '../core/ledger.ts'
import { runPass, type SeriesJob } from '../core/pass.ts'
import type { Clock } from '../core/retry.ts'
import { type Series, seriesKey } from '../core/series.ts'
import type { Store } from '../core/store.ts'
import { type Trace, untraced } from '../core/trace.ts'
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
  readonly trace?: Trace
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
  const { store, scanned, markets, workers, clock, signal, tell, trace = untraced } = options
  await store.prepare([...new Set(jobs.map(({ table }) => table))])
  const pass = { store, workers, clock, signal, tell, trace, spent: markets.spent }
  const summary = await runPass({ ...pass, command: 'gaps', startMs: null, jobs })
  // A pass that was told to stop leaves no time for a second look.
  const looked = signal.aborted ? [] : jobs
  const byKey = new Map(looked.map((job) => [seriesKey(job.series), job]))
  const outcomes: SeriesOutcome[] = []
  for (const one of scanned) {
    const job = byKey.get(seriesKey(one.series))
    const gaps = job ? await secondLook(store, job, summary) : null
    const outcome = job && gaps ? outcomeOf(one.gaps, gaps, job.plan.spans, job.period) : untouched(one.gaps)
    outcomes.push({ ...outcome, series: one.series, scanned: one })
    if (!job) continue
    const gapRows = openRows(outcome.gaps.filter((gap) => !gap.filled))
    tell({ type: 'series-filled', series: one.series, filled: outcome.filled, gapRows })
  }
  return { summary, outcomes }
}

/** The gaps that are left in what a job fetched, by the rows that are there now. */
async function secondLook(store: Store, job: SeriesJob, summary: Summary): Promise<Gap[]> {
  const { dataset, period, plan, series, table } = job
  const look = async (): Promise<{ gaps: Gap[]; ledger: readonly LedgerRow[] }> => {
    const [ledger = []] = await store.ledger([series])
    const gaps = await findGaps({ store, series, period, dataset, table, spans: plan.spans, ledger })
    return { gaps, ledger }
  }
  const { gaps, ledger } = await look()
  const isSettled =
    summary.errors.length === 0 &&
    summary.unsettled.every((one) => seriesKey(one.series) !== seriesKey(series))
  const news = isSettled && dataset.order === 'id' ? recounted(ledger, gaps) : []
  if (news.length === 0) return gaps
  const rows = emptyRows(table)
  const extractedAtMs = summary.startedAtMs
  await store.write([{ series, table, rows, ledger: news, source: 'rest', extractedAtMs, fresh: false }])
  return (await look()).gaps
}
