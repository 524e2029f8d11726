// The schema of the in-memory store: which tables there are, whose they are, and who may open them.
import type { Table } from '../../src/core/dataset.ts'
import type { Finding } from '../../src/core/store.ts'
import { PetrosaError, UserError } from '../../src/errors.ts'
import { SCHEMA_VERSION } from '../../src/stores/schema.ts'
import type { MemoryDatabase } from './memory-store.ts'

const ownTables = [
  ...['petrosa_schema', 'petrosa_coverage', 'petrosa_archives', 'petrosa_replaced'],
  'petrosa_leases',
]

/** Refuses what a newer program wrote. */
export function refuseNewer(database: MemoryDatabase): void {
  if (database.version > SCHEMA_VERSION)
    throw new UserError('a newer petrosa wrote it', 'use that one or a newer one')
}

/** Makes what is missing. Throws UserError for what is not ours. */
export function prepareMemory(database: MemoryDatabase, tables: readonly Table[]): void {
  const names = ownNames(database, tables)
  database.version = SCHEMA_VERSION
  for (const name of names) database.tables.set(name, true)
}

/** What check says of it. */
export function checkMemory(database: MemoryDatabase, tables: readonly Table[]): readonly Finding[] {
  const reachable = { name: 'store reachable', ok: true, detail: 'in memory', advice: '' }
  try {
    ownNames(database, tables)
    return [reachable]
  } catch (error) {
    if (!(error instanceof PetrosaError)) throw error
    return [reachable, { name: 'store schema', ok: false, detail: error.message, advice: error.advice }]
  }
}

/** The names of all that is to be there, where nobody else has one of them. */
export function ownNames(database: MemoryDatabase, tables: readonly Table[]): readonly string[] {
  refuseNewer(database)
  const names = [...ownTables, ...tables.map((table) => table.name)]
  const foreign = names.find((name) => database.tables.get(name) === false)
  if (foreign) throw new UserError(`table ${foreign} is not petrosa's`, 'rename it')
  return names
}
