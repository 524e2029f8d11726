// The services of deploy/compose.yaml, and the units of deploy/systemd: the words and variables of each
// through the compiled program, which plans what it would do, into a real database of the kind that it names.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { exchangeEnv, NO_LIMITS } from '../rig/bench.ts'
import { findBinaryDatabases } from '../rig/binary-databases.ts'
import { petrosaServices, readCompose } from '../rig/compose.ts'
import { removeWorkFolders, runPetrosa, tail, workFolder } from '../rig/run-petrosa.ts'
import { type SpawnedExchange, spawnExchange } from '../rig/spawn-exchange.ts'
import { environmentOfUnit, readUnit, units } from '../rig/systemd.ts'

const databases = await findBinaryDatabases()
const services = petrosaServices(await readCompose())
const symbols = ['BTC', 'ETH', 'BNB'].flatMap((base) =>
  (['spot', 'um'] as const).map((market) => ({
    ...{ market, symbol: `${base}USDT`, base, quote: 'USDT', listedAtMs: Date.UTC(2024, 0, 10) },
  })),
)

let exchange: SpawnedExchange
beforeAll(async () => {
  const clock = { startMs: Date.parse('2024-03-22T00:00:30Z') }
  exchange = await spawnExchange({ symbols, clock, limits: NO_LIMITS })
})
afterAll(async () => {
  await exchange.stop()
  await removeWorkFolders()
})

/** How many series are planned. What serves makes the passes of `run`. */
async function planned(words: readonly string[], env: Record<string, string>): Promise<number> {
  const once = words[0] === 'serve' ? ['run', ...words.slice(1)] : words
  const options = { cwd: workFolder(), env: { ...env, ...exchangeEnv(exchange.url) } }
  const run = await runPetrosa([...once, '--dry-run', '--json'], options)
  expect([words, run.exitCode, run.exitCode === 0 ? '' : tail(run)]).toEqual([words, 0, ''])
  return new Set(run.result().plan?.map(({ series }) => series)).size
}

describe('deploy/compose.yaml', () => {
  for (const [name, { command = [], environment = {} }] of services) {
    const kind = environment.DB_ADAPTER ?? ''
    const database = databases.find(({ label, server }) => (server?.kind ?? label) === kind)
    test.skipIf(!database)(`${name} plans its klines and funding rates`, async () => {
      const place = await database?.place(workFolder())
      const variable = Object.keys(environment).find((one) => one.endsWith('_URI')) ?? 'SQLITE_PATH'
      const env = { ...environment, [variable]: place?.uri ?? '' }
      // Three symbols: two periods of candles, and rates.
      expect(await planned(command, env)).toBe(9)
    })
  }
})

describe('deploy/systemd', () => {
  for (const unit of units.filter((name) => name.endsWith('.service'))) {
    test(`${unit} runs the program with words that it knows`, async () => {
      const service = (await readUnit(unit)).Service ?? {}
      const [program, ...words] = service.ExecStart?.[0]?.split(' ') ?? []
      expect(program).toBe('/usr/local/bin/petrosa')
      const folder = workFolder()
      mkdirSync(join(folder, 'data'))
      const env = { ...environmentOfUnit(service), SQLITE_PATH: join(folder, 'data', 'petrosa.db') }
      expect(await planned(words, env)).toBe(words[0] === 'gaps' ? 0 : 6)
    })
  }
})
