// Archives beside each store's own loader, on the same rows in the same run: a year of minutes of five
// symbols, and a month of aggregated trades. And the memory that a long pull takes beside a short one.
// BENCH_TRADES says how many trades the month has; forty million are a busy symbol of the real exchange.
import { join } from 'node:path'
import { type SpawnedExchange, spawnExchange } from '../rig/spawn-exchange.ts'
import type { SymbolSpec } from '../rig/symbol-spec.ts'
import { measure, median, megabytes, rate, removeDatabase, repeat, report, type Usage } from './measure.ts'
import { postgresqlTarget } from './postgresql-target.ts'
import { sqliteTarget } from './sqlite-target.ts'
import type { Target } from './store-bench.ts'

const SYMBOLS = ['A', 'B', 'C', 'D', 'E'].map((name) => `YEAR${name}USDT`)
const TRADED = 'TRADEDUSDT'
const TRADES = Number(process.env.BENCH_TRADES ?? 4_000_000)
const MINUTES_OF_JUNE = 30 * 24 * 60
const MINUTES_OF_2024 = 366 * 24 * 60
/** What is owed of a loader's speed, and what a pull may take of memory. */
const GOAL = 0.8
const MEMORY_GOAL = 'goal: under 250 MB'

const specOf = (symbol: string, listedAt: string, rest: Partial<SymbolSpec> = {}): SymbolSpec => ({
  ...{ market: 'spot', symbol, base: symbol.replace(/USDT$/, ''), quote: 'USDT' },
  ...{ listedAtMs: Date.parse(listedAt), ...rest },
})

/** What is pulled, into which table, and how many rows that is. */
type Pull = {
  readonly name: string
  readonly table: string
  readonly rows: number
  readonly words: readonly string[]
}

const minutes = (symbols: readonly string[], end: string): string[] => [
  ...['klines', '--symbols', symbols.join(), '--period', '1m', '--start', '2024-01-01', '--end', end],
]
const year: Pull = {
  name: 'minutes',
  table: 'klines_m1',
  rows: SYMBOLS.length * MINUTES_OF_2024,
  words: minutes(SYMBOLS, '2025-01-01'),
}
const trades: Pull = {
  name: 'aggregates',
  table: 'agg_trades',
  rows: TRADES,
  words: ['trades', '--symbols', TRADED, '--start', '2024-06-01', '--end', '2024-07-01'],
}

/** Measures archives into every store that has a loader here and is within reach. */
export async function benchArchives({
  binary,
  folder,
}: {
  readonly binary: string
  readonly folder: string
}): Promise<void> {
  const exchange = await spawnExchange({
    symbols: [
      ...SYMBOLS.map((symbol) => specOf(symbol, '2017-08-17T04:00Z')),
      specOf(TRADED, '2024-06-01T00:00Z', { trades: { perMinute: TRADES / MINUTES_OF_JUNE } }),
    ],
    clock: { manualMs: Date.parse('2025-01-10T08:00:30Z') },
    limits: { spot: 1_000_000_000 },
  })
  const env = archiveEnv(exchange)
  try {
    for (const pull of [year, trades]) {
      const own = join(folder, `${pull.name}.db`)
      for (const make of [() => sqliteTarget(own, pull.table), () => postgresqlTarget(folder, pull.table)]) {
        const target = await make()
        if (target) await benchTarget(binary, env, pull, target)
      }
    }
    await benchMemory(binary, env, join(folder, 'memory.db'))
  } finally {
    await exchange.stop()
  }
}

const archiveEnv = ({ url }: SpawnedExchange): Record<string, string> => ({
  BINANCE_API_URL: url,
  BINANCE_ARCHIVE_URL: `${url}/archive`,
  BINANCE_ARCHIVE_LISTING_URL: `${url}/listing`,
  SOURCE: 'archive',
  LOG_LEVEL: 'warning',
})

async function benchTarget(
  binary: string,
  env: Record<string, string>,
  pull: Pull,
  target: Target,
): Promise<void> {
  const command = [binary, ...pull.words, ...target.flags, '--json']
  const once = (): Promise<Usage> => measure(command, { ...env, ...target.env })
  await target.clear()
  // Not counted: the exchange makes its files once, then keeps them.
  await once()
  // In turn, so that what else the machine does meets both.
  const both = await repeat(async () => {
    await target.clear()
    return { run: await once(), loader: await target.load() }
  })
  const runs = both.map(({ run }) => run)
  const loader = median(both.map((one) => one.loader))
  const seconds = median(runs.map((run) => run.wallSeconds))
  const cpu = (median(runs.map((run) => run.cpuSeconds)) * 1e6) / pull.rows
  const what = `archive to ${target.name}, ${pull.name}`
  const pairs = both.map((one) => one.loader / one.run.wallSeconds)
  const ratio = `${median(pairs).toFixed(2)} of ${target.loader}; goal: ${GOAL}`
  report(what, rate(pull.rows, seconds), `${ratio}; CPU a million rows ${cpu.toFixed(2)} s`)
  report(`  ${target.loader}`, rate(pull.rows, loader))
  report('  peak memory', megabytes(median(runs.map((run) => run.peakBytes))), MEMORY_GOAL)
  await target.close()
}

/** Twelve months beside one, of one symbol and of all of them at once. */
async function benchMemory(binary: string, env: Record<string, string>, database: string): Promise<void> {
  for (const symbols of [SYMBOLS.slice(0, 1), SYMBOLS]) {
    const peak = async (end: string): Promise<number> => {
      const runs = await repeat(async () => {
        await removeDatabase(database)
        return measure([binary, ...minutes(symbols, end), '--db-uri', database, '--json'], env)
      })
      return median(runs.map((run) => run.peakBytes))
    }
    const [month, twelve] = [await peak('2024-02-01'), await peak('2025-01-01')]
    const beside = `${(twelve / month).toFixed(2)} of one month (${megabytes(month)}); goal: at most 1.10`
    report(`peak memory of twelve months, ${symbols.length} symbols`, megabytes(twelve), beside)
  }
}
