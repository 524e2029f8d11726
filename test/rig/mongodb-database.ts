// MongoDB for the contract suite: a database of its own for each use, on a server that a URI names.
// Statements are commands in extended JSON.
import { timeName } from '../../src/core/dataset.ts'
import { loadDriver } from './sql.ts'
import { freshName, openStore, type TestDatabase, toReplaced } from './test-database.ts'

type Document = Record<string, unknown>
type MongoDatabase = {
  command(command: Document): Promise<Document>
  dropDatabase(): Promise<boolean>
  listCollections(filter: Document): { toArray(): Promise<{ name: string }[]> }
  collection(name: string): {
    find(filter: Document): { sort(order: Document): { toArray(): Promise<Document[]> } }
  }
}
type Client = { connect(): Promise<unknown>; close(): Promise<void>; db(): MongoDatabase }
type Mongo = Record<'MongoClient', new (uri: string) => Client> & {
  BSON: { EJSON: { parse(text: string): Document } }
}

const driver = (): Promise<Mongo> => loadDriver<Mongo>('mongodb')

/** Runs `work` on the database at `uri` by the driver's own means. */
export async function onMongoDatabase<T>(
  uri: string,
  work: (database: MongoDatabase) => Promise<T>,
): Promise<T> {
  const client = new (await driver()).MongoClient(uri)
  try {
    await client.connect()
    return await work(client.db())
  } finally {
    await client.close()
  }
}

/**
 * A MongoDB URI (which may name several hosts) with another database; who logs in stays known to the old one.
 */
export function withMongoDatabase(uri: string, name: string): string {
  const [, hosts = '', old = '', query = ''] = /^([^/]+:\/\/[^/?]+)\/?([^?]*)\??(.*)$/.exec(uri) ?? []
  const parameters = new URLSearchParams(query)
  if (hosts.includes('@') && !parameters.has('authSource')) parameters.set('authSource', old || 'admin')
  return `${hosts}/${name}${parameters.size > 0 ? `?${parameters}` : ''}`
}

const timeOf = (value: unknown): number => (value instanceof Date ? value.getTime() : Number.NaN)

async function collections(uri: string): Promise<string[]> {
  const found = await onMongoDatabase(uri, (database) =>
    database.listCollections({ type: 'collection' }).toArray(),
  )
  return found
    .map(({ name }) => name)
    .filter((name) => !name.startsWith('system.'))
    .sort()
}

/**
 * The databases of the server at `server`. A MongoDB database begins to be when something is written to it.
 */
export function mongodbDatabase(server: string): TestDatabase {
  const fresh = async () => {
    const uri = withMongoDatabase(server, freshName())
    const drop = async (): Promise<void> => {
      await onMongoDatabase(uri, (database) => database.dropDatabase())
    }
    return { uri, drop }
  }
  return {
    kind: 'mongodb',
    label: 'mongodb',
    shared: true,
    open: (options) => openStore('mongodb', options),
    fresh,
    absent: fresh,
    exists: async (uri) => (await collections(uri)).length > 0,
    exec: async (uri, statement) => {
      const command = (await driver()).BSON.EJSON.parse(statement)
      await onMongoDatabase(uri, (database) => database.command(command))
    },
    tables: collections,
    stamps: async (uri, table, symbol) => {
      const time = timeName(table)
      const found = await onMongoDatabase(uri, (database) =>
        database
          .collection(table.name)
          .find({ symbol })
          .sort({ [time]: 1 })
          .toArray(),
      )
      return found.map((document) => ({
        timeMs: timeOf(document[time]),
        source: String(document.source),
        extractedAtMs: timeOf(document.extracted_at),
      }))
    },
    replaced: async (uri, series) => {
      const found = await onMongoDatabase(uri, (database) =>
        database.collection('petrosa_replaced').find({ series }).sort({ key: 1 }).toArray(),
      )
      return found.map((document) => toReplaced({ ...document, replaced: timeOf(document.replaced_at) }))
    },
    spoil: {
      newerSchema:
        '{"aggregate": "petrosa_schema", "cursor": {}, "pipeline": [{"$sort": {"_id": -1}}, {"$limit": 1}, ' +
        '{"$project": {"_id": {"$add": ["$_id", 1]}, "version": {"$add": ["$version", 1]}, ' +
        '"applied_at": 1}}, {"$merge": "petrosa_schema"}]}',
      schemaOne: [
        '{"drop": "petrosa_archives"}',
        '{"drop": "petrosa_replaced"}',
        '{"drop": "petrosa_leases"}',
        '{"delete": "petrosa_schema", "deletes": [{"q": {"_id": {"$gt": 1}}, "limit": 0}]}',
      ],
      foreignTable: (name) => `{"insert": "${name}", "documents": [{"_id": "theirs", "note": "theirs"}]}`,
      trailingZero:
        '{"update": "klines_m1", "updates": [{"q": {}, "multi": true, ' +
        '"u": {"$set": {"open_price": {"$numberDecimal": "1.50"}}}}]}',
      foreignValue:
        '{"update": "klines_m1", "updates": [{"q": {}, "multi": true, "u": {"$set": {"open_price": 1.5}}}]}',
      timeZone: null,
    },
  }
}
