// The tables and the ledger of the PostgreSQL store: made where they are missing, checked where they exist. A
// table that exists may be partitioned (relkind p) or a hypertable: only its columns and its key count.
import { allColumns, type Column, keyNames, type Table, timeName } from '../../core/dataset.ts'
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
import { arrayText } from './array-text.ts'
import { lockSchema } from './locks.ts'
import type { Session } from './session.ts'
import { inTransaction } from './transaction.ts'
import { columnTypes, holdsKind } from './types.ts'

type Shape = { readonly name: string; readonly columns: readonly Column[]; readonly key: readonly string[] }

/** Each raises the schema by one; applied in order, in the transaction that records it. */
const migrations: readonly (readonly string[])[] = [
  // The ledger's rows are rewritten in place as spans grow; room in each page keeps that off the index.
  [`${createTable(coverageTable)} WITH (fillfactor = 70)`],
  [createTable(archivesTable), createTable(replacedTable)],
  // Renewed every few seconds, in place as long as there is room.
  [`${createTable(leasesTable)} WITH (fillfactor = 50)`],
]

/** The tables for the program's own use. */
export const ownShapes: readonly Shape[] = [
  ...[schemaTable, coverageTable, archivesTable, replacedTable],
  leasesTable,
]

/**
 * Checks what is there and, with `create`, makes what is missing, in one transaction and one process at a
 * time. Throws UserError for a table that is not ours and for a newer schema, and what the server throws.
 */
export async function prepareSchema(
  session: Session,
  tables: readonly Table[],
  create: boolean,
  place: string,
): Promise<void> {
  const shapes = tables.map(shapeOf)
  const state = await inTransaction(session, 'read', () => schemaState(session, shapes, place))
  // Where nothing is missing nothing is locked, and no right to create is needed.
  if (!create || (state.version === SCHEMA_VERSION && state.missing.size === 0)) return
  await inTransaction(session, 'write', async () => {
    await lockSchema(session)
    // Another process may have made it all while this one waited.
    const { version, missing } = await schemaState(session, shapes, place)
    if (missing.has(SCHEMA_TABLE)) await session.run(createTable(schemaTable))
    for (const [i, statements] of migrations.entries()) {
      if (i < version) continue
      for (const statement of statements) await session.run(statement)
      await session.run(`INSERT INTO ${SCHEMA_TABLE} (version, applied_at) VALUES (${i + 1}, now())`)
    }
    for (const [i, shape] of shapes.entries()) {
      const table = tables[i]
      if (table && missing.has(shape.name))
        await session.run(`${createTable(shape)}; ${createTimeIndex(table)}`)
    }
  })
}

/** The schema's version (0: none). Throws UserError for a table that is not ours and for a newer schema. */
export async function checkSchema(
  session: Session,
  tables: readonly Table[],
  place: string,
): Promise<number> {
  const { version } = await schemaState(session, tables.map(shapeOf), place)
  return version
}

function shapeOf(table: Table): Shape {
  return { name: table.name, columns: allColumns(table), key: keyNames(table) }
}

/**
 * The schema's version (0: none) and which of our tables are missing. Throws UserError for what is not ours.
 */
async function schemaState(
  session: Session,
  shapes: readonly Shape[],
  place: string,
): Promise<{ readonly version: number; readonly missing: ReadonlySet<string> }> {
  const all = [...ownShapes, ...shapes]
  const found = await foundColumns(
    session,
    all.map((shape) => shape.name),
  )
  const missing = new Set<string>()
  for (const shape of all) {
    const columns = found.get(shape.name)
    if (columns) checkShape(shape, columns, place)
    else missing.add(shape.name)
  }
  await refuseUniqueIndexes(session, [...found.keys()], place)
  const version = missing.has(SCHEMA_TABLE) ? 0 : await schemaVersion(session)
  refuseNewerSchema(version, `the ${place}`)
  return { version, missing }
}

/** The highest recorded schema version; 0 when the record is empty. Throws 42P01 where there is no record. */
export async function schemaVersion(session: Session): Promise<number> {
  const { rows } = await session.run(`SELECT coalesce(max(version), 0) FROM ${SCHEMA_TABLE}`)
  return Number(rows[0]?.[0] ?? 0)
}

/** Which of `names` exist where the session looks for tables. */
export async function existingTables(
  session: Session,
  names: readonly string[],
): Promise<ReadonlySet<string>> {
  const { rows } = await session.run(
    'SELECT name FROM unnest($1::text[]) AS wanted (name) WHERE to_regclass(quote_ident(name)) IS NOT NULL',
    [arrayText('text', names)],
  )
  return new Set(rows.map(([name]) => String(name)))
}

