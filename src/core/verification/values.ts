// The cells of stored rows: each must be a value of its column before anything else can be asked of the row.
// Somebody else's hand may write what no version of this program would: text that is no number, a fraction
// where a count belongs.
import { type Column, type Rows, sliceRows, type Table, type Value } from '../dataset.ts'
import { canonicalDecimal } from '../decimal.ts'
import { LATEST_MS } from '../span.ts'

/** A cell that is no value of its column. */
export type BadCell = { readonly row: number; readonly column: Column; readonly value: Value }

/** A decimal of so many characters has no more digits than the contract names, wherever its point is. */
const SHORT = 18

/** Decimals as we write them: anything else is looked at more closely. */
const canonicalPattern = /^(?:0|-?(?:0\.\d*[1-9]|[1-9]\d*(?:\.\d*[1-9])?))$/

/** The rows with every decimal in its canonical form, and the cells that are no values, by row. */
export function soundValues(table: Table, rows: Rows): { rows: Rows; bad: readonly BadCell[] } {
  const bad: BadCell[] = []
  let columns: (readonly Value[])[] | null = null
  for (const [i, column] of table.columns.entries()) {
    const values = rows.columns[i] ?? []
    let mended: Value[] | null = null
    for (let row = 0; row < rows.count; row += 1) {
      const value = values[row] ?? null
      const sound = soundValue(column, value)
      if (sound === value) continue
      if (sound === undefined) bad.push({ row, column, value })
      else {
        mended ??= [...values]
        mended[row] = sound
      }
    }
    if (mended) {
      columns ??= [...rows.columns]
      columns[i] = mended
    }
  }
  bad.sort((a, b) => a.row - b.row)
  return { rows: columns ? { count: rows.count, columns } : rows, bad }
}

/** The value in the form that we write; undefined where it is none of its column. */
function soundValue(column: Column, value: Value): Value | undefined {
  if (value === null) return column.nullable ? null : undefined
  switch (column.kind) {
    case 'decimal':
      if (typeof value === 'string' && value.length <= SHORT && canonicalPattern.test(value)) return value
      return canonicalDecimal(String(value)) ?? undefined
    case 'time':
      return Number.isSafeInteger(value) && Math.abs(Number(value)) <= LATEST_MS ? value : undefined
    case 'integer':
      return Number.isSafeInteger(value) ? value : undefined
    case 'flag':
      return value === 0 || value === 1 ? value : undefined
    case 'id':
      return /^-?\d{1,19}$/.test(String(value)) ? value : undefined
    case 'text':
      return typeof value === 'string' ? value : undefined
  }
}

/** A page without the rows named; `places` ascend. */
export function withoutRows(rows: Rows, places: readonly number[]): Rows {
  if (places.length === 0) return rows
  const out = new Set(places)
  const kept = (values: readonly Value[]): Value[] => values.filter((_, row) => !out.has(row))
  return { count: rows.count - out.size, columns: rows.columns.map((values) => kept(values)) }
}

/** One row of a page, as a page. */
export function oneRow(rows: Rows, row: number): Rows {
  return sliceRows(rows, row, row + 1)
}
