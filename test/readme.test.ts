// The manual is tested: its tables are what the code says, its commands run through the real program against
// the local exchange, its links lead somewhere. UPDATE_README=1 writes the tables anew.

import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { commands } from '../src/cli/all.ts'
import { parseFlags } from '../src/cli/flags.ts'
import { jobsOf } from '../src/cli/jobs.ts'
import { runProgram } from '../src/cli/program.ts'
import { fetchServeJob } from '../src/cli/serve-jobs.ts'
import { openApi } from '../src/server/openapi.ts'
import { resolveSettings } from '../src/settings/resolve.ts'
import { realWait } from '../src/world.ts'
import { readCompose } from './rig/compose.ts'
import { type LocalExchange, startExchange } from './rig/exchange.ts'
import { codeBlocks, headings, links, type ShellCommand, shellCommands } from './rig/markdown.ts'
import { withGeneratedTables } from './rig/readme-tables.ts'
import { scenarios } from './rig/scenario.ts'
import { project, readSources } from './rig/sources.ts'
import type { SymbolSpec } from './rig/symbol-spec.ts'
import { units } from './rig/systemd.ts'
import { type TestWorld, testWorld } from './rig/world.ts'

const path = join(project, 'README.md')
if (process.env.UPDATE_README) await Bun.write(path, withGeneratedTables(await Bun.file(path).text()))
const kubernetes = join(project, 'deploy', 'kubernetes')
const readme = await Bun.file(path).text()
const shell = shellCommands(readme)

