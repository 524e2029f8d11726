// Puts the rows of a piece in the order of their key and drops what is there twice: compared where they
// stand, so that no text is made of them.
import type { SliceColumn } from '../core/sliced-rows.ts'
import { MalformedError } from '../errors.ts'
import type { CsvPiece } from './csv.ts'
import type { PieceColumn } from './csv-field.ts'

const MINUS = 45

/**
 * The rows of `piece`, from 0, in the order of the fields `keyPlaces`, rows that are there twice once. Throws
 * MalformedError where two have the same key and differ otherwise.
 */
export function sortedRows(piece: CsvPiece, keyPlaces: readonly number[]): readonly number[] {
  const keys = keyPlaces.flatMap((place) => piece.columns[place] ?? [])
  const compare = (a: number, b: number): number => {
    for (const key of keys) {
      const difference = compareKeys(piece.bytes, key, a, b)
      if (difference !== 0) return difference
    }
    return 0
  }
  const order = Array.from({ length: piece.count }, (_, row) => row).sort((a, b) => compare(a, b) || a - b)
  return order.filter((row, i) => {
    const before = order[i - 1]
    if (before === undefined || compare(before, row) !== 0) return true
    const lines = `lines ${piece.firstLine + before} and ${piece.firstLine + row}`
    if (!equalRows(piece, before, row))
      throw new MalformedError(`${lines} have the same key and contradict each other`)
    return false
  })
}

/** Compares the keys of two rows: negative, zero or positive. */
function compareKeys(bytes: Uint8Array, key: PieceColumn, a: number, b: number): number {
  if (key.kind === 'slices') return compareIds(bytes, key.slices, a, b)
  const [left, right] = [key.values[a] ?? '', key.values[b] ?? '']
  return left < right ? -1 : left > right ? 1 : 0
}

/** Compares two ids where they stand: whole numbers without superfluous zeros. */
function compareIds(bytes: Uint8Array, { starts, ends }: SliceColumn, a: number, b: number): number {
  const [startA, startB] = [starts[a] ?? 0, starts[b] ?? 0]
  const [negativeA, negativeB] = [bytes[startA] === MINUS, bytes[startB] === MINUS]
  // The only negative id is -1.
  if (negativeA || negativeB) return negativeA && negativeB ? 0 : negativeA ? -1 : 1
  const [lengthA, lengthB] = [(ends[a] ?? 0) - startA, (ends[b] ?? 0) - startB]
  if (lengthA !== lengthB) return lengthA - lengthB
  for (let i = 0; i < lengthA; i += 1) {
    const difference = (bytes[startA + i] ?? 0) - (bytes[startB + i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

function equalRows(piece: CsvPiece, a: number, b: number): boolean {
  return piece.columns.every((column) => {
    if (column.kind !== 'slices') return column.values[a] === column.values[b]
    const { starts, ends } = column.slices
    const [startA, startB] = [starts[a] ?? 0, starts[b] ?? 0]
    const length = (ends[a] ?? 0) - startA
    if (length !== (ends[b] ?? 0) - startB) return false
    for (let i = 0; i < length; i += 1) {
      if (piece.bytes[startA + i] !== piece.bytes[startB + i]) return false
    }
    return true
  })
}
