// Days of serving in virtual time: the real jobs, loops and passes, on the rig's market behind a fake
// network and a store in memory, with troubles that come and go. All chance comes from the seed.
import { jobsOf } from '../../src/cli/jobs.ts'
import { KeptConnections } from '../../src/cli/kept-connections.ts'
import { servedJobsOf } from '../../src/cli/serve-jobs.ts'
import { ServedJobs } from '../../src/cli/served-jobs.ts'
import type { PetrosaEvent } from '../../src/core/events.ts'
import { StoppedError } from '../../src/errors.ts'
import { openStreams } from '../../src/server/event-streams.ts'
import type { JobKind } from '../../src/server/served.ts'
import type { World } from '../../src/world.ts'
import { type Chance, chanceOf } from './chance.ts'
import { marketNetwork } from './market-network.ts'
import { emptyMemoryDatabase, type MemoryDatabase, openMemoryStore } from './memory-store.ts'
import { runContext } from './run-context.ts'
import { shownMsOf } from './simulation.ts'
import type { SymbolSpec } from './symbol-spec.ts'
import { type VirtualClock, virtualClock } from './virtual-clock.ts'
import { testWorld } from './world.ts'

/** What is wrong at a moment. */
export type Trouble = {
  readonly exchange?: 'down' | 'slow' | 'banned' | 'faulty'
  readonly store?: 'down'
}

export type Request = { readonly path: string; readonly atMs: number }
/** When a pass of a job ran, by the exchange's clock. */
export type PassNote = {
  readonly job: string
  readonly kind: JobKind
  readonly startedMs: number
  endedMs: number | null
}

export type ServedLife = {
  readonly clock: VirtualClock
  readonly chance: Chance
  readonly database: MemoryDatabase
  readonly jobs: ServedJobs
  readonly events: readonly PetrosaEvent[]
  readonly requests: readonly Request[]
  readonly passes: readonly PassNote[]
  /** The exchange's clock, epoch ms: it never jumps. */
  nowMs(): number
  /** From now on. */
  trouble(trouble: Trouble): void
  /** Tells the program to stop and waits until it has. */
  stop(): Promise<void>
}

export type LifeOptions = {
  readonly seed: number
  readonly startMs: number
  readonly specs: readonly SymbolSpec[]
  /** The words of `petrosa run`. */
  readonly words: readonly string[]
}

/** How long the exchange bans, seconds: longer than a run would wait. */
export const BAN_SECONDS = 600

/** Begins to serve. */
export async function startServedLife({ seed, startMs, specs, words }: LifeOptions): Promise<ServedLife> {
  const chance = chanceOf(seed)
  const clock = virtualClock({ startMs, seed, mostWakes: 50_000_000 })
  const nowMs = (): number => startMs + clock.monotonicMs()
  const stop = new AbortController()
  const database = emptyMemoryDatabase()
  const requests: Request[] = []
  const events: PetrosaEvent[] = []
  const passes: PassNote[] = []
  let trouble: Trouble = {}
  const network = marketNetwork({
    specs,
    clock: { nowMs, wait: clock.wait },
    latencyMs: () => (trouble.exchange === 'slow' ? chance.whole(1_000, 15_000) : chance.whole(1, 60)),
    shownMs: (_symbol, _period, openMs) => shownMsOf(openMs),
    trouble: () => answerOf(chance, trouble),
  })
  const fetch: World['fetch'] = (address, init) => {
    requests.push({ path: new URL(address).pathname, atMs: nowMs() })
    return network.fetch(address, init)
  }
  const env = { BINANCE_API_URL: 'https://exchange.test', SQLITE_PATH: 'memory.db' }
  const world = testWorld({ ...clock, fetch, env, signal: stop.signal })
  const context = await runContext(world, words, (event) => void events.push(event))
  const connections = new KeptConnections(world, async () =>
    openMemoryStore(() => (trouble.store === 'down' ? undefined : database)),
  )
  const jobs = new ServedJobs({ context, connections, streams: openStreams(clock) })
  jobs.replace(
    servedJobsOf(jobsOf(context), world.nowMs()).map((served) => {
      const pass: typeof served.pass = async (...given) => {
        const note: PassNote = { job: served.name, kind: served.kind, startedMs: nowMs(), endedMs: null }
        passes.push(note)
        return served.pass(...given).finally(() => {
          note.endedMs = nowMs()
        })
      }
      return { ...served, pass }
    }),
  )
  return {
    ...{ clock, chance, database, jobs, events, requests, passes, nowMs },
    trouble: (now) => {
      trouble = now
    },
    stop: async () => {
      stop.abort(new StoppedError(143))
      await clock.run(jobs.ended())
    },
  }
}

function answerOf(chance: Chance, { exchange }: Trouble): Response | Error | null {
  if (exchange === 'down') return new TypeError('connection refused')
  if (exchange === 'banned')
    return new Response('{}', { status: 418, headers: { 'retry-after': String(BAN_SECONDS) } })
  if (exchange !== 'faulty' || chance.happens(0.6)) return null
  return chance.one([
    new Response('{}', { status: 500 }),
    new Response('[[1,', { status: 200 }),
    new TypeError('reset'),
  ])
}
