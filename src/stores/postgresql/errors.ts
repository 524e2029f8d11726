// Turns what PostgreSQL, TLS and the network say into instructions, and tells what may pass by itself.
// SQLSTATE codes: PostgreSQL documentation, appendix A.
import { PetrosaError, UnavailableError, UserError } from '../../errors.ts'
import { type Address, placeText } from './address.ts'

const REPEAT = 'then run the same command again: all that was committed is kept'

/** Where search_path names no schema that exists. */
export const NO_SCHEMA_ADVICE =
  'make it with CREATE SCHEMA, or correct search_path in the options of the URI, of the user or the database'

/** The SQLSTATE of the server, or the code of the system or the driver; '' when there is none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

/** The server was silent for longer than a statement may take. Not tried again: that was patience enough. */
export class SilentServerError extends Error {
  readonly code = 'ETIMEDOUT'
}

/** The connection was lost, or could not be made because of a state that passes. */
const lost = /^(08...|57P0[1-5]|53300|25P03|CONNECTION_(CLOSED|DESTROYED|ENDED)|CONNECT_TIMEOUT)$/
/** ENOENT: the socket of a server on this machine, which is there while the server runs. */
const unreached =
  /^E(CONNREFUSED|CONNRESET|PIPE|TIMEDOUT|HOSTUNREACH|HOSTDOWN|NETUNREACH|NETDOWN|ADDRNOTAVAIL|NOENT)$/

/**
 * Deadlock, serialisation failure, lock timeout, a template database in use, memory: another try may succeed.
 */
const passing = /^(40P01|40001|55P03|55006|53200)$/

/**
 * What the users of the database put on top of our tables: a column that may not be null, a foreign key, a
 * unique index, a condition or a missing partition, an exclusion, a trigger that refuses. Our own tables have
 * none of these, and a key of ours that is taken is never an error that gets here.
 */
const ownRule = /^(23502|23503|23505|23514|23P01|P0001)$/

/**
 * Where in a function the server was when it failed, or ''. We have no functions there: what fails in one is
 * a trigger's, whatever code its author gave it.
 */
function functionOf(error: unknown): string {
  const where = error instanceof Error && 'where' in error ? String(error.where) : ''
  return where.split('\n').find((line) => / function /.test(line)) ?? ''
}

/** Whether the same work may succeed when it is tried again soon. */
export function isTransient(error: unknown): boolean {
  if (error instanceof SilentServerError) return false
  const code = codeOf(error)
  return lost.test(code) || unreached.test(code) || passing.test(code)
}

/**
 * Whether `error` says that a statement which was prepared is not there, or is there already, or (where the
 * driver has tried once more in the same transaction) that the transaction is over: as behind a pooler that
 * takes another line to the server for each transaction.
 */
export function isNameLost(error: unknown): boolean {
  return /^(26000|42P05|25P02)$/.test(codeOf(error))
}

/** Whether `error` says that the database does not exist. */
export function isMissingDatabase(error: unknown): boolean {
  return codeOf(error) === '3D000'
}

/** Whether `error` says that a table or a schema does not exist. */
export function isMissingTable(error: unknown): boolean {
  return codeOf(error) === '42P01' || codeOf(error) === '3F000'
}

/** `error` as an instruction; errors that are already one, and defects, stay as they are. */
export function explained(error: unknown, address: Address): unknown {
  if (error instanceof PetrosaError) return error
  const failure: Failure = {
    code: codeOf(error),
    said: error instanceof Error ? error.message : String(error),
    within: functionOf(error),
    place: placeText(address),
    options: { cause: error },
  }
  const instruction = explainedRefusal(failure, address.database) ?? explainedState(failure)
  if (instruction) return instruction
  if (!isTransient(error) && !(error instanceof SilentServerError))
    return functionOf(error) === '' ? error : brokenRule(failure)
  return new UnavailableError(
    `the ${failure.place} is not available: ${failure.said}`,
    `see whether the server runs, and host and port in --db-uri or POSTGRESQL_URI, ${REPEAT}`,
    failure.options,
  )
}

