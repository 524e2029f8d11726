// Cuts the pages of one write into layers in which no key comes twice. A statement can take a row once only;
// layers written one after another give what the pages written one after another would. Pages that do not
// overlap, so nearly all writes, make one layer.
import { type ColumnKind, sliceRows, type Table, type Value } from '../../core/dataset.ts'
import { seriesKey } from '../../core/series.ts'
import type { Page } from '../../core/store.ts'

type Key = readonly Value[]
type Piece = { readonly series: string; readonly page: Page; readonly first: Key; readonly last: Key }

/** The rows of `pages` as layers, each in the order of the table's key as far as pages go. */
export function layersOf(pages: readonly Page[]): Page[][] {
  const layers: Piece[][] = []
  for (const piece of pages.flatMap(piecesOf)) {
    // Never into a layer before one that holds the same keys: what comes later must be compared later.
    let at = layers.length
    while (at > 0 && !(layers[at - 1] ?? []).some((other) => overlap(piece, other))) at -= 1
    const layer = layers[at]
    if (layer) layer.push(piece)
    else layers.push([piece])
  }
  return layers.map((layer) => layer.sort(inKeyOrder).map((piece) => piece.page))
}

/** A page cut wherever its keys do not rise. */
function piecesOf(page: Page): Piece[] {
  const { rows } = page
  const pieces: Piece[] = []
  const series = seriesKey(page.series)
  let from = 0
  for (let row = 1; row <= rows.count; row += 1) {
    if (row < rows.count && rises(page, row)) continue
    const part = { ...page, rows: sliceRows(rows, from, row) }
    pieces.push({ series, page: part, first: keyAt(page, from), last: keyAt(page, row - 1) })
    from = row
  }
  return pieces
}

/**
 * Whether the key of a row is larger than that of the row before. Asked for every row, so nothing is made.
 */
function rises({ rows, table }: Page, row: number): boolean {
  for (let i = 0; i < table.keyLength; i += 1) {
    const column = rows.columns[i]
    const order = compareValues(column?.[row - 1] ?? null, column?.[row] ?? null, table.columns[i]?.kind)
    if (order !== 0) return order < 0
  }
  return false
}

function keyAt(page: Page, row: number): Key {
  return page.rows.columns.slice(0, page.table.keyLength).map((column) => column[row] ?? null)
}

function overlap(a: Piece, b: Piece): boolean {
  const { table } = a.page
  return (
    a.series === b.series &&
    compareKeys(a.first, b.last, table) <= 0 &&
    compareKeys(b.first, a.last, table) <= 0
  )
}

function inKeyOrder(a: Piece, b: Piece): number {
  if (a.series !== b.series) return a.series < b.series ? -1 : 1
  return compareKeys(a.first, b.first, a.page.table)
}

/** Compares two keys of a table, past market and symbol. */
function compareKeys(a: Key, b: Key, table: Table): number {
  for (let i = 0; i < table.keyLength; i += 1) {
    const order = compareValues(a[i] ?? null, b[i] ?? null, table.columns[i]?.kind)
    if (order !== 0) return order
  }
  return 0
}

/**
 * Compares two values of a key, which is never null. Ids are text of digits: the longer one is the larger.
 */
function compareValues(a: Value, b: Value, kind: ColumnKind | undefined): number {
  if (a === b || a === null || b === null) return 0
  if (kind === 'id' && String(a).length !== String(b).length) return String(a).length - String(b).length
  return a < b ? -1 : 1
}
