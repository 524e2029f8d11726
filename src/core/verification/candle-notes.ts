// What is unusual in candles and may well be so: flat ones and zeros, closes that are early or late, opens
// off the grid (reference 7.1 to 7.4). Two candles in one place are an error: each place has one.
import { advance, floorToPeriod } from '../calendar.ts'
import type { Rows, Table, Value } from '../dataset.ts'
import type { Period } from '../series.ts'
import { isoTime } from '../span.ts'
import type { CheckContext, RowCheck } from './check-context.ts'
import type { Found } from './findings.ts'
import { NoteRuns } from './runs.ts'

const [OPENS, CLOSES, OPEN, HIGH, LOW, CLOSE] = [0, 1, 2, 3, 4, 5] as const

/** The notes of a series of candles. */
export function candleNotes({ dataset, table }: CheckContext, period: Period): RowCheck {
  const runs = new NoteRuns()
  const volume = table.columns.findIndex(({ name }) => name === 'volume')
  // A premium may well be nothing; a price may not.
  const zeros = dataset.name !== 'premium-index-klines'
  let number = 0
  let placeBeforeMs = Number.NEGATIVE_INFINITY
  return {
    page(rows) {
      const found: Found[] = []
      const opensMs = rows.columns[OPENS] ?? []
      const closesMs = rows.columns[CLOSES] ?? []
      for (let row = 0; row < rows.count; row += 1, number += 1) {
        const openMs = Number(opensMs[row])
        const closeMs = Number(closesMs[row])
        const placeMs = floorToPeriod(period, openMs)
        const endMs = advance(period, placeMs, 1)
        const span = { startMs: openMs, endMs: Math.max(endMs, openMs + 1) }
        if (placeMs === placeBeforeMs) found.push(twice(openMs, placeMs, period))
        placeBeforeMs = placeMs
        if (openMs !== placeMs)
          runs.note('misaligned', number, span, `opens at ${isoTime(openMs)}`, `opens at ${isoTime(placeMs)}`)
        // A candle that opens off the grid may as well close a whole period later.
        if (closeMs !== endMs - 1 && closeMs !== openMs + (endMs - placeMs) - 1) {
          const expected = `closes at ${isoTime(endMs - 1)}`
          runs.note('close-time', number, span, `closes at ${isoTime(closeMs)}`, expected)
        }
        const price = flatPrice(rows, row)
        const idle = volume < 0 || rows.columns[volume]?.[row] === '0'
        if (price !== null && idle) runs.note('flat', number, span, `flat at ${price}`, null)
        if (zeros && hasZero(rows, row)) runs.note('zero', number, span, pricesText(table, rows, row), null)
      }
      found.push(...runs.take())
      return found
    },
    end: () => runs.take(true),
  }
}

function twice(openMs: number, placeMs: number, period: Period): Found {
  const stored = `a second candle in the ${period} from ${isoTime(placeMs)}`
  const span = { startMs: openMs, endMs: openMs + 1 }
  return { check: 'order', severity: 'error', span, stored, expected: 'one candle a place' }
}

const cell = (rows: Rows, column: number, row: number): Value => rows.columns[column]?.[row] ?? null

/** The one price of a candle that did not move, or null. */
function flatPrice(rows: Rows, row: number): Value {
  const price = cell(rows, OPEN, row)
  const same = [HIGH, LOW, CLOSE].every((column) => cell(rows, column, row) === price)
  return same ? price : null
}

function hasZero(rows: Rows, row: number): boolean {
  return [OPEN, HIGH, LOW, CLOSE].some((column) => cell(rows, column, row) === '0')
}

function pricesText(table: Table, rows: Rows, row: number): string {
  return [OPEN, HIGH, LOW, CLOSE].map((i) => `${table.columns[i]?.name} ${cell(rows, i, row)}`).join(', ')
}
