// Writes pages and their coverage in one transaction. Bulks of rows that nobody expects to be there are
// copied straight in; all others are merged, through a temporary table where they are many.
import type { Page, WriteOptions, WriteResult } from '../../core/store.ts'
import { newsOf } from '../news.ts'
import { writeArchives } from './archives.ts'
import { pageArrays } from './array-text.ts'
import { copyChunks } from './copy-bytes.ts'
import { keepReplaced } from './keep.ts'
import { layersOf } from './layers.ts'
import { holdLeases } from './leases.ts'
import { writeLedgers } from './ledger.ts'
import { lockLedgers, lockRows } from './locks.ts'
import { copyStatement, createStage, mergeArrays, mergeStage, stageName } from './merge.ts'
import { holdsAny } from './scan.ts'
import type { Session } from './session.ts'
import { codedError } from './socket.ts'
import { inTransaction } from './transaction.ts'

/** From here on COPY pays; below, one statement with arrays has fewer round trips. */
export const COPY_ROWS = 500

/** The server's code for a key that is taken, and ours for the same found out beforehand. */
export const ROWS_MET = '23505'

/**
 * straight: COPY into the table itself where no row is yet; it fails with ROWS_MET where there is one, or
 * another program writes one meanwhile. merge: compare with what is there.
 */
export type Way = 'straight' | 'merge'

/** The way that promises most for `pages`. */
export function wayOf(pages: readonly Page[]): Way {
  const rows = pages.reduce((sum, page) => sum + page.rows.count, 0)
  return rows >= COPY_ROWS && pages.every((page) => page.fresh) ? 'straight' : 'merge'
}

/**
 * Writes `pages`, all of one table, in one transaction. Throws what the server says; then nothing of them is
 * stored.
 */
export function writePages(
  session: Session,
  pages: readonly Page[],
  options: WriteOptions,
  way: Way,
): Promise<WriteResult> {
  return inTransaction(session, 'write', async () => {
    const news = newsOf(pages)
    const series = [...news.keys()]
    // Two writers of one pass hold pages of the same series: only where rows are compared one waits.
    await lockRows(session, series, way === 'straight' ? 'shared' : 'alone')
    const result = await writeRows(session, pages, options, way)
    await writeArchives(session, pages)
    await lockLedgers(session, series)
    await holdLeases(session, pages)
    await writeLedgers(session, news)
    return result
  })
}

async function writeRows(
  session: Session,
  pages: readonly Page[],
  options: WriteOptions,
  way: Way,
): Promise<WriteResult> {
  let written = 0
  let changed = 0
  const layers = layersOf(pages)
  for (const layer of layers) {
    const result = await writeLayer(session, layer, options, way)
    written += result.written
    changed += result.changed
  }
  return { written, changed }
}

/** Writes pages in which no key comes twice. */
async function writeLayer(
  session: Session,
  pages: readonly Page[],
  options: WriteOptions,
  way: Way,
): Promise<WriteResult> {
  const table = pages[0]?.table
  if (!table) return { written: 0, changed: 0 }
  if (pages.some((page) => page.table.name !== table.name))
    throw new Error('a write holds pages of one table')
  if (way === 'straight') {
    // Asked first, since a COPY that fails half-way leaves dead rows behind.
    if (await holdsAny(session, table, pages)) throw codedError(`${table.name} has rows there`, ROWS_MET)
    return { written: await session.copy(copyStatement(table, table.name), copyChunks(pages)), changed: 0 }
  }
  const { refresh = false } = options
  if (options.keepReplaced) await keepReplaced(session, pages, refresh)
  const rows = pages.reduce((sum, page) => sum + page.rows.count, 0)
  if (rows < COPY_ROWS)
    return counted(await session.run(mergeArrays(table, refresh), pageArrays(pages), true))
  await session.run(`${createStage(table)}; TRUNCATE ${stageName(table)}`)
  await session.copy(copyStatement(table, stageName(table)), copyChunks(pages))
  return counted(await session.run(mergeStage(table, refresh)))
}

function counted(answer: { readonly rows: readonly (readonly unknown[])[] }): WriteResult {
  const [written, changed] = answer.rows[0] ?? []
  return { written: Number(written), changed: Number(changed) }
}
