// The client on a virtual clock with a scripted network: what tests of the client share.
import { type Budgets, openBudgets } from '../../src/binance/budgets.ts'
import { Client, type ClientRequest } from '../../src/binance/client.ts'
import type { PetrosaEvent } from '../../src/core/events.ts'
import { type Scripted, type ScriptedNetwork, scriptedNetwork } from './scripted-network.ts'
import { type VirtualClock, virtualClock } from './virtual-clock.ts'
import { testWorld } from './world.ts'

/** Twenty seconds into a minute. */
export const CLIENT_START_MS = Date.UTC(2024, 0, 1, 12, 0, 20)

export type ClientRig = {
  readonly client: Client
  readonly clock: VirtualClock
  readonly network: ScriptedNetwork
  readonly stop: AbortController
  readonly events: readonly PetrosaEvent[]
  /** Another client of the same program. */
  another(): Client
}

type Script = Parameters<typeof scriptedNetwork>[1]

/** A client whose network answers by `script`. */
export function clientRig(script: Script, seed = 1): ClientRig {
  const clock = virtualClock({ startMs: CLIENT_START_MS, seed })
  const network = scriptedNetwork(clock, script)
  const stop = new AbortController()
  const events: PetrosaEvent[] = []
  const budgets: Budgets = openBudgets(clock, 0.9)
  const another = (): Client =>
    new Client(testWorld({ ...clock, fetch: network.fetch, signal: stop.signal, version: '0.0.0-test' }), {
      urls: { spot: 'https://spot.test/base/', um: 'https://um.test', cm: 'https://cm.test' },
      apiKey: null,
      weightShare: 0.9,
      budgets,
      tell: (event) => void events.push(event),
    })
  return { client: another(), clock, network, stop, events, another }
}

/** A page of klines as text; `facts` say otherwise. */
export const request = (facts: Partial<ClientRequest<string>> = {}): ClientRequest<string> => ({
  market: 'spot',
  path: '/api/v3/klines',
  query: { symbol: 'BTCUSDT', limit: '2' },
  weight: 2,
  mostBytes: 1_000,
  read: (body) => Buffer.from(body).toString(),
  ...facts,
})

export const isTime = (url: URL): boolean => url.pathname.endsWith('/time')
export const timeBody = (ms: number): Scripted => ({ body: JSON.stringify({ serverTime: ms }) })
/** The pages by a list, the last one for ever; the clock always answers. */
export const pages =
  (...answers: readonly Scripted[]): Script =>
  ({ url, atMs }, number) =>
    isTime(url) ? timeBody(atMs) : (answers[number - 1] ?? answers.at(-1) ?? {})
/** What `work` ends with: its error, or that there was none. */
export const errorOf = async (clock: VirtualClock, work: Promise<unknown>): Promise<unknown> =>
  clock.run(
    work.then(
      () => 'no error',
      (error: unknown) => error,
    ),
  )
