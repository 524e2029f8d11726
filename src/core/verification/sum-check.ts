// Walks a series of larger candles beside the series of smaller ones that they are made of, both as streams,
// and compares each with its sum.
import type { Rows } from '../dataset.ts'
import type { LedgerRow } from '../ledger.ts'
import type { Span } from '../span.ts'
import type { CandleSeries } from './candle-pairs.ts'
import type { Found, VerifyFinding } from './findings.ts'
import { NoteRuns } from './runs.ts'
import { SmallerCandles, soundRows } from './smaller-candles.ts'
import { storedPages } from './stored-rows.ts'
import { type CandleSum, isRegular, placeOf } from './sums.ts'
import { cellsText } from './words.ts'

/**
 * Compares the candles of `larger` with the sums of those of `smaller`. Places that do not lie wholly in what
 * is looked at of both, or that hold no smaller candle, are left out. `read` is told of the smaller candles.
 */
export async function* sumFindings(
  larger: CandleSeries,
  smaller: CandleSeries,
  read: (rows: number) => void,
): AsyncGenerator<Found[]> {
  const range = {
    startMs: Math.max(larger.range.startMs, smaller.range.startMs),
    endMs: Math.min(larger.range.endMs, smaller.range.endMs),
  }
  const parts = new SmallerCandles(smaller, range, read)
  const judge = new SumJudge(larger, smaller)
  try {
    for await (const page of storedPages(larger, range)) {
      const rows = soundRows(larger, page)
      const found: Found[] = []
      for (let row = 0; row < rows.count; row += 1) {
        const place = placeOf(larger.period, Number(rows.columns[0]?.[row]))
        if (place.startMs < range.startMs || place.endMs > range.endMs) continue
        const { sum, even } = await parts.sumOf(place)
        if (sum.candles > 0) found.push(...judge.row(rows, row, place, sum, even))
      }
      yield [...found, ...judge.take()]
    }
    yield judge.take(true)
  } finally {
    await parts.close()
  }
}

/** A finding about sums, which may be the smaller candles' fault as well. */
export function sumFinding(larger: CandleSeries, smaller: CandleSeries, found: Found): VerifyFinding {
  return { ...found, series: larger.series, partner: smaller.series, repaired: false }
}

/** Says of each larger candle what of it differs from its sum, and how much that matters. */
class SumJudge {
  readonly #larger: CandleSeries
  readonly #smaller: CandleSeries
  readonly #runs = new NoteRuns()
  readonly #empty: readonly LedgerRow[]
  #number = 0

  constructor(larger: CandleSeries, smaller: CandleSeries) {
    this.#larger = larger
    this.#smaller = smaller
    this.#empty = [...larger.ledger, ...smaller.ledger]
      .filter(({ verdict }) => verdict !== 'rows' && verdict !== 'wanted')
      .sort((a, b) => a.startMs - b.startMs)
  }

  row(rows: Rows, row: number, place: Span, sum: CandleSum, even: boolean): Found[] {
    const { period, table } = this.#larger
    this.#number += 1
    const differences = sum.differences(rows, row)
    if (differences.length === 0) return []
    const stored = cellsText(
      table,
      rows,
      row,
      differences.map(({ column }) => column),
    )
    const values = differences.map(({ column, expected }) => `${table.columns[column]?.name} ${expected}`)
    const expected = `${values.join(', ')}: the sum of ${sum.candles} of ${this.#smaller.period}`
    const [openMs, closeMs] = [Number(rows.columns[0]?.[row]), Number(rows.columns[1]?.[row])]
    if (even && isRegular(period, openMs, closeMs) && !this.#hasOutage(place))
      return [{ check: 'sum', severity: 'error', span: place, stored, expected }]
    this.#runs.note('sum', this.#number, place, stored, `${expected}, by an outage or an odd candle`)
    return []
  }

  take(all = false): Found[] {
    return this.#runs.take(all)
  }

  #hasOutage(place: Span): boolean {
    return this.#empty.some((row) => row.startMs < place.endMs && row.endMs > place.startMs)
  }
}
