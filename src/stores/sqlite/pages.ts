// Pages on their way from the thread that fetches to the one that writes. What is large changes hands and is
// not copied: the bytes of a page, and where its decimals stand.
import type { Rows, Value } from '../../core/dataset.ts'
import { ownSlices, type Slices, slicedRows, slicesOf } from '../../core/sliced-rows.ts'
import type { Page } from '../../core/store.ts'

type SentRows = {
  readonly count: number
  /** By column; null where the values stand in the slices. */
  readonly columns: readonly (Float64Array | readonly Value[] | null)[]
  readonly slices: Slices | null
}

export type SentPage = Omit<Page, 'rows'> & { readonly rows: SentRows }

export type Parcel = { readonly pages: readonly SentPage[]; readonly transfer: ArrayBuffer[] }

/** Pages ready to be sent with what changes hands: their rows must not be looked at afterwards. */
export function packPages(pages: readonly Page[]): Parcel {
  const transfer = new Set<ArrayBuffer>()
  const own = <T extends Uint8Array | Int32Array | Float64Array>(values: T): T => {
    // A view of a part may share its memory with who knows what: that one is copied.
    const whole = values.byteLength === values.buffer.byteLength
    const sent = whole ? values : copied(values)
    if (sent.buffer instanceof ArrayBuffer) transfer.add(sent.buffer)
    return sent
  }
  const sent = pages.map((page) => ({ ...page, rows: packRows(page.rows, own) }))
  return { pages: sent, transfer: [...transfer] }
}

/** A copy with memory of its own; the slice() of a Buffer would be none. */
function copied<T extends Uint8Array | Int32Array | Float64Array>(values: T): T {
  return (values instanceof Uint8Array ? Uint8Array.from(values) : values.slice()) as T
}

type Own = <T extends Uint8Array | Int32Array | Float64Array>(values: T) => T

function packRows(rows: Rows, own: Own): SentRows {
  const known = slicesOf(rows)
  const found = known && ownSlices(known, rows.count)
  const slices = found
    ? {
        bytes: own(found.bytes),
        columns: found.columns.map((one) => one && { starts: own(one.starts), ends: own(one.ends) }),
      }
    : null
  const columns = Array.from({ length: rows.columns.length }, (_, i) => {
    if (slices?.columns[i]) return null
    const values = rows.columns[i] ?? []
    return areNumbers(values) ? own(Float64Array.from(values)) : values
  })
  return { count: rows.count, columns, slices }
}

function areNumbers(values: readonly Value[]): values is readonly number[] {
  return values.every((value) => typeof value === 'number')
}

/** Pages as they were before they were sent. */
export function unpackPages(pages: readonly SentPage[]): Page[] {
  return pages.map((page) => ({ ...page, rows: unpackRows(page.rows) }))
}

function unpackRows({ count, columns, slices }: SentRows): Rows {
  const values = columns.map((column) => (column instanceof Float64Array ? Array.from(column) : column))
  if (!slices) return { count, columns: values.map((held) => held ?? []) }
  return slicedRows(count, values, slices, oneByteText)
}

/** One character a byte. */
const oneByteText = ({ buffer, byteOffset, byteLength }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('latin1')
