// What the program says and where: the result alone on standard output, the log on standard error, no secret
// in either; and what of its surroundings it does not need and does not heed.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { chmodSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isoTime } from '../../src/core/span.ts'
import { bench, exchangeEnv, NO_LIMITS, plainSymbol } from '../rig/bench.ts'
import { differences } from '../rig/compare-store.ts'
import {
  binaryPath,
  type Run,
  removeWorkFolders,
  runPetrosa,
  tail,
  unprivileged,
  workFolder,
} from '../rig/run-petrosa.ts'
import { type SpawnedExchange, spawnExchange } from '../rig/spawn-exchange.ts'

afterAll(removeWorkFolders)

const nowMs = Date.parse('2024-03-22T00:00:30Z')
const startMs = Date.parse('2024-03-21T00:00Z')
const spec = plainSymbol('AAAUSDT')
const flags = ['--symbols', 'AAAUSDT', '--period', '1h', '--start', isoTime(startMs)]
const expected = [{ spec, period: '1h', spans: [{ startMs, endMs: nowMs }], closedBeforeMs: nowMs }] as const

let exchange: SpawnedExchange
beforeAll(async () => {
  exchange = await spawnExchange({ symbols: [spec], clock: { manualMs: nowMs }, limits: NO_LIMITS })
})
afterAll(() => exchange.stop())

const fieldNames = [
  ...['command', 'started_at', 'duration_seconds', 'series', 'rows_fetched', 'rows_written', 'rows_changed'],
  ...['gaps_found', 'gaps_filled', 'requests', 'weight', 'archives', 'unsettled', 'errors'],
]
const isoPattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const levels = ['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL']

