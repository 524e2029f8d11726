// The jobs that are served when they are exchanged at run time (SIGHUP): what leaves gives up its series, its
// store and its place in the metrics, and one that comes back waits for its own last pass.
import { describe, expect, test } from 'bun:test'
import { jobsOf } from '../../src/cli/jobs.ts'
import { KeptConnections } from '../../src/cli/kept-connections.ts'
import { fetchServeJob, gapsCommandJob, type ServeJob } from '../../src/cli/serve-jobs.ts'
import { ServedJobs } from '../../src/cli/served-jobs.ts'
import { DAY_MS } from '../../src/core/calendar.ts'
import type { PetrosaEvent } from '../../src/core/events.ts'
import { klines } from '../../src/datasets/klines.ts'
import { StoppedError } from '../../src/errors.ts'
import { openStreams } from '../../src/server/event-streams.ts'
import { emptyMemoryDatabase, openMemoryStore } from '../rig/memory-store.ts'
import { runContext } from '../rig/run-context.ts'
import { virtualClock } from '../rig/virtual-clock.ts'
import { testWorld } from '../rig/world.ts'

const START_MS = Date.parse('2024-01-01T12:00:20Z')
/** How long a pass goes on, also after it was told to stop: a page that is being written. */
const PASS_MS = 5_000
const key = (symbol: string): string => `spot/klines/${symbol}/1m`

/** Serves jobs whose passes plan the symbols that stand in `trading`, take their leases, and take a while. */
async function rig(leaseSeconds = 30) {
  const clock = virtualClock({ startMs: START_MS })
  const stop = new AbortController()
  const world = testWorld({
    ...clock,
    env: { SQLITE_PATH: 'a.db', LEASE_SECONDS: String(leaseSeconds) },
    signal: stop.signal,
  })
  const events: PetrosaEvent[] = []
  const story: string[] = []
  const database = emptyMemoryDatabase()
  const trading = new Set<string>()
  const running = new Map<string, number>()
  const base = await runContext(world, [], (event) => void events.push(event))
  const connections = new KeptConnections(
    world,
    async (_context, _readOnly, { uri }) => {
      story.push(`open ${uri}`)
      const store = openMemoryStore(() => database, { readOnly: false, batchRows: 500 }, clock.nowMs)
      return { ...store, close: async () => void story.push(`close ${uri}`) }
    },
    'me',
  )
  const jobs = new ServedJobs({ context: base, connections, streams: openStreams(clock) })
  const mostAtOnce = { passes: 0 }
  const pass =
    (name: string, symbols: readonly string[]): ServeJob['pass'] =>
    async (context, own) => {
      const now = (running.get(name) ?? 0) + 1
      running.set(name, now)
      mostAtOnce.passes = Math.max(mostAtOnce.passes, now)
      try {
        own.budgets(context, 'spot')
        const planned = symbols.filter((symbol) => trading.has(symbol))
        await own.withStore(context, false, async () => own.leases(context, planned.map(key)))
        const series = (symbol: string) =>
          ({ market: 'spot', dataset: 'klines', symbol, period: '1m' }) as const
        const due = planned.map((symbol) => ({ series: series(symbol), fromMs: null }))
        context.tell({ type: 'pass-due', nowMs: clock.nowMs(), due })
        await clock.wait(PASS_MS)
        return { text: '', exitCode: 0 }
      } finally {
        running.set(name, (running.get(name) ?? 1) - 1)
      }
    }
  /** The job of `symbols`, with more words for its settings. */
  const job = async (symbols: string, words: readonly string[] = []): Promise<ServeJob> => {
    const all = ['--symbols', symbols, '--period', '1m', '--market', 'spot', ...words]
    const [one] = jobsOf(await runContext(world, all, () => undefined))
    if (!one) throw new Error('no job')
    return { ...fetchServeJob(one, clock.nowMs()), pass: pass(symbols, symbols.split(',')) }
  }
  const owned = (): string[] =>
    [...database.leases.values()]
      .filter(
        ({ series, holder, expiresAtMs }) => /^spot/.test(series) && holder && expiresAtMs > clock.nowMs(),
      )
      .map(({ series }) => series)
      .sort()
  const left = (): string[] =>
    events.flatMap((event) => (event.type === 'series-left' ? event.series : [])).sort()
  const end = async (): Promise<void> => {
    stop.abort(new StoppedError(143))
    await clock.run(jobs.ended().then(() => connections.close()))
  }
  return { clock, jobs, connections, story, trading, job, owned, left, mostAtOnce, end, world }
}

