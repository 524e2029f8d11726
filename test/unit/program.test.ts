// The program from its words to its exit code, without a network: what prints where, and how it ends.
import { describe, expect, test } from 'bun:test'
import { commands } from '../../src/cli/all.ts'
import { commandHelp, programHelp } from '../../src/cli/help.ts'
import { runProgram } from '../../src/cli/program.ts'
import { StoppedError } from '../../src/errors.ts'
import { virtualClock } from '../rig/virtual-clock.ts'
import { testWorld, type WorldOptions } from '../rig/world.ts'

type Ended = { readonly code: number; readonly out: string; readonly err: string }

async function run(words: string, options: WorldOptions = {}): Promise<Ended> {
  const world = testWorld(options)
  const code = await runProgram(words === '' ? [] : words.split(' '), world)
  return { code, out: world.out(), err: world.err() }
}

describe('version and help', () => {
  test('the version, in every spelling', async () => {
    for (const words of ['version', '--version', '-v'])
      expect(await run(words)).toEqual({ code: 0, out: '1.2.3+test\n', err: '' })
    expect(await run('version now')).toMatchObject({ code: 2, out: '' })
  })

  test('the help of the program: without words too', async () => {
    for (const words of ['', 'help', '--help', '-h'])
      expect(await run(words)).toEqual({ code: 0, out: programHelp('1.2.3+test'), err: '' })
  })

  test('the help of each command, in three spellings, whatever else is said', async () => {
    for (const command of commands) {
      for (const words of [`help ${command.name}`, `${command.name} --help`, `${command.name} --frob -h`])
        expect(await run(words)).toEqual({ code: 0, out: commandHelp(command), err: '' })
    }
    expect(await run('help klins')).toMatchObject({
      code: 2,
      err: expect.stringContaining('did you mean klines?'),
    })
    expect(await run('help klines status')).toMatchObject({ code: 2 })
  })
})

describe('refused before anything is touched: exit 2, one line, nothing on standard output', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['klins', "petrosa: unknown command 'klins'; did you mean klines?\n"],
    ['frobnicate', "petrosa: unknown command 'frobnicate'; see: petrosa help\n"],
    ['Klines', "petrosa: unknown command 'Klines'; did you mean klines?\n"],
    ['--symbols BTCUSDT', 'petrosa: no command before --symbols; see: petrosa help\n'],
    ['constructor', "petrosa: unknown command 'constructor'; see: petrosa help\n"],
    ['klines --perid 1h', 'unknown flag --perid for petrosa klines; did you mean --period?'],
    ['klines --period 2m', 'did you mean 1m'],
    ['funding --market spot', 'spot has no funding; use --market um or --market cm'],
    ['klines --market futures', '--market takes spot, um, cm'],
    ['klines --db oracle', '--db takes sqlite, postgresql, mysql, mongodb'],
    ['klines --max-workers 0', '--max-workers takes a whole number from 1 to 64'],
    ['klines --weight-share 2', '--weight-share takes a number above 0, at most 1'],
    ['klines --start -7d', "not '-7d'"],
    ['klines --start yesterday', '--start takes a time such as'],
    ['klines --log-level loud', '--log-level takes debug, info, warning, error, critical'],
    ['klines --config none.yaml', '--config names the file none.yaml, which cannot be read (ENOENT)'],
  ]
  for (const [words, said] of cases) {
    test(words, async () => {
      const { code, out, err } = await run(words)
      expect([code, out]).toEqual([2, ''])
      expect(err).toContain(said)
      expect(err.trimEnd().split('\n')).toHaveLength(1)
      const pretty = await run(words, { env: { LOG_FORMAT: 'pretty' } })
      expect(pretty.err).toContain(said)
    })
  }

  test('of a command: a line of the log, as its settings want it as far as they make sense', async () => {
    const words = 'klines --period 2m'
    const logged = { level: 'ERROR', logger: 'petrosa.klines', message: expect.stringContaining('1m') }
    for (const [more, options] of [
      ['', {}],
      ['', { terminalColumns: 80, env: { LOG_FORMAT: 'json' } }],
      [' --log-format json', { terminalColumns: 80 }],
      [' --log-format=json', { env: { LOG_FORMAT: 'pretty' } }],
      [' --log-format frob', { env: { LOG_FORMAT: 'json' } }],
    ] as const) {
      const { err } = await run(`${words}${more}`, options)
      expect(JSON.parse(err)).toMatchObject(more.endsWith('frob') ? { level: 'ERROR' } : logged)
    }
    for (const [more, options] of [
      ['', { terminalColumns: 200 }],
      [' --log-format pretty', {}],
    ] as const)
      expect((await run(`${words}${more}`, options)).err).toStartWith('petrosa: --period')
  })

  test('with --json: the result says so too, with every common field', async () => {
    for (const words of ['klines --period 2m --json', 'status --json --frob', 'gaps --json --start never']) {
      const { code, out } = await run(words)
      const { command, errors, ...rest } = JSON.parse(out)
      expect([code, command, errors.length]).toEqual([2, words.split(' ')[0], 1])
      expect(rest).toEqual({
        ...{
          started_at: expect.stringMatching(/Z$/),
          duration_seconds: 0,
          series: 0,
          requests: 0,
          weight: 0,
        },
        ...{ rows_fetched: 0, rows_written: 0, rows_changed: 0, gaps_found: 0, gaps_filled: 0 },
        ...{ archives: 0, unsettled: [] },
      })
    }
    const { out } = await run('status --json', { env: { LOG_LEVEL: 'loud' } })
    expect(JSON.parse(out).errors[0]).toContain('LOG_LEVEL takes debug')
  })

  test('in a terminal the line is broken between words', async () => {
    const { err } = await run('klines --period 2m', { terminalColumns: 80 })
    expect(err.split('\n').filter((line) => line.length > 80)).toEqual([])
    const file = await run('klines --period 2m', { env: { LOG_FORMAT: 'pretty' } })
    expect(err.replace(/\n {2}/g, ' ')).toBe(file.err)
  })
})