let exchange: LocalExchange
let folder = ''
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'petrosa-readme-'))
  const { nowMs } = scenarios.fewWeeks
  exchange = await startExchange({ symbols: manualSymbols(), clock: { startMs: nowMs } })
})
afterAll(async () => {
  await exchange.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** The symbols that the manual names: spot ones are traded once a second. */
function manualSymbols(): SymbolSpec[] {
  const few = scenarios.fewWeeks.symbols.map((spec) => ({ ...spec, trades: { perMinute: 60 } }))
  const coins = (['spot', 'um'] as const).map((market) => ({
    ...{ market, symbol: 'BNBUSDT', base: 'BNB', quote: 'USDT', listedAtMs: Date.UTC(2020, 1, 10) },
  }))
  return [...few, ...coins, ...scenarios.coinMargined.symbols.filter(({ market }) => market === 'cm')]
}

/** A world in which the manual's commands run: the local exchange, the manual's own YAML file. */
function manualWorld(env: Readonly<Record<string, string>> = {}): TestWorld {
  return testWorld({
    env: {
      BINANCE_API_URL: exchange.url,
      BINANCE_FUTURES_API_URL: exchange.url,
      BINANCE_COIN_FUTURES_API_URL: exchange.url,
      BINANCE_ARCHIVE_URL: `${exchange.url}/archive`,
      BINANCE_ARCHIVE_LISTING_URL: `${exchange.url}/listing`,
      SQLITE_PATH: join(folder, 'petrosa.db'),
      ...env,
    },
    files: { 'petrosa.yaml': codeBlocks(readme, 'yaml')[0] ?? '' },
    nowMs: Date.now,
    monotonicMs: () => performance.now(),
    wait: realWait,
    fetch: (url, init) => fetch(url, init),
  })
}

const pullHours = ['klines', '--symbols', 'BTCUSDT', '--period', '1h', '--start', '2024-03-01']

const quotesOf = (text: string): string[] => [...text.matchAll(/`([^`]+)`/g)].map(([, quote = '']) => quote)

const fetching: readonly string[] = ['klines', 'funding', 'trades', 'run']

/** Runs words of the manual; what would fetch only plans. Another store than SQLite is parsed only. */
async function runWords(words: readonly string[], env: Readonly<Record<string, string>>): Promise<void> {
  const world = manualWorld(env)
  const command = commands.find(({ name }) => name === words[0])
  if (command) {
    const { settings } = await resolveSettings(
      world,
      await parseFlags(command, words.slice(1)),
      command.settings,
    )
    if (settings.db !== 'sqlite') return
    if (settings.serve || words[0] === 'serve') return expectJobs(world, words)
  }
  // Gaps are looked for in what is stored.
  if (words[0] === 'gaps') expect(await runProgram(pullHours, manualWorld(env))).toBe(0)
  const plans = fetching.includes(words[0] ?? '') && !words.includes('--dry-run')
  const code = await runProgram(plans ? [...words, '--dry-run'] : words, world)
  expect([words, code, code === 0 ? '' : world.err()]).toEqual([words, 0, ''])
  expect(world.out()).not.toBe('')
}

/** What serves is not run, for it would not end: its jobs are made, each with its schedule. */
async function expectJobs(world: TestWorld, words: readonly string[]): Promise<void> {
  const command = commands.find(({ name }) => name === words[0])
  if (!command) throw new Error(`no command ${words[0]}`)
  const flags = await parseFlags(command, words.slice(1))
  const jobs = jobsOf(await resolveSettings(world, flags, command.settings, command.defaults))
  for (const job of jobs) expect(fetchServeJob(job, Date.now()).schedule.nextMs(Date.now())).not.toBeNull()
  expect(jobs.length).toBeGreaterThan(0)
}

async function runPackageScript(words: readonly string[]): Promise<void> {
  const scripts: Record<string, string> = (await Bun.file(join(project, 'package.json')).json()).scripts
  const [verb = '', name = ''] = words
  if (verb === 'run') expect(Object.keys(scripts)).toContain(name)
  if (name === 'deploy') expect(existsSync(join(kubernetes, 'overlays', words[2] ?? ''))).toBe(true)
  if (verb === 'run') return
  if (verb === 'test') expect([name, existsSync(join(project, name))]).toEqual([name, true])
  else expect(words).toEqual(['install', '--frozen-lockfile'])
}

/** What the manual may tell people to type, by its first word; anything else is refused. */
async function tryOut({ words, env }: ShellCommand): Promise<void> {
  const [first, ...rest] = words
  switch (first) {
    case 'npx':
      expect(rest.slice(0, 2)).toEqual(['-y', 'bun@1.4.5'])
      // What is deployed is what was pushed.
      if (rest[3] === 'deploy') expect(readme).toContain(`docker push ${env.IMAGE}\n`)
      return runPackageScript(rest.slice(2))
    case 'sudo':
      return tryOut({ words: rest, env, text: rest.join(' ') })
    case 'dist/petrosa':
      return runWords(rest, env)
    case 'docker': {
      expect(existsSync(join(project, 'Dockerfile'))).toBe(true)
      const image = rest.indexOf('petrosa')
      if (rest[0] === 'run') return runWords(rest.slice(image + 1), env)
      if (rest[0] === 'compose') return tryCompose(rest.slice(1))
      if (rest[0] === 'tag' || rest[0] === 'push') {
        const own = ['petrosa-binance-data-extractor:latest', 'registry.example/petrosa:0.1.0']
        expect(rest.slice(1)).toEqual(rest[0] === 'tag' ? own : own.slice(1))
        return
      }
      expect(rest).toEqual(['build', '-t', 'petrosa', '.'])
      return
    }
    case 'kubectl':
      return tryKubectl(rest)
    case 'systemctl':
      expect([rest.slice(0, 2), units.includes(rest[2] ?? '')]).toEqual([['enable', '--now'], true])
      return
    case 'journalctl':
      expect([rest[0], units.includes(rest[1] ?? '')]).toEqual(['--unit', true])
      return
    case 'sh': {
      // Without a word it takes what release:build has made; test/binary/release.test.ts tries that.
      expect(rest).toEqual(['deploy/install.sh'])
      return
    }
    case 'curl': {
      const path = new URL(rest.at(-1) ?? '').pathname
      expect(Object.keys(openApi('1', true).paths)).toContain(path)
      return
    }
    case 'sqlite3': {
      const file = join(folder, 'rows.db')
      const options = ['--symbols', 'BTCUSDT', '--period', '1h', '--db-uri', file]
      expect(await runProgram(['klines', ...options], manualWorld())).toBe(0)
      const database = new Database(file, { readonly: true })
      expect(database.query(rest[1] ?? '').all().length).toBeGreaterThan(0)
      database.close()
      return
    }
    default:
      throw new Error(`the manual says '${words.join(' ')}', which this test cannot try out`)
  }
}

/** Profiles of compose.yaml that are there. */
async function tryCompose([flag, file, ...rest]: readonly string[]): Promise<void> {
  expect([flag, file, rest.at(-1)]).toEqual(['-f', 'deploy/compose.yaml', 'up'])
  const profiles = Object.values((await readCompose()).services).flatMap((service) => service.profiles)
  const named = rest.filter((_, i) => rest[i - 1] === '--profile')
  expect(named.filter((name) => !profiles.includes(name))).toEqual([])
}

/** What kubectl is told of is among what the files make, or is what they expect. */
async function tryKubectl(words: readonly string[]): Promise<void> {
  const folder = join(project, 'deploy', 'kubernetes', 'base')
  const paths = [...new Bun.Glob('*.yaml').scanSync({ cwd: folder, absolute: true })]
  const text = (await Promise.all(paths.map((path) => Bun.file(path).text()))).join('\n')
  const [first = '', second = '', third = ''] = words
  if (first === 'apply') {
    expect([second, existsSync(join(project, third, 'kustomization.yaml'))]).toEqual(['-k', true])
    return
  }
  expect(text).toContain(`name: ${first === '--namespace' ? second : third}`)
  const names = words.flatMap(
    (word) => /^(?:(?:cronjob|deployment)\/)?((?:petrosa|klines)-[\w-]+)$/.exec(word)?.[1] ?? [],
  )
  expect(names.filter((name) => !text.includes(`name: ${name}\n`))).toEqual([])
}

describe('the manual', () => {
  test('has the tables that the code makes; UPDATE_README=1 writes them', () => {
    expect(readme).toBe(withGeneratedTables(readme))
  })

  test('begins with the two commands: the demo and the tests', () => {
    expect(shell.slice(0, 2).map(({ text }) => text)).toEqual([
      'npx -y bun@1.4.5 run demo',
      'npx -y bun@1.4.5 run test',
    ])
  })

  for (const command of shell) test(`runs: ${command.text}`, () => tryOut(command))

  test('quotes messages and metrics that there are where it tells of troubles', async () => {
    const section = readme.slice(
      readme.indexOf('## When something is wrong'),
      readme.indexOf('## How it is built'),
    )
    const cells = [...section.matchAll(/^\| (.*?) \|/gm)].flatMap(([, cell = '']) => quotesOf(cell))
    const sources = (await readSources('src/'))
      .map(({ text }) => text.replaceAll(/\$\{[^}]*\}/g, '…'))
      .join('\n')
    const kubernetes = ['Failed', 'ImagePullBackOff', 'OOMKilled', 'open']
    const said = (quote: string): boolean =>
      quote
        .replace('mysql store', '… store')
        .replace(/^petrosa_/, '')
        .split('…')
        .every((part) => sources.includes(part.trim()))
    expect(cells.filter((quote) => !kubernetes.includes(quote) && !said(quote))).toEqual([])
    expect(cells.length).toBeGreaterThan(12)
  })

  test('names no flag that no command has', () => {
    const flags = new Set([...readme.matchAll(/(?<![\w-])--[a-z][a-z-]*/g)].map(([flag]) => flag))
    const foreign = new Set([
      ...['--version', '--help', '--frozen-lockfile', '--rm', '--profile', '--binary', '--now', '--unit'],
      ...['--since', '--namespace', '--from-literal', '--sort-by', '--from', '--silent'],
    ])
    const help =
      withGeneratedTables(readme)
        .match(/^\| `--.*$/gm)
        ?.join('\n') ?? ''
    expect([...flags].filter((flag) => !foreign.has(flag) && !help.includes(`\`${flag}`))).toEqual([])
  })

  test('shows a result with the fields that results have', async () => {
    const world = manualWorld()
    await runProgram(['klines', '--symbols', 'BTCUSDT', '--dry-run', '--json'], world)
    const { plan, ...fields } = JSON.parse(world.out()) as Record<string, unknown>
    expect(Object.keys(JSON.parse(codeBlocks(readme, 'json')[0] ?? '{}'))).toEqual(Object.keys(fields))
    expect(plan).toBeArray()
  })

  test('shows gaps as the program tells of them', async () => {
    const file = join(folder, 'gaps.db')
    const env = { SQLITE_PATH: file }
    expect(await runProgram(pullHours, manualWorld(env))).toBe(0)
    const database = new Database(file)
    const [from, to] = ['2024-03-05T12:00Z', '2024-03-06T12:00Z'].map((time) => Date.parse(time))
    database.run(`DELETE FROM klines_h1 WHERE open_time >= ${from} AND open_time < ${to}`)
    database.close()
    const world = manualWorld(env)
    expect(await runProgram(['gaps'], world)).toBe(3)
    expect(codeBlocks(readme, 'text')[0]).toBe(world.out())
  })

  test('every link leads to a file or a heading that is there', () => {
    const broken = links(readme).filter((link) => {
      if (link.startsWith('#')) return !headings(readme).includes(link.slice(1))
      return /^[a-z]+:/.test(link) ? false : !existsSync(join(project, link.split('#')[0] ?? ''))
    })
    expect(broken).toEqual([])
    expect(links(readme).length).toBeGreaterThan(5)
  })
})

describe('the test of the manual sees a breach', () => {
  test('a changed table, missing markers, an unknown command', async () => {
    expect(withGeneratedTables(readme.replace('`klines_h1`', '`klines_h9`'))).toBe(readme)
    expect(() => withGeneratedTables('# no markers')).toThrow('lacks the markers')
    expect(tryOut({ text: '', words: ['frob', 'x'], env: {} })).rejects.toThrow('cannot try out')
    expect(tryOut({ text: '', words: ['dist/petrosa', 'klines', '--frob'], env: {} })).rejects.toThrow(
      '--frob',
    )
  })

  test('words are split as a shell splits them', () => {
    const text = "```sh\nA=1 x 'a b' \"c ' d\" \\\n  --e f\n# a comment\ny\n```\n"
    expect(shellCommands(text).map(({ words, env }) => [words, env])).toEqual([
      [['x', 'a b', "c ' d", '--e', 'f'], { A: '1' }],
      [['y'], {}],
    ])
  })
})
