// Writes pages and their coverage in one transaction: by a bulk load where no row is expected, else by
// comparing.
import { seriesKey } from '../../core/series.ts'
import type { Page, WriteOptions, WriteResult } from '../../core/store.ts'
import { writeArchives } from './archives.ts'
import { upsertKeeping } from './keep.ts'
import { holdLeases } from './leases.ts'
import { releaseLocks, writeLedgers } from './ledger.ts'
import { loadPages } from './load.ts'
import type { Session } from './session.ts'
import { upsertPage } from './upsert.ts'

/** Fewer rows are written as fast by comparing, and need no second try when one of them is there. */
const LOAD_ROWS = 200

export type Manner = 'load' | 'compare'

/** Whether a write is worth a bulk load: large, and into spans that the ledger does not know. */
export function suitsLoad(pages: readonly Page[]): boolean {
  const full = pages.filter((page) => page.rows.count > 0)
  return full.every((page) => page.fresh) && full.reduce((sum, page) => sum + page.rows.count, 0) >= LOAD_ROWS
}

/**
 * Writes `pages` (of one table) in one transaction. Throws what the server says, or LoadRefusedError when a
 * load did not take every row as it is; then nothing is stored.
 */
export async function writePages(
  session: Session,
  database: string,
  pages: readonly Page[],
  manner: Manner,
  options: WriteOptions,
): Promise<WriteResult> {
  await session.connection.query('START TRANSACTION')
  try {
    const result = await writeRows(session, pages, manner, options)
    await writeArchives(session, pages)
    // The ledger comes last: its locks are held for as short as can be, and never while waiting for rows.
    await writeLedgers(session, database, pages)
    await holdLeases(session, pages)
    await session.connection.query('COMMIT')
    await releaseLocks(session)
    return result
  } catch (error) {
    // The session is thrown away in any case. Undone now, the rows are not in the way of the next try.
    if (!session.isBroken()) await session.connection.query('ROLLBACK').catch(() => {})
    throw error
  }
}

async function writeRows(
  session: Session,
  pages: readonly Page[],
  manner: Manner,
  options: WriteOptions,
): Promise<WriteResult> {
  const full = inOrder(pages.filter((page) => page.rows.count > 0))
  const table = full[0]?.table
  if (!table) return { written: 0, changed: 0 }
  if (manner === 'load') return { written: await loadPages(session, table, full), changed: 0 }
  const upsert = options.keepReplaced ? upsertKeeping : upsertPage
  let written = 0
  let changed = 0
  for (const page of full) {
    const result = await upsert(session, page, options.refresh ?? false)
    written += result.written
    changed += result.changed
  }
  return { written, changed }
}

/**
 * Pages by series, each series' own in the order given: writers that go the same way do not lock each other
 * out.
 */
function inOrder(pages: readonly Page[]): readonly Page[] {
  return pages
    .map((page) => ({ page, key: seriesKey(page.series) }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ page }) => page)
}
