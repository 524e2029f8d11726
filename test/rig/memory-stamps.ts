// What of a database in memory no store shows, for tests that ask who wrote a row, and when.
import type { Table } from '../../src/core/dataset.ts'
import { parseSeriesKey } from '../../src/core/series.ts'
import { type MemoryDatabase, timeOf } from './memory-store.ts'

/** What of a memory database its store does not show: time, source and extraction of a symbol's rows. */
export function memoryStamps(
  database: MemoryDatabase,
  table: Table,
  symbol: string,
): { timeMs: number; source: string; extractedAtMs: number }[] {
  return [...(database.rows.get(table.name) ?? [])]
    .filter(([key]) => parseSeriesKey(key)?.symbol === symbol)
    .flatMap(([, rows]) => [...rows.values()])
    .map((row) => ({ timeMs: timeOf(row, table), source: row.source, extractedAtMs: row.extractedAtMs }))
    .sort((a, b) => a.timeMs - b.timeMs)
}
