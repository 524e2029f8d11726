// What the pages of one write say about their series, gathered so that each ledger is read and written once.
import type { LedgerRow } from '../core/ledger.ts'
import { seriesKey } from '../core/series.ts'
import type { Page } from '../core/store.ts'

/** The ledger rows of `pages` by the key of their series, in the order of the pages; some may have none. */
export function newsOf(pages: readonly Page[]): ReadonlyMap<string, readonly LedgerRow[]> {
  const news = new Map<string, LedgerRow[]>()
  for (const { series, ledger } of pages) {
    const key = seriesKey(series)
    const rows = news.get(key)
    if (rows) rows.push(...ledger)
    else news.set(key, [...ledger])
  }
  return news
}
