// What is stored, for those who ask while serving: open gaps before explained ones where they are too many to
// keep, and candles of whichever store has them.
import { expect, test } from 'bun:test'
import { jobsOf } from '../../src/cli/jobs.ts'
import { KeptConnections } from '../../src/cli/kept-connections.ts'
import { fetchServeJob } from '../../src/cli/serve-jobs.ts'
import { ServedJobs } from '../../src/cli/served-jobs.ts'
import { startWatch } from '../../src/cli/served-watch.ts'
import { lookAtStore } from '../../src/cli/stored.ts'
import { type LedgerRow, ledgerRow } from '../../src/core/ledger.ts'
import { klines } from '../../src/datasets/klines.ts'
import { StoppedError } from '../../src/errors.ts'
import { openStreams } from '../../src/server/event-streams.ts'
import { emptyMemoryDatabase, openMemoryStore } from '../rig/memory-store.ts'
import { candle, DAY_0_MS, klineSeries, MINUTE_MS, page } from '../rig/pages.ts'
import { runContext } from '../rig/run-context.ts'
import { virtualClock } from '../rig/virtual-clock.ts'
import { testWorld } from '../rig/world.ts'

const minute = (i: number): number => DAY_0_MS + i * MINUTE_MS

/** A ledger row about one minute. */
const about = (i: number, verdict: 'rows' | 'outage'): LedgerRow =>
  ledgerRow({ startMs: minute(i), endMs: minute(i + 1) }, verdict, { checkedAtMs: DAY_0_MS })

test('open gaps are kept before explained ones, in the order of the series', async () => {
  const database = emptyMemoryDatabase()
  const store = openMemoryStore(() => database)
  await store.prepare([klines.table(klineSeries('AUSDT'))])
  const [first, second] = [klineSeries('AUSDT'), klineSeries('BUSDT')]
  const even = [0, 2, 4, 6].map((i) => candle(minute(i)))
  const outages = [1, 3, 5].map((i) => about(i, 'outage'))
  const kept = [0, 2, 4, 6].map((i) => about(i, 'rows'))
  await store.write([page(first, even, { ledger: [...kept, ...outages] })])
  await store.write([page(second, even.slice(0, 3), { ledger: [about(0, 'rows'), about(3, 'outage')] })])
  const look = async (most: number): Promise<unknown> => {
    const found = await lookAtStore(store, new AbortController().signal, () => undefined, most)
    const gaps = found.gaps.map(({ series, verdict }) => `${String(series).split('/')[2]} ${verdict}`)
    return [...gaps, found.gapsLeftOut]
  }
  expect(await look(9)).toEqual([
    ...['AUSDT outage', 'AUSDT outage', 'AUSDT outage', 'BUSDT missing', 'BUSDT outage', 0],
  ])
  expect(await look(2)).toEqual(['AUSDT outage', 'BUSDT missing', 3])
  expect(await look(1)).toEqual(['BUSDT missing', 4])
})

test('candles are read from the store that has them', async () => {
  const clock = virtualClock({ startMs: minute(600) })
  const stop = new AbortController()
  const world = testWorld({ ...clock, env: { SQLITE_PATH: 'a.db' }, signal: stop.signal })
  const databases = new Map([
    ['a.db', emptyMemoryDatabase()],
    ['b.db', emptyMemoryDatabase()],
  ])
  const storeAt = (uri: string) => openMemoryStore(() => databases.get(uri))
  for (const uri of databases.keys()) await storeAt(uri).prepare([klines.table(klineSeries('AUSDT'))])
  await storeAt('a.db').write([page(klineSeries('AUSDT'), [candle(minute(0))])])
  await storeAt('b.db').write([page(klineSeries('BUSDT'), [candle(minute(1)), candle(minute(2))])])
  const connections = new KeptConnections(world, async (_context, _readOnly, { uri }) => storeAt(uri))
  const context = await runContext(world, [], () => undefined)
  const streams = openStreams(clock)
  const jobs = new ServedJobs({ context, connections, streams })
  const wanted = await Promise.all(
    [['AUSDT'], ['BUSDT', '--db-uri', 'b.db']].map(async ([symbol = '', ...more]) => {
      const [job] = jobsOf(
        await runContext(world, ['--symbols', symbol, '--market', 'spot', ...more], () => undefined),
      )
      if (!job) throw new Error('no job')
      return { ...fetchServeJob(job, clock.nowMs()), pass: async () => ({ text: '', exitCode: 0 as const }) }
    }),
  )
  jobs.replace(wanted)
  const { served, stop: stopWatch } = startWatch(context, connections, jobs, streams)
  const candlesOf = async (symbol: string): Promise<number> => {
    const query = { market: 'spot', symbol, period: '1m', startMs: DAY_0_MS, endMs: minute(9) } as const
    return (await served.klines(query, 10)).length
  }
  expect(await clock.run(Promise.all(['AUSDT', 'BUSDT', 'CUSDT'].map(candlesOf)))).toEqual([1, 2, 0])
  stop.abort(new StoppedError(143))
  await clock.run(Promise.all([jobs.ended(), stopWatch()]))
  await connections.close()
})
