// What serving keeps from pass to pass: the request weight of each exchange, counted once for all jobs, and
// the open stores. One that failed is opened anew for the next who comes: most mend themselves, a lost file
// does not.
import { AsyncLocalStorage } from 'node:async_hooks'
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { type Budgets, openBudgets } from '../binance/budgets.ts'
import { type LeasedJob, LeaseKeeper, type LeaseKeeperOptions } from '../core/lease-keeper.ts'
import type { Market } from '../core/series.ts'
import type { Store } from '../core/store.ts'
import { untraced } from '../core/trace.ts'
import { UserError } from '../errors.ts'
import type { HostWeight } from '../server/served.ts'
import type { World } from '../world.ts'
import { type CommandContext, need } from './command.ts'
import type { Connections } from './connections.ts'
import { chosenStore, openStore } from './open-store.ts'
import { watchedStore } from './watched-store.ts'

/** A store in use, or about to be. */
type Opened = { readonly opening: Promise<Store>; users: number; isStale: boolean }
type OpenStore = typeof openStore

type AskedHost = {
  readonly host: string
  readonly budgets: Budgets
  readonly budgetsKey: string
  readonly market: Market
}

/** A survey that took longer than this gets a thread of its own the next time, ms. */
const LONG_SURVEY_MS = 1_000

export class KeptConnections implements Connections {
  readonly #world: World
  readonly #open: OpenStore
  readonly #budgets = new Map<string, Budgets>()
  /** The budgets of every host that was asked. */
  readonly #hosts = new Map<string, AskedHost>()
  /** Keepers of leases, and the keys of their stores. */
  readonly #keepers = new Map<string, { readonly keeper: LeaseKeeper; readonly store: string }>()
  /** No two programs have the same, nor one that is started again. */
  readonly #holder: string
  readonly #stores = new Map<string, Opened>()
  /** Runs work as a part of nothing, whatever pass happens to begin it. */
  readonly #apart = AsyncLocalStorage.snapshot()
  /** Stores for those who look while no pass has opened one. */
  readonly #looking = new Map<string, Opened>()

  /** How long the last survey of each store took, ms. */
  readonly #surveyMs = new Map<string, number>()

  /** `open` opens a store; tests hand in their own. */
  constructor(world: World, open: OpenStore = openStore, holder = `${hostname()}/${randomUUID()}`) {
    this.#world = world
    this.#holder = holder
    this.#open = open
  }

  budgets(context: CommandContext, market: Market): Budgets {
    const key = budgetsKey(context)
    const budgets = this.#budgets.get(key) ?? openBudgets(this.#world, need(context.settings, 'weightShare'))
    this.#budgets.set(key, budgets)
    const { host } = new URL(urlsOf(context)[market])
    this.#hosts.set(`${key} ${market}`, { host, budgets, budgetsKey: key, market })
    return budgets
  }

  /** The clock that a job of this market goes by, epoch ms: the exchange's, where it is asked. */
  nowMs(context: CommandContext, market: Market): number {
    if (context.settings.source === 'archive') return this.#world.nowMs()
    return this.budgets(context, market).markets[market].nowMs()
  }

  /** The request weight of every host that jobs ask. */
  weights(): readonly HostWeight[] {
    const byHost = new Map<string, HostWeight>()
    for (const { host, budgets, market } of this.#hosts.values()) {
      const budget = budgets.markets[market]
      const { used, limit, pausedUntilMs } = budget
      const known = byHost.get(host)
      if (!known || used > known.used || pausedUntilMs > (known.pausedUntilMs ?? 0))
        byHost.set(host, {
          ...{ host, used, limit, pausedUntilMs: pausedUntilMs || null },
          pausedForMs: pausedUntilMs === 0 ? null : pausedUntilMs - budget.nowMs(),
        })
    }
    return [...byHost.values()]
  }

