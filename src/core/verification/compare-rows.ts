// Stored rows against the exchange's, row by row and cell by cell: decimals as the numbers they are, since
// both are canonical.
import type { Rows, Table } from '../dataset.ts'

/** One difference between stored rows and the exchange's. */
export type Difference =
  | {
      readonly kind: 'differs'
      /** The row's number in what is stored, and in the answer. */
      readonly stored: number
      readonly answered: number
      /** The columns that differ. */
      readonly columns: readonly number[]
      /** Whether what is stored is only less: nothing, where the exchange has a value. */
      readonly onlyLess: boolean
    }
  | { readonly kind: 'lacking'; readonly answered: number }
  | { readonly kind: 'extra'; readonly stored: number }

/** Every difference, in the order of the answer; what only the store has comes last. */
export function compareRows(table: Table, stored: Rows, answered: Rows): Difference[] {
  const places = new Map<string, number>()
  for (let row = 0; row < stored.count; row += 1) places.set(keyOf(table, stored, row), row)
  const found: Difference[] = []
  for (let row = 0; row < answered.count; row += 1) {
    const key = keyOf(table, answered, row)
    const place = places.get(key)
    places.delete(key)
    if (place === undefined) {
      found.push({ kind: 'lacking', answered: row })
      continue
    }
    const columns = differing(table, stored, place, answered, row)
    if (columns.length === 0) continue
    const onlyLess = columns.every((column) => (stored.columns[column]?.[place] ?? null) === null)
    found.push({ kind: 'differs', stored: place, answered: row, columns, onlyLess })
  }
  for (const place of places.values()) found.push({ kind: 'extra', stored: place })
  return found
}

function keyOf(table: Table, rows: Rows, row: number): string {
  let key = ''
  for (let i = 0; i < table.keyLength; i += 1) key += `${rows.columns[i]?.[row]} `
  return key
}

/** The columns in which two rows of one key differ; nothing from the exchange contradicts nothing. */
function differing(table: Table, stored: Rows, place: number, answered: Rows, row: number): number[] {
  const columns: number[] = []
  for (let i = table.keyLength; i < table.columns.length; i += 1) {
    const theirs = answered.columns[i]?.[row] ?? null
    if (theirs !== null && theirs !== (stored.columns[i]?.[place] ?? null)) columns.push(i)
  }
  return columns
}