describe('series that nobody follows any more', () => {
  test('are told when a symbol drops out of what a pass plans, and their leases are given up', async () => {
    const { clock, job, jobs, left, owned, trading, end } = await rig()
    for (const symbol of ['AUSDT', 'BUSDT', 'CUSDT']) trading.add(symbol)
    jobs.replace([await job('AUSDT,BUSDT'), await job('BUSDT,CUSDT')])
    await clock.advance(10_000)
    expect([owned(), left()]).toEqual([['AUSDT', 'BUSDT', 'CUSDT'].map(key), []])
    trading.delete('AUSDT')
    await clock.advance(120_000)
    expect([owned(), [...new Set(left())]]).toEqual([['BUSDT', 'CUSDT'].map(key), [key('AUSDT')]])
    await end()
  })

  test('are told when a symbol drops out, where there are no leases', async () => {
    const { clock, job, jobs, left, trading, end } = await rig(0)
    trading.add('AUSDT').add('BUSDT')
    jobs.replace([await job('AUSDT,BUSDT')])
    await clock.advance(10_000)
    trading.delete('AUSDT')
    await clock.advance(120_000)
    expect(left()).toEqual([key('AUSDT')])
    await end()
  })

  // With leases their keeper tells it too.
  test.each([0, 30])(
    'are told when their job is gone, but for those of another (%i s leases)',
    async (leaseSeconds) => {
      const { clock, job, jobs, left, trading, end } = await rig(leaseSeconds)
      for (const symbol of ['AUSDT', 'BUSDT', 'CUSDT']) trading.add(symbol)
      const [first, second] = [await job('AUSDT,BUSDT'), await job('BUSDT,CUSDT')]
      jobs.replace([first, second])
      await clock.advance(10_000)
      jobs.replace([second])
      await clock.advance(10_000)
      expect([...new Set(left())]).toEqual([key('AUSDT')])
      await end()
    },
  )

  test('are those of a pass over gaps that no job fetches', async () => {
    const { clock, job, jobs, left, trading, end } = await rig()
    for (const symbol of ['AUSDT', 'BUSDT']) trading.add(symbol)
    const gaps: ServeJob = { ...(await job('AUSDT,BUSDT')), kind: 'gaps', key: 'gaps' }
    jobs.replace([await job('BUSDT'), gaps])
    await clock.advance(120_000)
    expect([...new Set(left())]).toEqual([key('AUSDT')])
    await end()
  })
})

test('the pass that takes longest is the one that is told of', async () => {
  const { clock, job, jobs, end } = await rig()
  const { promise, resolve } = Promise.withResolvers<void>()
  const hangs: ServeJob['pass'] = async () => {
    await promise
    return { text: '', exitCode: 0 }
  }
  expect(jobs.pendingMs()).toBe(0)
  jobs.replace([await job('AUSDT'), { ...(await job('BUSDT')), pass: hangs }])
  await clock.advance(7_200_000)
  expect(jobs.pendingMs()).toBe(7_200_000)
  resolve()
  await clock.advance(PASS_MS)
  expect(jobs.pendingMs()).toBeLessThanOrEqual(PASS_MS)
  await end()
})

