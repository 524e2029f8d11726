// MongoDB under measurement; its ceiling is the driver's bare insertMany of documents that are ready before
// the clock starts, with strings for decimals, into a collection with the same index.
import type { Document } from 'mongodb'
import type { Target } from './store-bench.ts'

const TABLE = 'klines_m1'
const DATABASE = 'petrosa_bench'
const DOCUMENTS = 1_000
const AT_ONCE = 2

/** The MongoDB target on the server of `uri`, in a database of its own. */
export async function mongodbTarget(uri: string): Promise<Target> {
  const { Decimal128, MongoClient } = await import('mongodb')
  const own = new URL(uri)
  own.pathname = `/${DATABASE}`
  const client = await new MongoClient(own.href).connect()
  const database = client.db(DATABASE)
  const plain = (document: Document): Document =>
    Object.fromEntries(
      Object.entries(document).map(([name, value]) => [
        name,
        value instanceof Decimal128 ? value.toString() : value,
      ]),
    )
  let documents: Document[] = []
  return {
    name: 'mongodb',
    loader: 'bare insertMany',
    goal: 0.9,
    flags: ['--db', 'mongodb'],
    env: { MONGODB_URI: own.href },
    clear: async () => {
      await database.dropDatabase()
    },
    forget: async (everyNth) => {
      for (const { name } of await database.listCollections({ name: /^petrosa_cov/ }).toArray())
        await database.collection(name).deleteMany({})
      if (everyNth === 0) return
      const minute = { $toLong: { $divide: [{ $toLong: '$open_time' }, 60_000] } }
      await database
        .collection(TABLE)
        .updateMany({ $expr: { $eq: [{ $mod: [minute, everyNth] }, 0] } }, [
          { $set: { volume: { $add: ['$volume', Decimal128.fromString('0.001')] } } },
        ])
    },
    load: async () => {
      // Made once: a million of them takes longer to read than to write.
      if (documents.length === 0) documents = (await database.collection(TABLE).find().toArray()).map(plain)
      const loaded = database.collection('loaded')
      await loaded.createIndex({ symbol: 1, open_time: 1 })
      let from = 0
      const startedMs = performance.now()
      const insert = async (): Promise<void> => {
        while (from < documents.length) {
          const batch = documents.slice(from, from + DOCUMENTS)
          from += DOCUMENTS
          await loaded.insertMany(batch, { ordered: false })
        }
      }
      await Promise.all(Array.from({ length: AT_ONCE }, insert))
      const seconds = (performance.now() - startedMs) / 1_000
      await loaded.drop()
      return seconds
    },
    close: async () => {
      await database.dropDatabase()
      await client.close()
    },
  }
}
