// Pages of klines as the decoder reads them and, for comparison, as JSON.parse and canonicalDecimal do.
import { decodeArrays } from '../../src/binance/decode.ts'
import type { Column, Rows } from '../../src/core/dataset.ts'
import { canonicalDecimal } from '../../src/core/decimal.ts'
import { klines, klineWire } from '../../src/datasets/klines.ts'
import { klineSeries } from './pages.ts'

export const { columns } = klines.table(klineSeries('BTCUSDT'))
export const wire = klineWire

/** The kind of the column of that name. */
export const kindOf = (name: string): Column['kind'] | undefined =>
  columns.find((column) => column.name === name)?.kind

/**
 * The rows with their columns as plain arrays: what is made when it is asked for is not equal to what is
 * there.
 */
export const read = (body: Uint8Array, kinds: readonly Column[], names: readonly string[]): Rows => {
  const rows = decodeArrays(body.slice(), kinds, names)
  return { count: rows.count, columns: rows.columns.map((values) => [...values]) }
}

/** The same page read by JSON.parse; null where it is not a page that may be accepted. */
export function oracle(body: Uint8Array): Rows | null {
  let parsed: unknown
  try {
    parsed = JSON.parse(Buffer.from(body).toString())
  } catch {
    return null
  }
  if (!Array.isArray(parsed)) return null
  const read: (string | number)[][] = columns.map(() => [])
  for (const row of parsed) {
    if (!Array.isArray(row) || row.length < wire.length) return null
    if (row.slice(wire.length).some((extra) => typeof extra === 'object' && extra !== null)) return null
    for (const [i, name] of wire.entries()) {
      const value: unknown = row[i]
      const column = read[columns.findIndex((one) => one.name === name)]
      const canonical = typeof value === 'string' ? canonicalDecimal(value) : null
      if (kindOf(name) === 'decimal' && canonical !== null) column?.push(canonical)
      else if (kindOf(name) !== 'decimal' && Number.isSafeInteger(value) && Number(value) >= 0)
        column?.push(Number(value))
      else return null
    }
  }
  return { count: parsed.length, columns: read }
}

/** Row and column, where it is inside a row, and the byte. */
export const namesThePlace =
  /^(row \d+(, [a-z_ ]+)?: .*|the page does not begin with \[|something follows .*), at byte \d+ near "/s
