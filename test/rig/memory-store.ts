// A store in memory: the contract at its plainest, the model that every real store is compared with, and a
// fast one for simulations. Databases are named by their URI, so that two opens of one see the same rows.

import type { ArchiveRecord } from '../../src/core/archive.ts'
import type { Rows, Table, Value } from '../../src/core/dataset.ts'
import { type LedgerRow, record, type SourceName } from '../../src/core/ledger.ts'
import { type Series, seriesKey } from '../../src/core/series.ts'
import type { Span } from '../../src/core/span.ts'
import type {
  Ends,
  Holding,
  Page,
  Store,
  StoreOptions,
  WriteOptions,
  WriteResult,
} from '../../src/core/store.ts'
import { UnavailableError, UserError } from '../../src/errors.ts'
import { leasesOf, refuseLost } from '../../src/stores/leases.ts'
import { knownSeries } from './memory-known.ts'
import { type MemoryLease, memoryLeases } from './memory-leases.ts'
import { checkMemory, ownNames, prepareMemory, refuseNewer } from './memory-schema.ts'
import type { Replaced } from './test-database.ts'

const BATCH_ROWS = 10_000
const WRITERS = 4

type StoredRow = {
  readonly values: readonly Value[]
  readonly source: SourceName
  readonly extractedAtMs: number
}

/** The rows of one series in one table, by their key. */
type SeriesRows = Map<string, StoredRow>

export type MemoryDatabase = {
  version: number
  /** Tables that are there; false where one is somebody else's. */
  readonly tables: Map<string, boolean>
  /** By table, then by series. */
  readonly rows: Map<string, Map<string, SeriesRows>>
  readonly ledger: Map<string, readonly LedgerRow[]>
  /** By series and name. */
  readonly archives: Map<string, ArchiveRecord>
  /** By series, or by the key of a program. */
  readonly leases: Map<string, MemoryLease>
  /** By series, key and time. */
  readonly replaced: Map<string, Replaced>
}

/** A database with nothing in it. */
export function emptyMemoryDatabase(): MemoryDatabase {
  const [tables, rows, ledger, archives] = [new Map(), new Map(), new Map(), new Map()]
  return { version: 0, tables, rows, ledger, archives, leases: new Map(), replaced: new Map() }
}

/** Opens a store on `find()`, which is asked at every call: undefined is a database that is gone. */
export function openMemoryStore(
  find: () => MemoryDatabase | undefined,
  options: Pick<StoreOptions, 'readOnly' | 'batchRows'> = { readOnly: false, batchRows: null },
  nowMs: () => number = Date.now,
): Store {
  let open = true
  const reach = <T>(work: (database: MemoryDatabase) => T): Promise<T> =>
    Promise.resolve().then(() => {
      const database = find()
      if (!open || !database) throw new UnavailableError('the store is closed or gone', 'open it again')
      return work(database)
    })
  const change = <T>(work: (database: MemoryDatabase) => T): Promise<T> =>
    reach((database) => {
      if (options.readOnly) throw new UserError('the store is open for reading only', 'open it for writing')
      return work(database)
    })
  return {
    kind: 'sqlite',
    batchRows: options.batchRows ?? BATCH_ROWS,
    writers: WRITERS,
    mostBatches: WRITERS + 1,
    prepare: (tables) =>
      reach((database) => {
        if (options.readOnly) ownNames(database, tables)
        else prepareMemory(database, tables)
      }),
    ledger: (series) =>
      reach((database) => {
        refuseNewer(database)
        return series.map((one) => database.ledger.get(seriesKey(one)) ?? [])
      }),
    archives: (series) =>
      reach((database) => {
        refuseNewer(database)
        return series.map((one) => archivesOf(database, seriesKey(one)))
      }),
    knownSeries: (tables) =>
      reach((database) => {
        ownNames(database, tables)
        return knownSeries(database, tables)
      }),
    write: (pages, writeOptions) => change((database) => write(database, pages, writeOptions)),
    holding: (series, table) => reach((database) => holding(sorted(database, series, table), table)),
    counts: (series, table, spans) =>
      reach((database) => {
        const rows = sorted(database, series, table)
        return spans.map((span) => within(rows, table, span).length)
      }),
    ends: (series, table) => reach((database) => ends(byKey(database, series, table), table)),
    countIds: (series, table, ranges) =>
      reach((database) => {
        const ids = byKey(database, series, table).map((row) => BigInt(idOf(row)))
        return ranges.map(({ firstId, lastId }) => {
          const [first, last] = [BigInt(firstId), BigInt(lastId)]
          return ids.filter((id) => id >= first && id <= last).length
        })
      }),
    fromIds: (series, table, ids) =>
      reach((database) => {
        const rows = byKey(database, series, table)
        return ids.map((id) => {
          const found = rows.find((row) => BigInt(idOf(row)) >= BigInt(id))
          return found ? { id: idOf(found), timeMs: timeOf(found, table) } : null
        })
      }),
    read: (series, table, span, limit) =>
      reach((database) => {
        return toRows(table, within(sorted(database, series, table), table, span).slice(0, limit))
      }),
    readIds: (series, table, fromId, limit) =>
      reach((database) => {
        const rows = byKey(database, series, table).filter((row) => BigInt(idOf(row)) >= BigInt(fromId))
        return toRows(table, rows.slice(0, limit))
      }),
    leases: memoryLeases(change, nowMs),
    check: (tables) => reach((database) => checkMemory(database, tables)),
    close: async () => {
      open = false
    },
  }
}

