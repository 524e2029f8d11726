// Which series a store in memory knows: by its ledger, or by rows that nobody vouches for.
import type { Table } from '../../src/core/dataset.ts'
import { parseSeriesKey, type Series } from '../../src/core/series.ts'
import type { MemoryDatabase } from './memory-store.ts'

/** The series of `tables` that the database knows, in order of their keys. */
export function knownSeries(database: MemoryDatabase, tables: readonly Table[]): readonly Series[] {
  const ofRows = tables.flatMap(({ name }) =>
    [...(database.rows.get(name) ?? [])].filter(([, rows]) => rows.size > 0).map(([key]) => key),
  )
  const keys = [...new Set([...database.ledger.keys(), ...ofRows])].sort()
  const wanted = (series: Series): boolean =>
    tables.some((table) => table.dataset === series.dataset && table.period === series.period)
  return keys.flatMap((key) => parseSeriesKey(key) ?? []).filter(wanted)
}