describe('refused by the command: exit 2, in the log and in the result', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['klines --period 1s --market um', 'um has no period 1s; its shortest is 1m'],
    ['klines --start 2024-02-01 --end 2024-01-01', '--start lies after --end'],
    ['klines --start 1d --end 2d', '--start lies after --end'],
    ['klines --config jobs.yaml', '--config has jobs, and petrosa klines runs none; use: petrosa run'],
    ['funding --config jobs.yaml', '--config has jobs, and petrosa funding runs none'],
    ['trades --config jobs.yaml --dry-run', '--config has jobs, and petrosa trades runs none'],
  ]
  const files = { 'jobs.yaml': 'jobs:\n  - period: 1h\n' }
  for (const [words, said] of cases) {
    test(words, async () => {
      const { code, out, err } = await run(words, { files })
      expect([code, out]).toEqual([2, ''])
      expect(JSON.parse(err)).toMatchObject({ level: 'ERROR', message: expect.stringContaining(said) })
      const asJson = await run(`${words} --json`, { files })
      expect(JSON.parse(asJson.out)).toMatchObject({ errors: [expect.stringContaining(said)], series: 0 })
    })
  }
})

test('the exchange out of reach: 75, and what to do', async () => {
  const refuse = async (): Promise<Response> => {
    throw Object.assign(new TypeError('Unable to connect'), { code: 'ConnectionRefused' })
  }
  const clock = virtualClock()
  const { code, out, err } = await clock.run(run('symbols --json', { fetch: refuse, ...clock }))
  expect(code).toBe(75)
  expect(JSON.parse(out).errors).toHaveLength(1)
  expect(JSON.parse(err.trimEnd().split('\n').at(-1) ?? '')).toMatchObject({ level: 'ERROR' })
})

test('what it found is broken between words in a terminal, and stays a line a thing in a pipe', async () => {
  const refuse = async (): Promise<Response> => {
    throw Object.assign(new TypeError('Unable to connect'), { code: 'ConnectionRefused' })
  }
  const check = async (options: WorldOptions): Promise<string> => {
    const clock = virtualClock()
    const env = { SOURCE: 'rest', SQLITE_PATH: './petrosa-none.db' }
    return (await clock.run(run('check', { fetch: refuse, ...clock, env, ...options }))).out
  }
  const piped = await check({})
  const shown = await check({ outColumns: 60 })
  expect(piped.split('\n').some((line) => line.length > 80)).toBe(true)
  expect(shown.split('\n').filter((line) => line.length > 60)).toEqual([])
  expect(shown.split(/\s+/)).toEqual(piped.split(/\s+/))
})

test('told to stop: the exit code of the signal', async () => {
  for (const code of [130, 143] as const) {
    const ended = await run('symbols', { signal: AbortSignal.abort(new StoppedError(code)) })
    expect([ended.code, ended.out]).toEqual([code, ''])
    expect(ended.err).toContain('stopped before the end; run the same command again')
  }
})

test('no secret in what is said about it', async () => {
  const secret = 'hunter2-very-secret'
  const world = { env: { POSTGRESQL_URI: `http://u:${secret}@h/d`, MONGODB_URI: secret, MYSQL_URI: secret } }
  for (const kind of ['postgresql', 'mysql', 'mongodb']) {
    const { out, err } = await run(`status --json --db ${kind} --log-level debug`, world)
    expect([kind, (out + err).includes(secret)]).toEqual([kind, false])
  }
})
