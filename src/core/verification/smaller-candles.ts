// The smaller candles of a pair as a stream that is summed up place by place.
import type { Rows } from '../dataset.ts'
import type { Span } from '../span.ts'
import type { CandleSeries } from './candle-pairs.ts'
import { type StoredSeries, storedPages } from './stored-rows.ts'
import { CandleSum, candlesIn, isRegular, sumColumns } from './sums.ts'
import { soundValues, withoutRows } from './values.ts'

/** The rows of a page whose cells are all values. */
export function soundRows({ table }: StoredSeries, page: Rows): Rows {
  const { rows, bad } = soundValues(table, page)
  return withoutRows(rows, [...new Set(bad.map(({ row }) => row))])
}

/** Sums the candles of one place after another; places ascend. */
export class SmallerCandles {
  readonly #smaller: CandleSeries
  readonly #pages: AsyncGenerator<Rows>
  readonly #read: (rows: number) => void
  #rows: Rows = { count: 0, columns: [] }
  #row = 0
  /** Whether the last candle before the cursor is as the calendar has it. */
  #evenBefore = true

  constructor(smaller: CandleSeries, range: Span, read: (rows: number) => void) {
    this.#smaller = smaller
    this.#pages = storedPages(smaller, range)
    this.#read = read
  }

  /** The sum of a place, and whether every candle in it is there and even, and the one before it too. */
  async sumOf(place: Span): Promise<{ sum: CandleSum; even: boolean }> {
    const { period, table } = this.#smaller
    const sum = new CandleSum(sumColumns(table))
    while ((await this.#openMs()) < place.startMs) this.#step()
    let even = this.#evenBefore
    while ((await this.#openMs()) < place.endMs) {
      sum.add(this.#rows, this.#row)
      this.#step()
      even &&= this.#evenBefore
    }
    return { sum, even: even && sum.candles === candlesIn(period, place) }
  }

  async close(): Promise<void> {
    await this.#pages.return(undefined)
  }

  #step(): void {
    const [openMs, closeMs] = [this.#rows.columns[0]?.[this.#row], this.#rows.columns[1]?.[this.#row]]
    this.#evenBefore = isRegular(this.#smaller.period, Number(openMs), Number(closeMs))
    this.#row += 1
  }

  /** When the next candle opens; never, where there is none. */
  async #openMs(): Promise<number> {
    while (this.#row >= this.#rows.count) {
      const next = await this.#pages.next()
      if (next.done) return Number.POSITIVE_INFINITY
      this.#read(next.value.count)
      this.#rows = soundRows(this.#smaller, next.value)
      this.#row = 0
    }
    return Number(this.#rows.columns[0]?.[this.#row])
  }
}
