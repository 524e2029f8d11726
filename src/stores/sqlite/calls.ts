// What the SQLite store does, as plain calls on an open database. They run in a Worker (worker.ts): SQLite
// works while it is called, and would hold up the event loop for as long.
import type { Database } from 'bun:sqlite'
import { statSync } from 'node:fs'
import type { ArchiveRecord } from '../../core/archive.ts'
import type { Rows, Table } from '../../core/dataset.ts'
import type { IdRange } from '../../core/id.ts'
import type { LedgerRow } from '../../core/ledger.ts'
import { type Series, seriesKey } from '../../core/series.ts'
import type { Span } from '../../core/span.ts'
import type { Ends, Finding, Holding, IdPlace, Page, WriteOptions, WriteResult } from '../../core/store.ts'
import { UnavailableError } from '../../errors.ts'
import { COVERAGE_TABLE, refuseNewerSchema } from '../schema.ts'
import { readArchives } from './archives.ts'
import { checkDatabase } from './check.ts'
import type { OpenFile } from './foreign-file.ts'
import { writeKeeping } from './keep.ts'
import { countIds, ends, fromIds } from './keys.ts'
import { openDatabase } from './open.ts'
import { freePages, type SentPage, unpackPages } from './pages.ts'
import { counts, holding, knownSeries, readIds, readRows } from './scan.ts'
import { hasTable, prepareSchema, schemaState, schemaVersion } from './schema.ts'
import { readLedger, writePages } from './write.ts'

/** The calls as the store makes them; all that goes in or out can be sent from one thread to another. */
export type SqliteCalls = {
  open(path: string, readOnly: boolean): void
  /** Only checks what `open` opened to read. */
  prepare(tables: readonly Table[], nowMs: number): void
  ledger(series: readonly Series[]): readonly (readonly LedgerRow[])[]
  archives(series: readonly Series[]): readonly (readonly ArchiveRecord[])[]
  knownSeries(tables: readonly Table[]): readonly Series[]
  /** Keeps the pages of a write, by a number that its sender chooses: the sender no longer has them. */
  take(write: number, pages: readonly SentPage[]): void
  /** Writes the pages that were taken; may be tried again. */
  write(write: number, options: WriteOptions): WriteResult
  /** Forgets the pages that were taken. */
  drop(write: number): void
  holding(series: Series, table: Table): Holding | null
  counts(series: Series, table: Table, spans: readonly Span[]): readonly number[]
  ends(series: Series, table: Table): Ends | null
  countIds(series: Series, table: Table, ranges: readonly IdRange[]): readonly number[]
  fromIds(series: Series, table: Table, ids: readonly string[]): readonly (IdPlace | null)[]
  read(series: Series, table: Table, span: Span, limit: number): Rows
  readIds(series: Series, table: Table, fromId: string, limit: number): Rows
  /** `at`: the path that was asked for, which a database in memory stands in for where there is no file. */
  check(tables: readonly Table[], at: string, isThere: boolean): readonly Finding[]
  close(): void
}

/** The calls on one database, which `open` opens; they throw what SQLite throws, and PetrosaErrors. */
export function sqliteCalls(): SqliteCalls {
  let opened: OpenFile | null = null
  let place = ''
  let isPlan = false
  let path = ''
  let file: number | null = null
  const taken = new Map<number, { readonly sent: readonly SentPage[]; readonly pages: readonly Page[] }>()
  const look = <T>(work: (database: Database) => T): T => {
    if (opened) return opened.look(work)
    throw new UnavailableError(`${place} is closed`, 'open it again')
  }
  return {
    open: (at, readOnly) => {
      opened = openDatabase(at, readOnly)
      isPlan = readOnly
      path = at
      place = `the database ${path}`
      file = fileNumber(path)
    },
    prepare: (tables, nowMs) =>
      look((database) => {
        if (isPlan) schemaState(database, tables, place)
        else prepareSchema(database, tables, nowMs, place)
      }),
    ledger: (series) =>
      look((database) => {
        refuseNewerSchema(schemaVersion(database), place)
        if (!hasTable(database, COVERAGE_TABLE)) return series.map(() => [])
        return series.map((one) => readLedger(database, seriesKey(one)))
      }),
    archives: (series) =>
      look((database) => {
        refuseNewerSchema(schemaVersion(database), place)
        return readArchives(database, series.map(seriesKey))
      }),
    knownSeries: (tables) =>
      look((database) => {
        schemaState(database, tables, place)
        return knownSeries(database, tables)
      }),
    take: (write, sent) => {
      taken.set(write, { sent, pages: unpackPages(sent) })
    },
    write: (write, { keepReplaced = false, refresh = false }) => {
      if (opened && fileNumber(path) !== file) refuseLostFile(place)
      const pages = taken.get(write)?.pages ?? []
      return look((database) => (keepReplaced ? writeKeeping : writePages)(database, pages, refresh))
    },
    drop: (write) => {
      freePages(taken.get(write)?.sent ?? [])
      taken.delete(write)
    },
    holding: (series, table) => look((database) => holding(database, series, table)),
    counts: (series, table, spans) => look((database) => counts(database, series, table, spans)),
    ends: (series, table) => look((database) => ends(database, series, table)),
    countIds: (series, table, ranges) => look((database) => countIds(database, series, table, ranges)),
    fromIds: (series, table, ids) => look((database) => fromIds(database, series, table, ids)),
    read: (series, table, span, limit) => look((database) => readRows(database, series, table, span, limit)),
    readIds: (series, table, fromId, limit) =>
      look((database) => readIds(database, series, table, fromId, limit)),
    check: (tables, at, isThere) => look((database) => checkDatabase(database, tables, at, isThere)),
    close: () => {
      opened?.close()
      opened = null
      taken.clear()
    },
  }
}

/** What tells a file from another of the same name; null where there is none, as for a database in memory. */
function fileNumber(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.ino ?? null
}

/** SQLite itself goes on writing to a file that was removed, and all of it is lost. */
function refuseLostFile(place: string): never {
  throw new UnavailableError(
    `${place} was removed or replaced while it was open`,
    'put it back, or run the same command again to begin a new one',
  )
}
