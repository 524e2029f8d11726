// Reads of a series as the cases compare them: rows as objects, times all of them.
import { expect } from 'bun:test'
import { settledSpans } from '../../src/core/ledger.ts'
import type { Series } from '../../src/core/series.ts'
import { minus, type Span } from '../../src/core/span.ts'
import type { Store } from '../../src/core/store.ts'
import { MINUTE_MS, type Row, tableOf, toRecords } from '../rig/pages.ts'

/** All of time that a row may have: 1970 to 2262. */
export const ALL_TIME: Span = { startMs: 0, endMs: Date.UTC(2263, 0, 1) }

/** More rows than any case writes. */
export const ALL_ROWS = 1_000_000

/** Every stored row of a series, one object a row, in the order in which the store gives them. */
export async function readAll(store: Store, series: Series, span: Span = ALL_TIME): Promise<Row[]> {
  const table = tableOf(series)
  return toRecords(table, await store.read(series, table, span, ALL_ROWS))
}

/** The ledger of one series. */
export async function ledgerOf(store: Store, series: Series) {
  const [rows = []] = await store.ledger([series])
  return rows
}

/**
 * Fails when the ledger says `rows` of a place of minutes that holds none, or has forgotten what of `known`
 * was settled before.
 */
export async function mustBeSound(store: Store, series: Series, known: readonly Span[]): Promise<void> {
  const ledger = await ledgerOf(store, series)
  const times = new Set((await readAll(store, series)).map((row) => row.open_time))
  for (const row of ledger) {
    if (row.verdict !== 'rows') continue
    for (let time = row.startMs; time < row.endMs; time += MINUTE_MS) expect(times).toContain(time)
  }
  expect(minus(known, settledSpans(ledger))).toEqual([])
}
