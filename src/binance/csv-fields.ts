// The readers for the fields of a CSV of the archives, one kind of column each (reference 8.5 and 8.6).
import type { Column, ColumnKind } from '../core/dataset.ts'
import { endOfField, type FieldReader, type PieceColumn } from './csv-field.ts'
import { FlagField, WholeField } from './csv-numbers.ts'
import { DecimalField, IdField } from './csv-slices.ts'

/** The reader of a column; of one that means nothing for null. */
export function fieldReader(column: Column | null): FieldReader {
  if (column === null) return new SkippedField()
  const kind: ColumnKind = column.kind
  switch (kind) {
    case 'decimal':
      return new DecimalField(column.nullable === true)
    case 'time':
    case 'integer':
      return new WholeField(kind === 'time')
    case 'id':
      return new IdField()
    case 'flag':
      return new FlagField()
    case 'text':
      throw new Error(`no archive holds text: ${column.name}`)
  }
}

class SkippedField implements FieldReader {
  readonly problem = ''
  readonly ascending = false
  readonly negative = false

  read(bytes: Buffer, at: number): number {
    return endOfField(bytes, at)
  }

  take(): PieceColumn {
    return { kind: 'values', values: [] }
  }
}
