// The schema of the store in memory: which tables are there and whose they are, and the version.
import type { Table } from '../../src/core/dataset.ts'
import type { Finding } from '../../src/core/store.ts'
import { UserError } from '../../src/errors.ts'
import type { MemoryDatabase } from './memory-store.ts'

const SCHEMA_VERSION = 3

/** Refuses a database that a newer program wrote. */
export function refuseNewer(database: MemoryDatabase): void {
  if (database.version > SCHEMA_VERSION) throw new UserError('a newer petrosa wrote it', 'use that one')
}

const ownTables = [
  ...['petrosa_schema', 'petrosa_coverage', 'petrosa_archives', 'petrosa_replaced'],
  'petrosa_leases',
]

/** Makes the tables that are missing. */
export function prepare(database: MemoryDatabase, tables: readonly Table[]): void {
  const names = refuseForeign(database, tables)
  database.version = SCHEMA_VERSION
  for (const name of names) database.tables.set(name, true)
}

/** Refuses a newer schema and tables that are not ours; gives the names of those that should be there. */
export function refuseForeign(database: MemoryDatabase, tables: readonly Table[]): readonly string[] {
  refuseNewer(database)
  const names = [...ownTables, ...tables.map((table) => table.name)]
  const foreign = names.find((name) => database.tables.get(name) === false)
  if (foreign) throw new UserError(`table ${foreign} is not petrosa's`, 'rename it')
  return names
}

/** What `check` finds about the schema. */
export function memoryFinding(database: MemoryDatabase, tables: readonly Table[]): Finding {
  try {
    refuseForeign(database, tables)
    return { name: 'store schema', ok: true, detail: 'in memory', advice: '' }
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    return { name: 'store schema', ok: false, detail: error.message, advice: error.advice }
  }
}
