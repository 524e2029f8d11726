// LOAD DATA LOCAL from memory: the fastest way into spans where no row is expected. LOCAL makes the server
// pass over doubled keys and bend bad values with no more than a warning, so a load counts only when it has
// none and every row went in.
import { Readable } from 'node:stream'
import type { ResultSetHeader } from 'mysql2/promise'
import { allColumns, type Table } from '../../core/dataset.ts'
import type { Page } from '../../core/store.ts'
import { isLocalRefused, LoadRefusedError } from './errors.ts'
import type { Session } from './session.ts'
import { guardDecimal, loadText, quoted, timeText } from './text.ts'

/**
 * A piece of the stream, in characters: large enough to cost few packets, small enough to overlap with the
 * server's work.
 */
const CHUNK_CHARACTERS = 128 * 1_024

/**
 * Loads the rows of `pages` (of one table) and returns how many. Throws LoadRefusedError when any row was
 * not taken exactly as it is; the caller must roll back then, since the others are in.
 */
export async function loadPages(session: Session, table: Table, pages: readonly Page[]): Promise<number> {
  const rows = pages.reduce((sum, page) => sum + page.rows.count, 0)
  const result = await sendLoad(session, table, pages)
  if (result.affectedRows !== rows || result.warningStatus > 0) {
    throw new LoadRefusedError(
      `LOAD DATA into ${table.name} took ${result.affectedRows} of ${rows} rows: ${result.info}`,
    )
  }
  return rows
}

async function sendLoad(session: Session, table: Table, pages: readonly Page[]): Promise<ResultSetHeader> {
  const columns = allColumns(table).map((column) => quoted(column.name))
  try {
    const [result] = await session.connection.query<ResultSetHeader>({
      sql:
        `LOAD DATA LOCAL INFILE 'rows' INTO TABLE ${quoted(table.name)} CHARACTER SET utf8mb4 ` +
        `(${columns.join(', ')})`,
      // The server names the file that it wants. Whatever it says, it gets these rows.
      infileStreamFactory: () => Readable.from(chunks(table, pages)),
    })
    return result
  } catch (error) {
    if (isLocalRefused(error))
      throw new LoadRefusedError('the server does not take LOAD DATA LOCAL', { cause: error })
    throw error
  }
}

/** The rows as text, piece by piece. They are Buffers, since the driver takes nothing else. */
function* chunks(table: Table, pages: readonly Page[]): Generator<Buffer> {
  let text = ''
  for (const page of pages) {
    const head = `${page.series.market}\t${loadText(page.series.symbol)}\t`
    const tail = `${page.source}\t${timeText(page.extractedAtMs)}\n`
    const columns = page.rows.columns.map((values, i) => ({ values, column: columnAt(table, i) }))
    for (let row = 0; row < page.rows.count; row += 1) {
      text += head
      for (const { values, column } of columns) {
        const value = values[row] ?? null
        if (value === null) text += '\\N\t'
        else if (column.kind === 'time') text += `${timeText(Number(value))}\t`
        else if (column.kind === 'text') text += `${loadText(String(value))}\t`
        else {
          if (column.kind === 'decimal') guardDecimal(table, column, String(value))
          text += `${value}\t`
        }
      }
      text += tail
      if (text.length >= CHUNK_CHARACTERS) {
        yield Buffer.from(text)
        text = ''
      }
    }
  }
  if (text !== '') yield Buffer.from(text)
}

function columnAt(table: Table, index: number) {
  const column = table.columns[index]
  if (!column) throw new Error(`table ${table.name} has no column ${index}`)
  return column
}
