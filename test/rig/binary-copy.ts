// Reads PostgreSQL's binary COPY format, as its manual tells it, so that what is written can be compared.
import { allColumns, type ColumnKind, type Table } from '../../src/core/dataset.ts'

const EPOCH_MS = Date.UTC(2000, 0, 1)

/** The rows of a COPY of a table: times as ISO, the rest as text, null for null. Throws for a bad one. */
export function readBinaryCopy(bytes: Uint8Array, table: Table): (string | null)[][] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (Buffer.from(bytes.subarray(0, 11)).toString('latin1') !== 'PGCOPY\n\xff\r\n\0')
    throw new Error('no signature')
  const columns = allColumns(table)
  const rows: (string | null)[][] = []
  let at = 19
  for (let fields = view.getInt16(at); fields !== -1; fields = view.getInt16(at)) {
    if (fields !== columns.length) throw new Error(`${fields} fields`)
    at += 2
    rows.push(
      columns.map(({ kind }) => {
        const length = view.getInt32(at)
        at += 4
        if (length < 0) return null
        const field = new DataView(bytes.buffer, bytes.byteOffset + at, length)
        at += length
        return fieldText(kind, field)
      }),
    )
  }
  if (at + 2 !== bytes.length) throw new Error('something follows the end')
  return rows
}

function fieldText(kind: ColumnKind, field: DataView): string {
  switch (kind) {
    case 'text':
      return new TextDecoder().decode(field)
    case 'time':
      return new Date(Number(field.getBigInt64(0) / 1_000n) + EPOCH_MS).toISOString()
    case 'integer':
    case 'id':
      return String(field.getBigInt64(0))
    case 'flag':
      return String(field.getInt8(0))
    case 'decimal':
      return numericText(field)
  }
}

/** A numeric: groups of four digits from the weight on, and how many digits stand after the point. */
function numericText(field: DataView): string {
  const [count, weight, sign, scale] = [0, 2, 4, 6].map((place) => field.getInt16(place))
  const groups = Array.from({ length: count ?? 0 }, (_, i) =>
    String(field.getInt16(8 + 2 * i)).padStart(4, '0'),
  )
  const wholeGroups = (weight ?? 0) + 1
  const whole =
    groups
      .slice(0, Math.max(0, count ? wholeGroups : 0))
      .join('')
      .replace(/^0+(?=\d)/, '') || '0'
  const fraction = groups
    .slice(count ? wholeGroups : 0)
    .join('')
    .slice(0, scale)
  return `${sign === 0x4000 ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`
}
