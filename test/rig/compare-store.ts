// What a store holds against what the local exchange has: every row, digit for digit, no more and no less.
// Reads the database itself, so that a defect of the store's own reader cannot hide one of its writer.
import type { Rows, Value } from '../../src/core/dataset.ts'
import type { LedgerRow } from '../../src/core/ledger.ts'
import { type Market, type Period, periodSuffixes, type Series, seriesKey } from '../../src/core/series.ts'
import { isoTime, type Span, spanText } from '../../src/core/span.ts'
import { klines } from '../../src/datasets/klines.ts'
import { expectedRows } from './market.ts'
import type { SymbolSpec } from './symbol-spec.ts'

/** What must be stored of a series: the candles of `spans` that closed before `closedBeforeMs`. */
export type Expectation = {
  readonly spec: SymbolSpec
  readonly period: Period
  readonly spans: readonly Span[]
  readonly closedBeforeMs: number
}

/** What a database holds, read past the program. */
export type Contents = {
  /** How many rows each table of klines holds, by `market/table/symbol`. */
  counts(): Promise<ReadonlyMap<string, number>>
  /** The rows of a series in order of time, columns as in the dataset's table. */
  rows(series: Series): Promise<Rows>
  ledger(series: Series): Promise<readonly LedgerRow[]>
  /** Everything in every table as text, extracted_at included: equal when nothing moved. */
  dump(): Promise<string>
}

/** More differences than this are not listed. */
const MOST_LISTED = 5

export const countKey = (market: Market, period: Period, symbol: string): string =>
  `${market}/klines_${periodSuffixes[period]}/${symbol}`

const seriesOf = ({ spec, period }: Pick<Expectation, 'spec' | 'period'>): Series => ({
  market: spec.market,
  dataset: 'klines',
  symbol: spec.symbol,
  period,
})

/** Each row as one line of text, by which rows are compared. */
function lines(rows: Rows): string[] {
  return Array.from({ length: rows.count }, (_, i) =>
    rows.columns.map((values: readonly Value[]) => JSON.stringify(values[i] ?? null)).join(' '),
  )
}

const known = new WeakMap<Expectation, readonly string[]>()

/** Computed once: a test that kills twenty times compares with the same rows each time. */
function expectedLines(one: Expectation): readonly string[] {
  const { spec, period, spans, closedBeforeMs } = one
  const found =
    known.get(one) ?? spans.flatMap((span) => lines(expectedRows(spec, period, span, closedBeforeMs)))
  known.set(one, found)
  return found
}

/** What of a series is not as expected, in words; `expected` and `stored` are lines in order of time. */
function compareLines(name: string, stored: readonly string[], expected: readonly string[]): string[] {
  const out: string[] = []
  if (stored.length !== expected.length)
    out.push(`${name} holds ${stored.length} rows, not ${expected.length}`)
  const have = new Set(stored)
  const want = new Set(expected)
  for (const line of expected) if (!have.has(line)) out.push(`${name} lacks ${readable(line)}`)
  for (const line of stored) if (!want.has(line)) out.push(`${name} has besides ${readable(line)}`)
  const order = stored.findIndex((line, i) => line !== expected[i])
  if (out.length === 0 && order >= 0) out.push(`${name} is out of order at ${readable(stored[order] ?? '')}`)
  return out
}

const timeOf = (line: string): number => Number(line.slice(0, line.indexOf(' ')))
const readable = (line: string): string => `${isoTime(timeOf(line))} ${line}`

/** The first differences between a database and what it must hold; empty when there is none. */
export async function differences(contents: Contents, expected: readonly Expectation[]): Promise<string[]> {
  const out: string[] = []
  const counts = new Map(await contents.counts())
  for (const one of expected) {
    const stored = lines(await contents.rows(seriesOf(one)))
    out.push(...compareLines(seriesKey(seriesOf(one)), stored, expectedLines(one)))
    counts.delete(countKey(one.spec.market, one.period, one.spec.symbol))
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
    const stored = lines(await contents.rows(seriesOf(one)))
    const possible = new Set(expectedLines(one))
    const doubles = stored.length - new Set(stored).size
    if (doubles > 0) out.push(`${name} holds ${doubles} rows twice`)
    for (const line of stored) if (!possible.has(line)) out.push(`${name} has besides ${readable(line)}`)
    const have = new Set(stored)
    for (const row of await contents.ledger(seriesOf(one))) {
      if (row.verdict !== 'rows') continue
      const owed = expectedLines(one).filter(
        (line) => timeOf(line) >= row.startMs && timeOf(line) < row.endMs,
      )
      if (row.rows !== owed.length)
        out.push(`${name} ${spanText(row)}: the ledger counts ${row.rows} of ${owed.length} rows`)
      for (const line of owed)
        if (!have.has(line)) out.push(`${name}: the ledger vouches for ${readable(line)}`)
    }
  }
  return out.slice(0, MOST_LISTED)
}

/** The columns that a row of klines is compared by, in order. */
export const comparedColumns: readonly string[] = klines
  .table({ market: 'spot', dataset: 'klines', symbol: '', period: '1m' })
  .columns.map((column) => column.name)
