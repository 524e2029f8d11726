// The request weight of every market, as one value: clients that share an address share it, so that one that
// serves keeps its count, and a pause that one meets binds them all.
import type { Clock } from '../core/retry.ts'
import type { Market } from '../core/series.ts'
import { FUNDING_REQUESTS, FUNDING_WINDOW_MS, marketFacts } from './markets.ts'
import { WeightBudget } from './weight.ts'

export type Budgets = {
  readonly markets: Readonly<Record<Market, WeightBudget>>
  /** The bucket of requests that USD-M keeps for funding, which no header shows. */
  readonly funding: WeightBudget
}

/** Budgets of which nothing is spent. `share`: the part of each limit that may be used, above 0, up to 1. */
export function openBudgets(clock: Clock, share: number): Budgets {
  const fresh = (limit: number, windowMs?: number): WeightBudget => {
    const budget = new WeightBudget(limit, share, clock, windowMs)
    budget.setOffset(clock.nowMs() - clock.monotonicMs(), false)
    return budget
  }
  const { spot, um, cm } = marketFacts
  return {
    markets: {
      spot: fresh(spot.weightPerMinute),
      um: fresh(um.weightPerMinute),
      cm: fresh(cm.weightPerMinute),
    },
    funding: fresh(FUNDING_REQUESTS, FUNDING_WINDOW_MS),
  }
}
