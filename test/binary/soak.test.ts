// A soak: passes every second, requests, streams that come and go, settings that are read again; memory and
// open files stay as they were. A minute of it in continuous integration, hours by `bun run soak`;
// TEST_SOAK_SECONDS says how long.
import { afterAll, expect, test } from 'bun:test'
import { benchAt, NO_LIMITS, plainSymbol } from '../rig/bench.ts'
import { embedded } from '../rig/binary-databases.ts'
import { startExchange } from '../rig/exchange.ts'
import { afterwards, removeWorkFolders, workFolder } from '../rig/run-petrosa.ts'
import { type Serving, servePetrosa } from '../rig/serve-petrosa.ts'

afterAll(removeWorkFolders)

const isIntegration = (Bun.env.CI ?? '') !== ''
const soakSeconds = Number(Bun.env.TEST_SOAK_SECONDS ?? (isIntegration ? 60 : 15))
const limitMs = (soakSeconds + 60) * 1_000
/** The first part, in which code is compiled and caches are filled, says nothing. */
const WARM_SHARE = 0.4
/** What grows by more than this over the rest of a soak grows without end. */
const MOST_GROWTH = 1.1
const MOST_FILES = 5
/** Marks are few, however long it takes. */
const MOST_MARKS = 400

type Mark = { readonly residentBytes: number; readonly openFiles: number }

const paths = ['/healthz', '/ready', '/metrics', '/status', '/api/status', '/api/gaps', '/api/timeline']
const more = ['/api/errors', '/api/klines?symbol=S1USDT&period=1m', '/nothing']

/** A second of what people and machines ask. */
async function visit(serving: Serving): Promise<void> {
  for (const path of [...paths, ...more]) await (await serving.get(path)).arrayBuffer()
  const stream = new AbortController()
  const events = await serving.get('/events', { signal: stream.signal })
  await events.body?.getReader().read()
  stream.abort()
  await Bun.sleep(500)
}

async function markOf(serving: Serving): Promise<Mark> {
  return {
    residentBytes: (await serving.metric('process_resident_memory_bytes')) ?? Number.NaN,
    openFiles: (await serving.metric('process_open_fds')) ?? Number.NaN,
  }
}

/** The least of a figure in the first half of some marks, and in the second. */
function halves(marks: readonly Mark[], of: (mark: Mark) => number): readonly [number, number] {
  const middle = Math.floor(marks.length / 2)
  return [Math.min(...marks.slice(0, middle).map(of)), Math.min(...marks.slice(middle).map(of))]
}

const megabytes = (bytes: number): number => Math.round(bytes / 1_048_576)

test(
  `${soakSeconds} s of passes and requests leave memory and open files as they were`,
  async () => {
    const specs = Array.from({ length: 10 }, (_, i) => plainSymbol(`S${i}USDT`))
    const startMs = Date.parse('2024-03-22T00:00:50Z')
    const exchange = await startExchange({ symbols: specs, clock: { startMs }, limits: NO_LIMITS })
    afterwards(() => exchange.stop())
    const folder = workFolder()
    const at = benchAt(exchange, folder, await embedded.place(folder))
    const config = 'symbols: all\nperiod: 1m\nsource: rest\nlookback-hours: 2\nschedule: "* * * * * *"\n'
    await Bun.write(`${folder}/petrosa.yaml`, config)
    const words = ['klines', '--serve', '--json', '--config', 'petrosa.yaml', ...at.flags]
    const serving = await servePetrosa(words, { cwd: folder, env: at.env, limitMs })
    await serving.passes(2)
    let marks: Mark[] = []
    const beganMs = performance.now()
    const share = (): number => (performance.now() - beganMs) / (soakSeconds * 1_000)
    while (share() < 1) {
      await visit(serving)
      // The same settings again: what they name goes on.
      serving.petrosa.kill('SIGHUP')
      if (share() > WARM_SHARE) marks.push(await markOf(serving))
      if (marks.length > MOST_MARKS) marks = marks.filter((_, i) => i % 2 === 0)
    }
    const bytes = halves(marks, ({ residentBytes }) => residentBytes)
    const files = halves(marks, ({ openFiles }) => openFiles)
    console.log(
      `memory in use, MB: ${bytes.map(megabytes).join(' then ')}; open files: ${files.join(' then ')}`,
    )
    const cpuSeconds = await serving.metric('process_cpu_seconds_total')
    console.log(`seconds of computing: ${cpuSeconds?.toFixed(1)}`)
    expect(marks.length).toBeGreaterThan(5)
    expect(bytes[1] / bytes[0]).toBeLessThan(MOST_GROWTH)
    expect(files[1] - files[0]).toBeLessThan(MOST_FILES)
    const run = await serving.stop()
    expect(run.signal).toBeNull()
    expect(run.log.filter(({ level }) => level === 'ERROR' || level === 'CRITICAL')).toEqual([])
  },
  limitMs,
)
