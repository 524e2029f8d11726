// Gathers pages into writes: whole pages of one table, up to the store's batch or one second's worth, so that
// bulk loaders run at their speed while a page holds 499 to 1,000 rows. Holds only so many rows: whoever adds
// more has to wait.
import { idsOf, sliceRows, timesOf } from './dataset.ts'
import type { BatchPart, Tell } from './events.ts'
import { countIds, previousId } from './id.ts'
import { LeaseLostError } from './lease.ts'
import { type LedgerRow, ledgerRow } from './ledger.ts'
import type { Clock } from './retry.ts'
import { seriesKey } from './series.ts'
import { releaseRows } from './sliced-rows.ts'
import { split } from './span.ts'
import type { Page, Store, WriteOptions, WriteResult } from './store.ts'

/** A page waits this long for company. */
const LINGER_MS = 1_000

export type Totals = { written: number; changed: number }

/** Pages that wait; `refreshes` as in `add`. */
type Queue = { readonly refreshes: string | null; readonly pages: Page[] }

export class PageWriter {
  readonly #store: Store
  readonly #clock: Clock
  readonly #tell: Tell
  /** By table, and by the archive whose rows replace whatever is stored. */
  readonly #waiting = new Map<string, Queue>()
  readonly #running = new Set<Promise<void>>()
  readonly totals: Totals = { written: 0, changed: 0 }
  readonly #ofArchives = new Map<string, Totals>()
  #rowsInHand = 0
  #failure: unknown = null
  #lingering: AbortController | null = null

  constructor(store: Store, clock: Clock, tell: Tell) {
    this.#store = store
    this.#clock = clock
    this.#tell = tell
  }

  /** What was written so far of the rows of an archive that replace whatever is stored. */
  writtenOf(archive: string): Readonly<Totals> {
    return this.#ofArchives.get(archive) ?? { written: 0, changed: 0 }
  }

