// Rows that were replaced by different ones, as every store keeps them since schema 2 where a write asks for
// it: what a repair took away must be there to look at. A row is kept as JSON text, exact and the same in
// every store.
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
