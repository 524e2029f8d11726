// The comparing write that keeps the rows which it replaces. Other writers of a series hold no lock on rows
// that are not there yet, so what was read is held against what the server then says it replaced.
import type { RowDataPacket } from 'mysql2/promise'
import type { Value } from '../../core/dataset.ts'
import type { Page, WriteResult } from '../../core/store.ts'
import { keptColumns, type ReplacedRow, replacedBy, replacedTable, replacedValues } from '../replaced.ts'
import { LockedOutError } from './errors.ts'
import { portions } from './ledger.ts'
import { toValue } from './scan.ts'
import type { Session } from './session.ts'
import { insertText, parameter, quoted, selectList, timeText } from './text.ts'
import { upsertPage } from './upsert.ts'

/** Rows of one statement that reads or keeps them. */
const ROWS_A_STATEMENT = 500

/**
 * Writes the rows of one page as upsertPage does, and keeps what they replace. Throws LockedOutError, after
 * which the whole write may be tried again, when another writer came in between.
 */
export async function upsertKeeping(session: Session, page: Page, refresh: boolean): Promise<WriteResult> {
  const replaced = replacedBy(page, await storedRows(session, page), refresh)
  await keep(session, replaced)
  const result = await upsertPage(session, page, refresh)
  if (result.changed !== replaced.length) {
    throw new LockedOutError(
      `another writer changed rows of ${page.table.name}: ${result.changed} were replaced, ` +
        `${replaced.length} were kept`,
    )
  }
  return result
}

async function keep(session: Session, replaced: readonly ReplacedRow[]): Promise<void> {
  for (const some of portions(replaced, ROWS_A_STATEMENT)) {
    const values = some.flatMap((row) =>
      replacedValues(row).map((value) => (typeof value === 'number' ? timeText(value) : value)),
    )
    // What is kept already stays as it is; IGNORE would also pass over values that do not fit.
    const text = `${insertText(replacedTable, some.length)} ON DUPLICATE KEY UPDATE \`series\` = \`series\``
    await session.connection.query(text, values)
  }
}

/**
 * What is stored under the first column of a page's keys, locked until the transaction ends: the values of
 * keptColumns.
 */
async function storedRows(session: Session, { table, rows, series }: Page): Promise<Value[][]> {
  const kept = keptColumns(table)
  const [first] = table.columns
  if (!first) throw new Error(`table ${table.name} has no key`)
  const found: Value[][] = []
  for (const keys of portions(rows.columns[0] ?? [], ROWS_A_STATEMENT)) {
    const [some] = await session.connection.query<RowDataPacket[]>(
      `SELECT ${selectList(kept)} FROM ${quoted(table.name)} WHERE \`market\` = ? AND \`symbol\` = ? ` +
        `AND ${quoted(first.name)} IN (${keys.map(() => '?').join(', ')}) FOR UPDATE`,
      [series.market, series.symbol, ...keys.map((key) => parameter(table, first, key))],
    )
    found.push(...some.map((row) => kept.map((column) => toValue(column, row[column.name] ?? null))))
  }
  return found
}
