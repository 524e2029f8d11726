// Where the simulation of gaps keeps its rows, and how holes are punched into it past the store: a database
// in memory, or a fresh one on any kind of store that the tests have.
import { type Table, timeName } from '../../src/core/dataset.ts'
import { type Series, seriesKey } from '../../src/core/series.ts'
import type { Span } from '../../src/core/span.ts'
import type { Store } from '../../src/core/store.ts'
import { emptyMemoryDatabase, openMemoryStore } from './memory-store.ts'
import type { TestDatabase } from './test-database.ts'

export type GapBed = {
  readonly store: Store
  /** Deletes the rows of a series whose time lies in `span`. */
  deleteRows(series: Series, table: Table, span: Span): Promise<void>
  /** Deletes the ledger rows of a series that begin in `span`. */
  deleteLedger(series: Series, span: Span): Promise<void>
  close(): Promise<void>
}

/** A bed that is only in memory, with writes of so many rows. */
export function memoryBed(batchRows: number): GapBed {
  const database = emptyMemoryDatabase()
  return {
    store: openMemoryStore(() => database, { readOnly: false, batchRows }),
    deleteRows: async (series, table, span) => {
      const rows = database.rows.get(table.name)?.get(seriesKey(series))
      for (const [key, { values }] of rows ?? []) {
        const timeMs = Number(values[table.timeColumn])
        if (timeMs >= span.startMs && timeMs < span.endMs) rows?.delete(key)
      }
    },
    deleteLedger: async (series, span) => {
      const kept = (database.ledger.get(seriesKey(series)) ?? []).filter(
        ({ startMs }) => startMs < span.startMs || startMs >= span.endMs,
      )
      database.ledger.set(seriesKey(series), kept)
    },
    close: async () => {},
  }
}

/** A bed in a fresh database. */
export async function freshBed(database: TestDatabase, batchRows: number | null): Promise<GapBed> {
  const fresh = await database.fresh()
  const store = await database.open({ uri: fresh.uri, readOnly: false, batchRows })
  return {
    store,
    ...punches(database, fresh.uri),
    close: async () => {
      await store.close()
      await fresh.drop()
    },
  }
}

/** Deletions in the database at `uri`, past the store. */
export function punches(database: TestDatabase, uri: string): Pick<GapBed, 'deleteRows' | 'deleteLedger'> {
  const text = (value: string): string => `'${value}'`
  const time = timeText[database.kind] ?? String
  return {
    deleteRows: (series, table, span) => {
      const { market, symbol } = series
      const name = timeName(table)
      if (database.kind === 'mongodb')
        return database.exec(uri, mongoDelete(table.name, { market, symbol }, name, span))
      const where = `market = ${text(market)} AND symbol = ${text(symbol)}`
      const bounds = `${name} >= ${time(span.startMs)} AND ${name} < ${time(span.endMs)}`
      return database.exec(uri, `DELETE FROM ${table.name} WHERE ${where} AND ${bounds}`)
    },
    deleteLedger: (series, span) => {
      const key = seriesKey(series)
      if (database.kind === 'mongodb')
        return database.exec(uri, mongoDelete('petrosa_coverage', { series: key }, 'start_time', span))
      const bounds = `start_time >= ${time(span.startMs)} AND start_time < ${time(span.endMs)}`
      return database.exec(uri, `DELETE FROM petrosa_coverage WHERE series = ${text(key)} AND ${bounds}`)
    },
  }
}

/** A time as each kind of store writes it. */
const timeText: Readonly<Record<string, (timeMs: number) => string>> = {
  sqlite: String,
  postgresql: (timeMs) => `'${new Date(timeMs).toISOString()}'`,
  mysql: (timeMs) => `'${new Date(timeMs).toISOString().replace('T', ' ').replace('Z', '')}'`,
}

/** A command in extended JSON that deletes the documents with these fields and a time in `span`. */
function mongoDelete(
  collection: string,
  fields: Readonly<Record<string, string>>,
  time: string,
  { startMs, endMs }: Span,
): string {
  const date = (timeMs: number): string => `{"$date": "${new Date(timeMs).toISOString()}"}`
  const equal = Object.entries(fields).map(([name, value]) => `"${name}": ${JSON.stringify(value)}`)
  const query = [...equal, `"${time}": {"$gte": ${date(startMs)}, "$lt": ${date(endMs)}}`].join(', ')
  return `{"delete": "${collection}", "deletes": [{"q": {${query}}, "limit": 0}]}`
}
