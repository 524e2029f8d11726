// The tables of the MySQL store: made where they are missing, checked where they exist. Nothing is locked
// or changed when all is as it should be; else one process at a time works on it, under a named lock.
import type { RowDataPacket } from 'mysql2/promise'
import {
  allColumns,
  type Column,
  type ColumnKind,
  keyNames,
  type Table,
  timeName,
} from '../../core/dataset.ts'
import { archivesTable } from '../archives.ts'
import { leasesTable } from '../leases.ts'
import { replacedTable } from '../replaced.ts'
import {
  coverageTable,
  refuseAddition,
  refuseForeignShape,
  refuseNewerSchema,
  SCHEMA_TABLE,
  SCHEMA_VERSION,
  schemaTable,
} from '../schema.ts'
import { lockName, releaseLocks, takeLocks } from './ledger.ts'
import type { Session } from './session.ts'
import { quoted, timeText } from './text.ts'

/** How long to wait for another process that makes the tables; seconds. */
const SCHEMA_WAIT_S = 60

/** Everything is compared byte by byte, so that 1m and 1M, or full-width and plain digits, are different. */
export const CHARACTERS = 'CHARACTER SET utf8mb4 COLLATE utf8mb4_bin'

const types: Readonly<Record<ColumnKind, string>> = {
  text: 'varchar(128)',
  time: 'datetime(3)',
  decimal: 'decimal(38,18)',
  integer: 'bigint',
  id: 'bigint',
  flag: 'tinyint(1)',
}

/**
 * Reasons and rows are texts of any length, names of archives and keys longer than other names. Those two are
 * as long as a key on pages of 8 KiB allows, which may have 1,536 bytes, four a character.
 */
const ownTypes: Readonly<Record<string, string>> = {
  reason: 'text',
  row: 'text',
  name: 'varchar(255)',
  key: 'varchar(250)',
}

type Shape = {
  readonly name: string
  readonly columns: readonly Column[]
  readonly key: readonly string[]
  readonly index?: readonly string[]
}

/** The tables for the program's own use. */
export const ownShapes: readonly Shape[] = [
  ...[schemaTable, coverageTable, archivesTable, replacedTable],
  leasesTable,
]

/** In older row formats, which a server may have as its default, a key holds 767 bytes of a column. */
const LONG_KEYS = ' ROW_FORMAT = DYNAMIC'

/**
 * What each version of the schema brought, in order. Statements may be run again: a server does not undo
 * half a migration.
 */
const migrations: readonly { readonly version: number; readonly statements: readonly string[] }[] = [
  { version: 1, statements: [createTable(coverageTable)] },
  { version: 2, statements: [archivesTable, replacedTable].map((table) => createTable(table) + LONG_KEYS) },
  { version: 3, statements: [createTable(leasesTable)] },
]

/** Makes what is missing and checks what is there. Throws UserError for what is not ours. */
export async function prepareSchema(
  session: Session,
  database: string,
  tables: readonly Table[],
  nowMs: number,
  place: string,
): Promise<void> {
  const shapes = tables.map(shapeOf)
  const { version: found, missing } = await schemaState(session, tables, place)
  if (missing === 0 && found === SCHEMA_VERSION) return
  await takeLocks(session, [lockName(`${database}/schema`)], SCHEMA_WAIT_S)
  await session.connection.query(createTable(schemaTable))
  const version = await schemaVersion(session)
  for (const migration of migrations.filter((one) => one.version > version)) {
    for (const statement of migration.statements) await session.connection.query(statement)
    const values = [migration.version, timeText(nowMs)]
    await session.connection.query(
      `INSERT IGNORE INTO ${quoted(SCHEMA_TABLE)} (\`version\`, \`applied_at\`) VALUES (?, ?)`,
      values,
    )
  }
  for (const shape of shapes) await session.connection.query(createTable(shape))
  await releaseLocks(session)
}

/**
 * The schema's version (0: none) and how many of our tables are missing. Throws UserError for a newer schema
 * and foreign tables.
 */
export async function schemaState(
  session: Session,
  tables: readonly Table[],
  place: string,
): Promise<{ readonly version: number; readonly missing: number }> {
  const own = [...ownShapes, ...tables.map(shapeOf)]
  const found = await readShapes(session, own)
  const missing = own.filter((shape) => !checkShape(shape, found.get(shape.name), place))
  const version = missing.includes(schemaTable) ? 0 : await schemaVersion(session)
  refuseNewerSchema(version, place)
  return { version, missing: missing.length }
}

function shapeOf(table: Table): Shape {
  const key = keyNames(table)
  const time = timeName(table)
  const shape = { name: table.name, columns: allColumns(table), key }
  // Where the time is not the first of the key after the symbol, spans are found by an index of their own.
  return key[2] === time ? shape : { ...shape, index: ['market', 'symbol', time] }
}

/** The highest recorded version of the schema; 0 where none is. The table of versions must be there. */
export async function schemaVersion(session: Session): Promise<number> {
  const [rows] = await session.connection.query<RowDataPacket[]>(
    `SELECT MAX(\`version\`) AS version FROM ${quoted(SCHEMA_TABLE)}`,
  )
  return Number(rows[0]?.version ?? 0)
}

/** The names of all tables and views in the session's database. */
export async function tableNames(session: Session): Promise<ReadonlySet<string>> {
  if (!session.hasDatabase) return new Set()
  const [rows] = await session.connection.query<RowDataPacket[]>(
    'SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()',
  )
  return new Set(rows.map((row) => String(row.name)))
}

