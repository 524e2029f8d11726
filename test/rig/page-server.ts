// The routes of serve mode on a real socket, with made-up answers that a test may change while a browser
// looks.
import { createApp } from '../../src/server/app.ts'
import { type EventStreams, openStreams } from '../../src/server/event-streams.ts'
import { listen } from '../../src/server/listen.ts'
import type { Served } from '../../src/server/served.ts'
import { statusPage } from '../../src/server/status-page/page.ts'
import type { PageState } from './page-states.ts'
import { plainServed } from './served.ts'

export type PageServer = {
  readonly url: string
  readonly streams: EventStreams
  readonly defects: readonly unknown[]
  /** What is answered from now on. */
  set(state: PageState): void
  stop(): Promise<void>
}

const clock = {
  monotonicMs: () => performance.now(),
  nowMs: () => Date.now(),
  random: () => 0,
  wait: (ms: number, signal?: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      const timer = setTimeout(resolve, ms)
      signal?.addEventListener('abort', () => {
        clearTimeout(timer)
        reject(signal.reason)
      })
    }),
}

/** Serves `first` on a free port of this machine. */
export async function startPageServer(first: PageState): Promise<PageServer> {
  let served: Served = plainServed(first)
  const streams = openStreams(clock)
  const defects: unknown[] = []
  const defect = (error: unknown): void => void defects.push(error)
  const page = await statusPage()
  const app = createApp({
    served: new Proxy({} as Served, { get: (_, name) => served[name as keyof Served] }),
    streams,
    limit: { spend: () => 0 },
    token: null,
    page,
    defect,
  })
  const server = await listen(app, { host: '127.0.0.1', port: 0, clock, defect })
  return {
    ...{ url: server.url, streams, defects },
    set: (state) => {
      served = plainServed(state)
    },
    stop: async () => {
      streams.close()
      await server.stop()
    },
  }
}
