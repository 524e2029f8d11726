// Opens one connection and makes it ours: strict, in UTC, in utf8mb4_bin, READ COMMITTED, whatever the
// server or its administrator chose as the default. A server that will not be strict is refused, since it
// would change values in silence.
import {
  type Connection,
  type ConnectionOptions,
  createConnection,
  type RowDataPacket,
  type SslOptions,
} from 'mysql2/promise'
import { UserError } from '../../errors.ts'
import type { Address, TlsMode } from './address.ts'
import { serverNumber, UNKNOWN_DATABASE } from './errors.ts'
import { limitAnswers } from './patience.ts'

/** How long a statement waits for another's row locks, and for a table being altered; seconds. */
const LOCK_WAIT_S = 20
const TABLE_LOCK_WAIT_S = 60

/**
 * After this long without a statement the server ends the session, and what it has begun with it: a writer
 * that was stopped or has vanished holds no lock. Who waits for that lock tries for longer (store.ts).
 */
const IDLE_LIMIT_S = 60

/** Prepared statements kept open on a connection: a few sizes for each of some tables. */
const PREPARED_STATEMENTS = 64

/**
 * Everything that would change what is stored or how text is escaped is set here, so that no default of the
 * server matters.
 */
const SQL_MODE = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'

/** What a server says of itself. */
export type ServerFacts = {
  /** `MariaDB 10.11.19` or `MySQL 9.7.4`. */
  readonly version: string
  /** Most bytes of one packet, so of one statement. */
  readonly packetBytes: number
  readonly localInfile: boolean
  readonly readOnly: boolean
  /** Whether the line is encrypted. */
  readonly encrypted: boolean
}

/** One connection that is set up. `broken` once the line was lost: it is of no more use then. */
export type Session = {
  readonly connection: Connection
  readonly facts: ServerFacts
  /** False when the database of the address does not exist: then the session stands outside of any. */
  readonly hasDatabase: boolean
  isBroken(): boolean
}

/**
 * Connects and sets the session up. Throws what the driver throws, or UserError for a server that cannot be
 * strict.
 */
export async function openSession(address: Address): Promise<Session> {
  const tls = await tlsOptions(address)
  try {
    return await setUp(await connect(address, tls, true), true, address)
  } catch (error) {
    if (serverNumber(error) !== UNKNOWN_DATABASE) throw error
    return setUp(await connect(address, tls, false), false, address)
  }
}

async function connect(address: Address, tls: SslOptions | null, inDatabase: boolean): Promise<Connection> {
  const options: ConnectionOptions = {
    ...(address.socket === null
      ? { host: address.host, port: address.port }
      : { host: address.host, socketPath: address.socket }),
    user: address.user,
    password: address.password,
    ...(inDatabase ? { database: address.database } : {}),
    charset: 'UTF8MB4_BIN',
    timezone: 'Z',
    dateStrings: true,
    supportBigNumbers: true,
    bigNumberStrings: true,
    decimalNumbers: false,
    connectTimeout: address.connectLimitMs,
    maxPreparedStatements: PREPARED_STATEMENTS,
    // Without FOUND_ROWS the server counts a row that was left alone as none, so that new and changed rows
    // can be told apart.
    flags: ['-FOUND_ROWS'],
  }
  if (!tls) return createConnection(options)
  try {
    return await createConnection({ ...options, ssl: tls })
  } catch (error) {
    const unprotected = error instanceof Error && 'code' in error && error.code === 'HANDSHAKE_NO_SSL_SUPPORT'
    if (address.tls === 'preferred' && unprotected) return createConnection(options)
    throw error
  }
}

async function setUp(connection: Connection, hasDatabase: boolean, address: Address): Promise<Session> {
  let broken = false
  // An idle connection that is lost tells it by this event only; without a listener it would end the program.
  connection.on('error', () => {
    broken = true
  })
  connection.on('end', () => {
    broken = true
  })
  limitAnswers(connection, address.answerLimitMs)
  try {
    await connection.query(
      `SET NAMES utf8mb4 COLLATE utf8mb4_bin, SESSION sql_mode = '${SQL_MODE}', ` +
        `SESSION time_zone = '+00:00', SESSION autocommit = 1, ` +
        `SESSION wait_timeout = ${IDLE_LIMIT_S}, ` +
        `SESSION innodb_lock_wait_timeout = ${LOCK_WAIT_S}, SESSION lock_wait_timeout = ${TABLE_LOCK_WAIT_S}`,
    )
    // The ledger is read after its lock is taken and must show what the lock's last holder committed.
    await connection.query('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED')
    return { connection, hasDatabase, facts: await readFacts(connection, address), isBroken: () => broken }
  } catch (error) {
    connection.destroy()
    throw error
  }
}

async function readFacts(connection: Connection, address: Address): Promise<ServerFacts> {
  const [rows] = await connection.query<RowDataPacket[]>(
    'SELECT @@version AS version, @@sql_mode AS sqlMode, @@time_zone AS timeZone, ' +
      '@@max_allowed_packet AS packetBytes, @@local_infile AS localInfile, @@global.read_only AS readOnly',
  )
  const [found] = rows
  const [ciphers] = await connection.query<RowDataPacket[]>("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
  const version = String(found?.version ?? '')
  if (!String(found?.sqlMode).includes('STRICT_ALL_TABLES') || String(found?.timeZone) !== '+00:00') {
    throw new UserError(
      `the server did not take the session's settings: strict mode and UTC (${address.place})`,
      'a proxy in between may hold SET statements back; connect to the server itself',
    )
  }
  return {
    version: /mariadb/i.test(version) ? `MariaDB ${version.split('-')[0]}` : `MySQL ${version.split('-')[0]}`,
    packetBytes: Number(found?.packetBytes),
    localInfile: Number(found?.localInfile) === 1,
    readOnly: Number(found?.readOnly) === 1,
    encrypted: String(ciphers[0]?.Value ?? '') !== '',
  }
}

/**
 * What the driver is told of TLS; null for an open line. Throws UserError when a named file cannot be read.
 */
async function tlsOptions(address: Address): Promise<SslOptions | null> {
  if (address.tls === 'disabled') return null
  const files = { ca: address.authorityFile, cert: address.certificateFile, key: address.keyFile }
  const material: Record<string, string> = {}
  for (const [name, path] of Object.entries(files)) {
    if (path !== null) material[name] = await readPem(path, name)
  }
  return { ...material, ...judgement(address.tls) }
}

/**
 * Whether the server's certificate, and the name in it, must be right: as MySQL's own clients define the
 * modes.
 */
function judgement(mode: TlsMode): { rejectUnauthorized: boolean; verifyIdentity: boolean } {
  const rejectUnauthorized = mode === 'verify-ca' || mode === 'verify-identity'
  return { rejectUnauthorized, verifyIdentity: mode === 'verify-identity' }
}

async function readPem(path: string, name: string): Promise<string> {
  try {
    return await Bun.file(path).text()
  } catch (error) {
    throw new UserError(`the file of ssl-${name} cannot be read: ${path}`, 'correct its path in the URI', {
      cause: error,
    })
  }
}
