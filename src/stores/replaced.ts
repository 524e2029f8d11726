// Rows that were replaced by different ones, as every store keeps them since schema 2 where a write asks for
// it: what a repair took away must be there to look at. A row is kept as JSON text, exact and the same in
// every store.
import type { Column, Table, Value } from '../core/dataset.ts'
import { seriesKey } from '../core/series.ts'
import { isoTime } from '../core/span.ts'
import type { Page } from '../core/store.ts'
import type { OwnTable } from './schema.ts'

export const REPLACED_TABLE = 'petrosa_replaced'

export const replacedTable: OwnTable = {
  name: REPLACED_TABLE,
  columns: [
    { name: 'series', kind: 'text' },
    { name: 'key', kind: 'text' },
    { name: 'replaced_at', kind: 'time' },
    { name: 'row', kind: 'text' },
  ],
  key: ['series', 'key', 'replaced_at'],
}

/** One row of petrosa_replaced. */
export type ReplacedRow = {
  readonly series: string
  /** JSON of the key's fields after market and symbol. */
  readonly key: string
  /** When what took its place was fetched, epoch ms. */
  readonly replacedAtMs: number
  /** JSON of all fields after market and symbol: times ISO 8601, decimals and ids as text. */
  readonly row: string
}

/** The values of a replaced row in the order of the table's columns. */
export function replacedValues(replaced: ReplacedRow): (string | number)[] {
  return [replaced.series, replaced.key, replaced.replacedAtMs, replaced.row]
}

/** The columns of a data table that are kept: all but market and symbol, which the series names. */
export function keptColumns(table: Table): readonly Column[] {
  return [...table.columns, { name: 'source', kind: 'text' }, { name: 'extracted_at', kind: 'time' }]
}

/** `stored`, the values of keptColumns, as a row that `page` replaces. */
export function replacedRow(page: Page, stored: readonly Value[]): ReplacedRow {
  const columns = keptColumns(page.table)
  return {
    series: seriesKey(page.series),
    key: jsonText(columns.slice(0, page.table.keyLength), stored),
    replacedAtMs: page.extractedAtMs,
    row: jsonText(columns, stored),
  }
}

function jsonText(columns: readonly Column[], values: readonly Value[]): string {
  const fields = columns.map(({ name, kind }, i) => {
    const value = values[i] ?? null
    // What is no time, by somebody's hand, is kept as it is.
    const isTime = kind === 'time' && value !== null && Number.isFinite(Number(value))
    return [name, isTime ? isoTime(Number(value)) : value]
  })
  return JSON.stringify(Object.fromEntries(fields))
}

/**
 * Which rows `page` will replace, one for each row that will count as changed, given what is stored under its
 * keys (values of keptColumns; other rows may be among them). By the same rules as the statements that write:
 * REST always may replace, an archive only what an archive wrote, anything under `refresh`; null never
 * replaces a value.
 */
export function replacedBy(
  page: Page,
  stored: readonly (readonly Value[])[],
  refresh: boolean,
): ReplacedRow[] {
  const { table, rows, source, extractedAtMs } = page
  const keyOf = (row: readonly Value[]): string => JSON.stringify(row.slice(0, table.keyLength))
  const held = new Map(stored.map((row) => [keyOf(row), row]))
  const replaced: ReplacedRow[] = []
  for (let i = 0; i < rows.count; i += 1) {
    const incoming = rows.columns.map((column) => column[i] ?? null)
    const key = keyOf(incoming)
    const old = held.get(key)
    const merged = incoming.map((value, at) => value ?? old?.[at] ?? null)
    if (old) {
      if (merged.every((value, at) => value === old[at])) continue
      if (!refresh && source === 'archive' && old[table.columns.length] !== 'archive') continue
      replaced.push(replacedRow(page, old))
    }
    held.set(key, [...merged, source, extractedAtMs])
  }
  return replaced
}
