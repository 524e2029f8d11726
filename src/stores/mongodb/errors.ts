// What MongoDB and its driver say, as instructions. The driver's own text is repeated only where it helps,
// and never with the password of the URI in it.
import {
  MongoBulkWriteError,
  MongoClientClosedError,
  MongoCompatibilityError,
  MongoError,
  MongoInvalidArgumentError,
  MongoMissingCredentialsError,
  MongoMissingDependencyError,
  MongoNetworkError,
  MongoNotConnectedError,
  MongoOperationTimeoutError,
  MongoParseError,
  MongoServerError,
  MongoServerSelectionError,
  MongoTopologyClosedError,
} from 'mongodb'
import { PetrosaError, UnavailableError, UserError } from '../../errors.ts'

/** The key is taken: somebody wrote that document before. */
export const DUPLICATE_KEY = 11_000

const authenticationCodes = new Set([18, 8_000])
const UNAUTHORIZED = 13
const VALIDATION_FAILED = 121
/** No node, or too few of them, can fulfil the write concern of the URI. */
const writeConcernCodes = new Set([79, 100])
/** No name for a database, and one that differs from another only in capitals. */
const nameCodes = new Set([73, 13_297])
const diskCodes = new Set([14_031])
/** The server we talk to takes no writes: a secondary, or a primary that has just stepped down. */
const readOnlyCodes = new Set([10_107, 13_435, 10_058])
/** Out of reach, shutting down, stepping down, too slow, or in a conflict that the next try may win. */
const passingCodes = new Set([6, 7, 24, 26, 50, 64, 89, 91, 112, 189, 202, 262, 276, 9_001, 11_600, 11_602])

/** What the driver throws once its client is closed. */
const closedErrors = [MongoNotConnectedError, MongoClientClosedError, MongoTopologyClosedError]

/**
 * What went wrong itself: a bulk write wraps an error of the network or of the whole command as if the server
 * had sent it.
 */
function unwrapped(error: unknown): unknown {
  if (!(error instanceof MongoBulkWriteError)) return error
  return error.errorResponse instanceof MongoError ? error.errorResponse : error
}

/** The code of an error of the server, or 0 when it is none. */
export function serverCode(thrown: unknown): number {
  const error = unwrapped(thrown)
  if (error instanceof MongoBulkWriteError) {
    // Taken keys are no failure: what matters is what else went wrong.
    const failures = error.result.getWriteErrors()
    const other = failures.find((failure) => failure.code !== DUPLICATE_KEY)
    const code = error.result.getWriteConcernError()?.code ?? other?.code ?? failures[0]?.code ?? error.code
    return typeof code === 'number' ? code : 0
  }
  return error instanceof MongoServerError && typeof error.code === 'number' ? error.code : 0
}

/** Whether every failure of a bulk write is a taken key, so that all else of it is stored. */
export function isTaken(error: unknown): error is MongoBulkWriteError {
  if (
    !(error instanceof MongoBulkWriteError) ||
    unwrapped(error) !== error ||
    error.result.getWriteConcernError()
  )
    return false
  const failures = error.result.getWriteErrors()
  return failures.length > 0 && failures.every((failure) => failure.code === DUPLICATE_KEY)
}

/** Whether another try may succeed: the network, an election, a conflict. */
export function isPassing(thrown: unknown): boolean {
  const error = unwrapped(thrown)
  if (error instanceof PetrosaError || tlsFailure(error)) return false
  if (error instanceof MongoNetworkError || error instanceof MongoOperationTimeoutError) return true
  if (error instanceof MongoServerSelectionError) return true
  const code = serverCode(error)
  return passingCodes.has(code) || readOnlyCodes.has(code)
}

/**
 * An error of the driver or the server as an instruction; `place` names the database without a password,
 * `collection` the one that was written to. What is already one, and what points to a defect, stays as it is.
 */
export function explained(thrown: unknown, place: string, collection?: string): unknown {
  const error = unwrapped(thrown)
  if (error instanceof PetrosaError) return error
  if (!(error instanceof MongoError)) return explainedSystem(error, place)
  return (
    explainedSetting(error, place) ??
    explainedRule(error, place, collection) ??
    explainedRefusal(error, place) ??
    explainedAbsence(error, place) ??
    error
  )
}

/** What the system says before the driver gets to a server: a file is not there, a name has no records. */
function explainedSystem(error: unknown, place: string): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error
  const options = { cause: error }
  if (error.code === 'ENOENT' || error.code === 'EACCES') {
    return new UserError(
      `a file that the MongoDB URI names cannot be read (${error.message})`,
      'check tlsCAFile and tlsCertificateKeyFile in MONGODB_URI',
      options,
    )
  }
  if (/^query(Srv|Txt) /.test(error.message)) return unavailable(place, 'unknown host', options)
  return error
}

function explainedSetting(error: MongoError, place: string): PetrosaError | null {
  const options = { cause: error }
  if (error instanceof MongoMissingDependencyError) {
    return new UserError(
      `${place} asks for a way to log in or to compress that this program does not carry`,
      'use SCRAM or X.509, and zlib or no compression, in MONGODB_URI',
      options,
    )
  }
  if (error instanceof MongoCompatibilityError) {
    return new UserError(
      `${place} runs a version of MongoDB that is too old`,
      'use MongoDB 4.4 or newer',
      options,
    )
  }
  if (error instanceof MongoParseError || error instanceof MongoMissingCredentialsError) {
    return badUri(error)
  }
  // The driver refuses a dot in the name of a database, the server much else.
  const badName = error instanceof MongoInvalidArgumentError && /^Database name/.test(error.message)
  if (badName || nameCodes.has(serverCode(error))) {
    return new UserError(
      `${place} cannot be: ${error.message}`,
      'name another database in --db-uri or MONGODB_URI, of at most 63 letters, digits, _ and -',
      options,
    )
  }
  // What the driver says of the database local, which keeps a server's own affairs and is never replicated.
  if (/does not support retryable writes/.test(error.message)) {
    return new UserError(
      `${place} takes no writes that can be repeated`,
      'name another database than local in --db-uri or MONGODB_URI',
      options,
    )
  }
  if (tlsFailure(error)) {
    return new UserError(
      `no TLS connection to ${place}: its certificate is not accepted (${tlsFailure(error)})`,
      'name the authority with tlsCAFile in MONGODB_URI, and use the host name that the certificate is for',
      options,
    )
  }
  return null
}