function archivesOf(database: MemoryDatabase, series: string): readonly ArchiveRecord[] {
  return [...database.archives.values()]
    .filter((record) => record.series === series)
    .sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))
}

function write(database: MemoryDatabase, pages: readonly Page[], options: WriteOptions = {}): WriteResult {
  for (const page of pages) refuseBadPage(database, page)
  refuseLost(leasesOf(pages), [...database.leases.values()])
  let written = 0
  let changed = 0
  for (const page of pages) {
    const stored = rowsOf(database, page.series, page.table)
    for (let i = 0; i < page.rows.count; i += 1) {
      const outcome = writeRow(stored, page, valuesAt(page.rows, i), options.refresh ?? false)
      if (outcome === 'written') written += 1
      if (typeof outcome === 'string') continue
      changed += 1
      if (options.keepReplaced) keep(database, page, outcome)
    }
    recordLedger(database, seriesKey(page.series), page.ledger)
    for (const one of page.archives ?? []) database.archives.set(JSON.stringify([one.series, one.name]), one)
  }
  return { written, changed }
}

function refuseBadPage(database: MemoryDatabase, { table, rows }: Page): void {
  if (!database.tables.get(table.name)) throw new UserError(`no table ${table.name}`, 'prepare the store')
  for (const [i, column] of table.columns.entries()) {
    const values = rows.columns[i] ?? []
    if (values.length !== rows.count) throw new Error(`${table.name}.${column.name} is short`)
    if (!column.nullable && values.includes(null)) throw new Error(`${table.name}.${column.name} is null`)
  }
}

/** Writes one row; says what came of it, or gives the row that it replaced. */
function writeRow(
  stored: SeriesRows,
  page: Page,
  news: readonly Value[],
  refresh: boolean,
): 'written' | 'equal' | 'refused' | StoredRow {
  const { table, source, extractedAtMs } = page
  const key = JSON.stringify(news.slice(0, table.keyLength))
  const old = stored.get(key)
  if (!old) {
    stored.set(key, { values: news, source, extractedAtMs })
    return 'written'
  }
  const values = news.map((value, i) => value ?? old.values[i] ?? null)
  if (values.every((value, i) => value === old.values[i])) return 'equal'
  if (!refresh && source === 'archive' && old.source === 'rest') return 'refused'
  stored.set(key, { values, source, extractedAtMs })
  return old
}

