// The database file: two programs on it at once, and every way in which it cannot be used. The exit code says
// who has to act, the message what to do, and what was there before stays as it was.
import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isoTime } from '../../src/core/span.ts'
import { bench, exchangeEnv, NO_LIMITS, plainSymbol } from '../rig/bench.ts'
import { findBinaryDatabases } from '../rig/binary-databases.ts'
import { differences, type Expectation } from '../rig/compare-store.ts'
import {
  type Run,
  removeWorkFolders,
  runPetrosa,
  startPetrosa,
  tail,
  unprivileged,
  workFolder,
} from '../rig/run-petrosa.ts'
import { type SpawnedExchange, spawnExchange } from '../rig/spawn-exchange.ts'
import { sqliteContents } from '../rig/sqlite-contents.ts'

afterAll(removeWorkFolders)
const databases = await findBinaryDatabases()

const nowMs = Date.parse('2024-03-22T00:00:30Z')
const span = { startMs: nowMs - 30_000 - 12_000 * 60_000, endMs: nowMs - 30_000 }
const specs = ['AAAUSDT', 'BBBUSDT', 'CCCUSDT'].map((symbol) => plainSymbol(symbol))
const expecting = (...symbols: string[]): Expectation[] =>
  specs
    .filter((spec) => symbols.includes(spec.symbol))
    .map((spec) => ({ spec, period: '1m', spans: [span], closedBeforeMs: nowMs }))
const range = ['--period', '1m', '--start', isoTime(span.startMs), '--end', isoTime(span.endMs)]

let exchange: SpawnedExchange
beforeAll(async () => {
  exchange = await spawnExchange({ symbols: specs, clock: { manualMs: nowMs }, limits: NO_LIMITS })
})
afterAll(() => exchange.stop())

const isRoot = process.getuid?.() === 0
if (!isRoot) console.warn('not root: the tests of a full disk are skipped')
const asNobody = unprivileged()
if (!asNobody) console.warn('nobody but root can get here: the test of read-only files is skipped')

/** Runs klines of one symbol into the file at `path`. */
function into(path: string, folder: string, through: readonly string[] = []): Promise<Run> {
  const flags = ['klines', '--json', '--symbols', 'AAAUSDT', ...range, '--db-uri', path]
  return runPetrosa(flags, { cwd: folder, env: exchangeEnv(exchange.url), through })
}

/** The one error of a run that ended with `exitCode`. */
function errorOf(run: Run, exitCode: number): string {
  expect(tail(run)).toStartWith(`exit ${exitCode}\n`)
  expect(run.result().errors).toHaveLength(1)
  return run.result().errors[0] ?? ''
}

/** Runs a command that only looks at the file at `path`. */
function look(command: string, path: string, folder: string, through: readonly string[] = []): Promise<Run> {
  const env = { ...exchangeEnv(exchange.url), SOURCE: 'rest' }
  return runPetrosa([command, '--json', '--db-uri', path], { cwd: folder, env, through })
}

type Checked = { readonly checks: readonly { readonly ok: boolean; readonly detail: string }[] }
/** What `check` found wrong. */
function findingsOf(run: Run): string {
  expect(tail(run)).toStartWith('exit 2\n')
  const { checks } = run.result() as unknown as Checked
  return checks.flatMap(({ ok, detail }) => (ok ? [] : [detail])).join('; ')
}

/** Whoever only looks at a file that nobody could fetch into says why too, with the same exit code. */
async function looksBad(path: string, folder: string, says: RegExp): Promise<void> {
  const what = new RegExp(says.source.split(';')[0] ?? '')
  for (const command of ['status', 'gaps', 'verify'])
    expect(errorOf(await look(command, path, folder), 2)).toMatch(what)
  expect(findingsOf(await look('check', path, folder))).toMatch(what)
}

