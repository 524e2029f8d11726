// The _float views beside the tables of data, for people and for tools that cannot read exact text. What
// somebody else has put in the place of one is refused and never dropped: it cannot be known what it is for.
import type { Database } from 'bun:sqlite'
import { allColumns, type Table } from '../../core/dataset.ts'
import { UserError } from '../../errors.ts'
import { aKind, kindOf } from './shapes.ts'

/** Makes the view of a table: numbers and readable times. */
export function createFloatView(table: Table): string {
  const columns = allColumns(table).map((column) => {
    if (column.kind === 'decimal') return `CAST(${column.name} AS REAL) AS ${column.name}`
    if (column.kind === 'time')
      return `strftime('%Y-%m-%d %H:%M:%f', ${column.name} / 1000.0, 'unixepoch') AS ${column.name}`
    return column.name
  })
  return `CREATE VIEW ${viewName(table)} AS SELECT ${columns.join(', ')} FROM ${table.name}`
}

/**
 * True when the view of a table is there, false when nothing has its name. Throws UserError when something
 * else has it; a view that gives our columns in another way serves as well.
 */
export function checkFloatView(database: Database, table: Table, place: string): boolean {
  const name = viewName(table)
  const kind = kindOf(database, name)
  if (kind === null) return false
  if (kind !== 'view') refuseForeignView(table, aKind(kind), `rename that ${kind}`, place)
  const made = database
    .query<{ sql: string }, [string]>("SELECT sql FROM sqlite_schema WHERE name = ? AND type = 'view'")
    .get(name)
  // Ours is not looked into: it cannot be read while its table is missing.
  if (made?.sql === createFloatView(table)) return true
  const columns = viewColumns(database, name)
  const lacking = allColumns(table).find((column) => !columns.includes(column.name))
  if (lacking) refuseForeignView(table, `a view without the column ${lacking.name}`, 'drop that view', place)
  return true
}

function viewName(table: Table): string {
  return `${table.name}_float`
}

/** The columns of a view; none where it cannot be read. */
function viewColumns(database: Database, name: string): readonly string[] {
  try {
    return database
      .query<{ name: string }, [string]>('SELECT name FROM pragma_table_info(?)')
      .all(name)
      .map((column) => column.name)
  } catch {
    return []
  }
}

function refuseForeignView(table: Table, what: string, advice: string, place: string): never {
  throw new UserError(
    `${viewName(table)} in ${place} is not petrosa's view of ${table.name}, but ${what}`,
    `${advice}, or choose another database with --db-uri`,
  )
}
