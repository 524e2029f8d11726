// A page of a kline endpoint while it is read: its bytes, and room for what is found in them.
import type { Column } from '../core/dataset.ts'
import { numberRoom } from '../core/number-room.ts'

/** A page while it is read. */
export type PageInHand = {
  readonly bytes: Uint8Array
  /** The same bytes, to read four at once. */
  readonly words: DataView
  /** By element of a row: the values of whole numbers; null for decimals. */
  readonly integers: readonly (number[] | null)[]
  /** Decimals of a row. */
  readonly decimals: number
  /** Where the first decimal of each row begins, then where it ends, then the same of the second, ... */
  places: Int32Array
  /** Rows that each column of places has room for; more than the row that is read. */
  room: number
  /** The position behind the last row that was read quickly (usual-row.ts). */
  at: number
  /** The element of a row that is the open price of a candle, before high, low and close; else behind all. */
  readonly prices: number
  /** The four prices of the row that is read, as numbers of their eighth digit after the point. */
  readonly units: Float64Array
  /** How many rows from the first are known to be candles whose high and low hold their open and close. */
  ordered: number
}

/** The prices of a candle, in the order in which the exchange sends them (reference 3.1). */
const PRICES = ['open_price', 'high_price', 'low_price', 'close_price']

/**
 * Rows that a page's decimals have room for at first; more make it grow. Not a power of two: the columns
 * would lie a whole number of memory pages apart, and push each other out of the processor's cache.
 */
const FIRST_ROWS = 1_040

/** A page of which nothing is read yet; `columns` by element of a row, null where one means nothing. */
export function newPage(bytes: Uint8Array, columns: readonly (Column | null)[]): PageInHand {
  const decimals = columns.filter((column) => column?.kind === 'decimal').length
  return {
    bytes,
    words: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    integers: columns.map((column) => (column && column.kind !== 'decimal' ? numberRoom(FIRST_ROWS) : null)),
    decimals,
    places: new Int32Array(2 * decimals * FIRST_ROWS),
    room: FIRST_ROWS,
    at: 0,
    prices: pricesOf(columns),
    units: new Float64Array(PRICES.length),
    ordered: 0,
  }
}

function pricesOf(columns: readonly (Column | null)[]): number {
  const open = columns.findIndex((column) => column?.name === PRICES[0])
  const are = open > 0 && PRICES.every((name, i) => columns[open + i]?.name === name)
  return are ? open : columns.length
}

/** The same places with room for twice as many rows. */
export function grown(page: PageInHand): void {
  const places = new Int32Array(page.places.length * 2)
  for (let column = 0; column < 2 * page.decimals; column += 1) {
    const from = column * page.room
    places.set(page.places.subarray(from, from + page.room), 2 * from)
  }
  page.places = places
  page.room *= 2
}