test('gaps that somebody asks to fill are filled, also where the schedule only looks for them', async () => {
  const { clock, jobs, world, end } = await rig()
  const resolved = await runContext(world, [], () => undefined)
  const filled: (boolean | null)[] = []
  const pass: ServeJob['pass'] = async ({ settings }) => {
    filled.push(settings.fill)
    return { text: '', exitCode: 0 }
  }
  jobs.replace([{ ...gapsCommandJob(resolved, klines, clock.nowMs()), pass }])
  await clock.advance(1_000)
  expect(jobs.start('gaps', null).started).toEqual(['gaps'])
  await clock.advance(2 * DAY_MS)
  expect(filled.map((fill) => fill === true)).toEqual([false, true, false, false])
  await end()
})

describe('a job that comes back', () => {
  test('before its last pass has ended waits for it, and keeps its leases', async () => {
    const { clock, job, jobs, mostAtOnce, owned, trading, end } = await rig()
    trading.add('AUSDT').add('BUSDT')
    const [a, b] = [await job('AUSDT'), await job('BUSDT')]
    jobs.replace([a])
    await clock.advance(1_000)
    jobs.replace([b])
    await clock.advance(500)
    jobs.replace([a])
    jobs.replace([b])
    jobs.replace([a])
    await clock.advance(20_000)
    expect(mostAtOnce.passes).toBe(1)
    expect(owned()).toEqual([key('AUSDT')])
    await end()
    expect(owned()).toEqual([])
  })
})

test.each([
  [30, 2],
  [0, null],
])('who starts a job is told how many series this replica owns (%i s leases: %p)', async (lasts, owned) => {
  const { clock, job, jobs, trading, end } = await rig(lasts)
  trading.add('AUSDT').add('BUSDT')
  const given = await job('AUSDT,BUSDT')
  jobs.replace([given])
  await clock.advance(10_000)
  expect(jobs.start('fetch', null)).toEqual({
    ...{ known: [given.name], started: [given.name], leasedSeries: owned },
  })
  await end()
})

test('how long leases last stays as it was at the start', async () => {
  const { clock, job, jobs, owned, trading, end } = await rig()
  trading.add('AUSDT').add('BUSDT')
  jobs.replace([await job('AUSDT')])
  await clock.advance(1_000)
  const later = await job('BUSDT')
  jobs.replace([{ ...later, settings: { ...later.settings, leaseSeconds: 0 } }])
  await clock.advance(20_000)
  expect(owned()).toEqual([key('BUSDT')])
  await end()
})

describe('a store that no job names any more', () => {
  test('is closed when its last pass has ended, with its leases and its hosts', async () => {
    const { clock, connections, job, jobs, owned, story, trading, end } = await rig()
    trading.add('AUSDT').add('BUSDT')
    jobs.replace([await job('AUSDT', ['--weight-share', '0.5'])])
    await clock.advance(1_000)
    expect([story, connections.weights().length]).toEqual([['open a.db'], 1])
    jobs.replace([await job('BUSDT', ['--db-uri', 'b.db'])])
    await clock.advance(2_000)
    expect(story).toEqual(['open a.db', 'open b.db'])
    await clock.advance(20_000)
    expect(story).toEqual(['open a.db', 'open b.db', 'close a.db'])
    expect(connections.weights().map(({ limit }) => limit)).toEqual([6_000])
    expect(owned()).toEqual([key('BUSDT')])
    await clock.advance(600_000)
    expect(story).toEqual(['open a.db', 'open b.db', 'close a.db'])
    await end()
    expect(story.at(-1)).toBe('close b.db')
  })

  test('is no trouble where the settings name none', async () => {
    const { clock, job, jobs, trading, world, end } = await rig()
    trading.add('AUSDT')
    jobs.replace([await job('AUSDT')])
    await clock.advance(1_000)
    const nowhere = await runContext(world, ['--db', 'postgresql'], () => undefined)
    jobs.replace([gapsCommandJob(nowhere, klines, clock.nowMs())])
    await clock.advance(20_000)
    await end()
  })
})