/** How the program ends in a shell that leads its output elsewhere. */
async function ended(words: readonly string[], cwd: string, redirect: string) {
  const run = Bun.spawn(['bash', '-c', `"$0" "$@" ${redirect}`, binaryPath, ...words], {
    cwd,
    env: { ...exchangeEnv(exchange.url), LOG_FORMAT: 'json' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [stdout, stderr] = [await new Response(run.stdout).text(), await new Response(run.stderr).text()]
  return { exitCode: await run.exited, stdout, stderr }
}

/** Holds every line of the log to its contract. */
function expectLog(run: Run): void {
  const lines = run.stderr.split('\n').filter((line) => line !== '')
  expect(run.log.length).toBe(lines.length)
  for (const line of run.log) {
    expect(Object.keys(line).slice(0, 4)).toEqual(['timestamp', 'level', 'logger', 'message'])
    expect(line.timestamp).toMatch(isoPattern)
    expect(levels).toContain(line.level)
  }
}

describe('the result and the log', () => {
  test('a result that cannot be written is told, and no success; a reader that left is nobody', async () => {
    const at = await bench(exchange)
    const words = ['klines', ...flags, '--db-uri', join(at.folder, 'full.db'), '--json']
    const toFull = await ended(words, at.folder, '> /dev/full')
    expect(toFull.exitCode).toBe(75)
    expect(toFull.stderr).toContain('the result could not be written to standard output (ENOSPC)')
    expect((await ended(words, at.folder, '| true; exit $PIPESTATUS')).exitCode).toBe(0)
    expect((await ended(['--help'], at.folder, '> /dev/full')).exitCode).toBe(75)
  })

  test('symbols, check and a plan count what they asked of the exchange', async () => {
    const at = await bench(exchange)
    for (const words of [['symbols'], ['check', '--source', 'rest'], ['klines', ...flags, '--dry-run']]) {
      await exchange.resetCounts()
      const { stdout } = await ended([...words, '--json'], at.folder, '')
      const { requests, weight } = JSON.parse(stdout) as { requests: number; weight: number }
      expect([words[0], requests, weight]).toEqual([words[0] ?? '', 2, 21])
    }
  })

  test('--json: one line with the fields of the contract; the log is JSON on standard error', async () => {
    const at = await bench(exchange)
    const run = await at.klines([...flags, '--log-level', 'debug'])
    expect(tail(run)).toStartWith('exit 0')
    const result = run.result()
    expect(Object.keys(result)).toEqual(fieldNames)
    expect(result).toMatchObject({
      command: 'klines',
      series: 1,
      rows_fetched: 24,
      rows_written: 24,
      archives: 0,
    })
    expect(result.started_at).toMatch(isoPattern)
    expect(Math.abs(Date.parse(result.started_at) - Date.now())).toBeLessThan(60_000)
    expect(result.duration_seconds).toBeGreaterThan(0)
    expectLog(run)
    expect(run.log[0]).toMatchObject({ symbols: ['AAAUSDT'], period: '1h', start_date: isoTime(startMs) })
    expect(run.log.at(-1)).toMatchObject({
      level: 'INFO',
      message: 'klines done',
      rows_written: 24,
      exit_code: 0,
    })
  })

  test('--json --dry-run adds the plan, and an open span has its four fields', async () => {
    const at = await bench(exchange)
    const plan = (await at.klines([...flags, '--dry-run'])).result()
    expect(Object.keys(plan)).toEqual([...fieldNames, 'plan'])
    const [span] = plan.plan ?? []
    expect(Object.keys(span ?? {})).toEqual([
      'series',
      'start',
      'end',
      'source',
      'requests',
      'weight',
      'archives',
      'rows',
    ])
    await exchange.setFaults({ refuse: [{ kind: 'bad-request-400' }] })
    const run = await at.klines(flags)
    await exchange.setFaults({})
    expect(tail(run)).toStartWith('exit 3\n')
    expect(run.result().unsettled.map((open) => Object.keys(open))).toEqual([
      ['series', 'start', 'end', 'reason'],
    ])
    expect(run.log.filter((line) => line.level === 'WARNING').length).toBeGreaterThanOrEqual(1)
  })

  test('an error after the settings are known is in the result and in the log', async () => {
    const at = await bench(exchange)
    const run = await at.klines(['--symbols', 'NOPE', '--period', '1h'])
    expect(tail(run)).toStartWith('exit 2\n')
    expect(Object.keys(run.result())).toEqual(fieldNames)
    expectLog(run)
    expect(run.log.at(-1)).toMatchObject({ level: 'ERROR', message: run.result().errors[0] ?? '' })
  })

  test('without --json people get text, and a log that they asked for', async () => {
    const at = await bench(exchange)
    const options = { cwd: at.folder, env: at.env }
    const run = await runPetrosa(['klines', ...at.flags, ...flags, '--log-level', 'error'], options)
    expect(run).toMatchObject({ exitCode: 0, stderr: '' })
    expect(run.stdout).toStartWith('klines: 1 series, 24 rows fetched (24 new, 0 changed)\n')
    const pretty = await runPetrosa(['klines', ...at.flags, ...flags, '--log-format', 'pretty'], options)
    expect(pretty.stderr).toMatch(/^\d\d:\d\d:\d\d INFO {5}klines begins/)
  })
})

describe('secrets', () => {
  const secret = 'tr0ub4dor-3'
  const uri = (scheme: string): string => `${scheme}://me:${secret}@127.0.0.1:9/market`
  const schemes = { postgresql: 'postgres', mysql: 'mysql', mongodb: 'mongodb' } as const
  const variables = { postgresql: 'POSTGRESQL_URI', mysql: 'MYSQL_URI', mongodb: 'MONGODB_URI' } as const

  test.concurrent.each(['postgresql', 'mysql', 'mongodb'] as const)(
    'of a %s URI appear in no output',
    async (db) => {
      const folder = workFolder()
      const base = ['klines', ...flags, '--json', '--log-level', 'debug', '--db', db]
      const env = exchangeEnv(exchange.url)
      const runs = await Promise.all([
        runPetrosa([...base, '--db-uri', uri(schemes[db])], { cwd: folder, env }),
        runPetrosa(base, { cwd: folder, env: { ...env, [variables[db]]: uri(schemes[db]) } }),
        runPetrosa([...base, '--db-uri', `nonsense-${secret}`], { cwd: folder, env }),
      ])
      for (const run of runs) {
        expect([2, 75]).toContain(run.exitCode)
        expect(`${run.stdout}${run.stderr}`).not.toContain(secret)
      }
    },
    60_000,
  )

  test('of a URI beside the store in use, of --config and of a file appear in no output', async () => {
    const at = await bench(exchange)
    const file = join(at.folder, 'secret')
    writeFileSync(file, `${uri('mysql')}\n`)
    const config = join(at.folder, 'config.yaml')
    writeFileSync(config, `mongodb-uri: ${uri('mongodb')}\nperiods: ${secret}x\n`)
    const env = { POSTGRESQL_URI: uri('postgres'), MYSQL_URI_FILE: file }
    const good = await at.klines([...flags, '--log-level', 'debug'], { env })
    expect(tail(good)).toStartWith('exit 0')
    expect(`${good.stdout}${good.stderr}`).not.toContain(secret)
    // A secret on the wrong line of the file: the key is named, and where; what it holds is a period to us.
    writeFileSync(config, `mongodb-uri: ${uri('mongodb')}\nmongodb_uri: ${uri('mongodb')}\n`)
    const twice = await at.klines([...flags, '--config', config], { env })
    expect(twice.exitCode).toBe(2)
    expect(`${twice.stdout}${twice.stderr}`).toContain('said twice')
    expect(`${twice.stdout}${twice.stderr}`).not.toContain(secret)
  })
})

describe('secrets where they do not belong', () => {
  const uri = 'postgres://me:tr0ub4dor-3@127.0.0.1:9/market'
  test.each([
    [
      'the address of another store',
      ['--db', 'sqlite', '--db-uri', uri],
      /of a postgresql store, not of sqlite/,
    ],
    ['the address as the name of the store', ['--db', uri], /--db takes sqlite/],
    ['the address as a word of its own', ['--db', 'sqlite', uri], /unexpected 'postgres:\/\/me:\*\*\*@127/],
    ['the address as a flag', [`--postgresql-uri=${uri}`], /unknown flag --postgresql-uri/],
    ['the address as a symbol', ['--symbols', uri], /unknown symbol|restricted/],
  ] as const)('%s is refused, and not shown', async (_title, words, says) => {
    const env = exchangeEnv(exchange.url)
    const run = await runPetrosa(['klines', ...words, '--log-level', 'debug'], { cwd: workFolder(), env })
    expect(run.exitCode).toBe(2)
    expect(`${run.stdout}${run.stderr}`).toMatch(says)
    expect(`${run.stdout}${run.stderr}`).not.toContain('tr0ub4dor-3')
  })
})

describe('the surroundings', () => {
  const through = unprivileged()
  if (!through) console.warn('nobody but root can get here: a test of sealed folders is skipped')

  test.skipIf(!through)('no HOME, no PATH, and a working folder that cannot be written', async () => {
    const at = await bench(exchange)
    const sealed = workFolder()
    chmodSync(sealed, 0o555)
    chmodSync(at.folder, 0o777)
    const options = { cwd: sealed, env: at.env, through: through ?? [] }
    const run = await runPetrosa(['klines', ...at.flags, ...flags, '--json'], options)
    expect(tail(run)).toStartWith('exit 0')
    expect(await differences(at.contents, expected)).toEqual([])
    expect(readdirSync(sealed)).toEqual([])
    chmodSync(sealed, 0o755)
  })

  test('.env and bunfig.toml in the working folder are none of its business', async () => {
    const at = await bench(exchange)
    // Were one of them read, the run would be refused.
    writeFileSync(join(at.folder, '.env'), 'WEIGHT_SHARE=nonsense\n')
    writeFileSync(join(at.folder, '.env.production'), 'MAX_WORKERS=nonsense\n')
    writeFileSync(join(at.folder, 'bunfig.toml'), 'preload = ["./preload.ts"]\n')
    writeFileSync(join(at.folder, 'preload.ts'), 'console.log("preloaded"); process.exit(99)\n')
    writeFileSync(join(at.folder, 'package.json'), '{"name":"elsewhere","type":"commonjs"}\n')
    writeFileSync(join(at.folder, 'tsconfig.json'), '{"compilerOptions":{"paths":{"*":["./preload.ts"]}}}\n')
    const run = await at.klines(flags)
    expect(tail(run)).toStartWith('exit 0')
    expect(run.stdout).not.toContain('preloaded')
    expect(await differences(at.contents, expected)).toEqual([])
  })

  test('the default database is petrosa.db in the working folder', async () => {
    const folder = workFolder()
    const run = await runPetrosa(['klines', ...flags], { cwd: folder, env: exchangeEnv(exchange.url) })
    expect(run.exitCode).toBe(0)
    expect(readdirSync(folder)).toEqual(['petrosa.db'])
  })
})
