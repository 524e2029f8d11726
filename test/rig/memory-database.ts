// The in-memory store as a database of the contract suite, so that the model is held to the contract too.
import { memoryStamps } from './memory-stamps.ts'
import { emptyMemoryDatabase, type MemoryDatabase, openMemoryStore } from './memory-store.ts'
import { freshName, type TestDatabase } from './test-database.ts'

const databases = new Map<string, MemoryDatabase>()

const named = (uri: string): MemoryDatabase => {
  const database = databases.get(uri)
  if (!database) throw new Error(`no database ${uri}`)
  return database
}

export const memoryDatabase: TestDatabase = {
  kind: 'sqlite',
  label: 'memory',
  shared: false,
  open: async (options) => openMemoryStore(() => databases.get(options.uri), options),
  fresh: async () => {
    const uri = freshName()
    databases.set(uri, emptyMemoryDatabase())
    return {
      uri,
      drop: async () => {
        databases.delete(uri)
      },
    }
  },
  absent: async () => ({ uri: freshName(), drop: async () => {} }),
  exists: async (uri) => databases.has(uri),
  exec: async (uri, statement) => {
    const [verb, name = ''] = statement.split(' ')
    const database = named(uri)
    if (verb === 'newer-schema') database.version += 1
    if (verb === 'schema-one') database.version = 1
    if (verb === 'drop') database.tables.delete(name)
    if (verb === 'foreign-table') database.tables.set(name, false)
    if (verb === 'nothing') return
  },
  tables: async (uri) => [...named(uri).tables.keys()].sort(),
  stamps: async (uri, table, symbol) => memoryStamps(named(uri), table, symbol),
  replaced: async (uri, series) =>
    [...named(uri).replaced.values()].filter((replaced) => replaced.series === series),
  spoil: {
    newerSchema: 'newer-schema',
    schemaOne: ['drop petrosa_archives', 'drop petrosa_replaced', 'drop petrosa_leases', 'schema-one'],
    foreignTable: (name) => `foreign-table ${name}`,
    trailingZero: 'nothing',
    foreignValue: 'nothing',
    timeZone: null,
  },
}
