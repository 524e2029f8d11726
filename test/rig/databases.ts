// Finds a database for every store that the program has: by a URI from the environment, else a server of our
// own. What cannot be had is said aloud, and is a failure in continuous integration: an untested store looks
// like a tested one.
import type { StoreKind } from '../../src/core/store.ts'
import { stores } from '../../src/stores/all.ts'
import { mongodbDatabase } from './mongodb-database.ts'
import { mysqlDatabase } from './mysql-database.ts'
import { postgresqlDatabase } from './postgresql-database.ts'
import { type StartedServer, startMariadb, startMongodb, startPostgresql } from './servers.ts'
import { sqliteDatabase } from './sqlite-database.ts'
import type { TestDatabase } from './test-database.ts'

type Place = {
  readonly label: string
  readonly kind: StoreKind
  /** The variable that names a server whose user may create and drop databases. */
  readonly variable: string
  /** What to install so that the tests start a server themselves; null where they cannot. */
  readonly install: string | null
  readonly start: () => Promise<StartedServer | null>
  readonly database: (uri: string) => TestDatabase
}

const places: readonly Place[] = [
  {
    label: 'postgresql',
    kind: 'postgresql',
    variable: 'TEST_POSTGRESQL_URI',
    install: 'postgresql',
    start: startPostgresql,
    database: postgresqlDatabase,
  },
  {
    label: 'mariadb',
    kind: 'mysql',
    variable: 'TEST_MARIADB_URI',
    install: 'mariadb-server',
    start: startMariadb,
    database: (uri) => mysqlDatabase('mariadb', uri),
  },
  {
    label: 'mysql',
    kind: 'mysql',
    variable: 'TEST_MYSQL_URI',
    install: null,
    start: async () => null,
    database: (uri) => mysqlDatabase('mysql', uri),
  },
  {
    label: 'mongodb',
    kind: 'mongodb',
    variable: 'TEST_MONGODB_URI',
    install: 'mongod',
    start: startMongodb,
    database: mongodbDatabase,
  },
]

/** A store that cannot be tested here, and what to do about it. */
export type MissingDatabase = { readonly label: string; readonly advice: string }

export type FoundDatabases = {
  readonly found: readonly TestDatabase[]
  readonly missing: readonly MissingDatabase[]
  /** Stops the servers that were started here. */
  stop(): Promise<void>
}

/**
 * A database for each store in src/stores/all.ts whose label `fits`. Warns of each that is missing; a server
 * that is there and does not start is an error.
 */
export async function findDatabases(fits: (label: string) => boolean = () => true): Promise<FoundDatabases> {
  const listed = new Set(stores.map((store) => store.kind))
  const found: TestDatabase[] = [sqliteDatabase].filter(({ label }) => listed.has('sqlite') && fits(label))
  const missing: MissingDatabase[] = []
  const started: StartedServer[] = []
  const wanted = places.filter(({ kind, label }) => listed.has(kind) && fits(label))
  // All at once, since a server takes seconds to come up.
  const servers = await Promise.all(wanted.map((place) => (Bun.env[place.variable] ? null : place.start())))
  for (const [i, place] of wanted.entries()) {
    const server = servers[i]
    if (server) started.push(server)
    const uri = Bun.env[place.variable] || server?.uri
    if (uri) found.push(place.database(uri))
    else missing.push({ label: place.label, advice: adviceFor(place) })
  }
  for (const { label, advice } of missing) console.warn(`NOT TESTED: the store on ${label}. ${advice}`)
  const stop = async (): Promise<void> => {
    await Promise.all(started.map((server) => server.stop()))
  }
  return { found, missing, stop }
}

function adviceFor({ variable, install }: Place): string {
  const uri = `Set ${variable} to the URI of a server whose user may create databases`
  return install === null ? uri : `${uri}, or install ${install}`
}
