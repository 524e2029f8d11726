// Keeps the leases of one program: shares the series of each job with the other programs that have the same
// job, renews what it has, takes over what nobody has any more, and gives up what is more than its share.
// That a lease is still held it judges by its own clock, from before it was asked for: never longer than the
// database does.
import type { Tell } from './events.ts'
import { type Leases, type LeaseView, REPLICA_PREFIX } from './lease.ts'
import { byLiking, mixed, ownSeries, shareOf } from './lease-shares.ts'
import type { Clock } from './retry.ts'

/**
 * Renewals in the time of a lease: some may fail. A lease that ran out is seen by others after one of them,
 * and is for anybody after three, so that no series waits longer than a lease and a half.
 */
const BEATS = 7

/** Who should have a series gets so many renewals' time to take it, before it is for anybody. */
const COURTESY_BEATS = 1.2

/** Giving everything back at the end takes so long at most, ms; what is not given back runs out. */
const RELEASE_MS = 2_000

/** What somebody who fetches a series knows of its lease. */
export type HeldLease = {
  readonly token: number
  /** Whether it is held now, for certain. */
  isHeld(): boolean
  /** Whether it is held, and then it is not given up before `end`. */
  begin(): boolean
  end(): void
}

export type LeaseKeeperOptions = {
  /** Runs `work` with the leases of the store. */
  readonly ask: <T>(work: (leases: Leases) => Promise<T>) => Promise<T>
  /** The name of this program, which no other has. */
  readonly holder: string
  readonly lastsMs: number
  readonly clock: Clock
  readonly tell: Tell
  /** Runs `work` as a part of nothing: renewing goes on after the pass that begins it. */
  readonly apart: <T>(work: () => T) => T
}

/**
 * A job: its own key, and the group of those that share its series, by a name that says which series these
 * are. One that `takesRest` looks after what others fetch, and shares only what none of them is about.
 */
export type LeasedJob = { readonly key: string; readonly group: string; readonly takesRest?: boolean }

/** The series that a job is about, shared by all programs that have it. */
type Group = {
  readonly name: string
  readonly takesRest: boolean
  readonly series: readonly string[]
  /** Begins a pass of the job; false where one runs, which may not see what came. */
  readonly wake: () => boolean
  /** Whether something came that no pass has seen yet. */
  hasNews: boolean
  /** Since when it was seen that nobody has a series, by the clock that never jumps. */
  freeSinceMs: ReadonlyMap<string, number>
}

type Held = {
  readonly token: number
  untilMs: number
  users: number
  /** Until when it is not offered to others, because nobody wanted it before. */
  readonly keptUntilMs: number
}

