// The tables of the Python extractor, filled as it filled them: from the local exchange's market, with its
// defects. One candle is lost at each page's border, the last one of a run is frozen before it closed, large
// numbers are clamped, milliseconds and digits cut off; in MongoDB decimals are doubles, some candles twice.
import { advance } from '../../src/core/calendar.ts'
import { type Period, periodSuffixes } from '../../src/core/series.ts'
import type { Span } from '../../src/core/span.ts'
import { klines } from '../../src/datasets/klines.ts'
import { expectedFunding } from './expected-trades.ts'
import { expectedRows } from './market.ts'
import { onMongoDatabase } from './mongodb-database.ts'
import { connectMysql } from './mysql-database.ts'
import { toRecords } from './pages.ts'
import { onConnection, sqlText } from './sql.ts'
import type { SymbolSpec } from './symbol-spec.ts'

/** Its pages had 1,500 candles; a market for tests has fewer. */
const PAGE_ROWS = 40
/** A run every so many candles froze the one that was running. */
const RUN_ROWS = 96
const MOST = 1e12
const CLAMPED = '999999999999.99999999'

export type OldTable = { readonly spec: SymbolSpec; readonly period: Period; readonly span: Span }
/** What is wrong with a row; null for one that is as good as its types allow. */
export type OldRow = {
  readonly flaw: 'unfinished' | 'clamped' | null
  readonly fields: Readonly<Record<string, string | number | Date>>
}

const at = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace('T', ' ')

/** DECIMAL(20,8), and what came before it: numbers too large are cut to the largest. */
function narrow(text: string): string {
  if (Number(text) >= MOST) return CLAMPED
  const [whole = '0', fraction = ''] = text.split('.')
  return `${whole}.${fraction.slice(0, 8).padEnd(8, '0')}`
}

/** The rows that it would have of a series; holes are left out. */
export function oldRows({ spec, period, span }: OldTable): readonly OldRow[] {
  const table = klines.table({ market: spec.market, dataset: 'klines', symbol: spec.symbol, period })
  const records = toRecords(table, expectedRows(spec, period, span, span.endMs))
  return records.flatMap((record, i): OldRow[] => {
    if (i % PAGE_ROWS === PAGE_ROWS - 1) return []
    const openMs = Number(record.open_time)
    const unfinished = i % RUN_ROWS === RUN_ROWS / 2
    const amounts = [
      'volume',
      'quote_asset_volume',
      'taker_buy_base_asset_volume',
      'taker_buy_quote_asset_volume',
    ]
    const decimals = Object.entries(record)
      .filter(([name]) => name.endsWith('_price') || amounts.includes(name))
      .map(([name, value]): [string, string] => {
        const cut = unfinished && amounts.includes(name) ? String(Number(value) / 4) : String(value)
        return [name, narrow(/e/i.test(cut) ? '0' : cut)]
      })
    const clamped = decimals.some(([, text]) => text === CLAMPED)
    const fields = {
      id: `${spec.symbol}_${openMs}`,
      symbol: spec.symbol,
      timestamp: at(openMs),
      open_time: at(openMs),
      close_time: at(Number(record.close_time)),
      interval: period,
      ...Object.fromEntries(decimals),
      number_of_trades: Number(record.number_of_trades),
      price_change: '0',
      price_change_percent: '0',
      extracted_at: at(unfinished ? openMs + 1_000 : advance(period, openMs, 1) + 5_000),
      extractor_version: '2.0.0',
      source: 'binance-futures',
    }
    return [{ flaw: unfinished ? 'unfinished' : clamped ? 'clamped' : null, fields }]
  })
}

const amount = 'DECIMAL(20,8) NOT NULL'
const createKlines = (name: string): string => `CREATE TABLE ${name} (
  id VARCHAR(64) PRIMARY KEY, symbol VARCHAR(20) NOT NULL, \`timestamp\` DATETIME NOT NULL,
  open_time DATETIME NOT NULL, close_time DATETIME NOT NULL, \`interval\` VARCHAR(10) NOT NULL,
  open_price ${amount}, high_price ${amount}, low_price ${amount}, close_price ${amount}, volume ${amount},
  quote_asset_volume ${amount}, taker_buy_base_asset_volume ${amount}, taker_buy_quote_asset_volume ${amount},
  number_of_trades INT NOT NULL, price_change DECIMAL(20,8), price_change_percent DECIMAL(10,4),
  extracted_at DATETIME NOT NULL, extractor_version VARCHAR(20), source VARCHAR(50),
  INDEX (symbol, \`timestamp\`), INDEX (\`timestamp\`), INDEX (open_time))`
