// A program that is started again while the exchange is away: what is stored of its jobs is behind from the
// first look at the store on, by its ledger and this machine's clock, until a pass has planned.
import { describe, expect, test } from 'bun:test'
import { jobsOf } from '../../src/cli/jobs.ts'
import { KeptConnections } from '../../src/cli/kept-connections.ts'
import { fetchServeJob } from '../../src/cli/serve-jobs.ts'
import { ServedJobs } from '../../src/cli/served-jobs.ts'
import { startWatch } from '../../src/cli/served-watch.ts'
import type { Tell } from '../../src/core/events.ts'
import { type LedgerRow, ledgerRow, type Verdict } from '../../src/core/ledger.ts'
import type { Series } from '../../src/core/series.ts'
import { klines } from '../../src/datasets/klines.ts'
import { StoppedError } from '../../src/errors.ts'
import { openStreams } from '../../src/server/event-streams.ts'
import { emptyMemoryDatabase, openMemoryStore } from '../rig/memory-store.ts'
import { candle, DAY_0_MS, klineSeries, MINUTE_MS, page } from '../rig/pages.ts'
import { runContext } from '../rig/run-context.ts'
import { virtualClock } from '../rig/virtual-clock.ts'
import { testWorld } from '../rig/world.ts'

const minute = (i: number): number => DAY_0_MS + i * MINUTE_MS
const span = (from: number, to: number, verdict: Verdict): LedgerRow =>
  ledgerRow({ startMs: minute(from), endMs: minute(to) }, verdict, { checkedAtMs: DAY_0_MS })
const START = 600

type Stored = Readonly<Record<string, readonly LedgerRow[]>>

/** Serves `jobs` (words of settings each) over stores that hold `stored`; passes plan when `plan` says so. */
async function rig(jobs: readonly (readonly string[])[], stored: Readonly<Record<string, Stored>>) {
  const clock = virtualClock({ startMs: minute(START) })
  const stop = new AbortController()
  const world = testWorld({ ...clock, env: { SQLITE_PATH: 'a.db' }, signal: stop.signal })
  const databases = new Map(['a.db', 'b.db'].map((uri) => [uri, emptyMemoryDatabase()]))
  const storeAt = (uri: string) => openMemoryStore(() => databases.get(uri))
  for (const uri of databases.keys()) {
    await storeAt(uri).prepare([klines.table(klineSeries('AUSDT'))])
    for (const [symbol, ledger] of Object.entries(stored[uri] ?? {}))
      await storeAt(uri).write([page(klineSeries(symbol), [candle(minute(0))], { ledger })])
  }
  const connections = new KeptConnections(world, async (_context, _readOnly, { uri }) => storeAt(uri))
  const listeners: Tell[] = []
  const base = await runContext(world, [], (event) => {
    for (const listener of listeners) listener(event)
  })
  const context = { ...base, listen: (listener: Tell) => void listeners.push(listener) }
  const streams = openStreams(clock)
  const served = new ServedJobs({ context, connections, streams })
  const { promise: planning, resolve } = Promise.withResolvers<readonly Series[]>()
  const wanted = await Promise.all(
    jobs.map(async (words) => {
      const all = ['--market', 'spot', '--period', '1m', ...words]
      const [job] = jobsOf(await runContext(world, all, () => undefined))
      if (!job) throw new Error('no job')
      const pass = async ({ tell }: { readonly tell: Tell }) => {
        const due = (await planning).map((series) => ({ series, fromMs: null }))
        tell({ type: 'pass-due', nowMs: clock.nowMs(), due })
        return { text: '', exitCode: 0 as const }
      }
      return { ...fetchServeJob(job, clock.nowMs()), pass }
    }),
  )
  served.replace(wanted)
  const watch = startWatch(context, connections, served, streams)
  return {
    clock,
    plan: resolve,
    /** Minutes that each symbol is behind. */
    behind: () =>
      Object.fromEntries([...watch.served.lags()].map(([key, lag]) => [key.split('/')[2], lag / 60])),
    end: async () => {
      resolve([])
      stop.abort(new StoppedError(143))
      await clock.run(Promise.all([served.ended(), watch.stop()]))
      await connections.close()
    },
  }
}

describe('what is stored of a job whose first pass has not planned', () => {
  test('is behind by its ledger, until the plan says what is followed', async () => {
    const stored = { AUSDT: [span(0, 100, 'rows')], BUSDT: [span(0, 50, 'wanted')], XUSDT: [] }
    const { behind, clock, end, plan } = await rig([['--symbols', '*USDT', '--exclude', 'X*']], {
      'a.db': stored,
    })
    await clock.advance(0)
    // A minute has to close before it can be waited for.
    expect(behind()).toEqual({ AUSDT: START - 101, BUSDT: START - 1 })
    await clock.advance(300_000)
    expect(behind()).toEqual({ AUSDT: START - 96, BUSDT: START + 4 })
    plan([klineSeries('AUSDT')])
    await clock.advance(1_000)
    expect(behind()).toEqual({ AUSDT: 0 })
    // What is looked at later follows the plan.
    await clock.advance(660_000)
    expect(Object.keys(behind())).toEqual(['AUSDT'])
    await end()
  })

  test('is not where no row is owed: of what is delisted, and what the job has an end before', async () => {
    const rows = span(0, 100, 'rows')
    const stored = { AUSDT: [rows, span(100, 200, 'delisted')], BUSDT: [rows] }
    const jobs = [
      ['--symbols', 'AUSDT'],
      ['--symbols', 'BUSDT', '--end', String(minute(100))],
    ]
    const { behind, clock, end } = await rig(jobs, { 'a.db': stored })
    await clock.advance(0)
    expect(behind()).toEqual({})
    await end()
  })

  test('is only what lies in the store of the job', async () => {
    const old = [span(0, 10, 'rows')]
    const jobs = [
      ['--symbols', 'AUSDT'],
      ['--symbols', 'BUSDT', '--db-uri', 'b.db'],
    ]
    const { behind, clock, end } = await rig(jobs, {
      'a.db': { AUSDT: [span(0, 500, 'rows')], BUSDT: old },
      'b.db': { AUSDT: old, CUSDT: old },
    })
    await clock.advance(0)
    expect(behind()).toEqual({ AUSDT: START - 501 })
    await end()
  })
})