export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions
  readonly #groups = new Map<string, Group>()
  readonly #held = new Map<string, Held>()
  readonly #over = new AbortController()
  #turn: Promise<unknown> = Promise.resolve()
  #beating: Promise<void> | null = null

  constructor(options: LeaseKeeperOptions) {
    this.#options = options
  }

  /**
   * The leases that this program has of the `series` (keys) of a job, once it has its share; a pass takes
   * them before it looks at the ledger. `wake` is called when more come later, and again while it says false.
   * Throws what the store throws.
   */
  async take(
    { key, group: name, takesRest = false }: LeasedJob,
    series: readonly string[],
    wake: () => boolean,
  ): Promise<ReadonlyMap<string, HeldLease>> {
    const { freeSinceMs = new Map() } = this.#groups.get(key) ?? {}
    const group: Group = { name, takesRest, series, wake, hasNews: false, freeSinceMs }
    this.#groups.set(key, group)
    await this.#inTurn(() => this.#beat())
    group.hasNews = false
    this.#beating ??= this.#options.apart(() => this.#beats())
    return new Map(
      series.flatMap((one) => {
        const held = this.#held.get(one)
        return held ? [[one, this.#leaseOf(one, held.token)] as const] : []
      }),
    )
  }

  /** How many series this program has leases of. */
  get series(): number {
    return [...this.#held.keys()].filter((key) => !key.startsWith(REPLICA_PREFIX)).length
  }

  /** The job is gone: its series are for others, but for those that another job has too. */
  async leave(job: string): Promise<void> {
    const group = this.#groups.get(job)
    if (!this.#groups.delete(job) || !group) return
    const kept = new Set([...this.#groups.values()].flatMap(({ series }) => series))
    const gone = group.series.filter((key) => this.#held.has(key) && !kept.has(key))
    await this.#inTurn(() => this.#giveUp([...gone, this.#replicaKey(group.name)])).catch(() => undefined)
  }

  /** Stops renewing and gives everything back, as far as the store answers in time. Never throws. */
  async stop(): Promise<void> {
    this.#over.abort()
    await this.#beating
    if (this.#groups.size === 0) return
    const { ask, clock, holder } = this.#options
    const late = new AbortController()
    const released = this.#inTurn(() => ask((leases) => leases.release({ holder, series: null })))
    this.#held.clear()
    await Promise.race([released, clock.wait(RELEASE_MS, late.signal)]).catch(() => undefined)
    late.abort()
  }

  #leaseOf(key: string, token: number): HeldLease {
    const current = (): Held | null => {
      const held = this.#held.get(key)
      const isHeld = held?.token === token && held.untilMs > this.#options.clock.monotonicMs()
      return isHeld ? held : null
    }
    let began: Held | null = null
    return {
      token,
      isHeld: () => current() !== null,
      begin: () => {
        began = current()
        if (began) began.users += 1
        return began !== null
      },
      end: () => {
        if (began) began.users -= 1
        began = null
      },
    }
  }

  async #beats(): Promise<void> {
    const { clock, lastsMs } = this.#options
    const { signal } = this.#over
    while (!signal.aborted) {
      await clock.wait(lastsMs / BEATS, signal).catch(() => undefined)
      if (signal.aborted) return
      // A store that does not answer: what is held runs out, by this side's clock too.
      await this.#inTurn(() => this.#beat()).catch(() => undefined)
      // Once: a pass that fails before it takes anything is repeated by its job's own pauses, not by ours.
      for (const group of this.#groups.values()) if (group.hasNews && group.wake()) group.hasNews = false
    }
  }

  /** Renews all, then brings every job to its share. */
  async #beat(): Promise<void> {
    const { ask, clock, holder, lastsMs } = this.#options
    await this.#claim(
      [...this.#groups.values()].map(({ name }) => this.#replicaKey(name)).filter(this.#isMissing),
    )
    const fromMs = clock.monotonicMs()
    const view = await ask((leases) => leases.renew({ holder, lastsMs }))
    this.#learn(view, fromMs)
    await this.#giveUp(this.#unwanted(), 'left series that no job is about any more')
    for (const [group, series] of ownSeries([...this.#groups.values()]))
      await this.#balance(group, series, view)
  }

  /** What is held, and of no job any more: of a symbol that stopped trading, say. */
  #unwanted(): string[] {
    const wanted = new Set([...this.#groups.values()].flatMap(({ series }) => series))
    const isIdle = ([key, { users }]: [string, Held]): boolean =>
      users === 0 && !wanted.has(key) && !key.startsWith(REPLICA_PREFIX)
    return [...this.#held].filter(isIdle).map(([key]) => key)
  }

  readonly #isMissing = (key: string): boolean => !this.#held.has(key)

  #learn(view: LeaseView, fromMs: number): void {
    const stored = new Map(view.held.map(({ series, token }) => [series, token]))
    const lost = [...this.#held].filter(([key, { token }]) => stored.get(key) !== token)
    for (const [key] of lost) this.#held.delete(key)
    for (const held of this.#held.values()) held.untilMs = fromMs + this.#options.lastsMs
    this.#left(
      'series went to another replica',
      lost.map(([key]) => key),
    )
  }

  #left(message: string, keys: readonly string[]): void {
    const series = keys.filter((key) => !key.startsWith(REPLICA_PREFIX))
    if (series.length === 0) return
    this.#options.tell({ type: 'series-left', series })
    this.#options.tell({ type: 'note', message, fields: { series: series.length } })
  }

  async #balance(group: Group, series: readonly string[], view: LeaseView): Promise<void> {
    const prefix = this.#replicaPrefix(group.name)
    const replicas = view.live.filter((key) => key.startsWith(prefix)).sort()
    const share = shareOf(series.length, replicas, this.#replicaKey(group.name))
    const mine = series.filter((key) => this.#held.has(key))
    if (mine.length > share) {
      const idle = this.#byLiking(mine.filter((key) => this.#isIdle(key)))
      await this.#giveUp(idle.reverse().slice(0, mine.length - share))
    }
    const live = new Set(view.live)
    // Of a claim whose answer was lost.
    const lost = new Set(view.held.map(({ series }) => series))
    const { lastsMs } = this.#options
    const had = new Set(mine)
    const free = series.filter((key) => !had.has(key) && (!live.has(key) || lost.has(key)))
    const left = this.#leftOver(group, free)
    const fair = this.#byLiking(free.filter((key) => !left.includes(key)))
    const most = Math.max(0, share - mine.length - left.length)
    const taken = [...(await this.#claim(left, lastsMs)), ...(await this.#claim(fair.slice(0, most)))]
    if (taken.length === 0) return
    const came = new Set(taken)
    for (const one of this.#groups.values()) if (one.series.some((key) => came.has(key))) one.hasNews = true
    this.#options.tell({
      type: 'note',
      message: 'took series over',
      fields: { series: taken.length, replicas: replicas.length },
    })
  }

  /**
   * What nobody has taken since a look before: it is for anybody, since who should have it may not be able
   * to.
   */
  #leftOver(group: Group, free: readonly string[]): string[] {
    const { clock, lastsMs } = this.#options
    const nowMs = clock.monotonicMs()
    const before = group.freeSinceMs
    group.freeSinceMs = new Map(free.map((key) => [key, before.get(key) ?? nowMs]))
    const ripeMs = (COURTESY_BEATS * lastsMs) / BEATS
    return free.filter((key) => nowMs - (before.get(key) ?? nowMs) >= ripeMs)
  }

  #isIdle(key: string): boolean {
    const held = this.#held.get(key)
    return held?.users === 0 && held.keptUntilMs <= this.#options.clock.monotonicMs()
  }

  /** Which of `series` could be had; they are not offered to others for `keptMs`. */
  async #claim(series: readonly string[], keptMs = 0): Promise<readonly string[]> {
    if (series.length === 0) return []
    const { ask, clock, holder, lastsMs } = this.#options
    const fromMs = clock.monotonicMs()
    const taken = await ask((leases) => leases.claim({ holder, series, lastsMs }))
    const times = { untilMs: fromMs + lastsMs, keptUntilMs: fromMs + keptMs }
    for (const { series: key, token } of taken) this.#held.set(key, { token, users: 0, ...times })
    return taken.map((lease) => lease.series)
  }

  async #giveUp(series: readonly string[], why = 'left series to another replica'): Promise<void> {
    if (series.length === 0) return
    const { ask, holder } = this.#options
    // First here: whoever takes one of them may have it from the moment of the call on.
    for (const key of series) this.#held.delete(key)
    this.#left(why, series)
    await ask((leases) => leases.release({ holder, series }))
  }

  /** Each program likes other series best, so that they do not all reach for the same ones. */
  #byLiking(series: readonly string[]): string[] {
    return byLiking(this.#options.holder, series)
  }

  #replicaPrefix = (name: string): string => `${REPLICA_PREFIX}${mixed(name).toString(16)}/`
  #replicaKey = (name: string): string => `${this.#replicaPrefix(name)}${this.#options.holder}`

  /** One after the other: a renewal must not meet a claim half-way. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#turn.then(work, work)
    this.#turn = next.catch(() => undefined)
    return next
  }
}
