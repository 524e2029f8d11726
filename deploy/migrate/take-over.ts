// Takes over the database of the Python extractor: sets its tables aside, notes in the ledger what they held,
// has petrosa fetch all of that anew (nothing in them can be trusted), keeps what nobody else has any more,
// and makes views for those who read the old tables. Each step sees what an earlier run has done.
import { parseArgs } from 'node:util'
import { advance } from '../../src/core/calendar.ts'
import { emptyRows } from '../../src/core/dataset.ts'
import { ledgerRow } from '../../src/core/ledger.ts'
import { isMember, type Market, markets, type Period, type Series } from '../../src/core/series.ts'
import { isoTime, minus, union } from '../../src/core/span.ts'
import type { Store, StoreKind } from '../../src/core/store.ts'
import { funding } from '../../src/datasets/funding.ts'
import { klines } from '../../src/datasets/klines.ts'
import { errorLine, exitCodeOf, exitCodes, PetrosaError, UserError } from '../../src/errors.ts'
import { stores } from '../../src/stores/all.ts'
import { realWait } from '../../src/world.ts'
import { takeLeftovers } from './leftovers.ts'
import type { OldSeries, PythonDatabase } from './python-database.ts'
import { openPythonMongodb } from './python-mongodb.ts'
import { openPythonMysql } from './python-mysql.ts'
import { EndedError, runPetrosa } from './run-petrosa.ts'

const usage = `bun deploy/migrate/take-over.ts [--market um] [--views-in DATABASE]
  DB_ADAPTER and MYSQL_URI, MONGODB_URI, POSTGRESQL_URI or SQLITE_PATH say where petrosa keeps its rows, and
  PYTHON_DATABASE_URI where the old tables are: mysql:// or mongodb://; the same database where it is not set.
  --market    what the old tables hold: um, since the Python extractor fetched USD-M futures whatever it said
  --views-in  a database of the same MySQL server for views under the names of the old tables
Run it again when it was interrupted: it goes on.`

const clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  wait: realWait,
  random: Math.random,
}
const say = (line: string): void => console.log(line)

type Take = {
  readonly python: PythonDatabase
  readonly store: Store
  readonly market: Market
  readonly series: readonly OldSeries[]
}

/** Where petrosa keeps its rows, as its own variables say. Throws UserError. */
function target(): { readonly kind: StoreKind; readonly uri: string } {
  const named = (process.env.DB_ADAPTER ?? 'sqlite').replace('mariadb', 'mysql')
  const entry = stores.find(({ kind }) => kind === named)
  if (!entry) throw new UserError(`there is no store ${named}`, 'set DB_ADAPTER to one that petrosa has')
  const uri = process.env[entry.variable] ?? (entry.kind === 'sqlite' ? './petrosa.db' : '')
  if (uri === '') throw new UserError(`no address for the ${entry.kind} store`, `set ${entry.variable}`)
  return { kind: entry.kind, uri }
}

/** The old database. Throws UserError where no such database can be the old one. */
async function openPython(uri: string): Promise<PythonDatabase> {
  if (/^(mysql|mariadb)/.test(uri)) return openPythonMysql(uri)
  if (/^mongodb/.test(uri)) return openPythonMongodb(uri)
  const advice = 'set PYTHON_DATABASE_URI to its mysql:// or mongodb:// address'
  throw new UserError('the Python extractor kept its rows in MySQL, MariaDB or MongoDB', advice)
}

const seriesOf = (market: Market, { symbol, period }: OldSeries): Series =>
  period === null
    ? { market, dataset: 'funding', symbol, period }
    : { market, dataset: 'klines', symbol, period }

/**
 * Notes that all since the first old row is wanted, of symbols that nobody knows any more up to the last one.
 * What an earlier run has settled stays settled.
 */
async function noteWanted({ store, market, series }: Take, known: ReadonlySet<string>): Promise<void> {
  const nowMs = clock.nowMs()
  for (const old of series) {
    const one = seriesOf(market, old)
    const table = (old.period === null ? funding : klines).table(one)
    const lastMs = old.period === null ? old.lastMs : advance(old.period, old.lastMs, 1)
    const [stored = []] = await store.ledger([one])
    // An earlier run has noted it, or settled it.
    if (minus([{ startMs: old.firstMs, endMs: lastMs }], union(stored)).length === 0) continue
    const span = { startMs: old.firstMs, endMs: known.has(old.symbol) ? nowMs : lastMs }
    const ledger = [ledgerRow(span, 'wanted', { checkedAtMs: nowMs })]
    const page = { series: one, table, rows: emptyRows(table), ledger, fresh: false }
    await store.write([{ ...page, source: 'rest', extractedAtMs: nowMs }])
  }
}

