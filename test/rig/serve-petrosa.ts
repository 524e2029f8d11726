// The compiled program while it serves: started on a free port of this machine, asked over HTTP, told to
// stop.
import { type Family, readExposition, sampleValue } from './exposition.ts'
import { type LogLine, type Run, type RunningPetrosa, type RunOptions, startPetrosa } from './run-petrosa.ts'

export type Serving = {
  readonly url: string
  readonly petrosa: RunningPetrosa
  readonly log: readonly LogLine[]
  get(path: string, init?: RequestInit): Promise<Response>
  json(path: string): Promise<Record<string, unknown>>
  metrics(): Promise<ReadonlyMap<string, Family>>
  /** The value of one metric, which has these labels. */
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number | undefined>
  /** Resolves when /api/status says that so many passes have ended since it was started. */
  passes(count: number): Promise<void>
  stop(signal?: 'SIGINT' | 'SIGTERM'): Promise<Run>
}

/** How long anything is waited for, unless a test says otherwise. */
const PATIENCE_MS = 30_000

/** Starts `petrosa ARGS --port 0`, which must serve, and waits until it listens. */
export async function servePetrosa(args: readonly string[], options: RunOptions): Promise<Serving> {
  const log: LogLine[] = []
  const address = ['--host', '127.0.0.1', '--port', '0']
  const petrosa = startPetrosa([...args, ...address], {
    ...options,
    onLine: (line) => {
      log.push(line)
      options.onLine?.(line)
    },
  })
  await petrosa.said('serving')
  const url = String(log.find((line) => line.message === 'serving')?.url)
  // A connection of its own for each question: one that is kept would be closed when the program stops.
  const get = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(url + path, { ...init, headers: { connection: 'close', ...init.headers } })
  const metrics = async (): Promise<ReadonlyMap<string, Family>> =>
    readExposition(await (await get('/metrics')).text())
  return {
    ...{ url, petrosa, log, get, metrics },
    json: async (path) => (await get(path)).json() as Promise<Record<string, unknown>>,
    metric: async (name, labels) => sampleValue(await metrics(), name, labels),
    passes: (count) =>
      eventually(async () => {
        const families = await metrics()
        const ended = families.get('petrosa_pass_duration_seconds')?.samples ?? []
        const counts = ended.filter(({ name }) => name.endsWith('_count')).map(({ value }) => value)
        return counts.reduce((sum, value) => sum + value, 0) >= count
      }),
    stop: async (signal = 'SIGTERM') => {
      petrosa.kill(signal)
      return petrosa.ended
    },
  }
}

/** Resolves when `check` says so; asks ten times a second. Throws after `limitMs`. */
export async function eventually(check: () => Promise<boolean>, limitMs = PATIENCE_MS): Promise<void> {
  const deadlineMs = performance.now() + limitMs
  while (!(await check().catch(() => false))) {
    if (performance.now() > deadlineMs) throw new Error(`not within ${limitMs} ms: ${check}`)
    await Bun.sleep(100)
  }
}
