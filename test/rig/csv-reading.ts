// Reads CSV text by the program's scanner, in chunks of any size, and by split and canonicalDecimal: what the
// one gives, the other must too.
import { CsvScanner } from '../../src/binance/csv.ts'
import { judgedPiece, type PieceForm, pieceForm } from '../../src/binance/csv-pieces.ts'
import type { ArchivePiece } from '../../src/core/archive.ts'
import type { Dataset, Value } from '../../src/core/dataset.ts'
import { canonicalDecimal } from '../../src/core/decimal.ts'
import type { Series } from '../../src/core/series.ts'
import type { Span } from '../../src/core/span.ts'

/** All times that a file may hold. */
export const EVER: Span = { startMs: 0, endMs: Number.MAX_SAFE_INTEGER }

/** The form of the archives of a series. */
export function formOf(dataset: Dataset, series: Series): PieceForm {
  const shape = dataset.archive?.(series.market)
  if (!shape) throw new Error(`no archives of ${dataset.name}`)
  return pieceForm(dataset, dataset.table(series), shape)
}

/** The pieces of a CSV that comes in chunks of `sizes` bytes, again and again. Throws MalformedError. */
export function piecesOf(
  form: PieceForm,
  csv: string | Uint8Array,
  sizes: readonly number[] = [262_144],
  span = EVER,
): ArchivePiece[] {
  const bytes = typeof csv === 'string' ? Buffer.from(csv) : csv
  const scanner = new CsvScanner(form.columns)
  const pieces: ArchivePiece[] = []
  for (let at = 0, i = 0; at < bytes.length; i += 1) {
    const size = sizes[i % sizes.length] ?? 1
    for (const piece of scanner.push(bytes.slice(at, at + size))) pieces.push(judgedPiece(form, span, piece))
    at += size
  }
  for (const piece of scanner.end()) pieces.push(judgedPiece(form, span, piece))
  return pieces
}

/** The rows of pieces, one array each, as they come. */
export function rowsOf(pieces: readonly ArchivePiece[]): Value[][] {
  return pieces.flatMap(({ rows }) => {
    const columns = rows.columns.map((values) => [...values])
    return Array.from({ length: rows.count }, (_, row) => columns.map((values) => values[row] ?? null))
  })
}

const MICROSECONDS_FROM = 10n ** 14n

/** A line of a sound CSV as a row, read as plainly as can be. */
export function plainRow(form: PieceForm, line: string): Value[] {
  const fields = line.split(',')
  return form.table.columns.map(({ kind, nullable }, i) => {
    const origin = form.origins[i]
    if (typeof origin !== 'number') return origin?.value ?? null
    const field = fields[origin] ?? ''
    if (field === '' && nullable) return null
    switch (kind) {
      case 'time': {
        const time = BigInt(field)
        return Number(time >= MICROSECONDS_FROM ? time / 1_000n : time)
      }
      case 'integer':
        return Number(field)
      case 'flag':
        return ['true', 'True', '1'].includes(field) ? 1 : 0
      case 'decimal':
        return canonicalDecimal(field)
      default:
        return field
    }
  })
}