type FoundColumn = {
  readonly relation: string
  readonly name: string
  readonly type: string
  /** NOT NULL, and nothing that fills it in. */
  readonly required: boolean
  readonly keyPosition: number | null
}

/** The columns of each relation of `names` that exists, in order. */
async function foundColumns(session: Session, names: readonly string[]): Promise<Map<string, FoundColumn[]>> {
  const { rows } = await session.run(
    `SELECT wanted.name, c.relkind, a.attname, format_type(a.atttypid, a.atttypmod),
      a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AND a.attgenerated = '',
      array_position(i.indkey::int2[], a.attnum)
    FROM unnest($1::text[]) AS wanted (name)
    JOIN pg_class c ON c.oid = to_regclass(quote_ident(wanted.name))
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
    ORDER BY wanted.name, a.attnum`,
    [arrayText('text', names)],
  )
  const found = new Map<string, FoundColumn[]>()
  for (const [table, relation, name, type, required, position] of rows) {
    const columns = found.get(String(table)) ?? []
    const keyPosition = position === null ? null : Number(position)
    columns.push({
      relation: String(relation),
      name: String(name),
      type: String(type),
      required: required === true,
      keyPosition,
    })
    found.set(String(table), columns)
  }
  return found
}

/** Throws UserError unless `found` has our columns and key, and asks for nothing that we do not write. */
function checkShape(shape: Shape, found: readonly FoundColumn[], place: string): void {
  const refuse = (why: string): never => refuseForeignShape(shape.name, why, `the ${place}`)
  const relation = found[0]?.relation
  if (relation !== 'r' && relation !== 'p') refuse('it is a view or a foreign table')
  for (const { name, kind } of shape.columns) {
    const column = found.find((candidate) => candidate.name === name)
    if (!column) refuseForeignShape(shape.name, `it has no column ${name}`, `the ${place}`)
    if (!holdsKind(column.type, kind))
      refuse(`its column ${name} is ${column.type}, not ${columnTypes[kind]}`)
  }
  const foreign = found.find(
    (column) => column.required && !shape.columns.some(({ name }) => name === column.name),
  )
  if (foreign) refuse(`its column ${foreign.name} may not be null, and petrosa does not fill it`)
  const key = found.flatMap(({ name, keyPosition }) => (keyPosition === null ? [] : [{ name, keyPosition }]))
  key.sort((a, b) => a.keyPosition - b.keyPosition)
  if (key.map(({ name }) => name).join() !== shape.key.join())
    refuse(`its primary key is not (${shape.key.join(', ')})`)
}

/**
 * Throws UserError for a unique index of somebody else's on one of our tables, before a row that it refuses
 * has been fetched. One that holds the whole key is as unique as the key.
 */
async function refuseUniqueIndexes(
  session: Session,
  tables: readonly string[],
  place: string,
): Promise<void> {
  const { rows } = await session.run(
    `SELECT wanted.name, u.indexrelid::regclass::text,
      (SELECT string_agg(pg_get_indexdef(u.indexrelid, n, true), ', ' ORDER BY n)
        FROM generate_series(1, u.indnkeyatts) AS n)
    FROM unnest($1::text[]) AS wanted (name)
    JOIN pg_index u ON u.indrelid = to_regclass(quote_ident(wanted.name)) AND u.indisunique
    JOIN pg_index k ON k.indrelid = u.indrelid AND k.indisprimary AND k.indexrelid <> u.indexrelid
    WHERE NOT (u.indkey::int2[])[0 : u.indnkeyatts - 1] @> k.indkey::int2[]
    ORDER BY 1, 2`,
    [arrayText('text', tables)],
  )
  for (const [table, name, columns] of rows)
    refuseAddition(String(table), `a unique index ${name} (${columns})`, `the ${place}`)
}

function createTable(shape: Shape): string {
  const columns = shape.columns.map(
    (column) => `${column.name} ${columnTypes[column.kind]}${column.nullable ? '' : ' NOT NULL'}`,
  )
  const key = `PRIMARY KEY (${shape.key.join(', ')})`
  return `CREATE TABLE IF NOT EXISTS ${shape.name} (${[...columns, key].join(', ')})`
}

/**
 * Where the key does not hold the time (trades), a block range index finds a span: rows come in order of
 * time, so it stays tiny.
 */
function createTimeIndex(table: Table): string {
  if (table.timeColumn < table.keyLength) return ''
  return `CREATE INDEX ON ${table.name} USING brin (${timeName(table)}) WITH (autosummarize = on)`
}
