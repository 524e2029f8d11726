// Stored rows and their cells in words, as findings show them.
import { type Rows, type Table, timesOf, type Value } from '../dataset.ts'
import { isoTime, type Span } from '../span.ts'

/** Characters of a cell that are shown. */
const MOST_SHOWN = 60

/** The time of a row, as a span. */
export function spanOf(table: Table, rows: Rows, row: number): Span {
  const startMs = Number(timesOf(table, rows)[row])
  return { startMs, endMs: startMs + 1 }
}

/** `open_time 2024-…`: the key of a row. */
export function keyText(table: Table, rows: Rows, row: number): string {
  return cellsText(
    table,
    rows,
    row,
    table.columns.slice(0, table.keyLength).map((_, i) => i),
  )
}

/** `open_price 1.5, volume 3`: the values of a row beside its key. */
export function valuesText(table: Table, rows: Rows, row: number): string {
  const values = table.columns.map((_, i) => i).slice(table.keyLength)
  return cellsText(table, rows, row, values)
}

/** The cells of a row in the columns named by their index. */
export function cellsText(table: Table, rows: Rows, row: number, columns: readonly number[]): string {
  const text = (i: number): string => {
    const column = table.columns[i]
    const value = rows.columns[i]?.[row] ?? null
    const isTime = column?.kind === 'time' && typeof value === 'number'
    return `${column?.name} ${isTime ? isoTime(value) : cellText(value)}`
  }
  return columns.map(text).join(', ')
}

/** Any cell, cut to what a line can show. */
export function cellText(value: Value): string {
  const text = String(value)
  return text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text
}