/** A URI that the driver cannot use. Its message is left out: it may repeat a part of the URI. */
export function badUri(error: unknown): UserError {
  return new UserError(
    'the MongoDB URI cannot be read: an option that is not known, or a character that must be escaped',
    'write it as mongodb://user:password@host:27017/database, special characters of the password as %XX',
    { cause: error },
  )
}

/** The server does not say whose rule it was. */
function explainedRule(error: MongoError, place: string, collection?: string): UserError | null {
  if (serverCode(error) !== VALIDATION_FAILED) return null
  const owner = collection === undefined ? 'a collection' : `table ${collection}`
  return new UserError(
    `the validation rule of ${owner} in ${place} refuses petrosa's documents`,
    'remove that rule with collMod, or choose another database with --db-uri',
    { cause: error },
  )
}

function explainedRefusal(error: MongoError, place: string): PetrosaError | null {
  const options = { cause: error }
  const code = serverCode(error)
  if (/space quota|No space left/i.test(error.message) || diskCodes.has(code)) {
    return new UnavailableError(
      `no space left in ${place}`,
      'free some space, then run the same command again: all that was written so far is kept',
      options,
    )
  }
  if (authenticationCodes.has(code)) {
    return new UserError(
      `${place} refuses the user or the password`,
      'check both in MONGODB_URI, and authSource where the user is kept in another database',
      options,
    )
  }
  if (code === UNAUTHORIZED && /requires authentication|not authenticated/i.test(error.message)) {
    return new UserError(
      `${place} wants a login, and the URI names no user`,
      'write MONGODB_URI as mongodb://user:password@host:27017/database, with authSource where it is another',
      options,
    )
  }
  if (code === UNAUTHORIZED) {
    return new UserError(
      `the user may not do all that is needed in ${place}${refusedCommand(error)}`,
      'grant it the role readWrite on that database',
      options,
    )
  }
  if (writeConcernCodes.has(code)) {
    return new UserError(
      `${place} cannot fulfil the write concern of the URI`,
      'ask for no more members with w= in MONGODB_URI than the replica set has',
      options,
    )
  }
  if (readOnlyCodes.has(code)) {
    return new UserError(
      `${place} takes no writes: it is a secondary of a replica set`,
      'name the set with replicaSet= in MONGODB_URI, without directConnection, so that its primary is found',
      options,
    )
  }
  return null
}

/** The command that was refused, and the collection that it was for. */
function refusedCommand(error: Error): string {
  const [, command, collection] = /execute command \{ (\w+): "?(\w+)/.exec(error.message) ?? []
  return command ? ` (${command} ${collection})` : ''
}

function explainedAbsence(error: MongoError, place: string): PetrosaError | null {
  if (closedErrors.some((kind) => error instanceof kind)) {
    return new UnavailableError(`the connection to ${place} was closed`, 'run the same command again', {
      cause: error,
    })
  }
  if (!isPassing(error)) return null
  return unavailable(place, reason(error), { cause: error })
}

function unavailable(place: string, why: string, options: ErrorOptions): UnavailableError {
  return new UnavailableError(
    `${place} is not available (${why})`,
    'check that it runs, and host, port and replicaSet in MONGODB_URI, then run the same command again',
    options,
  )
}

/** Why, in a few words: the system's own code where there is one, else what the driver says. */
function reason(error: Error): string {
  for (const cause of causes(error)) {
    const code = 'code' in cause ? cause.code : undefined
    if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'unknown host'
    if (code === 'ECONNREFUSED') return 'connection refused'
    if (typeof code === 'string' && /^E[A-Z]+$/.test(code)) return code
  }
  if (error instanceof MongoServerSelectionError && error.reason?.type === 'ReplicaSetNoPrimary') {
    return 'the replica set has no primary, or has another name'
  }
  return withoutPassword(error.message)
}

/** The code of a failed TLS handshake somewhere among the causes, or null. */
function tlsFailure(error: unknown): string | null {
  for (const cause of causes(error)) {
    const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : ''
    if (/CERT|ERR_TLS|ERR_SSL|LEAF_SIGNATURE/.test(code)) return code
  }
  return null
}

/** How deep causes are followed: enough for selection, pool, socket and system. */
const CAUSES = 8

/** An error and what it came from; the driver keeps some of it in the states of the servers it tried. */
function causes(error: unknown): readonly Error[] {
  const found: Error[] = []
  const queue: unknown[] = [error]
  while (queue.length > 0 && found.length < CAUSES) {
    const next = queue.shift()
    if (!(next instanceof Error) || found.includes(next)) continue
    found.push(next)
    queue.push(next.cause)
    if (next instanceof MongoServerSelectionError) {
      for (const server of next.reason?.servers.values() ?? []) queue.push(server.error)
    }
  }
  return found
}

function withoutPassword(text: string): string {
  // All up to the last @ of the word: a password may hold one that was not escaped.
  return text.replace(/\/\/\S*@/g, '//')
}