describe.each(databases)('two programs at once: $label', (database) => {
  test('the same and different series: exact, and each row counted once', async () => {
    const at = await bench(exchange, database)
    const runs = await Promise.all([
      at.klines(['--symbols', 'AAAUSDT,BBBUSDT', ...range, '--batch-size', '1000']),
      at.klines(['--symbols', 'BBBUSDT,CCCUSDT', ...range]),
    ])
    for (const run of runs) expect(tail(run)).toStartWith('exit 0')
    const [one, two] = runs.map((run) => run.result())
    expect((one?.rows_written ?? 0) + (two?.rows_written ?? 0)).toBe(36_000)
    expect([one?.rows_changed, two?.rows_changed]).toEqual([0, 0])
    expect(await differences(at.contents, expecting('AAAUSDT', 'BBBUSDT', 'CCCUSDT'))).toEqual([])
    await exchange.resetCounts()
    expect(tail(await at.klines(['--symbols', 'AAAUSDT,BBBUSDT,CCCUSDT', ...range]))).toStartWith('exit 0')
    expect((await exchange.counts()).klinesRequests).toBe(0)
  })
})

describe('a file that cannot be used', () => {
  /** Holds the whole file, as a backup or a repair does. */
  const lock = (path: string): (() => void) => {
    const other = new Database(path, { create: true })
    other.run('CREATE TABLE theirs (x)')
    other.run('BEGIN EXCLUSIVE')
    return () => {
      other.run('ROLLBACK')
      other.close()
    }
  }

  test.concurrent('locked for a while: it is waited for', async () => {
    const folder = workFolder()
    const unlock = lock(join(folder, 'a.db'))
    const running = into(join(folder, 'a.db'), folder)
    await Bun.sleep(2_500)
    unlock()
    expect(tail(await running)).toStartWith('exit 0')
    expect(await differences(sqliteContents(join(folder, 'a.db')), expecting('AAAUSDT'))).toEqual([])
  }, 30_000)

  test.concurrent('locked for good: exit 75 in bounded time', async () => {
    const folder = workFolder()
    const unlock = lock(join(folder, 'a.db'))
    const run = await into(join(folder, 'a.db'), folder)
    unlock()
    expect(errorOf(run, 75)).toMatch(/locked by another program; close what holds it open/)
    expect(run.durationMs).toBeLessThan(30_000)
  }, 40_000)

  test.each([
    ['a directory', (path: string) => mkdirSync(path), /cannot be opened/],
    [
      'not a database',
      (path: string) => writeFileSync(path, 'all my notes\n'.repeat(999)),
      /not a SQLite database/,
    ],
    ['in a folder that is not there', () => undefined, /cannot be opened; its folder must exist/],
  ] as const)('%s: exit 2, and it stays as it was', async (title, make, says) => {
    const folder = workFolder()
    const path = join(folder, title.startsWith('in a') ? 'missing/a.db' : 'a.db')
    make(path)
    const before = title === 'not a database' ? readFileSync(path, 'utf8') : ''
    expect(errorOf(await into(path, folder), 2)).toMatch(says)
    await looksBad(path, folder, says)
    expect(readdirSync(folder)).toEqual(title.startsWith('in a') ? [] : ['a.db'])
    if (before !== '') expect(readFileSync(path, 'utf8')).toBe(before)
  })

  test('not there yet: nothing is stored, and check says what it would make', async () => {
    const folder = workFolder()
    const path = join(folder, 'a.db')
    const status = await look('status', path, folder)
    expect(tail(status)).toStartWith('exit 0')
    const check = await look('check', path, folder)
    expect(tail(check)).toStartWith('exit 0')
    expect(check.stdout).toContain(`${path}, which would be made`)
    expect(readdirSync(folder)).toEqual([])
  })

  test('of a newer petrosa, and with a foreign table of our name: exit 2, untouched', async () => {
    const at = await bench(exchange)
    const path = join(at.folder, 'binary.db')
    const symbol = ['--symbols', 'AAAUSDT']
    expect(tail(await at.klines([...symbol, ...range]))).toStartWith('exit 0')
    change(path, 'INSERT INTO petrosa_schema VALUES (99, 0)')
    const before = await at.contents.dump()
    expect(errorOf(await at.klines([...symbol, ...range]), 2)).toMatch(
      /newer petrosa \(schema 99.*use that version/,
    )
    expect(errorOf(await at.klines([...symbol, ...range, '--dry-run']), 2)).toMatch(/newer petrosa/)
    await looksBad(path, at.folder, /newer petrosa/)
    expect((await at.contents.dump()) === before).toBe(true)

    const foreign = join(at.folder, 'foreign.db')
    change(
      foreign,
      "CREATE TABLE klines_m1 (id INTEGER PRIMARY KEY, note TEXT); INSERT INTO klines_m1 VALUES (1, 'x')",
    )
    const theirs = await sqliteContents(foreign).dump()
    expect(errorOf(await into(foreign, at.folder), 2)).toMatch(
      /table klines_m1 .* is not petrosa's.*rename that table/,
    )
    await looksBad(foreign, at.folder, /table klines_m1 .* is not petrosa's/)
    expect(await sqliteContents(foreign).dump()).toBe(theirs)
    expect(readBack(foreign, 'SELECT note FROM klines_m1')).toEqual([['x']])
  })

  test.skipIf(!asNobody)('read-only file and read-only folder: exit 2; reading them works', async () => {
    if (!asNobody) return
    const folder = workFolder()
    chmodSync(folder, 0o777)
    const path = join(folder, 'a.db')
    expect(tail(await into(path, folder, asNobody))).toStartWith('exit 0')
    const before = readFileSync(path)
    // A file that is there may not be written, in a folder that may; then a folder that may not.
    change(path, 'PRAGMA journal_mode = DELETE')
    for (const [fileMode, folderMode] of [
      [0o444, 0o777],
      [0o444, 0o555],
    ] as const) {
      chmodSync(path, fileMode)
      chmodSync(folder, folderMode)
      expect(errorOf(await into(path, folder, asNobody), 2)).toMatch(/cannot be (written|opened)/)
      const flags = ['status', '--json', '--db-uri', path]
      expect(tail(await runPetrosa(flags, { cwd: folder, through: asNobody }))).toStartWith('exit 0')
      expect(findingsOf(await look('check', path, folder, asNobody))).toContain(
        folderMode === 0o777 ? `the file ${path} cannot be written` : 'cannot be written',
      )
      expect(readdirSync(folder)).toEqual(['a.db'])
    }
    expect(before.length).toBeGreaterThan(0)
    const fresh = join(folder, 'b.db')
    expect(errorOf(await into(fresh, folder, asNobody), 2)).toMatch(/cannot be opened.*writable/)
    expect(findingsOf(await look('check', fresh, folder, asNobody))).toContain(
      `the folder ${folder} cannot be written`,
    )
    expect(existsSync(fresh)).toBe(false)
    chmodSync(folder, 0o777)
  })

  test.skipIf(!isRoot)(
    'on a full disk: exit 75, what was written is kept, and it goes on later',
    async () => {
      const folder = workFolder()
      const path = join(folder, 'disk', 'a.db')
      mkdirSync(join(folder, 'disk'))
      // A file system of one MB that nobody else sees; the second run is given a larger one.
      const through = [
        'unshare',
        '--mount',
        'sh',
        '-c',
        'mount -t tmpfs -o size=1m none disk && "$@"; code=$?; cp -r disk kept; exit $code',
        'sh',
      ]
      const run = await startPetrosa(
        ['klines', '--json', '--symbols', 'AAAUSDT', ...range, '--db-uri', path, '--batch-size', '1000'],
        { cwd: folder, env: { ...exchangeEnv(exchange.url), PATH: process.env.PATH ?? '' }, through },
      ).ended
      expect(errorOf(run, 75)).toMatch(/no space left.*free some space|could not read or write/)
      const kept = join(folder, 'kept', 'a.db')
      expect(readBack(kept, 'SELECT count(*) FROM klines_m1')[0]?.[0]).toBe(run.result().rows_written)
      expect(tail(await into(kept, folder))).toStartWith('exit 0')
      expect(await differences(sqliteContents(kept), expecting('AAAUSDT'))).toEqual([])
    },
  )
})

/** Changes a file past the program. */
function change(path: string, statements: string): void {
  const database = new Database(path, { create: true })
  database.run(statements)
  database.close()
}

function readBack(path: string, text: string): unknown[][] {
  const database = new Database(path)
  try {
    return database.query(text).values() as unknown[][]
  } finally {
    database.close()
  }
}
