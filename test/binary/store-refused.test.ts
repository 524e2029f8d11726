// Servers that do not let the program do its work: wrong password, unknown host, missing database or right,
// read-only. The exit code says who has to act, one line says what to change, no password is ever shown, and
// nothing is half made.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { isoTime } from '../../src/core/span.ts'
import { stores } from '../../src/stores/all.ts'
import { exchangeEnv, NO_LIMITS, plainSymbol } from '../rig/bench.ts'
import { findBinaryDatabases } from '../rig/binary-databases.ts'
import { differences } from '../rig/compare-store.ts'
import { grantTables, poorUser, SECRET, withAccount } from '../rig/poor-user.ts'
import { type Run, removeWorkFolders, runPetrosa, tail, workFolder } from '../rig/run-petrosa.ts'
import { type SpawnedExchange, spawnExchange } from '../rig/spawn-exchange.ts'

afterAll(removeWorkFolders)
const databases = await findBinaryDatabases()

const nowMs = Date.parse('2024-03-22T00:00:30Z')
const startMs = Date.parse('2024-03-20T00:00Z')
const spec = plainSymbol('AAAUSDT')
const expected = [{ spec, period: '1h', spans: [{ startMs, endMs: nowMs }], closedBeforeMs: nowMs }] as const
const asking = ['klines', '--json', '--symbols', 'AAAUSDT', '--period', '1h', '--start', isoTime(startMs)]
/** Nobody is kept waiting for longer by a server that is not there. */
const BOUND_MS = 20_000

let exchange: SpawnedExchange
beforeAll(async () => {
  exchange = await spawnExchange({ symbols: [spec], clock: { manualMs: nowMs }, limits: NO_LIMITS })
})
afterAll(() => exchange.stop())

const servers = databases.flatMap(({ server, ...database }) => {
  const variable = stores.find(({ kind }) => kind === server?.kind)?.variable
  return server && variable ? [{ ...database, server, variable }] : []
})

/** Runs with the store's address in its variable, and holds all that is said to what may be said. */
async function runWith(env: Record<string, string>, words: readonly string[]): Promise<Run> {
  const run = await runPetrosa(words, { cwd: workFolder(), env: { ...exchangeEnv(exchange.url), ...env } })
  expect(`${run.stdout}${run.stderr}`).not.toContain(SECRET)
  return run
}

/** The one error of a run that ended with `exitCode`: a single line in the result and in the log. */
function errorOf(run: Run, exitCode: number): string {
  expect(tail(run)).toStartWith(`exit ${exitCode}\n`)
  const [error = '', ...more] = run.result().errors
  expect(more).toEqual([])
  expect(error).not.toContain('\n')
  expect(run.durationMs).toBeLessThan(BOUND_MS)
  return error
}