type Found = {
  readonly engine: string
  /** Columns of the primary key. */
  readonly key: string
  /** The other unique indexes. */
  readonly unique: readonly UniqueIndex[]
  readonly columns: readonly FoundColumn[]
}
type UniqueIndex = { readonly name: string; readonly columns: readonly string[] }
type FoundColumn = {
  readonly name: string
  readonly type: string
  readonly collation: string | null
  readonly needed: boolean
}

async function readShapes(session: Session, shapes: readonly Shape[]): Promise<ReadonlyMap<string, Found>> {
  const marks = shapes.map(() => '?').join(', ')
  const names = shapes.map((shape) => shape.name)
  const where = `TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN (${marks})`
  const read = async (columns: string, from: string): Promise<RowDataPacket[]> =>
    (
      await session.connection.query<RowDataPacket[]>(
        `SELECT TABLE_NAME AS tableName, ${columns} FROM information_schema.${from}`,
        names,
      )
    )[0]
  const engines = await read('ENGINE AS engine', `TABLES WHERE ${where}`)
  const keys = await read(
    'INDEX_NAME AS indexName, COLUMN_NAME AS name, SUB_PART AS part',
    `STATISTICS WHERE ${where} AND NON_UNIQUE = 0 ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX`,
  )
  const columns = await read(
    'COLUMN_NAME AS name, COLUMN_TYPE AS type, COLLATION_NAME AS collation, ' +
      "IS_NULLABLE = 'NO' AND COLUMN_DEFAULT IS NULL AND EXTRA = '' AS needed",
    `COLUMNS WHERE ${where} ORDER BY TABLE_NAME, ORDINAL_POSITION`,
  )
  const of = (rows: readonly RowDataPacket[], name: unknown) => rows.filter((row) => row.tableName === name)
  const found = engines.map((table): [string, Found] => [
    String(table.tableName),
    {
      engine: String(table.engine ?? 'view'),
      ...uniqueIndexes(of(keys, table.tableName)),
      columns: of(columns, table.tableName).map((row) => ({
        name: String(row.name),
        // Older servers say bigint(20); the width means nothing.
        type: String(row.type).replace(/^bigint\(\d+\)/, 'bigint'),
        collation: row.collation === null ? null : String(row.collation),
        needed: Number(row.needed) === 1,
      })),
    },
  ])
  return new Map(found)
}

/** The primary key and the other unique indexes of a table, from the rows that list their columns. */
function uniqueIndexes(rows: readonly RowDataPacket[]): Pick<Found, 'key' | 'unique'> {
  const columns = new Map<string, string[]>()
  for (const { indexName, name, part } of rows) {
    const list = columns.get(String(indexName)) ?? []
    // An index of an expression names no column; one of the first characters of a column is not one of it.
    list.push(name === null ? 'an expression' : `${name}${part === null ? '' : `(${part})`}`)
    columns.set(String(indexName), list)
  }
  const key = (columns.get('PRIMARY') ?? []).join(', ')
  columns.delete('PRIMARY')
  return { key, unique: [...columns].map(([name, list]) => ({ name, columns: list })) }
}

/**
 * True when the table exists with our columns and key, false when it does not exist; throws when it is
 * another's.
 */
function checkShape(shape: Shape, found: Found | undefined, place: string): boolean {
  if (!found) return false
  const refuse = (what: string): never => refuseForeignShape(shape.name, what, place)
  for (const column of shape.columns) {
    const match = found.columns.find((candidate) => candidate.name === column.name)
    const type = typeOf(column)
    if (!match) return refuse(`it has no column ${column.name}`)
    if (match.type !== type) refuse(`its column ${column.name} is ${match.type}, not ${type}`)
    if (column.kind === 'text' && match.collation !== 'utf8mb4_bin') {
      refuse(`its column ${column.name} compares as ${match.collation}, not as utf8mb4_bin`)
    }
  }
  const foreign = found.columns.find(
    (column) => column.needed && !shape.columns.some((own) => own.name === column.name),
  )
  if (foreign) refuse(`its column ${foreign.name} is not ours and demands a value`)
  if (found.key !== shape.key.join(', ')) refuse(`its primary key is not (${shape.key.join(', ')})`)
  refuseUniqueIndex(shape, found.unique, place)
  if (found.engine !== 'InnoDB') refuse(`its engine is ${found.engine}, which cannot undo half a write`)
  return true
}

/**
 * A unique index of somebody else's is refused before it does harm: the server would put a row in the place
 * of whatever row it meets there. One that holds the whole key is as unique as the key.
 */
function refuseUniqueIndex(shape: Shape, unique: readonly UniqueIndex[], place: string): void {
  const foreign = unique.find(({ columns }) => !shape.key.every((column) => columns.includes(column)))
  if (foreign)
    refuseAddition(shape.name, `a unique index ${foreign.name} (${foreign.columns.join(', ')})`, place)
}

function typeOf(column: Column): string {
  return ownTypes[column.name] ?? types[column.kind]
}

function createTable(shape: Shape): string {
  const columns = shape.columns.map(
    (column) => `${quoted(column.name)} ${typeOf(column)}${column.nullable ? ' NULL' : ' NOT NULL'}`,
  )
  const list = (names: readonly string[]): string => names.map(quoted).join(', ')
  const index = shape.index ? [`KEY \`by_time\` (${list(shape.index)})`] : []
  const parts = [...columns, `PRIMARY KEY (${list(shape.key)})`, ...index]
  const options = `ENGINE = InnoDB DEFAULT ${CHARACTERS}`
  return `CREATE TABLE IF NOT EXISTS ${quoted(shape.name)} (${parts.join(', ')}) ${options}`
}
