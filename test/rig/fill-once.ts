// One `gaps --fill` without settings and streams: scan, plan, pass and second look, on a market and a store
// that a test hands in.
import type { GapMarket, GapMarkets } from '../../src/cli/gap-markets.ts'
import { planFillJobs, runFillPass } from '../../src/cli/gap-pass.ts'
import { type AskedRange, type FillWish, type ScannedSeries, scanGaps } from '../../src/cli/gap-scan.ts'
import type { Summary, Tell } from '../../src/core/events.ts'
import { type JudgedGap, untouched } from '../../src/core/gap-outcome.ts'
import type { Series } from '../../src/core/series.ts'
import type { Listing } from '../../src/core/source.ts'
import type { Store } from '../../src/core/store.ts'
import type { VirtualClock } from './virtual-clock.ts'

export type FillOnce = {
  readonly market: Pick<GapMarket, 'nowMs' | 'rest'>
  readonly listing: (series: Series) => Listing | null
  readonly store: Store
  readonly series: readonly Series[]
  readonly clock: VirtualClock
  readonly workers: number
  readonly wish: FillWish
  /** Null for the last closed period. */
  readonly endMs: number | null
  readonly signal: AbortSignal
  readonly tell: Tell
  /** Pages asked for so far. */
  readonly pages: () => number
}

export type FillOutcome = {
  /** Null where there was nothing to fetch. */
  readonly summary: Summary | null
  readonly scanned: readonly ScannedSeries[]
  readonly gaps: readonly (JudgedGap & { readonly series: Series })[]
  /** Pages asked for. */
  readonly pages: number
}

/** Fills once, in virtual time. */
export function fillOnce(options: FillOnce): Promise<FillOutcome> {
  const { clock, endMs, listing, market, pages, series, signal, store, tell, wish, workers } = options
  const before = pages()
  const own: GapMarket = { ...market, listing, archives: null, archivesOut: false, archivesOnly: false }
  const spent: GapMarkets['spent'] = () => ({ requests: pages(), weight: 2 * pages(), archives: 0 })
  const names = [...new Set(series.map((one) => one.market))]
  const markets = { open: new Map(names.map((name) => [name, own])), failed: new Map(), spent }
  const fill = async (): Promise<FillOutcome> => {
    const common = { store, markets, signal, tell }
    const range = (): AskedRange => ({ startMs: null, endMs })
    const scanned = await scanGaps({ ...common, series, range, wish, nowMs: clock.nowMs() })
    const jobs = await planFillJobs({ ...common, scanned })
    const pass = jobs.length > 0 ? await runFillPass({ ...common, scanned, workers, clock }, jobs) : null
    const outcomes = pass?.outcomes ?? scanned.map((one) => ({ ...untouched(one.gaps), series: one.series }))
    const gaps = outcomes.flatMap((one) => one.gaps.map((gap) => ({ ...gap, series: one.series })))
    return { summary: pass?.summary ?? null, scanned, gaps, pages: pages() - before }
  }
  return clock.run(fill())
}
