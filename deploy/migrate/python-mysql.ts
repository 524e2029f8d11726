// The Python extractor's database on MySQL or MariaDB. Its times are DATETIME in UTC, whatever the zone of
// the server, so they are read as text. Sessions are the store's: protected as the address says, and opened
// anew where one was lost in the hours of fetching.
import type { RowDataPacket } from 'mysql2/promise'
import { type Clock, type RetryPolicy, retry } from '../../src/core/retry.ts'
import { type Period, periodSuffixes } from '../../src/core/series.ts'
import { UserError } from '../../src/errors.ts'
import { readAddress } from '../../src/stores/mysql/address.ts'
import { explained, isPassing, missingDatabase } from '../../src/stores/mysql/errors.ts'
import { SessionPool } from '../../src/stores/mysql/pool.ts'
import {
  ASIDE,
  decimalNames,
  klinesTable,
  type OldCandle,
  type OldSeries,
  oldTables,
  type PythonDatabase,
  periodOfTable,
  placesOf,
  VIEW,
} from './python-database.ts'

const timeMs = (text: unknown): number => Date.parse(`${String(text).replace(' ', 'T')}Z`)
const quoted = (name: string): string => `\`${name.replaceAll('`', '``')}\``
const MILLISECONDS = "timestampdiff(MICROSECOND, '1970-01-01', open_time) DIV 1000"

/** One statement at a time is all that the take-over sends. */
const SESSIONS = 1

/** How a lost server or a lock is met: five tries over some seconds. */
const passingPolicy: RetryPolicy = { attempts: 5, firstPauseMs: 250, longestPauseMs: 4_000 }

/** Opens it. Throws UserError (URI, password, rights, TLS, no database) or UnavailableError. */
export async function openPythonMysql(uri: string, clock: Clock): Promise<PythonDatabase> {
  const address = readAddress(uri)
  const { database, place } = address
  const pool = new SessionPool(address, SESSIONS)
  const once = (text: string, values: readonly unknown[]): Promise<RowDataPacket[]> =>
    pool.use(async ({ connection, hasDatabase }) => {
      if (!hasDatabase) throw missingDatabase(place)
      const [rows] = await connection.query<RowDataPacket[]>(text, [...values])
      return rows
    })
  const query = async (text: string, values: readonly unknown[] = []): Promise<RowDataPacket[]> => {
    const again = (error: unknown) => (isPassing(error) ? { atLeastMs: 0 } : false)
    try {
      return await retry({ policy: passingPolicy, clock, attempt: () => once(text, values), again })
    } catch (error) {
      throw explained(error, place)
    }
  }
  // Tried once: a wrong host or password is to be told at once.
  await once('SELECT 1', []).catch((error: unknown) => {
    throw explained(error, place)
  })
  /** Tables of the old shape: no table of petrosa's has a version of the extractor. */
  const old = async (): Promise<string[]> => {
    const names = [...oldTables, ...oldTables.map((name) => ASIDE + name)]
    const rows = await query(
      'SELECT c.table_name AS name FROM information_schema.columns c JOIN information_schema.tables t ' +
        'USING (table_schema, table_name) WHERE c.table_schema = database() AND ' +
        "t.table_type = 'BASE TABLE' AND c.column_name = 'extractor_version' AND c.table_name IN (?)",
      [names],
    )
    return rows.map(({ name }) => String(name))
  }
  return {
    inTheWay: async () => (await old()).filter((name) => oldTables.includes(name)),
    setAside: async (names) => {
      placesOf(await old())
      for (const name of names) await query(`RENAME TABLE ${quoted(name)} TO ${quoted(ASIDE + name)}`)
      return names.map((name) => ASIDE + name)
    },
    series: async () => {
      const found: OldSeries[] = []
      for (const [name, place] of placesOf(await old())) {
        if (name === 'trades') continue
        const time = name === 'funding_rates' ? 'funding_time' : 'open_time'
        const text = `SELECT symbol, MIN(${time}) AS first, MAX(${time}) AS last FROM ${quoted(place)}`
        for (const { symbol, first, last } of await query(`${text} GROUP BY symbol ORDER BY symbol`)) {
          const period = periodOfTable(name)
          found.push({ symbol: String(symbol), period, firstMs: timeMs(first), lastMs: timeMs(last) })
        }
      }
      return found
    },
    hasTrades: async () => placesOf(await old()).has('trades'),
    candles: async ({ symbol, period }, span, limit) => {
      const place = period && placesOf(await old()).get(klinesTable(period))
      if (!place) return []
      const text = `SELECT open_time, ${decimalNames.join(', ')}, number_of_trades, extracted_at
        FROM ${quoted(place)} WHERE symbol = ? AND open_time >= ? AND open_time < ?
        ORDER BY open_time LIMIT ?`
      const bounds = [span.startMs, span.endMs].map((ms) => new Date(ms).toISOString().slice(0, 19))
      return (await query(text, [symbol, ...bounds, limit])).map(toCandle)
    },
    checkViews: async (into) => {
      const text = 'SELECT 1 FROM information_schema.schemata WHERE schema_name = ?'
      if (into === null || (await query(text, [into])).length > 0) return
      throw new UserError(`there is no database ${into} for the views (${place})`, 'make it, or name another')
    },
    makeViews: async (periods, market, into) => {
      const made: string[] = []
      for (const period of periods) {
        const table = klinesTable(period)
        const view = into ? `${quoted(into)}.${quoted(table)}` : quoted(table + VIEW)
        await query(`CREATE OR REPLACE VIEW ${view} AS ${viewText(database, period)}`, [market])
        made.push(into ? `${into}.${table}` : table + VIEW)
      }
      return made
    },
    close: () => pool.close(),
  }
}

function toCandle(row: RowDataPacket): OldCandle {
  return {
    openMs: timeMs(row.open_time),
    decimals: decimalNames.map((name) => String(row[name])),
    trades: Number(row.number_of_trades),
    extractedAtMs: timeMs(row.extracted_at),
  }
}

/** The twenty columns of an old table, from the new one. */
function viewText(database: string, period: Period): string {
  const suffix = periodSuffixes[period]
  return `SELECT CONCAT(symbol, '_', ${MILLISECONDS}) AS id, symbol, open_time AS \`timestamp\`, open_time,
    close_time, '${period}' AS \`interval\`, ${decimalNames.slice(0, 6).join(', ')}, number_of_trades,
    taker_buy_base_asset_volume, taker_buy_quote_asset_volume, close_price - open_price AS price_change,
    CAST((close_price - open_price) / NULLIF(open_price, 0) * 100 AS DECIMAL(20, 4)) AS price_change_percent,
    extracted_at, 'petrosa' AS extractor_version, 'binance-futures' AS source
    FROM ${quoted(database)}.klines_${suffix} WHERE market = ?`
}
