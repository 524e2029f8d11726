// Opens a connection to MongoDB: what the URI says, with a bound on everything that it leaves open, and the
// one way in which all parts of the store repeat what failed for a passing reason.
import { type Db, MongoClient, type MongoClientOptions } from 'mongodb'
import { type Clock, retry } from '../../core/retry.ts'
import type { StoreOptions } from '../../core/store.ts'
import { UserError } from '../../errors.ts'
import { badUri, explained, isPassing } from './errors.ts'

/** Where a URI without a database leads. */
const DEFAULT_DATABASE = 'binance'

/**
 * Writes at once, and the commands that each has in flight: more of either brought nothing (measured on two
 * cores).
 */
export const WRITERS = 2
export const IN_FLIGHT = 2

/** Connections: every command of every writer, and two for reads beside them. */
const POOL_CONNECTIONS = WRITERS * IN_FLIGHT + 2

const SELECTION_TIMEOUT_MS = 5_000
const CONNECT_TIMEOUT_MS = 5_000
/** Longer than any count takes. A server that hangs is found sooner, by the driver's heartbeat. */
const SOCKET_TIMEOUT_MS = 600_000
const POOL_WAIT_MS = 30_000

/** Long enough for an election: each try waits up to SELECTION_TIMEOUT_MS for a primary. */
const serverPolicy = { attempts: 3, firstPauseMs: 100, longestPauseMs: 2_000 }

export type Connection = {
  readonly client: MongoClient
  readonly database: Db
  /** The database and its hosts, for messages; without user and password. */
  readonly place: string
  readonly readOnly: boolean
  readonly clock: Clock
  /**
   * Runs `work` and repeats it after a passing failure, so it must be harmless to repeat; `failed` hears of
   * each failure before that. What it throws in the end is a PetrosaError or a defect.
   */
  run<T>(work: () => Promise<T>, failed?: () => void): Promise<T>
  /** `run` for what writes to one collection, which is named where a validation rule refuses it. */
  write<T>(collection: string, work: () => Promise<T>, failed?: () => void): Promise<T>
}

/**
 * Connects. Throws UserError (URI, password, w=0, TLS) or UnavailableError (unknown host, refused, no
 * primary).
 */
export async function connect(options: StoreOptions, clock: Clock): Promise<Connection> {
  const client = createClient(options.uri, options.readOnly)
  const name = databaseName(options.uri)
  const place = `the MongoDB database ${name} at ${client.options.hosts.join(',') || client.options.srvHost}`
  if (client.options.writeConcern?.w === 0) {
    throw new UserError(
      'the MongoDB URI says w=0, which leaves unknown whether a row was stored',
      'leave w out of MONGODB_URI, or use w=1 or w=majority',
    )
  }
  try {
    // The first contact is tried once: a wrong host or password must be told at once.
    await client.connect()
    const database = client.db(name, { useBigInt64: true, bsonRegExp: true })
    await database.command({ ping: 1 })
    return {
      client,
      database,
      place,
      readOnly: options.readOnly,
      clock,
      run: (work, failed) => repeat({ work, clock, place, failed }),
      write: (collection, work, failed) => repeat({ work, clock, place, failed, collection }),
    }
  } catch (error) {
    await client.close()
    throw explained(error, place)
  }
}

type Repeated<T> = {
  readonly work: () => Promise<T>
  readonly clock: Clock
  readonly place: string
  readonly failed: (() => void) | undefined
  readonly collection?: string
}

async function repeat<T>({ work, clock, place, failed, collection }: Repeated<T>): Promise<T> {
  try {
    return await retry({
      policy: serverPolicy,
      clock,
      attempt: work,
      again: (error) => (isPassing(error) ? { atLeastMs: 0 } : false),
      told: () => failed?.(),
    })
  } catch (error) {
    throw explained(error, place, collection)
  }
}

function createClient(uri: string, readOnly: boolean): MongoClient {
  const bounds: MongoClientOptions = {
    appName: 'petrosa',
    serverSelectionTimeoutMS: SELECTION_TIMEOUT_MS,
    connectTimeoutMS: CONNECT_TIMEOUT_MS,
    socketTimeoutMS: SOCKET_TIMEOUT_MS,
    waitQueueTimeoutMS: POOL_WAIT_MS,
    maxPoolSize: POOL_CONNECTIONS,
  }
  const said = uri.toLowerCase()
  const unsaid = Object.entries(bounds).filter(([name]) => !said.includes(`${name.toLowerCase()}=`))
  try {
    return new MongoClient(uri, {
      ...Object.fromEntries(unsaid),
      // What was just written must be seen: gaps would be found where a secondary lags. A plan may read
      // anywhere.
      ...(readOnly ? {} : { readPreference: 'primary' }),
    })
  } catch (error) {
    throw badUri(error)
  }
}

/** The database that a URI names after its hosts, or the default. */
export function databaseName(uri: string): string {
  const path = /^mongodb(?:\+srv)?:\/\/[^/?]*\/([^?]*)/.exec(uri)?.[1]
  return path ? decodeURIComponent(path) : DEFAULT_DATABASE
}
