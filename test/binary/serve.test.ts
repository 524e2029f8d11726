// Serving, by the compiled program: its routes as it describes them, its metrics, settings that are read
// again, and how it ends.

import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { isoTime } from '../../src/core/span.ts'
import type { OpenApi } from '../../src/server/openapi.ts'
import { benchAt, NO_LIMITS, plainSymbol } from '../rig/bench.ts'
import { embedded } from '../rig/binary-databases.ts'
import { inconsistencies } from '../rig/compare-store.ts'
import type { Faults } from '../rig/faults.ts'
import { answerChecker } from '../rig/openapi-flaws.ts'
import { isQuiet } from '../rig/real-time.ts'
import { removeWorkFolders, runPetrosa, startPetrosa, tail, workFolder } from '../rig/run-petrosa.ts'
import { eventually, type Serving, servePetrosa } from '../rig/serve-petrosa.ts'
import { type SpawnedExchange, spawnExchange } from '../rig/spawn-exchange.ts'
import { readUnit } from '../rig/systemd.ts'

afterAll(removeWorkFolders)

const nowMs = Date.parse('2024-03-22T00:00:20Z')
const specs = ['AAAUSDT', 'BBBUSDT'].map((symbol) => plainSymbol(symbol))
const hourly = ['--period', '1h', '--lookback-hours', '48', '--source', 'rest']

let exchange: SpawnedExchange
beforeAll(async () => {
  exchange = await spawnExchange({ symbols: specs, clock: { startMs: nowMs }, limits: NO_LIMITS })
})
afterAll(() => exchange.stop())

type Started = Serving & Awaited<ReturnType<typeof benchIn>>

async function benchIn(at: Pick<SpawnedExchange, 'url'>) {
  const folder = workFolder()
  return benchAt(at, folder, await embedded.place(folder))
}

/** `petrosa klines --serve` on a fresh database, with further words. */
async function serve(
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
  at: Pick<SpawnedExchange, 'url'> = exchange,
): Promise<Started> {
  const bench = await benchIn(at)
  const all = ['klines', '--serve', '--json', ...bench.flags, ...words]
  const serving = await servePetrosa(all, { cwd: bench.folder, env: { ...bench.env, ...env } })
  return { ...bench, ...serving }
}

const named = ['--symbols', 'AAAUSDT,BBBUSDT']

describe.concurrent('its routes', () => {
  test('are as it describes them, and every metric is there', async () => {
    const serving = await serve([...named, ...hourly], { API_TOKEN: 'right' })
    await serving.passes(1)
    await eventually(async () => ((await serving.json('/api/status')).series as unknown[]).length === 2)
    const document = (await serving.json('/openapi.json')) as unknown as OpenApi
    const flaws = answerChecker(document)
    const queries: Readonly<Record<string, string>> = { '/api/klines': '?symbol=AAAUSDT&period=1h' }
    for (const path of Object.keys(document.paths)) {
      if (document.paths[path]?.get) {
        const response = await serving.get(path + (queries[path] ?? ''))
        expect([path, response.status, await flaws(path, 'get', response)]).toEqual([path, 200, null])
        await response.body?.cancel().catch(() => undefined)
      }
    }
    const post = (headers: Record<string, string>) => serving.get('/api/run', { method: 'POST', headers })
    expect(await flaws('/api/run', 'post', await post({}))).toBeNull()
    expect((await post({})).status).toBe(401)
    const started = await post({ authorization: 'Bearer right' })
    expect([started.status, await started.json()]).toEqual([
      202,
      { started: ['spot klines AAAUSDT,BBBUSDT 1h'], leased_series: null },
    ])
    await serving.passes(2)
    const ofKlines = { dataset: 'klines', market: 'spot', period: '1h' }
    expect(await serving.metric('petrosa_records_written_total', ofKlines)).toBe(96)
    expect(await serving.metric('petrosa_lag_seconds', ofKlines)).toBe(0)
    expect(await serving.metric('petrosa_store_up')).toBe(1)
    expect(await serving.metric('process_resident_memory_bytes')).toBeLessThan(90 * 1024 * 1024)
    const { klines } = await serving.json('/api/klines?symbol=AAAUSDT&period=1h&end=2024-03-21T00:00Z')
    // Stored are 48 hours up to the last full one; those before the 21st are 24.
    expect(klines).toHaveLength(24)
    expect(tail(await serving.stop())).toStartWith('exit 0\n')
  })

  test('tell events as they happen', async () => {
    const serving = await serve([...named, ...hourly], { API_TOKEN: 'right' })
    await serving.passes(1)
    const response = await serving.get('/events')
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    const reader = response.body?.getReader()
    let text = ''
    const heard = async (what: string): Promise<void> => {
      while (!text.includes(what)) text += Buffer.from((await reader?.read())?.value ?? '').toString()
    }
    await heard('event: pass\n')
    await serving.get('/api/run', { method: 'POST', headers: { authorization: 'Bearer right' } })
    await heard('event: pass-ended\n')
    expect(text).toContain('"job":"spot klines AAAUSDT,BBBUSDT 1h"')
    const run = await serving.stop()
    expect(tail(run)).toStartWith('exit 0\n')
    // A stream that is open holds up nothing.
    expect(await reader?.closed.catch(() => undefined)).toBeUndefined()
  })
})

