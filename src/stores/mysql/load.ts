// LOAD DATA LOCAL from memory: the fastest way into spans where no row is expected. LOCAL makes the server
// pass over doubled keys and bend bad values with no more than a warning, so a load counts only when it has
// none and every row went in.
import { Readable } from 'node:stream'
import type { ResultSetHeader } from 'mysql2/promise'
import { allColumns, type Column, type Table, type Value } from '../../core/dataset.ts'
import type { Page } from '../../core/store.ts'
import { isLocalRefused, LoadRefusedError } from './errors.ts'
import type { Session } from './session.ts'
import { guardDecimal, loadText, quoted, timeText } from './text.ts'

/** Rows of one piece of the stream: few packets, and the server works on one while the next is made. */
const CHUNK_ROWS = 1_000

/** What is left free in a packet, for what the protocol puts before the rows; bytes. */
const PACKET_BYTES_LEFT = 512

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
      infileStreamFactory: () => Readable.from(chunks(table, pages, session.facts.packetBytes)),
    })
    return result
  } catch (error) {
    if (isLocalRefused(error))
      throw new LoadRefusedError('the server does not take LOAD DATA LOCAL', { cause: error })
    throw error
  }
}

/**
 * The rows as text, piece by piece, none larger than a packet may be: the driver sends each as one. They are
 * Buffers, since it takes nothing else.
 */
function* chunks(table: Table, pages: readonly Page[], packetBytes: number): Generator<Buffer> {
  const most = Math.max(1, packetBytes - PACKET_BYTES_LEFT)
  for (const page of pages) {
    for (let from = 0; from < page.rows.count; from += CHUNK_ROWS) {
      const text = Buffer.from(rowsText(table, page, from, Math.min(from + CHUNK_ROWS, page.rows.count)))
      // A row may begin in one packet and end in the next: the server reads them as one stream.
      for (let at = 0; at < text.length; at += most) yield text.subarray(at, at + most)
    }
  }
}

/**
 * Rows `from` to `to` of a page, as lines of fields with tabs between. One join of all fields takes half
 * the time of text that grows field by field (measured), so the end of a line and the head of the next are
 * one piece of it.
 */
function rowsText(table: Table, page: Page, from: number, to: number): string {
  const head = `${page.series.market}\t${loadText(page.series.symbol)}`
  const tail = `${page.source}\t${timeText(page.extractedAtMs)}\n`
  const columns = table.columns.map((column, i) => fields(table, column, page.rows.columns[i], from, to))
  const pieces: Value[] = []
  for (let row = 0; row < to - from; row += 1) {
    pieces.push(row === 0 ? head : tail + head)
    for (const values of columns) pieces.push(values[row] ?? '\\N')
  }
  pieces.push(tail)
  return pieces.join('\t')
}

/** What of a column goes into the text of rows `from` to `to`; null is written later, as \N. */
function fields(table: Table, column: Column, all: readonly Value[] = [], from: number, to: number): Value[] {
  const values = all.slice(from, to)
  switch (column.kind) {
    case 'time':
      return values.map((value) => (value === null ? null : timeText(Number(value))))
    case 'text':
      return values.map((value) => (value === null ? null : loadText(String(value))))
    case 'decimal':
      for (const value of values) if (value !== null) guardDecimal(table, column, String(value))
      return values
    case 'integer':
    case 'id':
    case 'flag':
      return values
  }
}