describe.concurrent.each(servers)('$label', ({ place, nowhere, server, variable }) => {
  const pull = (uri: string, words = asking): Promise<Run> =>
    runWith({ [variable]: uri }, [...words, '--db', server.kind])

  test('a wrong password: exit 2, and the variable is named', async () => {
    const at = await place(workFolder())
    const wrong = withAccount(at.uri, { user: 'petrosa_nobody', password: SECRET })
    expect(errorOf(await pull(wrong), 2)).toMatch(variable)
    expect(await server.tables(at.uri)).toEqual([])
  })

  test.each([
    ['an unknown host', { host: 'nowhere.invalid' }, 'nowhere.invalid'],
    ['a port where nobody listens', { port: 1 }, ':1'],
  ])(
    '%s: exit 75, and the variable is named',
    async (_title, parts, named) => {
      const at = await place(workFolder())
      const elsewhere = withAccount(at.uri, { user: 'me', password: SECRET, ...parts })
      const uri = elsewhere.replace(/[?&]replicaSet=[^&]*/, '')
      const error = errorOf(await pull(uri), 75)
      expect(error).toMatch(variable)
      expect(error).toMatch(named)
      const check = await pull(uri, ['check', '--json'])
      expect(tail(check)).toStartWith('exit 75\n')
      expect(failedChecks(check)).toMatchObject([{ ok: false, detail: expect.stringContaining(named) }])
    },
    40_000,
  )

  test.each(['klines_h1', 'petrosa_coverage'])(
    "somebody else's %s: exit 2 of the plan, of the check and of the run, and it stays as it is",
    async (name) => {
      const at = await place(workFolder())
      await server.exec(at.uri, server.spoil.foreignTable(name))
      for (const words of [[...asking, '--dry-run'], asking]) {
        expect(errorOf(await pull(at.uri, words), 2)).toMatch(new RegExp(`${name}.*--db-uri`))
      }
      const check = await pull(at.uri, ['check', '--json'])
      expect(tail(check)).toStartWith('exit 2\n')
      expect(failedChecks(check)).toMatchObject([{ detail: expect.stringContaining(name) }])
      expect(await server.tables(at.uri)).toEqual([name])
    },
    40_000,
  )

  test('the address of every other kind of store: exit 2 before anything is asked of anyone', async () => {
    const at = await place(workFolder())
    for (const other of stores.filter(({ kind }) => kind !== server.kind)) {
      const uri = withAccount(at.uri, { user: 'me', password: SECRET })
      for (const words of [['--db-uri', uri], []]) {
        const run = await runWith({ [other.variable]: uri }, [...asking, '--db', other.kind, ...words])
        expect(errorOf(run, 2)).toMatch(`the address of a ${server.kind} store, not of ${other.kind}`)
      }
    }
  })

  if (server.kind === 'mongodb' || server.kind === 'sqlite') return
  const { kind } = server

  test('no database, and a user who may not make one: exit 2, and how to make it', async () => {
    const at = await place(workFolder())
    const missing = await nowhere(workFolder())
    const database = new URL(missing.uri).pathname.slice(1)
    const error = errorOf(await pull(withAccount(await poorUser(kind, at.uri), { database })), 2)
    expect(error).toMatch(database)
    expect(error).toMatch(/CREATE DATABASE/)
    expect(await missing.exists()).toBe(false)
  })

  test('no database, and a user who may make one: it is made, and the log says so', async () => {
    const missing = await nowhere(workFolder())
    const run = await pull(missing.uri)
    expect(tail(run)).toStartWith('exit 0')
    const name = new URL(missing.uri).pathname.slice(1)
    const made = run.log.filter(({ message }) => message.startsWith('made the database of'))
    expect(made).toMatchObject([{ level: 'INFO', message: expect.stringContaining(name) }])
    expect((await pull(missing.uri)).log.some(({ message }) => message.startsWith('made'))).toBe(false)
  })

  test('who may make no tables can fill those that check --prepare made', async () => {
    const at = await place(workFolder())
    const poor = await poorUser(kind, at.uri)
    expect(errorOf(await pull(poor), 2)).toMatch(/grant.*petrosa check|GRANT.*CREATE/)
    expect(await server.tables(at.uri)).toEqual([])
    const check = await pull(poor, ['check', '--json'])
    expect(tail(check)).toStartWith('exit 2\n')
    expect(failedChecks(check)).toMatchObject([
      { name: 'store rights', advice: expect.stringMatching(/GRANT .*CREATE/) },
    ])
    expect(tail(await pull(poor, ['check', '--prepare', '--json']))).toStartWith('exit 2\n')
    expect(await server.tables(at.uri)).toEqual([])

    expect(tail(await pull(at.uri, ['check', '--prepare', '--json']))).toStartWith('exit 0')
    await grantTables(kind, at.uri, poor)
    const run = await pull(poor)
    expect(tail(run)).toStartWith('exit 0')
    expect(run.result().rows_written).toBe(48)
    expect(await differences(at.contents, expected)).toEqual([])
    expect((await pull(poor)).result()).toMatchObject({ rows_fetched: 0, errors: [] })
    expect(tail(await pull(poor, ['check', '--json']))).toStartWith('exit 0')
  }, 40_000)

  if (kind !== 'postgresql') return

  test('a user whose transactions are read-only: exit 2, and nothing is made', async () => {
    const at = await place(workFolder())
    const readOnly = `${at.uri}?options=-c%20default_transaction_read_only%3Don`
    const error = errorOf(await pull(readOnly), 2)
    expect(error).toMatch(/read-only.*default_transaction_read_only/)
    expect(error).toMatch(variable)
    expect(await server.tables(at.uri)).toEqual([])
    expect(tail(await pull(at.uri))).toStartWith('exit 0')
    const more = asking.map((word) => (word === isoTime(startMs) ? '2024-03-01' : word))
    expect(errorOf(await pull(readOnly, more), 2)).toMatch(/read-only/)
    expect(await differences(at.contents, expected)).toEqual([])
  })
})

type Finding = {
  readonly name: string
  readonly ok: boolean
  readonly detail: string
  readonly advice: string
}

const checksOf = (run: Run): readonly Finding[] => (run.result() as { checks?: Finding[] }).checks ?? []
const failedChecks = (run: Run): readonly Finding[] => checksOf(run).filter(({ ok }) => !ok)

describe('petrosa check on all stores at once', () => {
  test('each is tried, and one that fails keeps none of the others from it', async () => {
    const kinds = [...new Map(servers.map((one) => [one.server.kind, one])).values()]
    const places = await Promise.all(kinds.map((one) => one.place(workFolder())))
    const env = Object.fromEntries(kinds.map((one, i) => [one.variable, places[i]?.uri ?? '']))
    const check = await runWith(env, ['check', '--prepare', '--json'])
    expect(failedChecks(check)).toEqual([])
    expect(tail(check)).toStartWith('exit 0')
    const reached = checksOf(check).filter(({ name }) => name === 'store reachable')
    expect(reached.length).toBeGreaterThanOrEqual(kinds.length)
    for (const [i, { server }] of kinds.entries()) {
      const tables = await server.tables(places[i]?.uri ?? '')
      expect(tables).toContain('klines_mo1')
      expect(tables).toContain('petrosa_coverage')
    }
    for (const [i, { variable }] of kinds.entries()) {
      const wrong = withAccount(places[i]?.uri ?? '', { user: 'petrosa_nobody', password: SECRET })
      const run = await runWith({ ...env, [variable]: wrong }, ['check', '--json'])
      expect(tail(run)).toStartWith('exit 2\n')
      expect(failedChecks(run)).toHaveLength(1)
      expect(JSON.stringify(failedChecks(run))).toMatch(variable)
      const well = checksOf(run).filter(({ name, ok }) => name === 'store reachable' && ok)
      expect(well).toHaveLength(reached.length - 1)
    }
  }, 40_000)
})
