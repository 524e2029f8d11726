// The tables, views and ledger of the SQLite store: made where they are missing, checked where they exist
// (shapes.ts, views.ts).
import type { Database } from 'bun:sqlite'
import { allColumns, keyNames, type Table } from '../../core/dataset.ts'
import { archivesTable } from '../archives.ts'
import { replacedTable } from '../replaced.ts'
import { coverageTable, refuseNewerSchema, SCHEMA_TABLE, SCHEMA_VERSION, schemaTable } from '../schema.ts'
import { affinity, checkShape, kindOf, type Shape } from './shapes.ts'
import { checkFloatView, createFloatView } from './views.ts'

/** The tables that each version of the schema brought, in order. */
const migrations: readonly (readonly Shape[])[] = [
  [coverageTable],
  [archivesTable, replacedTable],
  // Leases, which this store has none of.
  [],
]

/**
 * Makes what is missing and checks what is there, in one transaction. Throws UserError for what is not ours.
 */
export function prepareSchema(
  database: Database,
  tables: readonly Table[],
  nowMs: number,
  place: string,
): void {
  const { version, missing, views } = schemaState(database, tables, place)
  if (missing.length === 0 && views.length === 0 && version === SCHEMA_VERSION) return
  database
    .transaction(() => {
      database.run(
        `CREATE TABLE IF NOT EXISTS ${SCHEMA_TABLE} ` +
          '(version INTEGER NOT NULL PRIMARY KEY, applied_at INTEGER NOT NULL)',
      )
      // Another process may have made it all, or more, while this one waited for the lock.
      refuseNewerSchema(schemaVersion(database), place)
      for (const shape of missing) database.run(createTable(shape))
      for (let made = version + 1; made <= migrations.length; made += 1)
        database.run(`INSERT OR IGNORE INTO ${SCHEMA_TABLE} VALUES (?, ?)`, [made, nowMs])
      for (const table of views)
        if (!checkFloatView(database, table, place)) database.run(createFloatView(table))
    })
    .immediate()
}

type SchemaState = {
  /** 0: none. */
  readonly version: number
  /** The tables that are missing. */
  readonly missing: readonly Shape[]
  /** The tables whose view is missing. */
  readonly views: readonly Table[]
}

/** The schema's version and what is missing of it. Throws UserError for what is not ours. */
export function schemaState(database: Database, tables: readonly Table[], place: string): SchemaState {
  checkShape(database, schemaTable, place)
  const version = schemaVersion(database)
  refuseNewerSchema(version, place)
  const shapes = [
    ...migrations.flat(),
    ...tables.map((table) => ({ name: table.name, columns: allColumns(table), key: keyNames(table) })),
  ]
  const missing = shapes.filter((shape) => !checkShape(database, shape, place))
  const views = tables.filter((table) => !checkFloatView(database, table, place))
  return { version, missing, views }
}

/** The highest schema version recorded in the database; 0 when there is none. */
export function schemaVersion(database: Database): number {
  if (!hasTable(database, SCHEMA_TABLE)) return 0
  const row = database
    .query<{ version: number | null }, []>(`SELECT max(version) AS version FROM ${SCHEMA_TABLE}`)
    .get()
  return row?.version ?? 0
}

/** Whether the database has a table (or view) of that name. */
export function hasTable(database: Database, name: string): boolean {
  const kind = kindOf(database, name)
  return kind === 'table' || kind === 'view'
}

function createTable(shape: Shape): string {
  const columns = shape.columns.map(
    (column) => `${column.name} ${affinity[column.kind]}${column.nullable ? '' : ' NOT NULL'}`,
  )
  const key = `PRIMARY KEY (${shape.key.join(', ')})`
  return `CREATE TABLE IF NOT EXISTS ${shape.name} (${columns.join(', ')}, ${key}) WITHOUT ROWID`
}
