// What verify finds in rows that come page by page, and rows of minutes to try it with.
import type { Dataset } from '../../src/core/dataset.ts'
import type { LedgerRow } from '../../src/core/ledger.ts'
import type { Period, Series } from '../../src/core/series.ts'
import { isoTime } from '../../src/core/span.ts'
import type { CheckContext } from '../../src/core/verification/check-context.ts'
import type { Found } from '../../src/core/verification/findings.ts'
import { rangeOf } from '../../src/core/verification/range.ts'
import { rowCheck } from '../../src/core/verification/row-check.ts'
import { klines } from '../../src/datasets/klines.ts'
import { candle, DAY_0_MS, MINUTE_MS, type Row, toRows } from './pages.ts'

/** What the rows are of, where that is not minutes of a symbol. */
export type Given = {
  readonly dataset?: Dataset
  readonly period?: Period
  readonly ledger?: readonly LedgerRow[]
  /** Rows of a page; all rows in one where it is not given. */
  readonly pageRows?: number
}

/** Everything that is found in rows that come page by page. */
export function found(records: readonly Row[], given: Given = {}): Found[] {
  const { dataset = klines, ledger = [], pageRows = records.length } = given
  const period = dataset.order === 'calendar' ? (given.period ?? '1m') : null
  const series: Series = { market: 'um', dataset: dataset.name, symbol: 'BTCUSDT', period }
  const table = dataset.table(series)
  const all = toRows(table, records)
  const times = (all.columns[table.timeColumn] ?? []).map(Number)
  const holding = { firstMs: Math.min(...times), lastMs: Math.max(...times) }
  const range = rangeOf({ period, holding, ledger }, { startMs: null, endMs: null })
  if (!range) throw new Error('nothing to check')
  const context: CheckContext = { dataset, table, period, range, ledger }
  const check = rowCheck(context)
  const out: Found[] = []
  for (let from = 0; from < records.length; from += pageRows)
    out.push(...check.page(toRows(table, records.slice(from, from + pageRows))))
  return [...out, ...check.end()]
}

/** A finding as one short line. */
export const line = ({ severity, check, span }: Found): string =>
  `${severity} ${check} ${isoTime(span.startMs).slice(11, 19)}`
export const lines = (records: readonly Row[], given: Given = {}): string[] => found(records, given).map(line)
export const at = (minute: number, facts: Row = {}): Row => candle(DAY_0_MS + minute * MINUTE_MS, facts)
export const minutes = (count: number): Row[] => Array.from({ length: count }, (_, i) => at(i))
/** Rows with one of them changed. */
export const spoiled = (records: readonly Row[], row: number, facts: Row): Row[] =>
  records.map((record, i) => (i === row ? { ...record, ...facts } : record))