/** Every symbol that the exchange or its archives know, delisted ones too. */
async function knownSymbols(market: Market): Promise<ReadonlySet<string>> {
  const { symbols } = await runPetrosa(['symbols', '--market', market, '--symbols', 'all', '--status', 'all'])
  return new Set((symbols as readonly { readonly symbol: string }[]).map(({ symbol }) => symbol))
}

/** Has petrosa fetch what is wanted of the symbols that are known. Gives how many spans stayed open. */
async function fetchAnew({ market, series }: Take, known: ReadonlySet<string>): Promise<number> {
  let open = 0
  for (const period of new Set(series.map((one) => one.period))) {
    const own = series.filter((one) => one.period === period && known.has(one.symbol))
    if (own.length === 0) continue
    const symbols = own.map(({ symbol }) => symbol).join(',')
    const command = period === null ? ['funding'] : ['klines', '--period', period]
    const { rows_written: rows, unsettled } = await runPetrosa([
      ...[...command, '--market', market],
      ...['--symbols', symbols],
    ])
    say(`${period ?? 'funding rates'}: ${own.length} symbols fetched anew, ${String(rows)} rows`)
    open += (unsettled as readonly unknown[]).length
  }
  return open
}

/** Keeps what nobody else has any more. Gives how many candles were no good. */
async function keepLeftovers(
  { python, store, market, series }: Take,
  known: ReadonlySet<string>,
): Promise<number> {
  let refused = 0
  for (const one of series) {
    const { period } = one
    if (period === null || known.has(one.symbol)) continue
    const result = await takeLeftovers(
      python,
      store,
      { ...one, period },
      seriesOf(market, one),
      clock.nowMs(),
    )
    refused += result.refused
    if (result.taken + result.refused > 0)
      say(
        `${one.symbol} ${period}: nobody has it any more; ` +
          `${result.taken} old rows kept, ${result.refused} are no good`,
      )
  }
  return refused
}

async function takeOver(market: Market, viewsIn: string | null): Promise<number> {
  const { kind, uri } = target()
  const from = process.env.PYTHON_DATABASE_URI ?? uri
  const entry = stores.find((one) => one.kind === kind)
  if (!entry) throw new Error(`no store ${kind}`)
  const python = await openPython(from)
  const store = await entry.open({ uri, readOnly: false, batchRows: null }, clock)
  try {
    const inTheWay = from === uri ? await python.inTheWay() : []
    for (const name of await python.setAside(inTheWay)) say(`set aside: ${name}`)
    const series = await python.series()
    const tables = series.map((one) => (one.period === null ? funding : klines).table(seriesOf(market, one)))
    await store.prepare([...new Set(tables)])
    const take = { python, store, market, series }
    const known = await knownSymbols(market)
    await noteWanted(take, known)
    const open = await fetchAnew(take, known)
    const refused = await keepLeftovers(take, known)
    const periods = [...new Set(series.flatMap(({ period }): Period[] => (period ? [period] : [])))]
    const views = from === uri ? await python.makeViews(periods, market, viewsIn) : []
    for (const view of views) say(`view for old readers: ${view}`)
    if (await python.hasTrades())
      say('trades were not taken over, for they overwrote each other: petrosa trades')
    const firstMs = Math.min(...series.map(({ firstMs }) => firstMs))
    say(`${series.length} series taken over${series.length > 0 ? `, since ${isoTime(firstMs)}` : ''}`)
    if (open > 0) say(`${open} spans are open: petrosa gaps names them, run this again later`)
    return open + refused > 0 ? exitCodes.open : exitCodes.done
  } finally {
    await store.close()
    await python.close()
  }
}

const options = {
  market: { type: 'string' },
  'views-in': { type: 'string' },
  help: { type: 'boolean' },
} as const
try {
  const { values } = parseArgs({ options })
  const { market = 'um' } = values
  if (values.help) say(usage)
  else if (!isMember(markets, market)) throw new UserError(`there is no market ${market}`, 'spot, um or cm')
  else process.exitCode = await takeOver(market, values['views-in'] ?? null)
} catch (error) {
  const known = error instanceof PetrosaError || error instanceof EndedError
  console.error(error instanceof EndedError ? `${error.message}; run this again` : errorLine(error))
  process.exitCode =
    error instanceof EndedError ? error.exitCode : known ? exitCodeOf(error) : exitCodes.defect
}
