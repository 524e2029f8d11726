// Somebody else's table under one of our names: every command refuses it with exit 2 and the way out, a plan
// as well as the run that it is the plan of, and leaves it as it is. In every SQL store.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { isoTime } from '../../src/core/span.ts'
import { exchangeEnv, NO_LIMITS, plainSymbol } from '../rig/bench.ts'
import { findBinaryDatabases } from '../rig/binary-databases.ts'
import { removeWorkFolders, runPetrosa, tail, workFolder } from '../rig/run-petrosa.ts'
import { type SpawnedExchange, spawnExchange } from '../rig/spawn-exchange.ts'
import { sqliteDatabase } from '../rig/sqlite-database.ts'

afterAll(removeWorkFolders)
const databases = (await findBinaryDatabases()).filter(({ server }) => server?.kind !== 'mongodb')

const LIMIT_MS = 60_000
const nowMs = Date.parse('2024-03-22T00:00:30Z')
const asked = ['--symbols', 'BTCUSDT', '--start', isoTime(nowMs - 30_000 - 86_400_000)]
const klines = ['klines', '--period', '15m', ...asked]
const commands = [
  klines,
  [...klines, '--dry-run'],
  [...klines, '--dry-run', '--refresh', '--source', 'auto'],
  ['run', '--dry-run'],
  ...[['gaps'], ['status'], ['verify'], ['check']],
]

let exchange: SpawnedExchange
beforeAll(async () => {
  // The symbols that `run` has jobs for.
  const symbols = ['BTCUSDT', 'ETHUSDT', 'BNBUSDT'].flatMap((symbol) => [
    plainSymbol(symbol),
    plainSymbol(symbol, { market: 'um' }),
  ])
  exchange = await spawnExchange({ symbols, clock: { manualMs: nowMs }, limits: NO_LIMITS })
})
afterAll(() => exchange.stop())

describe.each(databases)('$label', (database) => {
  test.each(['petrosa_schema', 'petrosa_coverage', 'klines_m15'])(
    "somebody else's %s: exit 2 whatever is asked",
    async (name) => {
      const folder = workFolder()
      const at = await database.place(folder)
      const past = database.server ?? sqliteDatabase
      await past.exec(at.uri, `CREATE TABLE ${name} (a int)`)
      const ends: unknown[] = []
      for (const words of commands) {
        const env = { ...exchangeEnv(exchange.url), SOURCE: 'rest' }
        const run = await runPetrosa([...words, '--json', ...at.flags], { cwd: folder, env })
        const said = new RegExp(`${name}.* is not petrosa's.*rename that table, or choose another database`)
        ends.push([words.join(' '), tail(run).split('\n')[0], said.test(run.stdout.replaceAll('\n', ' '))])
      }
      expect(ends).toEqual(commands.map((words) => [words.join(' '), 'exit 2', true]))
      expect(await past.tables(at.uri)).toEqual([name])
    },
    LIMIT_MS,
  )
})
