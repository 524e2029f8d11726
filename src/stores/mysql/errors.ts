// Turns what MySQL, MariaDB, the driver and the network say into instructions, and judges what may be tried
// again. Numbers are the servers' own; where the two differ both are listed.
import { PetrosaError, UnavailableError, UserError } from '../../errors.ts'

/** A write that a bulk load did not take as it stood: rolled back, to be written by comparing. */
export class LoadRefusedError extends Error {}

/** Another session held a named lock for too long; the server says it with an answer, not with an error. */
export class LockedOutError extends Error {
  readonly errno = 1205
}

/** The server was silent for longer than an answer may take. Not tried again: that was patience enough. */
export class SilentServerError extends Error {
  readonly code = 'ETIMEDOUT'
}

/** The number that the server gave an error; 0 when it is none of the server's. */
export function serverNumber(error: unknown): number {
  const number = error instanceof Error && 'errno' in error ? error.errno : 0
  // System errors carry negative numbers; the server's own begin at 1,000 (and a few below, from its file
  // layer).
  return typeof number === 'number' && number > 0 ? number : 0
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : ''
  return typeof code === 'string' ? code : ''
}

/** The SQLSTATE that the server gave an error; '' when it is none of the server's. */
function stateOf(error: unknown): string {
  const state = error instanceof Error && 'sqlState' in error ? error.sqlState : ''
  return typeof state === 'string' ? state : ''
}

export const UNKNOWN_DATABASE = 1049
const DEADLOCKS = [1213, 1205, 3058, 3132, 1020, 1412]
/**
 * Shutting down, killed, timed out by the server, or another node's turn: the connection or statement is
 * gone, the server may be back soon.
 */
const ENDED = [
  1053, 1077, 1079, 1080, 1152, 1158, 1159, 1160, 1161, 1184, 1317, 1927, 1969, 2006, 2013, 3024, 3169, 4031,
  1047, 1189, 1218,
]
const LOCAL_REFUSED = [1148, 3948, 4166, 1235]
const PASSWORD = [1045, 1698, 1862, 1820, 3118, 3879, 4151]
/** A name that the server takes for none: of a character that it does not know, or too long. */
const NO_NAMES = [1102, 1059]
/** Access to the database as a whole: it may be there or not, the server does not say. */
const DATABASE_DENIED = 1044
const RIGHTS = [1142, 1143, 1227, 1370, 1419, 1410, 3619]
const HOST_REFUSED = [1130, 1129]
const CROWDED = [1040, 1203, 1226, 1135]
const DISK_FULL = [1021, 1114, 1030, 1026, 3, 20, 28, 1878, 3675, 1041, 1037, 1038]
const READ_ONLY = [1290, 1836, 1792, 1874]
const AUTHENTICATION = [1251, 1524, 2059]
const SCHEMA_GONE = [1146, 1932]
const UNKNOWN_COLUMN = 1054
/**
 * What the users of the database put on top of our tables: a foreign key, a unique index, a column that
 * demands a value, a condition (MySQL's, MariaDB's), a missing partition, a trigger that refuses. Our own
 * tables have none of these, and a key of ours that is taken is no error.
 */
const OWN_RULES = [1452, 1216, 1062, 1364, 3819, 4025, 1526, 1748, 1644]
/** SQLSTATE of what a trigger says by SIGNAL, whatever number it gives it. */
const SIGNALLED = '45000'

const lostCodes =
  /^(PROTOCOL_|ECONN|EPIPE|ETIMEDOUT|EHOST|ENET|ENOTFOUND|EAI_|ENOENT|EADDR|ERR_SOCKET|ERR_STREAM)/
const tlsCodes =
  /CERT|SELF_SIGNED|UNABLE_TO_|^ERR_(SSL|TLS|OSSL|BORINGSSL)|^HANDSHAKE_(SSL_ERROR|NO_SSL_SUPPORT)|^EPROTO/

/** Whether the line to the server was lost, refused or never there. */
export function isLost(error: unknown): boolean {
  if (ENDED.includes(serverNumber(error)) || lostCodes.test(codeOf(error))) return true
  return error instanceof Error && /closed state|Connection lost|Packets out of order/.test(error.message)
}

/** Whether the same work may succeed when it is done again from its beginning. */
export function isPassing(error: unknown): boolean {
  if (error instanceof SilentServerError) return false
  return DEADLOCKS.includes(serverNumber(error)) || (isLost(error) && !isTls(error))
}

/** Whether the server (or this side) does not allow LOAD DATA LOCAL. */
export function isLocalRefused(error: unknown): boolean {
  return LOCAL_REFUSED.includes(serverNumber(error))
}

function isTls(error: unknown): boolean {
  return tlsCodes.test(codeOf(error))
}

