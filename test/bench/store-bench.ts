// Each store beside its own loader, in one run: a million fresh rows from HTTP, the same again with nothing
// changed, and with one row in a hundred corrected. The loader gets the same rows, the same table, the same
// keys.
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { SpawnedExchange } from '../rig/spawn-exchange.ts'
import { newMinute, pullFlags, SYMBOLS } from './bench-market.ts'
import { mariadbTarget } from './mariadb-target.ts'
import { measure, median, rate, repeat, report } from './measure.ts'
import { mongodbTarget } from './mongodb-target.ts'
import { postgresqlTarget } from './postgresql-target.ts'
import { sqliteTarget } from './sqlite-target.ts'

const ROWS = 1_000_000

/** A store under measurement, and what its own tools can do. */
export type Target = {
  readonly name: string
  /** The name of its loader, and the part of its speed that is owed. */
  readonly loader: string
  readonly goal: number
  /** The settings that choose the store. */
  readonly flags: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Empties the store. */
  clear(): Promise<void>
  /** Makes the program forget what it fetched, and spoils one row in `everyNth` (0: none). */
  forget(everyNth: number): Promise<void>
  /** Loads the stored rows into a fresh table by the store's own loader; answers the seconds it took. */
  load(): Promise<number>
  close(): Promise<void>
}

export type BenchOptions = {
  readonly binary: string
  readonly exchange: SpawnedExchange
  readonly folder: string
  wants(part: string): boolean
}

/** Measures every store that is within reach. */
export async function benchStores(options: BenchOptions): Promise<void> {
  const targets = {
    sqlite: () => sqliteTarget(join(options.folder, 'store.db')),
    postgresql: () => postgresqlTarget(options.folder),
    mariadb: () => atUri('TEST_MARIADB_URI', (uri) => mariadbTarget('mariadb', uri, options.folder)),
    mysql: () => atUri('TEST_MYSQL_URI', (uri) => mariadbTarget('mysql', uri, options.folder)),
    mongodb: () => atUri('TEST_MONGODB_URI', mongodbTarget),
  }
  for (const [name, make] of Object.entries(targets)) {
    const target = options.wants(name) ? await make() : null
    if (!target) continue
    await benchStore(options, target)
    await target.close()
  }
  await rm(join(options.folder, 'store.db'), { force: true })
}

/** The target of the server that a variable names; without it the store is passed over, and that is said. */
async function atUri(variable: string, make: (uri: string) => Promise<Target>): Promise<Target | null> {
  const uri = process.env[variable]
  if (uri) return make(uri)
  process.stdout.write(`${variable} is not set: its store is not measured\n`)
  return null
}

async function benchStore({ binary, exchange }: BenchOptions, target: Target): Promise<void> {
  const pull = async (): Promise<number> => {
    await newMinute(exchange)
    const command = [binary, 'klines', ...pullFlags(ROWS, SYMBOLS), ...target.flags, '--json']
    const { wallSeconds } = await measure(command, {
      ...target.env,
      BINANCE_API_URL: exchange.url,
      LOG_LEVEL: 'warning',
    })
    return wallSeconds
  }
  await target.clear()
  // Not counted: the exchange renders its pages once, then keeps them.
  await pull()
  // In turn, so that what else the machine does meets both.
  const both = await repeat(async () => {
    await target.clear()
    return { fresh: await pull(), loader: await target.load() }
  })
  const fresh = both.map((one) => one.fresh)
  const loader = both.map((one) => one.loader)
  const again = await repeat(async () => {
    await target.forget(0)
    return pull()
  })
  const corrected = await repeat(async () => {
    await target.forget(100)
    return pull()
  })
  const ratio = median(both.map((one) => one.loader / one.fresh))
  report(
    `${target.name}: fresh`,
    rate(ROWS, median(fresh)),
    `${ratio.toFixed(2)} of ${target.loader}; goal: ${target.goal}`,
  )
  report(`${target.name}: ${target.loader}`, rate(ROWS, median(loader)))
  report(`${target.name}: again, nothing changed`, rate(ROWS, median(again)))
  report(`${target.name}: again, 1 % corrected`, rate(ROWS, median(corrected)))
}
