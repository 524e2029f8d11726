// The rights that SECURITY.md asks for, given by its own statements on real servers: enough to fetch, to fill
// gaps and to verify once somebody else has made the tables, and not enough to make one.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { exchangeEnv } from '../rig/bench.ts'
import { findBinaryDatabases } from '../rig/binary-databases.ts'
import { codeBlocks } from '../rig/markdown.ts'
import { connectMysql } from '../rig/mysql-database.ts'
import { withAccount } from '../rig/poor-user.ts'
import { connectPostgresql } from '../rig/postgresql-database.ts'
import { afterwards, removeWorkFolders, runPetrosa, tail, workFolder } from '../rig/run-petrosa.ts'
import { project } from '../rig/sources.ts'
import { type SpawnedExchange, spawnExchange } from '../rig/spawn-exchange.ts'
import { onConnection } from '../rig/sql.ts'

const PASSWORD = 'a-password-for-the-grants'
const manual = await Bun.file(join(project, '.github', 'SECURITY.md')).text()
const [forPostgresql = '', forMysql = ''] = codeBlocks(manual, 'sql')
const databases = (await findBinaryDatabases()).filter(({ label }) => /postgresql|mysql|mariadb/.test(label))

let exchange: SpawnedExchange
beforeAll(async () => {
  const symbols = (['spot', 'um'] as const).map((market) => ({
    ...{ market, symbol: 'BTCUSDT', base: 'BTC', quote: 'USDT', listedAtMs: Date.UTC(2024, 0, 1) },
  }))
  exchange = await spawnExchange({ symbols, clock: { startMs: Date.parse('2024-03-22T00:00:30Z') } })
})
afterAll(async () => {
  await exchange.stop()
  await removeWorkFolders()
})

/** Makes the user that the manual calls petrosa, and gives it what the manual says. */
async function grantedUser(kind: string, uri: string): Promise<string> {
  const user = `petrosa_few_${crypto.randomUUID().slice(0, 8)}`
  const database = new URL(uri).pathname.slice(1)
  const connect = kind === 'postgresql' ? connectPostgresql : connectMysql
  const run = (statements: readonly string[]): Promise<void> =>
    onConnection(connect(uri), async ({ query }) => {
      for (const statement of statements) await query(statement)
    })
  const text = kind === 'postgresql' ? forPostgresql : forMysql
  const name = kind === 'postgresql' ? user : `${user}@'%'`
  const grants = text
    .replaceAll('TO petrosa', `TO ${name}`)
    .replaceAll('market.*', `${database}.*`)
    .replaceAll('DATABASE market', `DATABASE ${database}`)
    .split(';')
    .filter((statement) => statement.trim() !== '')
  expect(grants.length).toBeGreaterThan(0)
  if (kind === 'postgresql') {
    afterwards(() => run([`DROP OWNED BY ${user}`, `DROP ROLE ${user}`]))
    await run([
      `CREATE ROLE ${user} LOGIN PASSWORD '${PASSWORD}'`,
      // What a careful administrator takes away from everybody first.
      'REVOKE ALL ON SCHEMA public FROM PUBLIC',
      `REVOKE ALL ON DATABASE ${database} FROM PUBLIC`,
    ])
  } else {
    afterwards(() => run([`DROP USER ${name}`]))
    await run([`CREATE USER ${name} IDENTIFIED BY '${PASSWORD}'`])
  }
  await run(grants)
  return withAccount(uri, { user, password: PASSWORD })
}

/** Has everything fetched and compared once more. */
async function emptyLedger(kind: string, uri: string): Promise<void> {
  const connect = kind === 'postgresql' ? connectPostgresql : connectMysql
  await onConnection(connect(uri), ({ query }) => query('DELETE FROM petrosa_coverage'))
}

describe.each(databases.map((database) => [database.label, database] as const))(
  'the grants on %s',
  (_, database) => {
    test('are enough for every day, and not for making a table', async () => {
      const cwd = workFolder()
      const kind = database.server?.kind ?? ''
      const { uri } = await database.place(cwd)
      const run = async (address: string, ...words: string[]): Promise<void> => {
        const [command = '', ...flags] = words
        const all = [command, '--db', kind, '--db-uri', address, ...flags]
        const ended = await runPetrosa(all, { cwd, env: exchangeEnv(exchange.url) })
        expect([words, ended.exitCode, ended.exitCode === 0 ? '' : tail(ended)]).toEqual([words, 0, ''])
      }
      await run(uri, 'check', '--prepare')
      const few = await grantedUser(kind, uri)
      await run(few, 'klines', '--symbols', 'BTCUSDT', '--period', '1h', '--start', '2024-03-01')
      await run(few, 'klines', '--symbols', 'BTCUSDT', '--period', '1h')
      // As many rows as are merged through a temporary table: the span is settled, and not new.
      const many = ['--symbols', 'BTCUSDT', '--period', '1m', '--start', '2024-03-20', '--end', '2024-03-21']
      await run(few, 'klines', ...many)
      await emptyLedger(kind, uri)
      await run(few, 'klines', ...many)
      await run(few, 'funding', '--symbols', 'BTCUSDT', '--start', '2024-03-20')
      await run(few, 'gaps', '--fill')
      await run(few, 'verify', '--sample', '10%', '--repair')
      await run(few, 'status')
      const connect = kind === 'postgresql' ? connectPostgresql : connectMysql
      expect(onConnection(connect(few), ({ query }) => query('CREATE TABLE mine (id int)'))).rejects.toThrow()
    })
  },
)