  /**
   * Takes a page; resolves when there is room for more. Rejects with what a write failed of. `refreshes`: the
   * key of an archive whose rows replace whatever is stored; what they replace is kept.
   */
  async add(page: Page, refreshes: string | null = null): Promise<void> {
    const name = JSON.stringify([page.table.name, refreshes])
    for (const part of splitPage(page, this.#store.batchRows)) {
      const queue = this.#waiting.get(name) ?? { refreshes, pages: [] }
      queue.pages.push(part)
      this.#waiting.set(name, queue)
      this.#rowsInHand += part.rows.count
      if (rowsOf(queue.pages) >= this.#store.batchRows) await this.#write(name)
    }
    this.#linger()
    const { batchRows, mostBatches } = this.#store
    while (this.#rowsInHand > mostBatches * batchRows && this.#running.size > 0) {
      await Promise.race(this.#running)
    }
    this.#check()
  }

  /** Writes everything in hand; rejects with what a write failed of. */
  async flush(): Promise<void> {
    this.#lingering?.abort()
    for (const name of [...this.#waiting.keys()]) await this.#write(name)
    await Promise.all(this.#running)
    this.#check()
  }

  #check(): void {
    if (this.#failure !== null) throw this.#failure
  }

  /** Begins to write what waits under a name, as soon as the store has a writer free. */
  async #write(name: string): Promise<void> {
    while (this.#running.size >= this.#store.writers) await Promise.race(this.#running)
    const queue = this.#waiting.get(name)
    if (!queue || queue.pages.length === 0) return
    this.#waiting.delete(name)
    const work = this.#batches(queue).finally(() => this.#running.delete(work))
    this.#running.add(work)
  }

  async #batches({ pages, refreshes }: Queue): Promise<void> {
    let batch: Page[] = []
    for (const page of pages) {
      if (batch.length > 0 && rowsOf(batch) + page.rows.count > this.#store.batchRows) {
        await this.#batch(batch, refreshes)
        batch = []
      }
      batch.push(page)
    }
    await this.#batch(batch, refreshes)
  }

  async #batch(pages: readonly Page[], refreshes: string | null): Promise<void> {
    const rows = rowsOf(pages)
    try {
      // After a failed write nothing more is tried: the rest is fetched again by the next pass.
      if (this.#failure !== null) return
      const startedMs = this.#clock.monotonicMs()
      const options = refreshes === null ? {} : { refresh: true, keepReplaced: true }
      const { pages: stored, written, changed } = await this.#stored(pages, options)
      this.totals.written += written
      this.totals.changed += changed
      if (refreshes !== null) {
        const before = this.writtenOf(refreshes)
        const totals = { written: before.written + written, changed: before.changed + changed }
        this.#ofArchives.set(refreshes, totals)
      }
      const durationMs = this.#clock.monotonicMs() - startedMs
      const told = rowsOf(stored)
      this.#tell({
        type: 'batch-written',
        rows: told,
        written,
        changed,
        durationMs,
        parts: stored.map(partOf),
      })
      for (const page of pages) releaseRows(page.rows)
    } catch (error) {
      this.#failure ??= error
    } finally {
      this.#rowsInHand -= rows
    }
  }

  /** Writes pages, but for those of series that went to another program meanwhile. */
  async #stored(
    pages: readonly Page[],
    options: WriteOptions,
  ): Promise<WriteResult & { readonly pages: readonly Page[] }> {
    if (pages.length === 0) return { pages, written: 0, changed: 0 }
    try {
      return { pages, ...(await this.#store.write(pages, options)) }
    } catch (error) {
      const lost = error instanceof LeaseLostError ? new Set(error.series) : new Set()
      const kept = pages.filter(({ series }) => !lost.has(seriesKey(series)))
      if (!(error instanceof LeaseLostError) || kept.length === pages.length) throw error
      this.#tell({ type: 'note', message: error.message, fields: { series: error.series } })
      return this.#stored(kept, options)
    }
  }

  #linger(): void {
    if (this.#lingering || this.#waiting.size === 0) return
    const lingering = new AbortController()
    this.#lingering = lingering
    const over = (): void => {
      if (this.#lingering === lingering) this.#lingering = null
    }
    this.#clock.wait(LINGER_MS, lingering.signal).then(async () => {
      over()
      for (const name of [...this.#waiting.keys()]) await this.#write(name)
    }, over)
  }
}

function partOf({ series, rows, ledger }: Page): BatchPart {
  const endsMs = ledger.flatMap((row) => (row.verdict === 'wanted' ? [] : [row.endMs]))
  return { series, rows: rows.count, settledUntilMs: endsMs.length === 0 ? null : Math.max(...endsMs) }
}

function rowsOf(pages: readonly Page[]): number {
  return pages.reduce((sum, page) => sum + page.rows.count, 0)
}

/** A page in parts of at most `mostRows` rows; each part settles the span that its rows lie in. */
export function splitPage(page: Page, mostRows: number): Page[] {
  if (page.rows.count <= mostRows) return [page]
  const timesMs = timesOf(page.table, page.rows)
  const parts: Page[] = []
  for (let from = 0, to = 0; from < page.rows.count; from = to) {
    to = partEnd(timesMs, from, mostRows)
    const fromMs = from === 0 ? Number.NEGATIVE_INFINITY : (timesMs[from] ?? 0)
    const toMs = to === page.rows.count ? Number.POSITIVE_INFINITY : (timesMs[to] ?? 0)
    const ledger = page.ledger.flatMap((row) => within(row, fromMs, toMs, page))
    const isLast = to === page.rows.count
    const { archives, ...part } = page
    const last = isLast && archives ? { archives } : {}
    parts.push({ ...part, rows: sliceRows(page.rows, from, to), ledger, ...last })
  }
  return parts
}

/** Where a part ends: rows of one time stay together, since the ledger tells spans of time. */
function partEnd(timesMs: readonly number[], from: number, mostRows: number): number {
  if (from + mostRows >= timesMs.length) return timesMs.length
  let to = from + mostRows
  while (to > from && timesMs[to - 1] === timesMs[to]) to -= 1
  if (to > from) return to
  to = from + mostRows
  while (to < timesMs.length && timesMs[to - 1] === timesMs[to]) to += 1
  return to
}

/** The part of a ledger row between two times, with its own rows counted and its own ids named. */
function within(row: LedgerRow, fromMs: number, toMs: number, page: Page): LedgerRow[] {
  const timesMs = timesOf(page.table, page.rows)
  const ids = row.firstId === null && row.lastId === null ? null : idsOf(page.rows)
  return split(row, [fromMs, toMs])
    .filter((part) => part.startMs >= fromMs && part.endMs <= toMs)
    .map((part) => {
      if (row.verdict !== 'rows') return ledgerRow(part, row.verdict, { ...row, ...part })
      const first = timesMs.findIndex((timeMs) => timeMs >= part.startMs)
      let end = first < 0 ? timesMs.length : first
      while (end < timesMs.length && (timesMs[end] ?? 0) < part.endMs) end += 1
      const rows = first < 0 ? 0 : end - first
      const [isFirst, isLast] = [part.startMs === row.startMs, part.endMs === row.endMs]
      const named = ids && {
        // At its own ends the row knows of records that were left out, too.
        firstId: isFirst ? row.firstId : rows > 0 ? (ids[first] ?? null) : null,
        lastId: isLast ? row.lastId : rows > 0 ? (ids[end - 1] ?? null) : null,
        // Where the row does not name every id that it counts, nobody knows where they lie.
        skipped: isLast ? row.skipped : 0,
      }
      const following = ids?.[end]
      const exact = named && isExact(row) ? exactIds(named, rows, isLast ? undefined : following) : named
      return ledgerRow(part, 'rows', { ...row, ...part, rows, ...exact })
    })
}

type NamedIds = Pick<LedgerRow, 'firstId' | 'lastId' | 'skipped'>

/** Whether every id from the first to the last is either a row or left out. */
function isExact({ firstId, lastId, rows, skipped }: LedgerRow): boolean {
  return firstId !== null && lastId !== null && countIds(firstId, lastId) === rows + skipped
}

/** A part ends right before the row that follows it: what was left out lies in the part before. */
function exactIds(named: NamedIds, rows: number, following: string | undefined): NamedIds {
  const lastId = following === undefined ? named.lastId : previousId(following)
  if (named.firstId === null || lastId === null) return named
  const count = countIds(named.firstId, lastId)
  return count > 0 ? { ...named, lastId, skipped: count - rows } : { firstId: null, lastId, skipped: 0 }
}
