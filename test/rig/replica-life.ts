// Several programs that serve the same series from one database, in virtual time: the real jobs, loops,
// passes and leases, on the rig's market behind one exchange that counts their weight together. Each program
// can be killed, paused as by SIGSTOP, or cut off from the database. All chance comes from the seed.

import { jobsOf } from '../../src/cli/jobs.ts'
import { KeptConnections } from '../../src/cli/kept-connections.ts'
import { servedJobsOf } from '../../src/cli/serve-jobs.ts'
import { ServedJobs } from '../../src/cli/served-jobs.ts'
import type { PetrosaEvent } from '../../src/core/events.ts'
import type { Page, Store } from '../../src/core/store.ts'
import { StoppedError } from '../../src/errors.ts'
import { openStreams } from '../../src/server/event-streams.ts'
import type { World } from '../../src/world.ts'
import { type Chance, chanceOf } from './chance.ts'
import { distantStore, type Owner } from './distant-store.ts'
import { type Limiter, startLimiter } from './limiter.ts'
import { marketNetwork } from './market-network.ts'
import { emptyMemoryDatabase, openMemoryStore } from './memory-store.ts'
import { runContext } from './run-context.ts'
import { shownMsOf } from './simulation.ts'
import type { SymbolSpec } from './symbol-spec.ts'
import { type VirtualClock, virtualClock } from './virtual-clock.ts'
import { testWorld } from './world.ts'

/** One request for candles, and the program that made it. */
export type Asked = {
  readonly replica: string
  readonly window: string
  readonly atMs: number
  /** Who had the series then by the database, and under which token; empty where nobody had. */
  readonly owner: string
  readonly token: number
}

export type Replica = {
  readonly name: string
  readonly events: readonly PetrosaEvent[]
  /** Stops between two turns, as if its process were stopped: nothing of it runs until `resume`. */
  pause(): void
  resume(): void
  /** Gone without a word; what it sent the database may still arrive. */
  kill(): void
  /** Whether it reaches the database. */
  cut(isCut: boolean): void
  /** Has it look for gaps, as it does every night. */
  fillGaps(): void
  /** A clean stop. */
  stop(): Promise<void>
}

export type ReplicaLife = {
  readonly clock: VirtualClock
  readonly chance: Chance
  /** Who has which series by the database, by key. */
  readonly owners: ReadonlyMap<string, Owner>
  readonly limiter: Limiter
  readonly asked: readonly Asked[]
  /** Writes that were refused because another program had the series. */
  readonly refused: readonly Page[]
  /** `more`: words of its own. */
  start(name: string, more?: readonly string[]): Promise<Replica>
  /** The database, as nobody's trouble is in the way of. */
  open(): Promise<Store>
}

export type ReplicaLifeOptions = {
  readonly seed: number
  readonly startMs: number
  readonly specs: readonly SymbolSpec[]
  /** The words of `petrosa run`. */
  readonly words: readonly string[]
  /** The exchange's weight a minute. */
  readonly limit: number
  /** Opens a store of the one database; one in memory where it is not given. */
  readonly open?: () => Promise<Store>
}

/** How long the exchange bans, ms. */
const BAN_MS = 120_000

