// Gaps while serving: filled at POST /api/gaps/fill, and by `petrosa gaps --serve`, which looks at once.
import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { benchAt, NO_LIMITS, plainSymbol } from '../rig/bench.ts'
import { embedded } from '../rig/binary-databases.ts'
import { removeWorkFolders, runPetrosa, tail, workFolder } from '../rig/run-petrosa.ts'
import { eventually, type Serving, servePetrosa } from '../rig/serve-petrosa.ts'
import { type SpawnedExchange, spawnExchange } from '../rig/spawn-exchange.ts'

afterAll(removeWorkFolders)

const nowMs = Date.parse('2024-03-22T00:00:20Z')
const symbols = ['AAAUSDT', 'BBBUSDT'].map((symbol) => plainSymbol(symbol))
const names = ['--symbols', 'AAAUSDT,BBBUSDT', '--period', '1h']

let exchange: SpawnedExchange
beforeAll(async () => {
  exchange = await spawnExchange({ symbols, clock: { startMs: nowMs }, limits: NO_LIMITS })
})
afterAll(() => exchange.stop())

async function bench() {
  const folder = workFolder()
  return { ...benchAt(exchange, folder, await embedded.place(folder)), folder }
}

/** Takes every third row of a symbol away behind the program's back; gives how many. */
function holesIn(database: Database): number {
  const { changes } = database.run(
    "DELETE FROM klines_h1 WHERE symbol = 'AAAUSDT' AND open_time % 10800000 = 0",
  )
  return changes
}

const rowsIn = (database: Database): number =>
  database.query<{ n: number }, []>('SELECT count(*) AS n FROM klines_h1').get()?.n ?? 0

type Job = { readonly name: string; readonly last_pass: Readonly<Record<string, unknown>> | null }

async function jobNamed(serving: Serving, name: string): Promise<Job | undefined> {
  return ((await serving.json('/api/status')).jobs as Job[]).find((job) => job.name === name)
}

describe.concurrent('gaps', () => {
  test('are filled when somebody asks for it, and what came of it is told', async () => {
    const { env, flags, folder, uri } = await bench()
    const words = ['klines', '--serve', '--json', ...flags, ...names]
    const serving = await servePetrosa([...words, '--lookback-hours', '48', '--source', 'rest'], {
      cwd: folder,
      env: { ...env, API_TOKEN: 'right' },
    })
    await serving.passes(1)
    const database = new Database(uri)
    const gone = holesIn(database)
    const fill = await serving.get('/api/gaps/fill', {
      method: 'POST',
      headers: { authorization: 'Bearer right' },
    })
    const name = 'gaps of spot klines AAAUSDT,BBBUSDT 1h'
    expect([fill.status, await fill.json()]).toEqual([202, { started: [name], leased_series: null }])
    await eventually(async () => ((await jobNamed(serving, name))?.last_pass ?? null) !== null)
    const job = await jobNamed(serving, name)
    expect(job?.last_pass).toMatchObject({ rows_written: gone, errors: [], unsettled: [] })
    expect(job?.last_pass?.gaps_filled).toBe(job?.last_pass?.gaps_found)
    expect([gone > 10, rowsIn(database)]).toEqual([true, 96])
    // No look has seen them: they came and went between two.
    const told = ['found', 'filled'].map((what) =>
      serving.metric(`petrosa_gaps_${what}_total`, { period: '1h' }),
    )
    const gaps = Number(job?.last_pass?.gaps_found)
    expect([gaps > 10, ...(await Promise.all(told))]).toEqual([true, gaps, gaps])
    database.close()
    expect(tail(await serving.stop())).toStartWith('exit 0\n')
  })

  test('are looked for at once by a command that serves nothing else, and filled with --fill', async () => {
    const { env, flags, folder, uri } = await bench()
    const range = ['--start', '2024-03-20', '--end', '2024-03-22']
    const fetched = await runPetrosa(['klines', ...flags, ...names, ...range], { cwd: folder, env })
    expect(tail(fetched)).toStartWith('exit 0\n')
    const database = new Database(uri)
    const gone = holesIn(database)
    for (const [fill, filled] of [
      [[], 0],
      [['--fill'], gone],
    ] as const) {
      const serving = await servePetrosa(['gaps', '--serve', '--json', ...fill, ...flags], {
        cwd: folder,
        env,
      })
      const name = fill.length > 0 ? 'gaps --fill' : 'gaps'
      await eventually(async () => ((await jobNamed(serving, name))?.last_pass ?? null) !== null)
      expect((await jobNamed(serving, name))?.last_pass).toMatchObject({ series: 2, rows_written: filled })
      expect((await serving.get('/ready')).status).toBe(200)
      expect(tail(await serving.stop())).toStartWith(`exit ${fill.length > 0 ? 0 : 3}\n`)
    }
    expect(rowsIn(database)).toBe(96)
    database.close()
  })
})
