// What a store holds against what the local exchange has: every row, digit for digit, no more and no less.
// Rows are told apart by their key: a time, an id, or a time with the type of its rate.
import type { Rows, Table, Value } from '../../src/core/dataset.ts'
import type { LedgerRow } from '../../src/core/ledger.ts'
import { type Series, seriesKey } from '../../src/core/series.ts'
import { isoTime, spanText } from '../../src/core/span.ts'
import { type Expectation, expectedOf, seriesOf, tableOfSeries } from './expectation.ts'

export type { Expectation } from './expectation.ts'

/** What a database holds. */
export type Contents = {
  /** How many rows of each series it holds, by `market/table/symbol`. */
  counts(): Promise<ReadonlyMap<string, number>>
  /** The rows of a series in order of time, columns as in the dataset's table. */
  rows(series: Series): Promise<Rows>
  ledger(series: Series): Promise<readonly LedgerRow[]>
  /** Everything in every table as text, extracted_at included: equal when nothing moved. */
  dump(): Promise<string>
}

/** More differences than this are not listed. */
const MOST_LISTED = 5

/** What a series is counted under. */
export const countKeyOf = (series: Series): string =>
  `${series.market}/${tableOfSeries(series).name}/${series.symbol}`

/** A row as text: its key, and all of it. */
type Line = { readonly key: string; readonly timeMs: number; readonly text: string }

/** Each row as one line of text, by which rows are compared. */
export function rowLines(rows: Rows): string[] {
  return Array.from({ length: rows.count }, (_, i) =>
    rows.columns.map((values: readonly Value[]) => JSON.stringify(values[i] ?? null)).join(' '),
  )
}

function keyedLines(table: Table, rows: Rows): Line[] {
  const times = rows.columns[table.timeColumn] ?? []
  const key = (i: number): string =>
    rows.columns
      .slice(0, table.keyLength)
      .map((values) => String(values[i]))
      .join('/')
  return rowLines(rows).map((text, i) => ({ key: key(i), timeMs: Number(times[i]), text }))
}

const lines = new WeakMap<Expectation, readonly Line[]>()

function expectedLines(one: Expectation): readonly Line[] {
  const found = lines.get(one) ?? keyedLines(tableOfSeries(seriesOf(one)), expectedOf(one))
  lines.set(one, found)
  return found
}

async function storedLines(contents: Contents, series: Series): Promise<readonly Line[]> {
  return keyedLines(tableOfSeries(series), await contents.rows(series))
}

const readable = ({ timeMs, text }: Line): string => `${isoTime(timeMs)} ${text}`
const byKey = (of: readonly Line[]): Map<string, Line> => new Map(of.map((line) => [line.key, line]))

/** What of a series is not as expected, in words; both are in order of time. */
function compareLines(name: string, stored: readonly Line[], expected: readonly Line[]): string[] {
  const out: string[] = []
  if (stored.length !== expected.length)
    out.push(`${name} holds ${stored.length} rows, not ${expected.length}`)
  const have = byKey(stored)
  const want = byKey(expected)
  for (const line of expected) {
    const found = have.get(line.key)
    if (!found) out.push(`${name} lacks ${readable(line)}`)
    else if (found.text !== line.text) out.push(`${name} has ${readable(found)} for ${readable(line)}`)
  }
  for (const line of stored) if (!want.has(line.key)) out.push(`${name} has besides ${readable(line)}`)
  const order = stored.findIndex((line, i) => line.timeMs !== expected[i]?.timeMs)
  const line = stored[order]
  if (out.length === 0 && line) out.push(`${name} is out of order at ${readable(line)}`)
  return out
}

/** The first differences between a database and what it must hold; empty when there is none. */
export async function differences(contents: Contents, expected: readonly Expectation[]): Promise<string[]> {
  const out: string[] = []
  const counts = new Map(await contents.counts())
  for (const one of expected) {
    const series = seriesOf(one)
    out.push(...compareLines(seriesKey(series), await storedLines(contents, series), expectedLines(one)))
    counts.delete(countKeyOf(series))
  }
  for (const [key, count] of counts) out.push(`${key} holds ${count} rows that nobody asked for`)
  return out.slice(0, MOST_LISTED)
}

/**
 * What is inconsistent in a database whose filling was interrupted: a row that is not the exchange's, or a
 * span that the ledger vouches for and that lacks a row.
 */
export async function inconsistencies(
  contents: Contents,
  expected: readonly Expectation[],
): Promise<string[]> {
  const out: string[] = []
  for (const one of expected) {
    const name = seriesKey(seriesOf(one))
    // The ledger first: a server may still commit what a killed program had sent, but never takes rows back.
    const ledger = await contents.ledger(seriesOf(one))
    const stored = await storedLines(contents, seriesOf(one))
    const possible = byKey(expectedLines(one))
    const have = byKey(stored)
    if (have.size < stored.length) out.push(`${name} holds ${stored.length - have.size} rows twice`)
    for (const line of stored)
      if (possible.get(line.key)?.text !== line.text) out.push(`${name} has besides ${readable(line)}`)
    for (const row of ledger.filter(({ verdict }) => verdict !== 'wanted')) {
      const owed = expectedLines(one).filter(({ timeMs }) => timeMs >= row.startMs && timeMs < row.endMs)
      if (row.rows !== owed.length)
        out.push(`${name} ${spanText(row)}: the ledger counts ${row.rows} of ${owed.length} rows`)
      for (const line of owed)
        if (!have.has(line.key)) out.push(`${name}: the ledger vouches for ${readable(line)}`)
    }
  }
  return out.slice(0, MOST_LISTED)
}