/** A world with a database, an exchange, and no program yet. */
export function replicaLife(options: ReplicaLifeOptions): ReplicaLife {
  const { seed, startMs, specs, words, limit } = options
  const chance = chanceOf(seed)
  const clock = virtualClock({ startMs, seed, mostWakes: 50_000_000 })
  const database = emptyMemoryDatabase()
  const limiter = startLimiter({ market: 'spot', limit, banMs: BAN_MS, graceMs: 0, foreign: 0 }, () =>
    clock.monotonicMs(),
  )
  const asked: Asked[] = []
  const refused: Page[] = []
  const owners = new Map<string, Owner>()
  const inMemory = async (): Promise<Store> => openMemoryStore(() => database, memoryOptions, clock.nowMs)
  const { open = inMemory } = options
  const life: ReplicaLife = { clock, chance, owners, limiter, asked, refused, start, open }

  function ownerOf(url: URL): Pick<Asked, 'owner' | 'token'> {
    const key = `spot/klines/${url.searchParams.get('symbol')}/${url.searchParams.get('interval')}`
    const owner = owners.get(key)
    if (!owner || owner.untilMs <= clock.nowMs()) return { owner: '', token: 0 }
    return { owner: owner.holder, token: owner.token }
  }

  async function start(name: string, more: readonly string[] = []): Promise<Replica> {
    const own = pausableClock(clock)
    const stop = new AbortController()
    let isCut = false
    let isDead = false
    const network = marketNetwork({
      specs,
      clock,
      latencyMs: () => chance.whole(1, 60),
      shownMs: (_symbol, _period, openMs) => shownMsOf(openMs),
      trouble: () => null,
      weightLimit: limit,
    })
    const fetch: World['fetch'] = async (address, init) => {
      const url = new URL(address)
      if (isDead) await new Promise(() => undefined)
      const verdict = limiter.spend(url.pathname === '/api/v3/exchangeInfo' ? 20 : 2, clock.nowMs())
      if (url.pathname === '/api/v3/klines')
        asked.push({ replica: name, window: url.search, atMs: clock.nowMs(), ...ownerOf(url) })
      const answer = verdict.kind === 'served' ? await network.fetch(address, init) : refusal(verdict)
      await own.awake()
      if (verdict.kind !== 'banned') answer.headers.set('x-mbx-used-weight-1m', String(verdict.used))
      return answer
    }
    const env = { BINANCE_API_URL: 'https://exchange.test', SQLITE_PATH: 'memory.db' }
    const world = testWorld({ ...clock, wait: own.wait, fetch, env, signal: stop.signal })
    const events: PetrosaEvent[] = []
    const context = await runContext(world, [...words, ...more], (event) => void events.push(event))
    const connections = new KeptConnections(
      world,
      async () => {
        const line = { clock, chance, own, refused, owners, isCut: () => isCut || isDead }
        return distantStore(await clock.during(open()), line)
      },
      name,
    )
    const jobs = new ServedJobs({ context, connections, streams: openStreams(clock) })
    jobs.replace(servedJobsOf(jobsOf(context), world.nowMs()))
    return {
      name,
      events,
      pause: own.pause,
      resume: own.resume,
      kill: () => {
        isDead = true
        own.pause()
      },
      cut: (now) => {
        isCut = now
      },
      fillGaps: () => void jobs.start('gaps', null),
      stop: async () => {
        stop.abort(new StoppedError(143))
        await clock.run(jobs.ended().then(() => connections.close()))
      },
    }
  }
  return life
}

const memoryOptions = { readOnly: false, batchRows: 500 } as const

function refusal(verdict: { readonly kind: string; readonly retryAfterSeconds: number }): Response {
  const headers = { 'retry-after': String(verdict.retryAfterSeconds) }
  return new Response('{}', { status: verdict.kind === 'limited' ? 429 : 418, headers })
}

/** A clock on which nobody wakes while it is paused: all that was due wakes when it goes on. */
function pausableClock(clock: VirtualClock) {
  let going: Promise<void> = Promise.resolve()
  let go: () => void = () => undefined
  let isPaused = false
  const awake = async (): Promise<void> => {
    while (isPaused) await going
  }
  return {
    awake,
    wait: async (ms: number, signal?: AbortSignal): Promise<void> => {
      try {
        await clock.wait(ms, signal)
      } finally {
        await awake()
      }
    },
    pause: () => {
      if (isPaused) return
      isPaused = true
      going = new Promise((resolve) => {
        go = resolve
      })
    },
    resume: () => {
      isPaused = false
      go()
    },
  }
}
