// Whether a table that is there under one of our names is ours: its columns, its key, and nothing on it that
// refuses what we write. What SQLite does not list (a CHECK, what a trigger does) shows at the write only.
import type { Database } from 'bun:sqlite'
import type { Column, ColumnKind } from '../../core/dataset.ts'
import { refuseAddition, refuseForeignShape } from '../schema.ts'

/** The declared type of a column of each kind. */
export const affinity: Readonly<Record<ColumnKind, 'TEXT' | 'INTEGER'>> = {
  text: 'TEXT',
  decimal: 'TEXT',
  time: 'INTEGER',
  integer: 'INTEGER',
  id: 'INTEGER',
  flag: 'INTEGER',
}

export type Shape = {
  readonly name: string
  readonly columns: readonly Column[]
  readonly key: readonly string[]
}

/** What bears that name, as SQLite calls it; null where nothing does. Names of triggers are their own. */
export function kindOf(database: Database, name: string): string | null {
  return (
    database
      .query<{ type: string }, [string]>(
        "SELECT type FROM sqlite_schema WHERE name = ? COLLATE NOCASE AND type <> 'trigger'",
      )
      .get(name)?.type ?? null
  )
}

/**
 * True when the table exists with our columns and key, false when nothing has its name; throws when it is
 * another's, or refuses what we write.
 */
export function checkShape(database: Database, shape: Shape, place: string): boolean {
  const kind = kindOf(database, shape.name)
  if (kind === null) return false
  if (kind !== 'table') refuseForeignShape(shape.name, `it is ${aKind(kind)}`, place)
  const found = foundColumns(database, shape.name)
  refuseForeignColumns(shape, found, place)
  const key = found.filter((column) => column.pk > 0).sort((a, b) => a.pk - b.pk)
  if (key.map((column) => column.name).join() !== shape.key.join()) {
    refuseForeignShape(shape.name, `its primary key is not (${shape.key.join(', ')})`, place)
  }
  refuseUniqueIndex(database, shape, place)
  return true
}

/** A kind that kindOf gave, with its article. */
export function aKind(kind: string): string {
  return kind === 'index' ? 'an index' : `a ${kind}`
}

type FoundColumn = {
  readonly name: string
  readonly type: string
  readonly pk: number
  /** NOT NULL, and nothing that fills it in. */
  readonly required: number
  /** Computed from other columns, so that nobody can write to it. */
  readonly computed: number
}

function foundColumns(database: Database, table: string): readonly FoundColumn[] {
  return database
    .query<FoundColumn, [string]>(
      'SELECT name, type, pk, "notnull" AND dflt_value IS NULL AND hidden = 0 AS required, ' +
        'hidden > 1 AS computed FROM pragma_table_xinfo(?)',
    )
    .all(table)
}

function refuseForeignColumns(shape: Shape, found: readonly FoundColumn[], place: string): void {
  for (const column of shape.columns) {
    const match = found.find((candidate) => candidate.name === column.name)
    if (!match) refuseForeignShape(shape.name, `it has no column ${column.name}`, place)
    const type = affinity[column.kind]
    if (match.type.toUpperCase() !== type)
      refuseForeignShape(shape.name, `its column ${column.name} is ${match.type}, not ${type}`, place)
    if (match.computed) refuseForeignShape(shape.name, `its column ${column.name} is computed`, place)
  }
  const foreign = found.find(
    (column) => column.required && !shape.columns.some(({ name }) => name === column.name),
  )
  if (foreign) {
    const what = `its column ${foreign.name} may not be null, and petrosa does not fill it`
    refuseForeignShape(shape.name, what, place)
  }
}

/**
 * A unique index of somebody else's is refused before it does harm: where rows are put in place of those of
 * the same key, SQLite would take away whatever else stands in the way.
 */
function refuseUniqueIndex(database: Database, shape: Shape, place: string): void {
  const indexes = database
    .query<{ name: string; origin: string; columns: string }, [string]>(
      'SELECT name, origin, (SELECT json_group_array(name) FROM pragma_index_info(list.name)) AS columns ' +
        `FROM pragma_index_list(?) AS list WHERE "unique" AND origin <> 'pk'`,
    )
    .all(shape.name)
  for (const { name, origin, columns } of indexes) {
    const names = JSON.parse(columns) as (string | null)[]
    // What holds the whole key is as unique as the key.
    if (shape.key.every((column) => names.includes(column))) continue
    const list = names.map((column) => column ?? 'an expression').join(', ')
    const what = origin === 'u' ? `a constraint UNIQUE (${list})` : `a unique index ${name} (${list})`
    refuseAddition(shape.name, what, place)
  }
}