type Failure = {
  readonly code: string
  readonly said: string
  /** The function of a trigger that it failed in, or ''. */
  readonly within: string
  readonly place: string
  readonly options: ErrorOptions
}

function brokenRule({ said, within, place, options }: Failure): UserError {
  return new UserError(
    `a rule that was added to the ${place} refuses a row: ${said}${within === '' ? '' : ` (in ${within})`}`,
    'drop that constraint, index or trigger, or make the partition that is missing; or choose another ' +
      'database with --db-uri or POSTGRESQL_URI',
    options,
  )
}

/** What the user must change; null when it is something else. */
function explainedRefusal(failure: Failure, database: string): UserError | null {
  const { code, said, place, options } = failure
  const user = (message: string, advice: string): UserError => new UserError(message, advice, options)
  if (isTlsCode(code)) {
    return user(
      `TLS with the ${place} failed: ${said}`,
      'correct sslmode, sslrootcert or the certificate of the server',
    )
  }
  if (ownRule.test(code)) return brokenRule(failure)
  switch (code) {
    case '28P01':
    case '28000':
    case '28001':
      return user(
        `the ${place} refuses the user: ${said}`,
        'correct user and password in --db-uri or POSTGRESQL_URI, or pg_hba.conf',
      )
    case '3D000':
      return user(
        `the ${place} does not exist`,
        `make it: CREATE DATABASE ${quoted(database)} ENCODING 'UTF8'`,
      )
    case '42501':
      return user(
        `the ${place} refuses: ${said}`,
        'grant the right it names; petrosa check lists what is needed',
      )
    case '25006':
      return user(
        `the ${place} is read-only: ${said}`,
        'name the primary server in --db-uri or POSTGRESQL_URI, not a replica; ' +
          'or take default_transaction_read_only from the user or the database',
      )
    case '3F000':
      return user(`no schema that search_path names is in the ${place}: ${said}`, NO_SCHEMA_ADVICE)
    case '22P05':
      return user(
        `the ${place} cannot hold the name of a symbol in its encoding: ${said}`,
        "use one in UTF8 (CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8'), or --exclude the symbol",
      )
    case '42P01':
      return user(`the schema in the ${place} is missing: ${said}`, 'make it with petrosa check --prepare')
    case '42703':
      return user(
        `a table in the ${place} was changed: ${said}`,
        'petrosa check says which and how it must be; put the column back',
      )
    case 'EACCES':
    case 'EPERM':
      return user(
        `this user may not connect to the ${place}: ${said}`,
        'give it the right to the socket and its folder, or name a host and a port in the URI',
      )
    case 'SASL_SIGNATURE_MISMATCH':
    case '0A000':
    case '42704':
    case '22023':
      return user(
        `the ${place} refuses: ${said}`,
        'check the URI and the version of the server; PostgreSQL 12 is the oldest that serves',
      )
    default:
      return null
  }
}

/** A state of the server or of the network that may pass; null when it is something else. */
function explainedState({ code, said, place, options }: Failure): UnavailableError | null {
  const unavailable = (message: string, advice: string): UnavailableError =>
    new UnavailableError(message, advice, options)
  switch (code) {
    case '53100':
      return unavailable(`no space left for the ${place}`, `free some space on the server, ${REPEAT}`)
    case '53300':
      return unavailable(
        `the ${place} has no connection left: ${said}`,
        'raise max_connections or close other programs',
      )
    case '57014':
    case '25P04':
      return unavailable(`the ${place} took too long: ${said}`, `see what keeps the server busy, ${REPEAT}`)
    case '55P03':
      return unavailable(`the ${place} is locked by another program: ${said}`, `let it finish, ${REPEAT}`)
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EAI_FAIL':
      return unavailable(
        `the host of the ${place} is unknown`,
        'correct the host in --db-uri or POSTGRESQL_URI, or the name service',
      )
    default:
      return null
  }
}

/** Codes that OpenSSL, BoringSSL and Node give to a certificate or a handshake that fails. */
function isTlsCode(code: string): boolean {
  return /CERT|SSL|TLS|SELF_SIGNED|LEAF_SIGNATURE|HOSTNAME_MISMATCH/.test(code)
}

/** A name as an SQL identifier. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
