// The collections, their indexes and the recorded version: made where they are missing, checked where they
// exist. Making one that is there is no error to MongoDB, so that many processes may prepare at once.
import { type Document, MongoServerError } from 'mongodb'
import { allColumns, keyNames, type Table, timeName } from '../../core/dataset.ts'
import { archivesTable } from '../archives.ts'
import { leasesTable } from '../leases.ts'
import { replacedTable } from '../replaced.ts'
import {
  coverageTable,
  type OwnTable,
  refuseForeignShape,
  refuseNewerSchema,
  SCHEMA_TABLE,
  SCHEMA_VERSION,
} from '../schema.ts'
import { idFields } from './document.ts'
import { DUPLICATE_KEY, serverCode } from './errors.ts'
import { eachInFlight } from './flight.ts'
import {
  hasRule,
  type Index,
  isOwnIndex,
  refuseForeignIndexes,
  refuseForeignOptions,
  refuseForeignSample,
  type Shape,
} from './foreign.ts'
import type { Connection } from './open.ts'

/** In the order of the versions of the schema that brought them: the ledger with 1, the leases with 3. */
const ownTables: readonly OwnTable[] = [coverageTable, archivesTable, replacedTable, leasesTable]

/** An index of the same name or fields exists with other options. */
const indexConflictCodes = [85, 86]

const schemaShape: Shape = {
  name: SCHEMA_TABLE,
  id: [],
  fields: ['version'],
  key: ['version'],
  index: [],
}

function shapesOf(tables: readonly Table[]): readonly Shape[] {
  const own = ownTables.map(({ name, columns, key }) => ({
    name,
    id: key,
    fields: columns.map((column) => column.name),
    key,
    index: key,
  }))
  const data = tables.map((table) => ({
    name: table.name,
    id: idFields(table),
    fields: allColumns(table).map((column) => column.name),
    key: keyNames(table),
    index: ['symbol', timeName(table)],
  }))
  return [schemaShape, ...own, ...data]
}

/** What is there of ours. */
export type Found = {
  /** The recorded version of the schema; 0 when there is none. */
  readonly version: number
  /** The names of our collections that exist, of those that have our index, and of those with a rule. */
  readonly present: ReadonlySet<string>
  readonly indexed: ReadonlySet<string>
  readonly ruled: ReadonlySet<string>
}

/** Makes what is missing and checks what is there. Throws UserError for what is not ours. */
export async function prepareSchema(connection: Connection, tables: readonly Table[]): Promise<void> {
  const { version, indexed } = await checkTables(connection, tables)
  if (connection.readOnly) return
  const bare = shapesOf(tables).filter(({ name, index }) => index.length > 0 && !indexed.has(name))
  await eachInFlight(bare, (shape) => makeIndex(connection, shape))
  for (let made = version + 1; made <= SCHEMA_VERSION; made += 1) await recordVersion(connection, made)
}

async function recordVersion(connection: Connection, version: number): Promise<void> {
  const stamp = { version, applied_at: new Date(connection.clock.nowMs()) }
  const filter: Document = { _id: version }
  await connection.write(SCHEMA_TABLE, async () => {
    try {
      await connection.database
        .collection(SCHEMA_TABLE)
        .updateOne(filter, { $setOnInsert: stamp }, { upsert: true })
    } catch (error) {
      // Another process was faster, with the same version.
      if (serverCode(error) !== DUPLICATE_KEY) throw error
    }
  })
}

/**
 * The highest schema version recorded in the database; 0 when there is none. Throws UserError for a newer
 * one, and where somebody else's document stands above ours.
 */
export async function schemaVersion({ database, place, run }: Connection): Promise<number> {
  const [newest] = await run(() =>
    database.collection(SCHEMA_TABLE).find().sort({ _id: -1 }).limit(1).toArray(),
  )
  if (!newest) return 0
  const version = Number(newest.version)
  if (Number(newest._id) !== version) {
    refuseForeignShape(SCHEMA_TABLE, 'it holds a document that is no version of a schema', place)
  }
  refuseNewerSchema(version, place)
  return version
}

/**
 * What is there of our collections. Throws UserError when one is of another shape, and for a newer schema.
 */
export async function checkTables(connection: Connection, tables: readonly Table[]): Promise<Found> {
  const { database, place, run } = connection
  const shapes = shapesOf(tables)
  const names = shapes.map(({ name }) => name)
  const listed = await run(() => database.listCollections({ name: { $in: names } }).toArray())
  const infos = new Map(listed.map((info) => [info.name, info]))
  const versions = infos.get(SCHEMA_TABLE)
  // Before the shapes: those of a newer schema may be others.
  if (versions) refuseForeignOptions(versions, place)
  const version = versions ? await schemaVersion(connection) : 0
  const indexed = new Set<string>()
  await eachInFlight(shapes, async (shape) => {
    const info = infos.get(shape.name)
    if (!info) return
    refuseForeignOptions(info, place)
    const collection = database.collection(shape.name)
    const [sample, indexes] = await Promise.all([
      run(() => collection.findOne()),
      run(async (): Promise<Index[]> => collection.listIndexes().toArray()),
    ])
    if (sample) refuseForeignSample(shape, sample, place)
    refuseForeignIndexes(shape, indexes, place)
    if (indexes.some((index) => isOwnIndex(shape, index))) indexed.add(shape.name)
  })
  const ruled = new Set(listed.filter(hasRule).map(({ name }) => name))
  return { version, present: new Set(infos.keys()), indexed, ruled }
}

/** Makes a collection with its one index; either may be there by now. */
async function makeIndex(connection: Connection, shape: Shape): Promise<void> {
  const index = Object.fromEntries(shape.index.map((field) => [field, 1 as const]))
  try {
    await connection.run(() => connection.database.collection(shape.name).createIndex(index))
  } catch (error) {
    const cause = error instanceof MongoServerError ? error.code : undefined
    if (typeof cause !== 'number' || !indexConflictCodes.includes(cause)) throw error
    refuseForeignShape(shape.name, `it has another index on (${shape.index.join(', ')})`, connection.place)
  }
}
