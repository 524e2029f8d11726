// What serving watches beside its passes: whether the store answers, what is stored, how far the passes
// are. Requests are answered from what was seen last.
import type { Tell } from '../core/events.ts'
import { seriesKey } from '../core/series.ts'
import type { Store } from '../core/store.ts'
import { klines } from '../datasets/klines.ts'
import { startLag } from '../observe/lag.ts'
import { errorsAnswer, exchangeAnswer, passAnswer, readyAnswer } from '../server/answers.ts'
import type { EventStreams } from '../server/event-streams.ts'
import { startProbe } from '../server/probe.ts'
import type { Served, Stored } from '../server/served.ts'
import { startSurvey } from '../server/survey.ts'
import { openTroubles } from '../server/troubles.ts'
import type { CommandContext } from './command.ts'
import type { KeptConnections } from './kept-connections.ts'
import type { ServedJobs } from './served-jobs.ts'
import { joinStored, lookAtStore, storedKlines } from './stored.ts'

/** How often those who listen are told how far the passes are, ms. */
const TICK_MS = 1_000

export type Watch = {
  /** All that HTTP gets to see, but for the metrics. */
  readonly served: Omit<Served, 'metrics'>
  /** Whether the store answered when it was last asked; null before. */
  readonly storeUp: () => boolean | null
  stop(): Promise<void>
}

/** A series that is there for its question alone: whether the store answers. */
const anySeries = { market: 'spot', dataset: klines.name, symbol: 'BTCUSDT', period: '1m' } as const

/** Begins to watch. */
export function startWatch(
  context: CommandContext,
  connections: KeptConnections,
  jobs: ServedJobs,
  streams: EventStreams,
): Watch {
  const { world } = context
  const over = new AbortController()
  let stored: Stored = { series: [], gaps: [], gapsLeftOut: 0, lines: [] }
  let surveyedAtMs: number | null = null
  const lag = startLag(world.monotonicMs)
  const troubles = openTroubles(world.nowMs)
  const stores = (): CommandContext[] => connections.distinct(jobs.contexts())
  const probe = startProbe(world, over.signal, async () => {
    for (const one of stores()) await connections.look(one, (store) => store.ledger([anySeries]))
  })
  const survey = startSurvey({
    clock: world,
    signal: over.signal,
    look: () =>
      Promise.all(
        stores().map((one) => {
          const tell: Tell = (event) => {
            context.tell(event)
            if (event.type === 'series-surveyed') jobs.surveyed(one, event)
          }
          return connections.survey(one, (store) => lookAtStore(store, over.signal, tell))
        }),
      ),
    found: (looked) => {
      stored = joinStored(looked)
      surveyedAtMs = world.nowMs()
      streams.send({ event: 'stored', data: { series: stored.series.length, gaps: stored.gaps.length } })
    },
  })
  context.listen((event) => {
    // What one job leaves another may follow.
    if (['batch-written', 'hole-settled', 'series-left'].includes(event.type)) survey.news()
    lag.tell(event)
    const trouble = troubles.tell(event)
    if (trouble) streams.send({ event: 'trouble', data: errorsAnswer([trouble]) })
  })
  const ticking = tickEach(context, streams, over.signal, () => [
    { event: 'pass', data: passAnswer(jobs.views()) },
    { event: 'exchange', data: exchangeAnswer(connections.weights()) },
    { event: 'ready', data: readyAnswer(unready(jobs, probe.lastReason())) },
  ])
  return {
    served: {
      version: world.version,
      command: context.command,
      uptimeMs: () => world.monotonicMs() - context.startedMs,
      unready: async () => unready(jobs, await probe.reason()),
      lastUnready: () => unready(jobs, probe.lastReason()),
      jobs: () => jobs.views(),
      weights: () => connections.weights(),
      stored: () => stored,
      surveyedAtMs: () => surveyedAtMs,
      nowMs: () => jobs.nowMs(),
      lags: () => new Map([...lag.seconds()].map(({ series, seconds }) => [seriesKey(series), seconds])),
      troubles: () => troubles.all(),
      async klines(query, limit) {
        for (const one of stores()) {
          const read = (store: Store) => storedKlines(store, query, limit, jobs.nowMs())
          const found = await connections.look(one, read)
          if (found.length > 0) return found
        }
        return []
      },
      start: (kind, name) => jobs.start(kind, name),
    },
    storeUp: probe.up,
    async stop() {
      over.abort()
      await Promise.all([probe.ended, survey.ended, ticking])
    },
  }
}

function unready(jobs: ServedJobs, storeReason: string | null): string[] {
  if (jobs.stopping.aborted) return ['it is stopping']
  return [
    ...(jobs.hasBegun ? [] : ['the first pass has not begun']),
    ...(storeReason === null ? [] : [`the store does not answer: ${storeReason}`]),
  ]
}

type Messages = Parameters<EventStreams['open']>[0]

/** Sends what has changed since the last tick, while somebody listens. */
async function tickEach(
  { world }: CommandContext,
  streams: EventStreams,
  signal: AbortSignal,
  messages: () => Messages,
): Promise<void> {
  const sent = new Map<string, string>()
  while (!signal.aborted) {
    for (const message of streams.listeners() > 0 ? messages() : []) {
      const text = JSON.stringify(message.data)
      if (sent.get(message.event) !== text) streams.send(message)
      sent.set(message.event, text)
    }
    await world.wait(TICK_MS, signal).catch(() => undefined)
  }
}
