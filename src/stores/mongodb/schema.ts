// The collections, their indexes and the recorded version: made where they are missing, checked where they
// exist. Making one that is there is no error to MongoDB, so that many processes may prepare at once.
import { type Document, MongoServerError } from 'mongodb'
import { allColumns, type Table, timeName } from '../../core/dataset.ts'
import { archivesTable } from '../archives.ts'
import { leasesTable } from '../leases.ts'
import { replacedTable } from '../replaced.ts'
import {
  COVERAGE_TABLE,
  coverageColumns,
  type OwnTable,
  refuseForeignShape,
  refuseNewerSchema,
  SCHEMA_TABLE,
  SCHEMA_VERSION,
} from '../schema.ts'
import { idFields } from './document.ts'
import { DUPLICATE_KEY, serverCode } from './errors.ts'
import { eachInFlight } from './flight.ts'
import type { Connection } from './open.ts'

/** In the order of the versions of the schema that brought them: the ledger with 1, the leases with 3. */
const ownTables: readonly OwnTable[] = [
  { name: COVERAGE_TABLE, columns: coverageColumns, key: ['series', 'start_time'] },
  archivesTable,
  replacedTable,
  leasesTable,
]

/** An index of the same name or fields exists with other options. */
const indexConflictCodes = [85, 86]

type Shape = {
  readonly name: string
  /** The fields of `_id` in order, and of the document. */
  readonly id: readonly string[]
  readonly fields: readonly string[]
  readonly index: readonly string[]
}

function shapesOf(tables: readonly Table[]): readonly Shape[] {
  const own = ownTables.map(({ name, columns, key }) => ({
    name,
    id: key,
    fields: columns.map((column) => column.name),
    index: key,
  }))
  const data = tables.map((table) => ({
    name: table.name,
    id: idFields(table),
    fields: allColumns(table).map((column) => column.name),
    index: ['symbol', timeName(table)],
  }))
  return [...own, ...data]
}

/** Makes what is missing and checks what is there. Throws UserError for what is not ours. */
export async function prepareSchema(connection: Connection, tables: readonly Table[]): Promise<void> {
  const version = await schemaVersion(connection)
  refuseNewerSchema(version, connection.place)
  const shapes = shapesOf(tables)
  await checkShapes(connection, shapes)
  if (connection.readOnly) return
  await eachInFlight(shapes, (shape) => makeIndex(connection, shape))
  for (let made = version + 1; made <= SCHEMA_VERSION; made += 1) await recordVersion(connection, made)
}

async function recordVersion(connection: Connection, version: number): Promise<void> {
  const stamp = { version, applied_at: new Date(connection.clock.nowMs()) }
  const filter: Document = { _id: version }
  await connection.run(async () => {
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

/** The highest schema version recorded in the database; 0 when there is none. */
export async function schemaVersion(connection: Connection): Promise<number> {
  const newest = await connection.run(() =>
    connection.database.collection(SCHEMA_TABLE).find().sort({ _id: -1 }).limit(1).toArray(),
  )
  return Number(newest[0]?.version ?? 0)
}

/**
 * The names of those of our collections that exist. Throws UserError when one is of another shape, and for a
 * newer schema.
 */
export async function checkTables(
  connection: Connection,
  tables: readonly Table[],
): Promise<readonly string[]> {
  refuseNewerSchema(await schemaVersion(connection), connection.place)
  return checkShapes(connection, shapesOf(tables))
}

async function checkShapes(connection: Connection, shapes: readonly Shape[]): Promise<readonly string[]> {
  const names = shapes.map((shape) => shape.name)
  const found = await connection.run(() =>
    connection.database.listCollections({ name: { $in: names } }).toArray(),
  )
  const present = new Map(found.map((one) => [one.name, one.type ?? 'collection']))
  await eachInFlight(
    shapes.filter((shape) => present.has(shape.name)),
    async (shape) => {
      const type = present.get(shape.name)
      if (type !== 'collection')
        refuseForeignShape(shape.name, `it is a ${type}, not a collection`, connection.place)
      const sample = await connection.run(() => connection.database.collection(shape.name).findOne())
      if (sample) checkSample(connection, shape, sample)
    },
  )
  return [...present.keys()]
}

function checkSample(connection: Connection, shape: Shape, sample: Document): void {
  const id: unknown = sample._id
  const fields =
    id !== null && typeof id === 'object' && Object.getPrototypeOf(id) === Object.prototype
      ? Object.keys(id)
      : []
  if (fields.join() !== shape.id.join()) {
    refuseForeignShape(
      shape.name,
      `the _id of its documents is not {${shape.id.join(', ')}}`,
      connection.place,
    )
  }
  const missing = shape.fields.find((field) => !(field in sample))
  if (missing !== undefined) {
    refuseForeignShape(shape.name, `its documents have no field ${missing}`, connection.place)
  }
}

/** Makes a collection with its one index; either may be there. */
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