describe.concurrent('refused at the start', () => {
  test('senseless settings, an unknown symbol, a port in use: exit 2 and one line', async () => {
    const serving = await serve([...named, ...hourly])
    const port = new URL(serving.url).port
    const cases: readonly (readonly [readonly string[], string])[] = [
      [['--schedule', 'often'], "--schedule 'often' is no cron expression"],
      [['--dry-run'], '--dry-run and --serve exclude each other'],
      [['--port', port, '--host', '127.0.0.1'], `port ${port} of 127.0.0.1 is in use`],
      [['--symbols', 'AAAUSDX', '--port', '0'], 'unknown symbol on spot: AAAUSDX'],
    ]
    for (const [words, said] of cases) {
      const { flags, folder, env } = await benchIn(exchange)
      const all = ['klines', '--serve', '--json', ...flags, ...hourly]
      const run = await runPetrosa([...all, ...words], { cwd: folder, env })
      expect(tail(run)).toStartWith('exit 2\n')
      expect(run.result().errors.join('\n')).toContain(said)
    }
    await serving.stop()
  })

  test('a flag of serving without --serve', async () => {
    const { flags, folder, env } = await benchIn(exchange)
    const run = await runPetrosa(['klines', ...flags, '--port', '80'], { cwd: folder, env })
    expect(tail(run)).toStartWith('exit 2\n')
    expect(run.stderr).toContain('--port means something only while serving; add --serve, or leave it out')
  })
})

describe.concurrent('the pipeline', () => {
  test('has a schedule for each job, and a job that cannot work does not stop the others', async () => {
    const { flags, folder, env } = await benchIn(exchange)
    const jobs = [
      '- { dataset: klines, symbols: AAAUSDT, period: 1h }',
      '- { dataset: klines, symbols: NIXUSDT, period: 1m, schedule: "*/30 * * * *" }',
    ]
    await Bun.write(join(folder, 'jobs.yaml'), `source: rest\njobs:\n  ${jobs.join('\n  ')}\n`)
    const words = ['serve', '--json', '--config', 'jobs.yaml', ...flags]
    const serving = await servePetrosa(words, { cwd: folder, env })
    await serving.passes(2)
    const status = await serving.json('/api/status')
    expect(status.command).toBe('serve')
    expect(status.jobs).toMatchObject([
      { name: 'spot klines AAAUSDT 1h', schedule: '3 0 * * * *', last_pass: { errors: [] } },
      {
        ...{ name: 'spot klines NIXUSDT 1m', schedule: '*/30 * * * *' },
        last_pass: { errors: [expect.stringContaining('unknown symbol on spot: NIXUSDT')] },
      },
      {
        ...{ name: 'gaps of spot klines AAAUSDT 1h; spot klines NIXUSDT 1m', schedule: '0 40 3 * * *' },
        last_pass: null,
      },
    ])
    // By the exchange's clock, which is another one than this machine's.
    const [, , gaps] = status.jobs as { next_pass_at: string }[]
    const untilMs = Date.parse(gaps?.next_pass_at ?? '') - Date.now()
    expect(Math.abs(untilMs - (Date.parse('2024-03-22T03:40Z') - nowMs))).toBeLessThan(60_000)
    expect((await serving.get('/ready')).status).toBe(200)
    // What the last passes came to: one of them needs somebody to change something.
    expect(tail(await serving.stop())).toStartWith('exit 2\n')
  })
})

