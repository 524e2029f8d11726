// bun run bench: how fast the program is, each figure beside a ceiling that is measured in the same run. The
// figures hold for the machine they were measured on; the ratios are the point. Arguments choose parts:
// start, pull, archive, gaps, tracing, sqlite, and the stores.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startCollector } from '../rig/otlp-collector.ts'
import type { SpawnedExchange } from '../rig/spawn-exchange.ts'
import { benchArchives } from './archive-bench.ts'
import { newMinute, pullFlags, startBenchExchange } from './bench-market.ts'
import { benchGaps } from './gaps-bench.ts'
import {
  measure,
  median,
  megabytes,
  RUNS,
  rate,
  removeDatabase,
  repeat,
  report,
  type Usage,
} from './measure.ts'
import { type Import, importOf } from './sqlite-target.ts'
import { benchStores } from './store-bench.ts'

const BINARY = new URL('../../dist/petrosa', import.meta.url).pathname
const ROWS = 1_000_000

async function benchStart(): Promise<void> {
  const runs = await repeat(() => measure([BINARY, '--help']))
  report(
    'cold --help',
    `${(median(runs.map((run) => run.wallSeconds)) * 1_000).toFixed(1)} ms`,
    'goal: under 25 ms',
  )
}

/** One series into SQLite, by HTTP from the local exchange. */
async function benchPull(exchange: SpawnedExchange, folder: string): Promise<void> {
  const database = join(folder, 'pull.db')
  const pull = async (rows: number): Promise<Usage> => {
    await newMinute(exchange)
    await removeDatabase(database)
    const words = ['klines', ...pullFlags(rows, 1), '--db-uri', database, '--json']
    const usage = await measure([BINARY, ...words], { BINANCE_API_URL: exchange.url, LOG_LEVEL: 'warning' })
    const { rows_written: written } = JSON.parse(usage.stdout) as { readonly rows_written: number }
    if (written !== rows) throw new Error(`${written} rows in place of ${rows}`)
    return usage
  }
  const bareFetch = new URL('./bare-fetch.ts', import.meta.url).pathname
  // In turn, so that what else the machine does meets all of them.
  let target = null as Import | null
  const runs = await repeat(async () => {
    const bare = await measure([process.execPath, bareFetch, exchange.url, String(2 * ROWS), '1'])
    const four = await pull(4 * ROWS)
    const two = await pull(2 * ROWS)
    target ??= await importOf(database, 'klines_m1')
    return { bare, four, two, load: await target.once() }
  })
  await target?.close()
  await removeDatabase(database)
  const [two, four] = [runs.map((run) => run.two), runs.map((run) => run.four)]
  const cpu = (usages: readonly Usage[], rows: number): string =>
    `${((median(usages.map((usage) => usage.cpuSeconds)) * 1e6) / rows).toFixed(2)} s`
  const peak = (usages: readonly Usage[]): number => median(usages.map((usage) => usage.peakBytes))
  const beside = (own: (run: (typeof runs)[number]) => number): string =>
    `${median(runs.map((run) => own(run) / run.load.cpuSeconds)).toFixed(2)} of .import`
  const besideTwo = beside((run) => run.two.cpuSeconds)
  report('CPU a million rows, HTTP to SQLite, of 2 M', cpu(two, 2 * ROWS), `goal: under 2 s; ${besideTwo}`)
  report(
    '  of 4 M',
    cpu(four, 4 * ROWS),
    beside((run) => run.four.cpuSeconds / 2),
  )
  const imports = runs.map((run) => run.load)
  report('  sqlite3 .import of the same rows', cpu(imports, 2 * ROWS))
  const bare = runs.map((run) => run.bare)
  report('  the bare fetch of the same pages', cpu(bare, 2 * ROWS))
  report('peak memory, 2 M rows', megabytes(peak(two)), 'goal: under 220 MB')
  report(
    'peak memory, 4 M rows',
    megabytes(peak(four)),
    `${(peak(four) / peak(two)).toFixed(2)} of 2 M rows; goal: at most 1.10`,
  )
  report('one series, 2 M rows', rate(2 * ROWS, median(two.map((run) => run.wallSeconds))))
}

/** The same pull with and without a collector, and with one that is dead, in turns. */
async function benchTracing(exchange: SpawnedExchange, folder: string): Promise<void> {
  const collector = startCollector()
  const pull = async (name: string, run: number, env: Record<string, string>): Promise<Usage> => {
    await newMinute(exchange)
    const database = join(folder, `${name}-${run}.db`)
    const words = ['klines', ...pullFlags(2 * ROWS, 1), '--db-uri', database, '--json']
    const usage = await measure([BINARY, ...words], { BINANCE_API_URL: exchange.url, ...env })
    await removeDatabase(database)
    return usage
  }
  const runs = await repeat(async (run) => ({
    plain: await pull('plain', run, {}),
    traced: await pull('traced', run, { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }),
    dead: await pull('dead', run, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' }),
  }))
  collector.stop()
  const cpu = (of: (one: (typeof runs)[number]) => Usage): number =>
    median(runs.map((one) => of(one).cpuSeconds))
  const plain = cpu((one) => one.plain)
  report('CPU of a pull of 2 M rows, untraced', `${plain.toFixed(2)} s`)
  const beside = (seconds: number): string => `${(seconds / plain).toFixed(3)} of it; goal: at most 1.10`
  report(
    '  traced, with a collector',
    `${cpu((one) => one.traced).toFixed(2)} s`,
    beside(cpu((one) => one.traced)),
  )
  report(
    '  traced, with a dead collector',
    `${cpu((one) => one.dead).toFixed(2)} s`,
    beside(cpu((one) => one.dead)),
  )
}

async function main(): Promise<void> {
  const parts = process.argv.slice(2)
  const wants = (part: string): boolean => parts.length === 0 || parts.includes(part)
  const folder = await mkdtemp(join(tmpdir(), 'petrosa-bench-'))
  process.stdout.write(`median of ${RUNS} runs, ${navigator.hardwareConcurrency} cores\n`)
  const exchange = await startBenchExchange()
  try {
    if (wants('start')) await benchStart()
    if (wants('pull')) await benchPull(exchange, folder)
    if (wants('gaps')) await benchGaps(BINARY, folder)
    if (wants('tracing')) await benchTracing(exchange, folder)
    await benchStores({ binary: BINARY, exchange, folder, wants })
    if (wants('archive')) await benchArchives({ binary: BINARY, folder })
  } finally {
    await exchange.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

await main()
