// The demo: the compiled program against the local exchange of the tests, and every stored row compared with
// the exchange's own. Needs no network and no server, and leaves no process and no file behind.
import { Database } from 'bun:sqlite'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { isoTime } from '../../src/core/span.ts'
import { scenarios } from '../rig/scenario.ts'
import { type SpawnedExchange, spawnExchange } from '../rig/spawn-exchange.ts'
import { compareAll } from './compare.ts'
import { say, shown, step, tell } from './stage.ts'

/** No single run of the program takes longer than this, or something is wrong. */
const RUN_LIMIT_MS = 120_000

const binary = join(import.meta.dir, '..', '..', 'dist', 'petrosa')
const scenario = scenarios.fewWeeks
const periods = ['1m', '1h', '1d'] as const
const markets = ['spot', 'um'] as const
const [firstDay, lastDay] = [scenario.span.startMs, scenario.span.endMs].map((timeMs) =>
  isoTime(timeMs).slice(0, 10),
)
const days = `--start ${firstDay} --end ${lastDay}`

let exchange: SpawnedExchange | null = null
let running: Bun.Subprocess | null = null
let folder: string | null = null
let interrupted = false

/** Ends what was started and removes what was made; safe to call at any time, also twice. */
async function cleanUp(): Promise<void> {
  running?.kill('SIGKILL')
  await running?.exited
  await exchange?.stop()
  if (folder !== null) rmSync(folder, { recursive: true, force: true })
}

/** Runs the program with `words`; its output is shown as it comes. Throws when it does not end with 0. */
async function petrosa(words: string): Promise<void> {
  await shown(`petrosa ${words}`)
  const url = exchange?.url ?? ''
  // Nothing of the caller's environment: no proxy, no setting of theirs, changes what the demo shows.
  const env = {
    BINANCE_API_URL: url,
    BINANCE_FUTURES_API_URL: url,
    BINANCE_COIN_FUTURES_API_URL: url,
    BINANCE_ARCHIVE_URL: `${url}/archive`,
    BINANCE_ARCHIVE_LISTING_URL: `${url}/listing`,
    SQLITE_PATH: databasePath(),
    LOG_LEVEL: 'warning',
    LOG_FORMAT: 'pretty',
  }
  const child = Bun.spawn([binary, ...words.split(' ')], {
    env,
    stdin: 'ignore',
    stdout: 'inherit',
    stderr: 'inherit',
    timeout: RUN_LIMIT_MS,
  })
  running = child
  const code = await child.exited
  running = null
  if (code !== 0) throw new Error(`petrosa ${words} ended with ${code}`)
}

const databasePath = (): string => join(folder ?? '', 'petrosa.db')

async function showLedger(database: Database): Promise<void> {
  const rows = database
    .query<{ start: string; end: string; verdict: string }, [string]>(
      "SELECT strftime('%m-%d %H:%M', start_time / 1000, 'unixepoch') AS start, " +
        "strftime('%m-%d %H:%M', end_time / 1000, 'unixepoch') AS end, verdict " +
        'FROM petrosa_coverage WHERE series = ? ORDER BY start_time',
    )
    .all('spot/klines/GONEUSDT/1m')
  await tell('The ledger, petrosa_coverage, knows why. For example spot/klines/GONEUSDT/1m:')
  for (const row of rows) await say(`     ${row.start} to ${row.end}  ${row.verdict}`)
}

async function showRows(database: Database): Promise<void> {
  const rows = database
    .query<{ time: string; close: number; volume: number; trades: number }, []>(
      'SELECT substr(open_time, 1, 16) AS time, close_price AS close, volume, number_of_trades AS trades ' +
        "FROM klines_h1_float WHERE market = 'spot' AND symbol = 'BTCUSDT' ORDER BY open_time LIMIT 4",
    )
    .all()
  await tell('klines_h1_float is a view with numbers and readable times:')
  for (const row of rows)
    await say(`     ${row.time}  close ${row.close}  volume ${row.volume}  ${row.trades} trades`)
  const exact = database
    .query<{ volume: string }, []>(
      "SELECT quote_asset_volume AS volume FROM klines_m1 WHERE market = 'spot' AND symbol = 'DUSTUSDT' " +
        'ORDER BY length(quote_asset_volume) DESC, open_time LIMIT 1',
    )
    .get()
  await tell('klines_m1, a table itself, keeps every decimal that the exchange sent:')
  await say(`     quote_asset_volume of a minute of DUSTUSDT: ${exact?.volume ?? ''}`)
}

async function play(): Promise<number> {
  if (!existsSync(binary)) throw new Error(`${binary} is not there: run \`bun run build\` first`)
  folder = mkdtempSync(join(tmpdir(), 'petrosa-demo-'))

  await step('A small Binance on this machine')
  exchange = await spawnExchange({ scenario: 'fewWeeks' })
  await tell(`It listens on ${exchange.url}, is as strict as the real one, and has`)
  await tell(
    `three weeks of ${scenario.symbols.length} symbols: decimals of 18 digits, an outage of 20 hours,`,
  )
  await tell('a new listing, two symbols that end, Chinese names.')

  await step('Fetch it: spot and USD-M futures, three periods, into one SQLite file')
  for (const market of markets)
    await petrosa(
      `klines --market ${market} --symbols all --status all --period ${periods.join(',')} ${days}`,
    )

  await step('The same line again: what is stored is known, no candle is asked for')
  await petrosa(`klines --market spot --symbols all --status all --period ${periods.join(',')} ${days}`)

  await step('What is stored, and why anything is missing')
  await petrosa('status --market spot --period 1m')
  const database = new Database(databasePath(), { readonly: true })
  try {
    await showLedger(database)

    await step('A few rows')
    await showRows(database)

    await step('Every stored row against the exchange, digit by digit')
    const found = await compareAll(database, scenario, periods)
    for (const difference of found.differences) await tell(`DIFFERENT: ${difference}`)
    if (found.differences.length > 0) return 1
    const rows = found.equal.toLocaleString('en-US')
    await tell(`${rows} rows of ${found.series} series: all equal, none missing, none too many.`)
  } finally {
    database.close()
  }

  const path = relative(process.cwd(), binary)
  await step('The same line against the real exchange')
  await say(`   $ ${path} klines --symbols BTCUSDT,ETHUSDT --period 1m,1h --start 7d`)
  await say(`   $ ${path} status`)
  return 0
}

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  process.on(signal, () => {
    interrupted = true
    void cleanUp().finally(() => process.exit(code))
  })
}

let code = 1
try {
  code = await play()
} catch (error) {
  // What is cut off by a signal has not failed.
  if (!interrupted)
    console.error(`\nthe demo failed: ${error instanceof Error ? error.message : String(error)}`)
} finally {
  await cleanUp()
}
if (!interrupted) process.exit(code)