  async withStore<T>(context: CommandContext, _: boolean, work: (store: Store) => Promise<T>): Promise<T> {
    const key = storeKey(context)
    const opened = this.#stores.get(key) ?? this.#begin(context, this.#stores, false)
    const [done] = await Promise.all([this.#use(opened, work), this.#retire(this.#looking, key)])
    return done
  }

  /**
   * The same for those who only look: with the open store, or, while there is none, with one that makes
   * nothing.
   */
  look<T>(context: CommandContext, work: (store: Store) => Promise<T>): Promise<T> {
    const key = storeKey(context)
    const opened = this.#stores.get(key) ?? this.#looking.get(key)
    return this.#use(opened ?? this.#begin(context, this.#looking, true), work)
  }

  /**
   * The same for a look at all that is stored, which may take long. SQLite works off one call after another:
   * there it has a thread of its own, so that neither a pass nor the question whether the store answers
   * waits for it. Where the last one was quick, that is not worth a thread.
   */
  async survey<T>(context: CommandContext, work: (store: Store) => Promise<T>): Promise<T> {
    const key = storeKey(context)
    const startedMs = this.#world.monotonicMs()
    const isLong = (this.#surveyMs.get(key) ?? Number.POSITIVE_INFINITY) > LONG_SURVEY_MS
    try {
      if (chosenStore(context).entry.kind !== 'sqlite' || !isLong) return await this.look(context, work)
      const own = new Map<string, Opened>()
      try {
        return await this.#use(this.#begin(context, own, true), work)
      } finally {
        await this.#retire(own, key)
      }
    } finally {
      this.#surveyMs.set(key, this.#world.monotonicMs() - startedMs)
    }
  }

  /** One of `contexts` for each store that they name. */
  distinct(contexts: readonly CommandContext[]): CommandContext[] {
    return [...new Map(contexts.map((context) => [storeKey(context), context])).values()]
  }

  /** Nothing is shared with other programs by passes that are of no job. */
  async leases(): Promise<null> {
    return null
  }

  /** What the passes of a job get; `wake` begins one, for series that come; false where one runs already. */
  of(job: LeasedJob, wake: () => boolean): Connections {
    return {
      budgets: (context, market) => this.budgets(context, market),
      withStore: (...given) => this.withStore(...given),
      leases: async (context, series) => {
        const keeper = await this.#keeper(context)
        return keeper ? keeper.take(job, series, wake) : null
      },
    }
  }

  /** A job is gone: its series are for others. */
  async leave(job: string): Promise<void> {
    for (const { keeper } of this.#keepers.values()) await keeper.leave(job)
  }

  /** How many series this program has leases of; null where nothing is shared, or not yet. */
  leasedSeries(): number | null {
    const keepers = [...this.#keepers.values()]
    return keepers.length === 0 ? null : keepers.reduce((sum, { keeper }) => sum + keeper.series, 0)
  }

  /** Closes stores that none of `contexts` names, and forgets the hosts that none asks. */
  async keepOnly(contexts: readonly CommandContext[]): Promise<void> {
    const hosts = new Set(contexts.map(budgetsKey))
    for (const [key, { budgetsKey: asked }] of this.#hosts) if (!hosts.has(asked)) this.#hosts.delete(key)
    const kept = new Set(contexts.flatMap(storeKeys))
    for (const [key, { keeper, store }] of this.#keepers) {
      if (kept.has(store)) continue
      this.#keepers.delete(key)
      await keeper.stop()
    }
    for (const stores of [this.#looking, this.#stores])
      for (const key of [...stores.keys()]) if (!kept.has(key)) await this.#retire(stores, key)
  }

  /** The keeper of a store's leases; null where there are none. */
  async #keeper(context: CommandContext): Promise<LeaseKeeper | null> {
    const lastsMs = need(context.settings, 'leaseSeconds') * 1_000
    const hasLeases = await this.withStore(context, false, async ({ leases }) => leases !== undefined)
    if (!hasLeases || lastsMs === 0) return null
    const store = storeKey(context)
    const key = JSON.stringify([store, lastsMs])
    const ask: LeaseKeeperOptions['ask'] = (work) =>
      this.withStore({ ...context, trace: untraced }, false, async ({ leases }) => {
        if (!leases) throw new Error('a store without leases')
        return work(leases)
      })
    const clock = this.#world
    const fresh = (): LeaseKeeper =>
      new LeaseKeeper({
        ...{ ask, holder: this.#holder, lastsMs, clock, tell: context.tell },
        apart: (work) => this.#apart(work),
      })
    const { keeper } = this.#keepers.get(key) ?? { keeper: fresh() }
    this.#keepers.set(key, { keeper, store })
    return keeper
  }

  /** Gives every lease back and closes every store. */
  async close(): Promise<void> {
    for (const { keeper } of this.#keepers.values()) await keeper.stop()
    for (const stores of [this.#looking, this.#stores])
      for (const key of [...stores.keys()]) await this.#retire(stores, key)
  }

  #begin(context: CommandContext, stores: Map<string, Opened>, readOnly: boolean): Opened {
    const key = storeKey(context)
    const failed = (): void => {
      opened.isStale = true
      if (stores.get(key) === opened) stores.delete(key)
    }
    // Who only looks is no part of a pass.
    const own = readOnly ? { ...context, trace: untraced } : context
    const opening = this.#open(own, readOnly, chosenStore(context)).then(
      (store) => watchedStore(store, this.#world, context.tell, failed),
      (error: unknown) => {
        failed()
        throw error
      },
    )
    const opened: Opened = { opening, users: 0, isStale: false }
    stores.set(key, opened)
    return opened
  }

  /** Nobody is given this store any more; whoever uses it last closes it. */
  async #retire(stores: Map<string, Opened>, key: string): Promise<void> {
    const opened = stores.get(key)
    if (!opened) return
    opened.isStale = true
    stores.delete(key)
    if (opened.users === 0) await closeQuietly(opened)
  }

  async #use<T>(opened: Opened, work: (store: Store) => Promise<T>): Promise<T> {
    opened.users += 1
    try {
      return await work(await opened.opening)
    } finally {
      opened.users -= 1
      if (opened.isStale && opened.users === 0) await closeQuietly(opened)
    }
  }
}

function urlsOf({ settings }: CommandContext): Readonly<Record<Market, string>> {
  return {
    spot: need(settings, 'apiUrl'),
    um: need(settings, 'futuresApiUrl'),
    cm: need(settings, 'coinFuturesApiUrl'),
  }
}

/** Who has the same counts its weight together. */
function budgetsKey(context: CommandContext): string {
  return JSON.stringify([urlsOf(context), need(context.settings, 'weightShare')])
}

/** What tells one store from another. */
function storeKey(context: CommandContext): string {
  const { entry, uri } = chosenStore(context)
  const { batchSize, hypertables } = context.settings
  return JSON.stringify([entry.kind, uri, batchSize, hypertables])
}

/** The same for settings that may name no store: then none is in use. */
function storeKeys(context: CommandContext): string[] {
  try {
    return [storeKey(context)]
  } catch (error) {
    if (error instanceof UserError) return []
    throw error
  }
}

/** Closing what failed, or never opened, has nothing to say. */
async function closeQuietly({ opening }: Opened): Promise<void> {
  await opening.then((store) => store.close()).catch(() => undefined)
}
