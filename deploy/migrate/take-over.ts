// Takes over the database of the Python extractor: sets its tables aside, notes in the ledger what they held,
// has petrosa fetch all of that anew (nothing in them can be trusted), keeps what nobody else has any more,
// and makes views for those who read the old tables. Each step sees what an earlier run has done.
import { parseArgs } from 'node:util'
import { emptyRows } from '../../src/core/dataset.ts'
import { ledgerRow } from '../../src/core/ledger.ts'
import { isMember, type Market, markets, type Period } from '../../src/core/series.ts'
import { isoTime, minus, union } from '../../src/core/span.ts'
import type { Store } from '../../src/core/store.ts'
import { funding } from '../../src/datasets/funding.ts'
import { klines } from '../../src/datasets/klines.ts'
import { errorLine, exitCodeOf, exitCodes, UserError } from '../../src/errors.ts'
import { takeLeftovers } from './leftovers.ts'
import { type Open, openLines, openSpans, seriesOf, spanOf } from './open-spans.ts'
import { clock, openPython, readPlaces } from './places.ts'
import type { OldSeries, PythonDatabase } from './python-database.ts'
import { EndedError, runPetrosa } from './run-petrosa.ts'

const usage = `bun deploy/migrate/take-over.ts [--market um] [--views-in DATABASE]
  DB_ADAPTER and MYSQL_URI, MONGODB_URI, POSTGRESQL_URI or SQLITE_PATH say where petrosa keeps its rows, and
  PYTHON_DATABASE_URI where the old tables are: mysql:// or mongodb://; the same database where it is not set.
  --market    what the old tables hold: um, since the Python extractor fetched USD-M futures whatever it said
  --views-in  a database of the same MySQL server for views under the names of the old tables
Run it again when it was interrupted: it goes on.`

const say = (line: string): void => console.log(line)

type Take = {
  readonly python: PythonDatabase
  readonly store: Store
  readonly market: Market
  readonly series: readonly OldSeries[]
}

/** Whether the rows of a series are to be had from the exchange or its archives. */
type Knows = (old: OldSeries) => boolean
/** A span that stayed open, in the JSON of petrosa. */
type Unsettled = {
  readonly series: string
  readonly start: string
  readonly end: string
  readonly reason: string
}

/**
 * Notes that all since the first old row is wanted, of symbols that nobody knows any more up to the last one.
 * What an earlier run has settled stays settled.
 */
async function noteWanted({ store, market, series }: Take, isKnown: Knows): Promise<void> {
  const nowMs = clock.nowMs()
  for (const old of series) {
    const one = seriesOf(market, old)
    const table = (old.period === null ? funding : klines).table(one)
    const held = spanOf(old)
    const [stored = []] = await store.ledger([one])
    // An earlier run has noted it, or settled it.
    if (minus([held], union(stored)).length === 0) continue
    const span = isKnown(old) ? { ...held, endMs: nowMs } : held
    const ledger = [ledgerRow(span, 'wanted', { checkedAtMs: nowMs })]
    const page = { series: one, table, rows: emptyRows(table), ledger, fresh: false }
    await store.write([{ ...page, source: 'rest', extractedAtMs: nowMs }])
  }
}

/**
 * Whose rows are to be had: of the symbols that the exchange or the archives of the dataset know, delisted
 * ones too. Throws EndedError where that cannot be told for certain, since whoever is missing counts as gone.
 */
async function askWhoIsKnown(market: Market, series: readonly OldSeries[]): Promise<Knows> {
  const known = new Map<string, ReadonlySet<string>>()
  for (const dataset of new Set(series.map((old) => seriesOf(market, old).dataset))) {
    const all = ['--symbols', 'all', '--status', 'all', '--source', 'auto']
    const { symbols } = await runPetrosa(['symbols', '--market', market, '--dataset', dataset, ...all])
    const names = (symbols as readonly { readonly symbol: string }[]).map(({ symbol }) => symbol)
    known.set(dataset, new Set(names))
  }
  return (old) => known.get(seriesOf(market, old).dataset)?.has(old.symbol) === true
}

/** Has petrosa fetch what is wanted of the symbols that are known. Gives what stayed open, by series. */
async function fetchAnew({ market, series }: Take, isKnown: Knows): Promise<readonly Open[]> {
  const open: Open[] = []
  for (const period of new Set(series.map((one) => one.period))) {
    const own = series.filter((one) => one.period === period && isKnown(one))
    if (own.length === 0) continue
    const symbols = own.map(({ symbol }) => symbol).join(',')
    const command = period === null ? ['funding'] : ['klines', '--period', period]
    const { rows_written: rows, unsettled } = await runPetrosa([
      ...[...command, '--market', market, '--source', 'auto'],
      ...['--symbols', symbols],
    ])
    say(`${period ?? 'funding rates'}: ${own.length} symbols fetched anew, ${String(rows)} rows`)
    for (const { series: key, start, end, reason } of unsettled as readonly Unsettled[])
      open.push({ key, span: { startMs: Date.parse(start), endMs: Date.parse(end) }, reason })
  }
  return open
}

/** Keeps what nobody else has any more, but for candles that are no good, which it tells. */
async function keepLeftovers({ python, store, market, series }: Take, isKnown: Knows): Promise<void> {
  for (const one of series) {
    const { period } = one
    if (period === null || isKnown(one)) continue
    const result = await takeLeftovers(
      python,
      store,
      { ...one, period },
      seriesOf(market, one),
      clock.nowMs(),
    )
    if (result.taken + result.refused > 0)
      say(
        `${one.symbol} ${period}: nobody has it any more; ` +
          `${result.taken} old rows kept, ${result.refused} are no good`,
      )
  }
}

async function takeOver(market: Market, viewsIn: string | null): Promise<number> {
  const { entry, uri, from } = await readPlaces()
  if (viewsIn !== null && from !== uri)
    throw new UserError('views are made only where the old tables are', 'leave --views-in out')
  const python = await openPython(from)
  const store = await entry.open({ uri, readOnly: false, batchRows: null }, clock)
  try {
    await python.checkViews(viewsIn)
    const series = await python.series()
    // Before anything is touched: what cannot be told now would be written off as gone.
    const isKnown = await askWhoIsKnown(market, series)
    const inTheWay = from === uri ? await python.inTheWay() : []
    for (const name of await python.setAside(inTheWay)) say(`set aside: ${name}`)
    const tables = series.map((one) => (one.period === null ? funding : klines).table(seriesOf(market, one)))
    await store.prepare([...new Set(tables)])
    const take = { python, store, market, series }
    await noteWanted(take, isKnown)
    const unsettled = await fetchAnew(take, isKnown)
    await keepLeftovers(take, isKnown)
    const open = [...unsettled, ...(await openSpans(store, market, series, unsettled))]
    const periods = [...new Set(series.flatMap(({ period }): Period[] => (period ? [period] : [])))]
    const views = from === uri ? await python.makeViews(periods, market, viewsIn) : []
    for (const view of views) say(`view for old readers: ${view}`)
    if (await python.hasTrades())
      say('trades were not taken over, for they overwrote each other: petrosa trades')
    const firstMs = Math.min(...series.map(({ firstMs }) => firstMs))
    say(`${series.length} series taken over${series.length > 0 ? `, since ${isoTime(firstMs)}` : ''}`)
    for (const line of openLines(open)) say(line)
    return open.length > 0 ? exitCodes.open : exitCodes.done
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
  console.error(error instanceof EndedError ? `${error.message}; run this again` : errorLine(error))
  process.exitCode = error instanceof EndedError ? error.exitCode : exitCodeOf(error)
}
