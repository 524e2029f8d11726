// The tables, views and ledger of the SQLite store: made where they are missing, checked where they exist.
import type { Database } from 'bun:sqlite'
import { allColumns, type Column, type ColumnKind, keyNames, type Table } from '../../core/dataset.ts'
import { archivesTable } from '../archives.ts'
import { replacedTable } from '../replaced.ts'
import {
  COVERAGE_TABLE,
  coverageColumns,
  refuseForeignShape,
  refuseNewerSchema,
  SCHEMA_TABLE,
  SCHEMA_VERSION,
} from '../schema.ts'

const affinity: Readonly<Record<ColumnKind, 'TEXT' | 'INTEGER'>> = {
  text: 'TEXT',
  decimal: 'TEXT',
  time: 'INTEGER',
  integer: 'INTEGER',
  id: 'INTEGER',
  flag: 'INTEGER',
}

type Shape = { readonly name: string; readonly columns: readonly Column[]; readonly key: readonly string[] }

/** The tables that each version of the schema brought, in order. */
const migrations: readonly (readonly Shape[])[] = [
  [{ name: COVERAGE_TABLE, columns: coverageColumns, key: ['series', 'start_time'] }],
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
  const { version, missing } = schemaState(database, tables, place)
  if (missing.length === 0 && version === SCHEMA_VERSION) return
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
      for (const table of tables) database.run(createFloatView(table))
    })
    .immediate()
}

/** The schema's version (0: none) and what is missing of it. Throws UserError for what is not ours. */
export function schemaState(
  database: Database,
  tables: readonly Table[],
  place: string,
): { readonly version: number; readonly missing: readonly Shape[] } {
  const shapes = [
    ...migrations.flat(),
    ...tables.map((table) => ({ name: table.name, columns: allColumns(table), key: keyNames(table) })),
  ]
  const missing = shapes.filter((shape) => !checkShape(database, shape, place))
  const version = schemaVersion(database)
  refuseNewerSchema(version, place)
  return { version, missing }
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
  return database.query('SELECT 1 FROM sqlite_schema WHERE name = ?').get(name) !== null
}

/**
 * True when the table exists with our columns and key, false when it does not exist; throws when it is
 * another's.
 */
function checkShape(database: Database, shape: Shape, place: string): boolean {
  const found = database
    .query<{ name: string; type: string; pk: number }, [string]>(
      'SELECT name, type, pk FROM pragma_table_info(?)',
    )
    .all(shape.name)
  if (found.length === 0) return false
  for (const column of shape.columns) {
    const match = found.find((candidate) => candidate.name === column.name)
    if (!match) refuseForeignShape(shape.name, `it has no column ${column.name}`, place)
    if (match.type.toUpperCase() !== affinity[column.kind]) {
      refuseForeignShape(
        shape.name,
        `its column ${column.name} is ${match.type}, not ${affinity[column.kind]}`,
        place,
      )
    }
  }
  const key = found.filter((column) => column.pk > 0).sort((a, b) => a.pk - b.pk)
  if (key.map((column) => column.name).join() !== shape.key.join()) {
    refuseForeignShape(shape.name, `its primary key is not (${shape.key.join(', ')})`, place)
  }
  return true
}

function createTable(shape: Shape): string {
  const columns = shape.columns.map(
    (column) => `${column.name} ${affinity[column.kind]}${column.nullable ? '' : ' NOT NULL'}`,
  )
  const key = `PRIMARY KEY (${shape.key.join(', ')})`
  return `CREATE TABLE IF NOT EXISTS ${shape.name} (${columns.join(', ')}, ${key}) WITHOUT ROWID`
}

/** A view with numbers and readable times, for people and for tools that cannot read exact text. */
function createFloatView(table: Table): string {
  const columns = allColumns(table).map((column) => {
    if (column.kind === 'decimal') return `CAST(${column.name} AS REAL) AS ${column.name}`
    if (column.kind === 'time')
      return `strftime('%Y-%m-%d %H:%M:%f', ${column.name} / 1000.0, 'unixepoch') AS ${column.name}`
    return column.name
  })
  return `CREATE VIEW IF NOT EXISTS ${table.name}_float AS SELECT ${columns.join(', ')} FROM ${table.name}`
}