describe.concurrent('SIGHUP', () => {
  test('takes over jobs and log level, and refuses a file that is no good', async () => {
    const { flags, folder, env } = await benchIn(exchange)
    const path = join(folder, 'petrosa.yaml')
    const config = (symbols: string, more = ''): Promise<number> =>
      Bun.write(path, `symbols: ${symbols}\nperiod: 1h\nsource: rest\nlookback-hours: 3\n${more}`)
    await config('AAAUSDT')
    const words = ['klines', '--serve', '--json', '--config', 'petrosa.yaml', ...flags]
    const serving = await servePetrosa(words, { cwd: folder, env })
    const names = async (): Promise<unknown[]> =>
      ((await serving.json('/api/status')).jobs as { name: string }[]).map(({ name }) => name)
    const both = (symbol: string): string[] => [
      `spot klines ${symbol} 1h`,
      `gaps of spot klines ${symbol} 1h`,
    ]
    await serving.passes(1)
    await config('AAAUSDT', 'perid: 1m\n')
    serving.petrosa.kill('SIGHUP')
    await eventually(async () => serving.log.some(({ message }) => message.includes('stay as they were')))
    expect(serving.log.at(-1)?.message).toContain("line 5: unknown key 'perid'; did you mean period?")
    expect(await names()).toEqual(both('AAAUSDT'))
    await config('NOSUCHUSDT')
    serving.petrosa.kill('SIGHUP')
    await eventually(async () => serving.log.some(({ message }) => message.includes('unknown symbol')))
    expect(serving.log.at(-1)?.message).toStartWith('the settings stay as they were: unknown symbol on spot')
    expect(await names()).toEqual(both('AAAUSDT'))
    await config('BBBUSDT', 'log-level: debug\nport: 99\n')
    serving.petrosa.kill('SIGHUP')
    await serving.petrosa.said('settings read again')
    expect(await names()).toEqual(both('BBBUSDT'))
    await serving.petrosa.said('page fetched')
    await eventually(async () => ((await serving.json('/api/status')).series as unknown[]).length === 2)
    // Settings of the process alone change no job.
    await config('BBBUSDT', 'log-level: error\n')
    serving.petrosa.kill('SIGHUP')
    await eventually(async () => (await serving.metric('petrosa_store_up')) === 1)
    const run = await serving.stop()
    expect(tail(run)).toStartWith('exit 0\n')
    expect(run.log.filter(({ message }) => message === 'settings read again')).toHaveLength(1)
  })

  test('ends a command that does not serve, as ever', async () => {
    const slow: Faults = { rates: { slow: 1 }, slowMs: 5_000 }
    const slowly = await spawnExchange({ symbols: specs, clock: { manualMs: nowMs }, faults: slow })
    const { flags, folder, env } = await benchIn(slowly)
    const petrosa = startPetrosa(['klines', ...flags, ...named, ...hourly], { cwd: folder, env })
    await petrosa.said('planned')
    petrosa.kill('SIGHUP')
    expect((await petrosa.ended).signal).toBe('SIGHUP')
    await slowly.stop()
  })
})

describe.concurrent('the end', () => {
  test.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)(
    '%s in the middle of a pass: not ready, what is in hand is stored, exit %d',
    async (signal, code) => {
      const slow: Faults = { rates: { slow: 1 }, slowMs: 400 }
      const slowly = await spawnExchange({
        symbols: specs,
        clock: { manualMs: nowMs },
        limits: NO_LIMITS,
        faults: slow,
      })
      const startMs = nowMs - 20_000 - 20_000 * 60_000
      const words = [
        '--symbols',
        'AAAUSDT',
        '--period',
        '1m',
        '--start',
        isoTime(startMs),
        '--log-level',
        'debug',
      ]
      const serving = await serve([...words, '--source', 'rest'], {}, slowly)
      await serving.petrosa.said('page fetched', 3)
      expect((await serving.get('/ready')).status).toBe(200)
      // What is in hand waits for a lock, so that the end can be watched.
      const other = new Database(serving.uri)
      other.run('PRAGMA busy_timeout = 5000')
      other.run('BEGIN IMMEDIATE')
      const fetched = serving.log.filter(({ message }) => message === 'page fetched').length
      await serving.petrosa.said('page fetched', fetched + 2)
      const atMs = performance.now()
      serving.petrosa.kill(signal)
      await eventually(async () => (await serving.get('/ready')).status === 503)
      const unready = await serving.json('/ready')
      expect((await serving.get('/healthz')).status).toBe(200)
      other.run('ROLLBACK')
      other.close()
      const run = await serving.petrosa.ended
      if (isQuiet) expect(performance.now() - atMs).toBeLessThan(9_000)
      expect(tail(run)).toStartWith(`exit ${code}\n`)
      expect(unready).toEqual({ ready: false, reasons: ['it is stopping'] })
      const result = run.result()
      expect(result.errors).toEqual([
        'stopped before the end; run the same command again: it goes on from here',
      ])
      expect(result.rows_written).toBeGreaterThanOrEqual(2_000)
      expect(result.rows_written).toBe(result.rows_fetched)
      const [spec = plainSymbol('AAAUSDT')] = specs
      const span = { startMs, endMs: nowMs - 20_000 }
      const expected = [{ spec, period: '1m', spans: [span], closedBeforeMs: nowMs }] as const
      expect(await inconsistencies(serving.contents, expected)).toEqual([])
      await slowly.stop()
    },
  )

  test('of one whose last pass left the exchange unreached: what that pass came to', async () => {
    // A port that was in use a moment ago may be another test's by now.
    const away = { url: 'http://127.0.0.1:9' }
    const serving = await serve([...named, ...hourly], {}, away)
    expect((await serving.get('/ready')).status).toBe(200)
    await serving.petrosa.said('klines ended early')
    expect((await serving.get('/ready')).status).toBe(200)
    const { last_pass: last } = await serving.json('/api/status')
    expect(last).toMatchObject({ errors: [expect.stringContaining('the exchange is not available')] })
    expect(await serving.metric('petrosa_errors_total', { kind: 'unavailable' })).toBe(1)
    const run = await serving.stop()
    expect(tail(run)).toStartWith('exit 75\n')
    // Nobody's service is to count as failed for an outage that was there when it was stopped.
    const { Service } = await readUnit('petrosa.service')
    expect(Service?.SuccessExitStatus).toEqual(['3 75 143'])
  }, 60_000)
})