function keep(database: MemoryDatabase, { series, table, extractedAtMs }: Page, old: StoredRow): void {
  const shown = table.columns.map(({ name, kind }, i): [string, Value] => {
    const value = old.values[i] ?? null
    return [name, kind === 'time' && value !== null ? isoText(value) : value]
  })
  const stamps = { source: old.source, extracted_at: isoText(old.extractedAtMs) }
  const replaced: Replaced = {
    series: seriesKey(series),
    key: JSON.stringify(Object.fromEntries(shown.slice(0, table.keyLength))),
    replacedAtMs: extractedAtMs,
    row: JSON.stringify({ ...Object.fromEntries(shown), ...stamps }),
  }
  const id = JSON.stringify([replaced.series, replaced.key, extractedAtMs])
  if (!database.replaced.has(id)) database.replaced.set(id, replaced)
}

const isoText = (ms: Value): string => new Date(Number(ms)).toISOString()

function recordLedger(database: MemoryDatabase, key: string, news: readonly LedgerRow[]): void {
  if (news.length === 0) return
  const stored = database.ledger.get(key) ?? []
  const change = record(stored, news)
  const replaced = new Set([...change.remove, ...change.put.map((row) => row.startMs)])
  const kept = stored.filter((row) => !replaced.has(row.startMs))
  database.ledger.set(
    key,
    [...kept, ...change.put].sort((a, b) => a.startMs - b.startMs),
  )
}

const valuesAt = (rows: Rows, i: number): Value[] => rows.columns.map((column) => column[i] ?? null)

function rowsOf(database: MemoryDatabase, series: Series, table: Table): SeriesRows {
  const ofTable = database.rows.get(table.name) ?? new Map<string, SeriesRows>()
  database.rows.set(table.name, ofTable)
  const rows = ofTable.get(seriesKey(series)) ?? new Map<string, StoredRow>()
  ofTable.set(seriesKey(series), rows)
  return rows
}

function sorted(database: MemoryDatabase, series: Series, table: Table): readonly StoredRow[] {
  const rows = database.rows.get(table.name)?.get(seriesKey(series))
  return [...(rows?.values() ?? [])].sort((a, b) => timeOf(a, table) - timeOf(b, table))
}

/** The rows of a series in the order of their key. */
function byKey(database: MemoryDatabase, series: Series, table: Table): readonly StoredRow[] {
  const rows = sorted(database, series, table)
  if (table.columns[0]?.kind !== 'id') return rows
  return [...rows].sort((a, b) => Number(BigInt(idOf(a)) - BigInt(idOf(b))))
}

const toRows = (table: Table, rows: readonly StoredRow[]): Rows => ({
  count: rows.length,
  columns: table.columns.map((_, i) => rows.map(({ values }) => values[i] ?? null)),
})

const idOf = (row: StoredRow): string => String(row.values[0])

function ends(rows: readonly StoredRow[], table: Table): Ends | null {
  const [first, last] = [rows[0], rows.at(-1)]
  if (!first || !last) return null
  const id = (row: StoredRow): string | null => (table.columns[0]?.kind === 'id' ? idOf(row) : null)
  return {
    firstMs: timeOf(first, table),
    lastMs: timeOf(last, table),
    firstId: id(first),
    lastId: id(last),
  }
}

/** The time of a stored row, epoch ms. */
export const timeOf = (row: StoredRow, table: Table): number => Number(row.values[table.timeColumn])

function within(rows: readonly StoredRow[], table: Table, span: Span): readonly StoredRow[] {
  return rows.filter((row) => timeOf(row, table) >= span.startMs && timeOf(row, table) < span.endMs)
}

function holding(rows: readonly StoredRow[], table: Table): Holding | null {
  const [first] = rows
  const last = rows.at(-1)
  if (!first || !last) return null
  const bySource = (['rest', 'archive'] as const)
    .map((source) => ({ source, rows: rows.filter((row) => row.source === source).length }))
    .filter((count) => count.rows > 0)
  return { firstMs: timeOf(first, table), lastMs: timeOf(last, table), rows: rows.length, bySource }
}
