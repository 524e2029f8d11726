// What every row of a series is asked, whatever its dataset: that its cells are values, that it is possible,
// that it comes after the one before. What only candles, trades or rates can be asked stands in files of
// their own.
import { idsOf, type Rows, timesOf } from '../dataset.ts'
import { isoTime } from '../span.ts'
import { keyComparison } from '../verify.ts'
import { candleNotes } from './candle-notes.ts'
import type { CheckContext, RowCheck } from './check-context.ts'
import { DayCounts } from './days.ts'
import type { CheckName, Found } from './findings.ts'
import { rateNotes } from './rate-notes.ts'
import { tradeIds } from './trade-ids.ts'
import { type BadCell, oneRow, soundValues, withoutRows } from './values.ts'
import { cellText, keyText, spanOf, valuesText } from './words.ts'

/** Every check of the rows of a series. */
export function rowCheck(context: CheckContext): RowCheck {
  const checks: readonly RowCheck[] = [orderCheck(context), ...ownChecks(context)]
  return {
    page(read) {
      const { rows, bad } = soundValues(context.table, read)
      // A row with a bad decimal still has its place; one with a bad time or id has none.
      const placed = except(
        rows,
        bad.filter(({ column }) => column.kind !== 'decimal'),
      )
      const found = bad.map((cell) => badCell(context, rows, cell))
      found.push(...flawed(context, except(rows, bad)))
      for (const check of checks) found.push(...check.page(placed))
      return found
    },
    end: () => checks.flatMap((check) => check.end()),
  }
}

function ownChecks(context: CheckContext): RowCheck[] {
  const { dataset, ledger, period, range, table } = context
  switch (dataset.order) {
    case 'calendar': {
      if (period === null) throw new Error(`${dataset.name} without a period`)
      const days = new DayCounts(period, range, ledger)
      const counted: RowCheck = {
        page(rows) {
          days.page(timesOf(table, rows))
          return days.take()
        },
        end: () => days.take(true),
      }
      return [candleNotes(context, period), counted]
    }
    case 'time':
      return [rateNotes(context)]
    case 'id':
      return [tradeIds(context)]
  }
}

function except(rows: Rows, bad: readonly BadCell[]): Rows {
  return withoutRows(rows, [...new Set(bad.map(({ row }) => row))])
}

function badCell({ table }: CheckContext, rows: Rows, { row, column, value }: BadCell): Found {
  const stored = `${column.name} ${cellText(value)}`
  return broken('value', table, rows, row, stored, `a value that is ${kindWords[column.kind]}`)
}

const kindWords = {
  text: 'text',
  time: 'a time',
  decimal: 'a decimal of at most 34 digits',
  integer: 'a whole number',
  id: 'an id',
  flag: '0 or 1',
} as const

/** Rows that the dataset says cannot be. */
function flawed({ dataset, table }: CheckContext, rows: Rows): Found[] {
  const first = dataset.flaw(rows)
  const found: Found[] = []
  for (let row = first?.row ?? rows.count; row < rows.count; row += 1) {
    const flaw = dataset.flaw(oneRow(rows, row))
    if (!flaw) continue
    found.push(
      broken('rules', table, rows, row, valuesText(table, rows, row), `no row where ${flaw.problem}`),
    )
  }
  return found
}

/** Rows that are there twice, or that do not come after the one before. */
function orderCheck({ dataset, table }: CheckContext): RowCheck {
  let last: Rows | null = null
  return {
    page(rows) {
      const found: Found[] = []
      const joined = last ? behind(last, rows) : rows
      const compare = keyComparison(dataset, joined)
      for (let row = 1; row < joined.count; row += 1) {
        const order = compare(row - 1, row)
        if (order < 0) continue
        const before = isoTime(timesOf(table, joined)[row - 1] ?? 0)
        const stored = `${keyText(table, joined, row)}${order === 0 ? ', twice' : `, after ${before}`}`
        found.push(broken('order', table, joined, row, stored, 'each row once, and in order'))
      }
      if (rows.count > 0) last = oneRow(rows, rows.count - 1)
      return found
    },
    end: () => [],
  }
}

function behind(last: Rows, rows: Rows): Rows {
  const columns = rows.columns.map((values, i) => [last.columns[i]?.[0] ?? null, ...values])
  return { count: rows.count + 1, columns }
}

function broken(
  check: CheckName,
  table: CheckContext['table'],
  rows: Rows,
  row: number,
  stored: string,
  expected: string,
): Found {
  const id = table.columns[0]?.kind === 'id' ? idsOf(rows)[row] : undefined
  const ids = id === undefined ? {} : { ids: { firstId: id, lastId: id } }
  return { check, severity: 'error', span: spanOf(table, rows, row), stored, expected, ...ids }
}
