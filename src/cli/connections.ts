// Where a run gets what it shares with other runs: the request weight that is spent, and the open store. A
// command that ends has its own; one that serves keeps them from pass to pass.
import type { Budgets } from '../binance/budgets.ts'
import type { Market } from '../core/series.ts'
import type { Store } from '../core/store.ts'
import type { CommandContext } from './command.ts'
import type { Held } from './leased.ts'
import { withStore } from './open-store.ts'

export type Connections = {
  /** The budgets that a client of these settings shares with others; undefined where it has its own. */
  budgets(context: CommandContext, market: Market): Budgets | undefined
  /** Runs `work` with the store of the settings. Throws what opening it throws, and what `work` throws. */
  withStore<T>(context: CommandContext, readOnly: boolean, work: (store: Store) => Promise<T>): Promise<T>
  /**
   * The leases that this program has of `series` (keys), where several share the work; null: it does all of
   * it. Throws what the store throws.
   */
  leases(context: CommandContext, series: readonly string[]): Promise<Held>
}

/** Nothing is shared: a store is opened and closed, weight is counted from nothing. */
export const ownConnections: Connections = {
  budgets: () => undefined,
  withStore,
  leases: async () => null,
}
