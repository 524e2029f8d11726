// The comparing write: prepared statements of many rows that insert what is new, replace what differs and
// may be replaced, and leave equal rows alone, down to extracted_at.
import type { ResultSetHeader } from 'mysql2/promise'
import { allColumns, type Column, type Table, type Value } from '../../core/dataset.ts'
import type { SourceName } from '../../core/ledger.ts'
import type { Page, WriteResult } from '../../core/store.ts'
import type { Session } from './session.ts'
import { parameter, quoted, timeText } from './text.ts'

/**
 * Rows of one statement, largest first: few sizes, so that few statements are prepared. 500 is as fast as
 * any (measured).
 */
const STATEMENT_ROWS = [500, 100, 20, 4, 1]

/** Most placeholders of a prepared statement (the protocol counts them in 16 bits). */
const PLACEHOLDERS = 65_535

/** Room for one value in a packet: a decimal has at most 36 characters, a time 23, a symbol few. */
const VALUE_BYTES = 64
/** Room for the text of a statement beside its rows. */
const STATEMENT_BYTES = 8_192

/**
 * Writes the rows of one page by comparing, and says how many were new and how many replaced. Throws what
 * the server says.
 */
export async function upsertPage(session: Session, page: Page, refresh: boolean): Promise<WriteResult> {
  const { rows, table, series } = page
  const sizes = statementRows(table, session.facts.packetBytes)
  const extractedAt = timeText(page.extractedAtMs)
  let written = 0
  let changed = 0
  for (let from = 0; from < rows.count; ) {
    const count = sizes.find((size) => size <= rows.count - from) ?? 1
    const values: Value[] = []
    for (let row = from; row < from + count; row += 1) {
      values.push(series.market, series.symbol)
      for (const [i, column] of table.columns.entries()) {
        values.push(parameter(table, column, rows.columns[i]?.[row] ?? null))
      }
      values.push(page.source, extractedAt)
    }
    const text = upsertText(table, count, page.source, refresh)
    const [result] = await session.connection.execute<ResultSetHeader>(text, values)
    const tally = tallyOf(result, count)
    written += tally.written
    changed += tally.changed
    from += count
  }
  return { written, changed }
}

/** The sizes of statements that fit into the server's packets and the protocol's placeholders. */
export function statementRows(table: Table, packetBytes: number): readonly number[] {
  const width = allColumns(table).length
  const most = Math.min(PLACEHOLDERS / width, (packetBytes - STATEMENT_BYTES) / (width * VALUE_BYTES))
  return STATEMENT_ROWS.filter((rows) => rows <= most || rows === 1)
}

/**
 * New and changed rows of one statement. The server counts 1 for a new row, 2 for a replaced one and 0 for
 * one left alone, and says how many it replaced ("Duplicates") in the text of its answer, except for a
 * single row.
 */
function tallyOf(result: ResultSetHeader, rows: number): WriteResult {
  if (result.warningStatus > 0)
    throw new Error(`a value was changed by the server: ${result.info || 'one row'}`)
  const told = /Duplicates: (\d+)/.exec(result.info)
  const changed = told ? Number(told[1]) : result.affectedRows === 2 ? 1 : 0
  if (!told && rows > 1)
    throw new Error(`the server does not say how many rows it replaced: '${result.info}'`)
  return { written: result.affectedRows - 2 * changed, changed }
}

/**
 * INSERT … ON DUPLICATE KEY UPDATE. Assignments are made from left to right and see what those before them
 * assigned, so the two that ask whether anything differs come first: extracted_at, then source. After them
 * each value is taken where the newcomer may replace the stored row; that is still to be seen from
 * `source`, for where it was just assigned it is 'archive' again, and where nothing differs taking equal
 * values changes nothing.
 */
function upsertText(table: Table, rows: number, source: SourceName, refresh: boolean): string {
  const columns = allColumns(table)
  const values = table.columns.slice(table.keyLength)
  const allowed = refresh || source === 'rest' ? 'TRUE' : "`source` = 'archive'"
  const differs = values.map((column) => `NOT (${quoted(column.name)} <=> ${incoming(column)})`).join(' OR ')
  const take = (name: string, value: string, when: string): string =>
    `${name} = IF(${when}, ${value}, ${name})`
  const sets = [
    ...['`extracted_at`', '`source`'].map((name) =>
      take(name, `VALUES(${name})`, `${allowed} AND (${differs})`),
    ),
    ...values.map((column) => take(quoted(column.name), incoming(column), allowed)),
  ]
  const row = `(${columns.map(() => '?').join(', ')})`
  return (
    `INSERT INTO ${quoted(table.name)} (${columns.map((column) => quoted(column.name)).join(', ')}) ` +
    `VALUES ${Array.from({ length: rows }, () => row).join(', ')} ON DUPLICATE KEY UPDATE ${sets.join(', ')}`
  )
}

/**
 * The value that a column would get: null never replaces one. VALUES() is the one spelling that both
 * servers know.
 */
function incoming(column: Column): string {
  const name = quoted(column.name)
  return column.nullable ? `COALESCE(VALUES(${name}), ${name})` : `VALUES(${name})`
}
