// Compares a SQLite store with what the local exchange has: every series, every row, every column, as exact
// text.
import type { Database } from 'bun:sqlite'
import type { Table } from '../../src/core/dataset.ts'
import type { Period } from '../../src/core/series.ts'
import { klines } from '../../src/datasets/klines.ts'
import { expectedRows } from '../rig/market.ts'
import type { Scenario } from '../rig/scenario.ts'
import type { SymbolSpec } from '../rig/symbol-spec.ts'

export type Comparison = {
  readonly series: number
  /** Rows that are stored as the exchange has them. */
  readonly equal: number
  /** One sentence a series that differs. */
  readonly differences: readonly string[]
}

/** Every series of the scenario in these periods, and whether the tables hold anything else. */
export async function compareAll(
  database: Database,
  scenario: Scenario,
  periods: readonly Period[],
): Promise<Comparison> {
  const differences: string[] = []
  let equal = 0
  for (const period of periods) {
    const table = klines.table({ market: 'spot', dataset: 'klines', symbol: '', period })
    let expectedInTable = 0
    for (const spec of scenario.symbols) {
      // A turn of the event loop, so that Ctrl-C is heard.
      await Bun.sleep(0)
      const expected = expectedTexts(spec, period, scenario)
      const stored = storedTexts(database, table, spec)
      expectedInTable += expected.length
      const bad = expected.findIndex((text, i) => text !== stored[i])
      equal += bad < 0 ? expected.length : bad
      const name = `${spec.market} ${spec.symbol} ${period}`
      if (bad >= 0) differences.push(`${name}: stored ${stored[bad] ?? 'nothing'}, expected ${expected[bad]}`)
      else if (stored.length > expected.length)
        differences.push(`${name}: too many: ${stored[expected.length]}`)
    }
    const rows = database.query<{ n: number }, []>(`SELECT count(*) AS n FROM ${table.name}`).get()?.n ?? 0
    if (rows !== expectedInTable) differences.push(`${table.name} holds ${rows} rows, not ${expectedInTable}`)
  }
  return { series: periods.length * scenario.symbols.length, equal, differences }
}

function expectedTexts(spec: SymbolSpec, period: Period, scenario: Scenario): string[] {
  const rows = expectedRows(spec, period, scenario.span, scenario.nowMs)
  return Array.from({ length: rows.count }, (_, i) => rows.columns.map((column) => column[i]).join(' '))
}

function storedTexts(database: Database, table: Table, spec: SymbolSpec): string[] {
  const columns = table.columns.map((column) => column.name).join(', ')
  const order = table.columns[table.timeColumn]?.name ?? ''
  return database
    .query(`SELECT ${columns} FROM ${table.name} WHERE market = ? AND symbol = ? ORDER BY ${order}`)
    .values(spec.market, spec.symbol)
    .map((row) => row.join(' '))
}
