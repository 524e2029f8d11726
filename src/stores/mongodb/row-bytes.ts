// Rows as the bytes of their documents. The driver makes them from objects, field by field, which takes ten
// times as long (measured): here a document of the driver's own is the stencil of a page, and each row puts
// its values into a copy of it. What does not fit the stencil is left to the driver.
import { BSON } from 'mongodb'
import type { ColumnKind, Rows, Value } from '../../core/dataset.ts'
import { type SliceColumn, slicedText, slicesOf } from '../../core/sliced-rows.ts'
import type { Page } from '../../core/store.ts'
import { putDecimal, putDecimalText } from './decimal128.ts'
import { encodeValue, KEY_FIELDS, type PageForm, pageDocument } from './document.ts'

/** Documents one after another, and where each begins; the last place is where the last one ends. */
export type DocumentBytes = { readonly bytes: Uint8Array; readonly places: Int32Array }

/** A document of the driver with a value in every place, and where the values of each column stand in it. */
type Stencil = { readonly bytes: Uint8Array; readonly columns: readonly StencilColumn[] }
type StencilColumn = {
  readonly kind: ColumnKind
  /** Twice for a column of the key, which is in `_id` too. */
  readonly offsets: readonly number[]
  readonly values: readonly Value[] | null
  readonly slices: SliceColumn | null
}

/** What stands for a value in a stencil; null for kinds whose values differ in length. */
const sampleOf = (kind: ColumnKind): unknown => (kind === 'text' ? null : encodeValue(kind, 0))

const stencils = new WeakMap<PageForm, Stencil | null>()

/** The documents of some rows, each of the page of its form. Throws what the driver throws. */
export function documentBytes(
  rows: readonly { readonly form: PageForm; readonly row: number }[],
): DocumentBytes {
  const places = new Int32Array(rows.length + 1)
  let bytes: Uint8Array = new Uint8Array(rows.length * (stencilOf(rows[0]?.form)?.bytes.length ?? 0))
  let view = new DataView(bytes.buffer)
  let at = 0
  for (const [i, { form, row }] of rows.entries()) {
    const stencil = stencilOf(form)
    const fits = stencil !== null && isEven(stencil, row)
    const document = fits ? stencil.bytes : BSON.serialize(form.build(row))
    if (at + document.length > bytes.length) {
      const larger = new Uint8Array(2 * (at + document.length))
      larger.set(bytes)
      bytes = larger
      view = new DataView(bytes.buffer)
    }
    bytes.set(document, at)
    if (fits) fill(view, at, stencil, form.page.rows, row)
    at += document.length
    places[i + 1] = at
  }
  return { bytes: bytes.subarray(0, at), places }
}

/** Whether every value of a row has the length that it has in the stencil. */
function isEven({ columns }: Stencil, row: number): boolean {
  for (const { kind, values } of columns) {
    if (values === null) continue
    const value = values[row]
    if (value === null || value === undefined) return false
    // What the driver writes as a double.
    if (kind === 'integer' && (Number(value) | 0) !== value) return false
  }
  return true
}

const WORD = 2 ** 32

function fill(view: DataView, start: number, { columns }: Stencil, rows: Rows, row: number): void {
  for (const [i, { kind, offsets, values, slices }] of columns.entries()) {
    for (const offset of offsets) {
      const at = start + offset
      const value = values?.[row] ?? null
      switch (kind) {
        case 'time': {
          const timeMs = Number(value)
          view.setInt32(at, timeMs % WORD, true)
          view.setInt32(at + 4, Math.floor(timeMs / WORD), true)
          break
        }
        case 'integer':
          view.setInt32(at, Number(value), true)
          break
        case 'flag':
          view.setInt8(at, Number(value))
          break
        case 'id':
          view.setBigInt64(at, BigInt(value ?? slicedText(rows, i, row) ?? 0), true)
          break
        case 'decimal':
          if (slices) putSlice(view, at, rows, i, slices, row)
          else putDecimalText(view, at, String(value))
          break
        case 'text':
          throw new Error('text has no place in a stencil')
      }
    }
  }
}

function putSlice(
  view: DataView,
  at: number,
  rows: Rows,
  column: number,
  { starts, ends }: SliceColumn,
  row: number,
): void {
  const bytes = slicesOf(rows)?.bytes
  if (bytes && putDecimal(view, at, bytes, starts[row] ?? 0, ends[row] ?? 0)) return
  putDecimalText(view, at, slicedText(rows, column, row) ?? '')
}

/** The stencil of a page; null where its rows differ in length. */
function stencilOf(form: PageForm | undefined): Stencil | null {
  if (!form) return null
  const known = stencils.get(form)
  if (known !== undefined) return known
  const made = makeStencil(form.page)
  stencils.set(form, made)
  return made
}

function makeStencil(page: Page): Stencil | null {
  const { rows, table } = page
  const samples = table.columns.map(({ kind }) => sampleOf(kind))
  if (samples.includes(null)) return null
  const slices = slicesOf(rows)
  const bytes = BSON.serialize(pageDocument(page, samples))
  const offsets = offsetsOf(bytes, 0)
  const columns = table.columns.map(({ name, kind }, i): StencilColumn => {
    const sliced = slices?.columns[i] ?? null
    const key = i < table.keyLength ? [`_id.${KEY_FIELDS[i]}`] : []
    const places = [name, ...key].map((path) => offsets.get(path) ?? Number.NaN)
    return { kind, offsets: places, values: sliced ? null : (rows.columns[i] ?? []), slices: sliced }
  })
  return { bytes, columns }
}

/** Bytes of the values that a stencil has, by their type in BSON. */
const DOCUMENT = 0x03
const STRING = 0x02
const sizes: Readonly<Record<number, number>> = { 8: 1, 9: 8, 16: 4, 18: 8, 19: 16 }

/** Where the value of each field begins, by its name; fields of a document in it have its name before. */
function offsetsOf(bytes: Uint8Array, start: number, prefix = ''): Map<string, number> {
  const offsets = new Map<string, number>()
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  for (let at = start + 4; bytes[at] !== 0; ) {
    const type = bytes[at] ?? 0
    const end = bytes.indexOf(0, at + 1)
    const name = prefix + Buffer.from(bytes.subarray(at + 1, end)).toString('utf8')
    at = end + 1
    offsets.set(name, at)
    if (type === DOCUMENT)
      for (const [inner, place] of offsetsOf(bytes, at, `${name}.`)) offsets.set(inner, place)
    at += sizes[type] ?? view.getInt32(at, true) + (type === STRING ? 4 : 0)
  }
  return offsets
}
