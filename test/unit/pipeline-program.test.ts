// petrosa run and petrosa serve in this process, from their words to their exit codes: what test/binary tries
// with the compiled program is measured here too, and goes on under a virtual eye rather than a shell.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runProgram } from '../../src/cli/program.ts'
import { StoppedError } from '../../src/errors.ts'
import { realWait, usageOf } from '../../src/world.ts'
import { exchangeEnv } from '../rig/bench.ts'
import { type LocalExchange, startExchange } from '../rig/exchange.ts'
import { eventually } from '../rig/serve-petrosa.ts'
import { type TestWorld, testWorld, type WorldOptions } from '../rig/world.ts'

let exchange: LocalExchange
let folder = ''
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'petrosa-pipeline-'))
  const symbols = (['spot', 'um'] as const).map((market) => ({
    ...{ market, symbol: 'BTCUSDT', base: 'BTC', quote: 'USDT', listedAtMs: Date.UTC(2024, 0, 1) },
    trades: { perMinute: 1 },
  }))
  exchange = await startExchange({ symbols, clock: { startMs: Date.parse('2024-03-22T00:30:30Z') } })
})
afterAll(async () => {
  await exchange.stop()
  rmSync(folder, { recursive: true, force: true })
})

function worldOf(database: string, options: WorldOptions = {}): TestWorld {
  return testWorld({
    nowMs: Date.now,
    monotonicMs: () => performance.now(),
    wait: realWait,
    random: Math.random,
    fetch: (url, init) => fetch(url, init),
    usage: () => usageOf(process),
    ...options,
    env: { ...exchangeEnv(exchange.url), SQLITE_PATH: join(folder, database), ...options.env },
  })
}

const yaml = [
  'jobs:',
  '  - { dataset: klines, symbols: BTCUSDT, period: [1h, 4h], start: 2024-03-20 }',
  '  - { dataset: funding, symbols: BTCUSDT, start: 2024-03-20 }',
  '  - { dataset: klines, symbols: NOSUCHUSDT, period: 1h }',
].join('\n')

describe('petrosa run', () => {
  test('reports job by job, names what failed, and does the rest', async () => {
    const world = worldOf('run.db', { files: { 'petrosa.yaml': yaml } })
    expect(await runProgram(['run', '--config', 'petrosa.yaml'], world)).toBe(2)
    expect(world.out()).toContain('NOSUCHUSDT')
    expect(world.out()).toMatch(/spot klines BTCUSDT 1h,4h .*\b60\b/)
    const again = worldOf('run.db', { files: { 'petrosa.yaml': yaml } })
    expect(await runProgram(['run', '--config', 'petrosa.yaml', '--json'], again)).toBe(2)
    const result = JSON.parse(again.out()) as Record<string, unknown>
    expect(result).toMatchObject({ command: 'run', rows_written: 0, gaps_found: 0 })
    expect(result.jobs).toBeArrayOfSize(3)
  })

  test('plans without touching anything', async () => {
    const world = worldOf('plan.db', { files: { 'petrosa.yaml': yaml } })
    expect(await runProgram(['run', '--config', 'petrosa.yaml', '--dry-run', '--json'], world)).toBe(2)
    expect((JSON.parse(world.out()) as { plan: unknown[] }).plan.length).toBeGreaterThan(2)
    expect(await Bun.file(join(folder, 'plan.db')).exists()).toBe(false)
    const text = worldOf('plan.db')
    expect(await runProgram(['run', '--symbols', 'BTCUSDT', '--period', '1h', '--dry-run'], text)).toBe(0)
    expect(text.out()).toContain('BTCUSDT')
  })
})

test('petrosa serve passes, answers, reloads, starts what it is told, and ends', async () => {
  const stopping = new AbortController()
  const hangUps: (() => void)[] = []
  const files = { 'petrosa.yaml': 'symbols: BTCUSDT\nperiod: 1h\nstart: 2024-03-20\nlog-level: info\n' }
  const world = worldOf('serve.db', {
    files,
    env: { API_TOKEN: 'a-token', LOG_FORMAT: 'json' },
    signal: stopping.signal,
    onHangup: (work) => hangUps.push(work),
  })
  const ended = runProgram(['serve', '--config', 'petrosa.yaml', '--host', '127.0.0.1', '--port', '0'], world)
  const lines = (): readonly Record<string, unknown>[] =>
    world
      .err()
      .split('\n')
      .flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Record<string, unknown>]))
  const said = (message: RegExp): boolean => lines().some((line) => message.test(String(line.message)))
  await eventually(async () => said(/^serving$/))
  const url = String(lines().find(({ message }) => message === 'serving')?.url)
  const ask = (path: string, init: RequestInit = {}) =>
    fetch(url + path, { ...init, headers: { connection: 'close', ...init.headers } })
  type Status = { readonly last_pass: { readonly rows_written: number } | null }
  const status = async (): Promise<Status> => (await ask('/api/status')).json() as Promise<Status>
  await eventually(async () => (await status()).last_pass?.rows_written === 48)
  expect((await ask('/ready')).status).toBe(200)
  const klines = await ask('/api/klines?symbol=BTCUSDT&period=1h&start=2024-03-20&end=2024-03-21')
  expect(((await klines.json()) as { klines: unknown }).klines).toBeArrayOfSize(24)
  expect(await (await ask('/metrics')).text()).toContain('petrosa_records_written_total')
  expect((await ask('/api/gaps')).status).toBe(200)
  const headers = { authorization: 'Bearer a-token' }
  expect([202, 409]).toContain((await ask('/api/run', { method: 'POST', headers })).status)
  expect([202, 409]).toContain((await ask('/api/gaps/fill', { method: 'POST', headers })).status)
  files['petrosa.yaml'] += 'max-workers: 2\n'
  for (const work of hangUps) work()
  await eventually(async () => said(/settings/))
  files['petrosa.yaml'] += 'frob: 1\n'
  for (const work of hangUps) work()
  await eventually(async () => lines().some((line) => JSON.stringify(line).includes('frob')))
  stopping.abort(new StoppedError(143))
  expect([0, 143]).toContain(await ended)
  expect(world.out()).toContain('serve: ')
})
