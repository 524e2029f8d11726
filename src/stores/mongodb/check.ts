// What `check` finds about a MongoDB database: version and kind of deployment, whether it takes writes, which
// rights are lacking, and the limits that bound a write. Nothing is changed.
import type { Document } from 'mongodb'
import type { Table } from '../../core/dataset.ts'
import type { Finding } from '../../core/store.ts'
import { PetrosaError } from '../../errors.ts'
import type { Connection } from './open.ts'
import { checkTables } from './schema.ts'

/** What petrosa does in a database, in MongoDB's names of actions. */
const neededActions = [
  ...(['find', 'insert', 'update', 'remove', 'createIndex'] as const),
  ...(['listCollections', 'listIndexes'] as const),
]

/** Tries the database and says what was found; throws only what stands in the way of any answer. */
export async function checkDatabase(
  connection: Connection,
  tables: readonly Table[],
): Promise<readonly Finding[]> {
  const { database } = connection
  const hello = await connection.run(() => database.command({ hello: 1 }))
  const build = await connection.run(() => database.command({ buildInfo: 1 }))
  return [
    good('store reachable', `MongoDB ${build.version}, ${deployment(hello)}, ${connection.place}`),
    writable(hello),
    await rights(connection),
    limits(connection, hello),
    await schema(connection, tables),
  ]
}

const good = (name: string, detail: string): Finding => ({ name, ok: true, detail, advice: '' })

function deployment(hello: Document): string {
  if (hello.msg === 'isdbgrid') return 'a sharded cluster'
  return hello.setName === undefined ? 'a standalone server' : `replica set ${hello.setName}`
}

function writable(hello: Document): Finding {
  const name = 'store writable'
  if (hello.isWritablePrimary === true || hello.msg === 'isdbgrid')
    return good(name, 'the primary takes writes')
  return {
    name,
    ok: false,
    detail: 'this member of the replica set takes no writes',
    advice:
      'name the set with replicaSet= in MONGODB_URI, without directConnection, so that its primary is found',
  }
}

async function rights(connection: Connection): Promise<Finding> {
  const name = 'store rights'
  const status = await connection.run(() =>
    connection.database.command({ connectionStatus: 1, showPrivileges: true }),
  )
  const info: Document = status.authInfo
  if (info.authenticatedUsers.length === 0)
    return good(name, 'no user is logged in: the server decides what anyone may do')
  const granted = new Set(
    (info.authenticatedUserPrivileges as Document[])
      .filter((privilege) => covers(privilege.resource, connection.database.databaseName))
      .flatMap((privilege): string[] => privilege.actions),
  )
  const lacking = granted.has('anyAction') ? [] : neededActions.filter((action) => !granted.has(action))
  if (lacking.length === 0)
    return good(name, `the user may do all that is needed: ${neededActions.join(', ')}`)
  return {
    name,
    ok: false,
    detail: `the user lacks: ${lacking.join(', ')}`,
    advice: `grant it the role readWrite on the database ${connection.database.databaseName}`,
  }
}

/** Whether a privilege is for every collection of the database. */
function covers(resource: Document, database: string): boolean {
  if (resource.anyResource === true) return true
  return resource.collection === '' && (resource.db === '' || resource.db === database)
}

function limits(connection: Connection, hello: Document): Finding {
  const { maxPoolSize, writeConcern } = connection.client.options
  const concern = writeConcern?.w === undefined ? "the server's default" : `w=${writeConcern.w}`
  const bytes = Number(hello.maxMessageSizeBytes)
  return good(
    'store limits',
    `messages of up to ${bytes} bytes, ${hello.maxWriteBatchSize} documents a write, ` +
      `${maxPoolSize} connections, write concern ${concern}`,
  )
}

async function schema(connection: Connection, tables: readonly Table[]): Promise<Finding> {
  const name = 'store schema'
  try {
    const { version, present, ruled } = await checkTables(connection, tables)
    const data = tables.filter((table) => present.has(table.name)).length
    const made = version === 0 ? 'not made yet' : `version ${version}, ${data} collections of data`
    const rules = ruled.size === 0 ? '' : `; validation rules may refuse rows of ${[...ruled].join(', ')}`
    return good(name, made + rules)
  } catch (error) {
    if (!(error instanceof PetrosaError)) throw error
    return { name, ok: false, detail: error.message, advice: error.advice }
  }
}