/**
 * `error` as an instruction. One that is already an instruction, and one that nobody foresaw (a defect),
 * stay as they are.
 */
export function explained(error: unknown, place: string): unknown {
  if (error instanceof PetrosaError) return error
  const number = serverNumber(error)
  const options = { cause: error }
  const said = error instanceof Error ? error.message : String(error)
  const user = (what: string, advice: string): UserError =>
    new UserError(`${what} (${place})`, advice, options)
  const unavailable = (what: string, advice: string): UnavailableError =>
    new UnavailableError(`${what} (${place})`, advice, options)
  if (isTls(error)) return user(`no protected line to the server: ${said}`, TLS_ADVICE)
  if (number === 3159) return user('the server demands a protected line', TLS_ADVICE)
  if (PASSWORD.includes(number)) {
    return user(
      'the server does not accept the user or the password',
      'correct them in MYSQL_URI (or MYSQL_URI_FILE)',
    )
  }
  if (AUTHENTICATION.includes(number) || codeOf(error) === 'AUTH_SWITCH_PLUGIN_ERROR') {
    return user(
      `the server asks for a kind of password that is not known here: ${said}`,
      'use caching_sha2_password, mysql_native_password or ed25519',
    )
  }
  if (number === UNKNOWN_DATABASE) return missingDatabase(place, options)
  if (NO_NAMES.includes(number)) return user(`the database cannot be called so: ${said}`, NAME_ADVICE)
  if (number === DATABASE_DENIED) {
    return user(`the user may not use or make this database: ${said}`, DATABASE_ADVICE)
  }
  if (RIGHTS.includes(number)) return user(`the user lacks a right: ${said}`, RIGHTS_ADVICE)
  if (HOST_REFUSED.includes(number))
    return user(
      `the server does not let this machine in: ${said}`,
      'allow the host of this user, or run FLUSH HOSTS',
    )
  if (READ_ONLY.includes(number) && (number !== 1290 || /read.only/i.test(said))) {
    return user('the server is read-only (a replica?)', 'give the URI of the server that takes writes')
  }
  if (SCHEMA_GONE.includes(number)) {
    return user(`a table of petrosa's is gone or was changed: ${said}`, 'run: petrosa check --prepare')
  }
  if (number === UNKNOWN_COLUMN) {
    return user(
      `a table of petrosa's was changed: ${said}`,
      'petrosa check says which and how it must be; put the column back, or choose another database ' +
        'with --db-uri or MYSQL_URI',
    )
  }
  if (OWN_RULES.includes(number) || stateOf(error) === SIGNALLED) {
    return user(
      `a rule that was added to the database refuses a row: ${said}`,
      'drop that constraint, index or trigger, or make the partition that is missing; or choose another ' +
        'database with --db-uri or MYSQL_URI',
    )
  }
  if (DISK_FULL.includes(number)) {
    return unavailable(
      `the server has no space left: ${said}`,
      'free some space there, then run the same command again: all that was written so far is kept',
    )
  }
  if (CROWDED.includes(number)) {
    return unavailable(
      `the server takes no more connections: ${said}`,
      'raise max_connections or the limit of this user, or run fewer at once',
    )
  }
  if (DEADLOCKS.includes(number)) {
    return unavailable('other writers held the same rows for too long', 'run the same command again')
  }
  if (number === 1153 || codeOf(error) === 'ER_NET_PACKET_TOO_LARGE') {
    return user('a packet was too large for the server', 'raise max_allowed_packet to 1 MB or more')
  }
  if (isLost(error))
    return unavailable(
      `the server cannot be reached: ${said}`,
      'check that it runs, and host and port in --db-uri or MYSQL_URI, then run the same command again',
    )
  return error
}

const TLS_ADVICE =
  'set ?ssl-mode= DISABLED, PREFERRED, REQUIRED, VERIFY_CA or VERIFY_IDENTITY and &ssl-ca=FILE in the URI'

const NAME_ADVICE = 'name another database in --db-uri or MYSQL_URI, of letters, digits and _'

const DATABASE_ADVICE =
  'correct its name in --db-uri or MYSQL_URI, or let an administrator run: CREATE DATABASE … ' +
  'CHARACTER SET utf8mb4 COLLATE utf8mb4_bin; ' +
  'GRANT SELECT, INSERT, UPDATE, DELETE, CREATE ON ….* TO this user'

const RIGHTS_ADVICE =
  'GRANT SELECT, INSERT, UPDATE, DELETE, CREATE on the database to this user; see: petrosa check'

/** A database that is not there, and that this user may not make. */
export function missingDatabase(place: string, options?: ErrorOptions): UserError {
  return new UserError(
    `there is no ${place}`,
    'petrosa check --prepare makes it where the user may; else create it in utf8mb4 COLLATE utf8mb4_bin',
    options,
  )
}
