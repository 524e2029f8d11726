// Pieces of a CSV as rows that can be believed: in the order of their key, each key once, inside the span of
// their file, each row possible. Old files interleave two halves of a month and repeat blocks (reference
// 8.7): that is put right here. What contradicts itself is refused.
import type { ArchivePiece } from '../core/archive.ts'
import type { ArchiveShape, Column, Dataset, Rows, Table, Value } from '../core/dataset.ts'
import { slicedRows } from '../core/sliced-rows.ts'
import { isoTime, type Span, spanText } from '../core/span.ts'
import { MalformedError } from '../errors.ts'
import type { CsvPiece } from './csv.ts'
import type { PieceColumn } from './csv-field.ts'
import { sortedRows } from './csv-order.ts'

/** What pieces of one file are read as. */
export type PieceForm = {
  readonly dataset: Dataset
  readonly table: Table
  /** By their place in a line; null where a field means nothing. */
  readonly columns: readonly (Column | null)[]
  /** By column of the table: its place in a line, or the value of all rows. */
  readonly origins: readonly (number | { readonly value: Value })[]
}

/** The form of the files that `shape` describes. Throws where the shape does not fit the table: a defect. */
export function pieceForm(dataset: Dataset, table: Table, shape: ArchiveShape): PieceForm {
  const columns = shape.columns.map((name) => {
    const column = table.columns.find((candidate) => candidate.name === name)
    if (name !== null && !column) throw new Error(`${table.name} has no column ${name}`)
    return column ?? null
  })
  const origins = table.columns.map(({ name }) => {
    const place = shape.columns.indexOf(name)
    if (place >= 0) return place
    const value = shape.fill[name]
    if (value === undefined) throw new Error(`nothing says what ${name} is in archives of ${table.name}`)
    return { value }
  })
  if (typeof origins[0] !== 'number') throw new Error(`archives of ${table.name} do not hold its key`)
  return { dataset, table, columns, origins }
}

/**
 * The rows of `piece`, as they may be stored. Throws MalformedError that names the line, or the key where
 * lines were put in order.
 */
export function judgedPiece(form: PieceForm, span: Span, piece: CsvPiece): ArchivePiece {
  const { dataset, table } = form
  const keys = form.origins.slice(0, table.keyLength).filter((origin) => typeof origin === 'number')
  const inOrder = piece.ascending[keys[0] ?? -1] === true
  const order = inOrder ? null : sortedRows(piece, keys)
  const all = rowsOf(form, piece, order)
  const { rows, kept, ...skipped } = withoutInvalid(form, piece, order, all)
  const place = (row: number): string =>
    `line ${piece.firstLine + (kept?.[row] ?? row)} (${keyText(table, rows, row)})`
  const timesMs = rows.columns[table.timeColumn] ?? []
  for (let row = 0; row < rows.count; row += 1) {
    const timeMs = Number(timesMs[row])
    if (!(timeMs >= span.startMs && timeMs < span.endMs))
      throw new MalformedError(`${place(row)} lies outside of ${spanText(span)}`)
  }
  const flaw = dataset.flaw(rows)
  if (flaw) throw new MalformedError(`${place(flaw.row)}: ${flaw.problem}`)
  return { rows, ...skipped }
}

type Valid = {
  readonly rows: Rows
  readonly skippedIds: readonly string[]
  readonly skippedTimesMs: readonly number[]
  /** The rows of the piece that are left; null for all as they stand. */
  readonly kept: readonly number[] | null
}

/** The rows that are no invalid records, and the ids and times of those that are. */
function withoutInvalid(form: PieceForm, piece: CsvPiece, order: readonly number[] | null, all: Rows): Valid {
  const isInvalid = (row: number): boolean => form.dataset.invalid?.(all, row) === true
  const rows = piece.hasNegativeId ? Array.from({ length: all.count }, (_, row) => row) : []
  const invalid = rows.filter(isInvalid)
  if (invalid.length === 0) return { rows: all, skippedIds: [], skippedTimesMs: [], kept: order }
  const skippedIds = invalid.map((row) => String(all.columns[0]?.[row]))
  const timesMs = all.columns[form.table.timeColumn] ?? []
  const skippedTimesMs = invalid.map((row) => Number(timesMs[row]))
  const left = new Set(invalid)
  const kept = rows.filter((row) => !left.has(row)).map((row) => order?.[row] ?? row)
  return { rows: rowsOf(form, piece, kept), skippedIds, skippedTimesMs, kept }
}

const LATEST_MS = 8.64e15

/** The key of a row as people read it. */
function keyText(table: Table, rows: Rows, row: number): string {
  const [column] = table.columns
  const value = rows.columns[0]?.[row] ?? ''
  const timeMs = column?.kind === 'time' ? Number(value) : Number.NaN
  return Math.abs(timeMs) <= LATEST_MS ? isoTime(timeMs) : `${column?.name} ${value}`
}

/** The rows `order` of a piece, or all as they stand; decimals and ids stay in its bytes. */
function rowsOf(form: PieceForm, piece: CsvPiece, order: readonly number[] | null): Rows {
  const count = order?.length ?? piece.count
  const columns = form.origins.map((origin): PieceColumn => {
    if (typeof origin !== 'number') return { kind: 'values', values: Array(count).fill(origin.value) }
    const column = piece.columns[origin]
    if (!column) throw new Error(`no field ${origin}`)
    return order ? picked(column, order) : column
  })
  const plain = columns.map((column) => (column.kind === 'slices' ? null : column.values))
  const slices = columns.map((column) => (column.kind === 'slices' ? column.slices : null))
  return slicedRows(count, plain, { bytes: piece.bytes, columns: slices }, oneByteText)
}

/** One character a byte, so that positions in the text are positions in the bytes. */
const latin = new TextDecoder('latin1')
/** One for all pieces: rows that are read alike can be joined as they stand. */
const oneByteText = (bytes: Uint8Array): string => latin.decode(bytes)

function picked(column: PieceColumn, order: readonly number[]): PieceColumn {
  switch (column.kind) {
    case 'numbers':
      return { kind: 'numbers', values: order.map((row) => column.values[row] ?? Number.NaN) }
    case 'values':
      return { kind: 'values', values: order.map((row) => column.values[row] ?? null) }
    case 'slices': {
      const { starts, ends } = column.slices
      const pick = (places: Int32Array): Int32Array => Int32Array.from(order, (row) => places[row] ?? 0)
      return { kind: 'slices', slices: { starts: pick(starts), ends: pick(ends) } }
    }
  }
}