const createFunding = `CREATE TABLE funding_rates (
  id VARCHAR(64) PRIMARY KEY, symbol VARCHAR(20), \`timestamp\` DATETIME, funding_rate DECIMAL(20,8),
  funding_time DATETIME, mark_price DECIMAL(20,8), index_price DECIMAL(20,8), last_funding_rate DECIMAL(20,8),
  funding_interval_hours INT, extracted_at DATETIME, extractor_version VARCHAR(20), source VARCHAR(50))`
const createTrades = `CREATE TABLE trades (id VARCHAR(64) PRIMARY KEY, symbol VARCHAR(20), trade_id INT,
  price DECIMAL(20,8), trade_time DATETIME, extractor_version VARCHAR(20))`

type Fields = OldRow['fields']
const nameOf = (period: Period): string => `klines_${periodSuffixes[period]}`

/** Rates as it kept them, a second too early or not at all. */
function oldRates(spec: SymbolSpec, span: Span): readonly Fields[] {
  const times = expectedFunding(spec, span).columns[0] ?? []
  return times
    .filter((_, i) => i % 5 !== 3)
    .map((time) => ({
      id: `${spec.symbol}_${time}`,
      symbol: spec.symbol,
      timestamp: at(Number(time)),
      funding_time: at(Number(time)),
      funding_rate: '0.00010000',
      extracted_at: at(Number(time)),
      extractor_version: '2.0.0',
    }))
}

/** All tables with their rows, by name. */
function contents(
  tables: readonly OldTable[],
  rates: readonly Pick<OldTable, 'spec' | 'span'>[],
): Map<string, Fields[]> {
  const all = new Map<string, Fields[]>()
  for (const one of tables) {
    const name = nameOf(one.period)
    all.set(name, [...(all.get(name) ?? []), ...oldRows(one).map(({ fields }) => fields)])
  }
  return all.set(
    'funding_rates',
    rates.flatMap(({ spec, span }) => oldRates(spec, span)),
  )
}

/** Makes and fills the old tables in the MySQL or MariaDB database at `uri`. */
export function fillPythonMysql(
  uri: string,
  tables: readonly OldTable[],
  rates: readonly Pick<OldTable, 'spec' | 'span'>[],
): Promise<void> {
  return onConnection(connectMysql(uri), async ({ query }) => {
    await query(createTrades)
    await query("INSERT INTO trades VALUES ('BTCUSDT_1', 'BTCUSDT', 2147483647, 1, now(), '2.0.0')")
    for (const [name, rows] of contents(tables, rates)) {
      await query(name === 'funding_rates' ? createFunding : createKlines(name))
      const [first] = rows
      if (!first) continue
      const columns = Object.keys(first).map((column) => `\`${column}\``)
      const values = rows.map((row) => `(${Object.values(row).map((value) => sqlText(String(value)))})`)
      await query(`INSERT INTO ${name} (${columns}) VALUES ${values}`)
    }
  })
}

const texts = ['id', 'symbol', 'interval', 'extractor_version', 'source']

/** The same in MongoDB: doubles for decimals, dates for times, and every seventh row twice. */
export function fillPythonMongodb(
  uri: string,
  tables: readonly OldTable[],
  rates: readonly Pick<OldTable, 'spec' | 'span'>[],
): Promise<void> {
  const document = (row: Fields): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => {
        if (texts.includes(name)) return [name, value]
        return [name, /^\d{4}-/.test(String(value)) ? new Date(`${value}Z`) : Number(value)]
      }),
    )
  return onMongoDatabase(uri, async (database) => {
    for (const [name, rows] of contents(tables, rates)) {
      if (rows.length === 0) continue
      const twice = rows.flatMap((row, i) => (i % 7 === 0 ? [row, row] : [row]))
      await database.command({ insert: name, documents: twice.map(document) })
    }
  })
}
