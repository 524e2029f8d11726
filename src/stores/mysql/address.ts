// Reads the URI of a MySQL or MariaDB server: where it is, who asks, and how the line is protected. Nothing
// of it but host, port and database is ever shown, since the rest may hold a password.
import { isIP } from 'node:net'
import { UserError } from '../../errors.ts'

/** How the line is protected, in the words of MySQL's own clients. */
export const tlsModes = ['disabled', 'preferred', 'required', 'verify-ca', 'verify-identity'] as const
export type TlsMode = (typeof tlsModes)[number]

export type Address = {
  readonly host: string
  readonly port: number
  /** The path of a Unix socket, which is used in place of host and port; null where none is named. */
  readonly socket: string | null
  readonly user: string
  readonly password: string
  readonly database: string
  readonly tls: TlsMode
  /** Paths of PEM files; null where none is named. */
  readonly authorityFile: string | null
  readonly certificateFile: string | null
  readonly keyFile: string | null
  /** False when the URI forbids LOAD DATA LOCAL. */
  readonly localInfile: boolean
  /** How long to wait for a connection, and for the answer to anything on it; milliseconds. */
  readonly connectLimitMs: number
  readonly answerLimitMs: number
  /** What messages call the database: never with a password. */
  readonly place: string
}

const DEFAULT_PORT = 3_306
const CONNECT_LIMIT_MS = 10_000
/** Longer than any count of a full table; only a server that hangs takes as long. */
const ANSWER_LIMIT_MS = 300_000

/** Longest name of a database, in characters (MySQL and MariaDB alike). */
const DATABASE_NAME_LIMIT = 64

/** What servers take for no name, or for another: a blank at its end, and what is four bytes in UTF-8. */
const noName = /[/\0\u{10000}-\u{10ffff}]| $/u

/** Every client has its own word for the path of a Unix socket. */
const socketNames = ['unix-socket', 'socket', 'socketpath']

/** Words of other clients for what stands before the question mark here, and for files that name it. */
const placeNames = [
  /^(host(name|addr)?|server|address|port|path|pipe|named-?pipe|protocol|service|bind-address|proxy.*)$/,
  /^(user(name)?|pass(word|wd)?|db|database|unix.*|.*socket(-?(path|file|factory))?)$/,
  /^((read-)?defaults?-?(file|group)|option-?files?)$/,
]

const schemes = ['mysql:', 'mysql+pymysql:', 'mysql+mysqldb:', 'mariadb:', 'mariadb+pymysql:']

const off = ['0', 'false', 'no', 'off', 'disabled', 'disable']
const on = ['1', 'true', 'yes', 'on']

/**
 * The address that a URI names:
 * `mysql://user:password@host:3306/database?ssl-mode=VERIFY_IDENTITY&ssl-ca=/path`. Throws UserError when
 * it cannot be read, has no database, or asks for protection that is not known here.
 */
export function readAddress(uri: string): Address {
  const url = parse(uri)
  const read = (part: string): string => decode(part)
  const database = read(url.pathname.replace(/^\//, ''))
  refuseName(database)
  const host = read(url.hostname.replace(/^\[|\]$/g, '')) || '127.0.0.1'
  const port = url.port === '' ? DEFAULT_PORT : Number(url.port)
  const options = new Map([...url.searchParams].map(([name, value]) => [plain(name), value]))
  const socket = socketNames.map((name) => options.get(name)).find((path) => path !== undefined) ?? null
  refuseUnknownPlace(options, socket)
  refuseUnknownTls(options)
  const tls = tlsMode(options)
  // A certificate is made out to a name. The driver lets any pass for an address, so that is refused here.
  if (tls === 'verify-identity' && isIP(host) !== 0) {
    throw new UserError(
      `the certificate of ${host} cannot be checked: it is an address, not a name`,
      'name the server by its host name, or use ssl-mode=VERIFY_CA',
    )
  }
  return {
    host,
    port,
    socket,
    user: read(url.username),
    password: read(url.password),
    database,
    tls,
    authorityFile: options.get('ssl-ca') ?? null,
    certificateFile: options.get('ssl-cert') ?? null,
    keyFile: options.get('ssl-key') ?? null,
    localInfile: !off.includes((options.get('local-infile') ?? '1').toLowerCase()),
    connectLimitMs: seconds(options, 'connect-timeout', CONNECT_LIMIT_MS),
    answerLimitMs: seconds(options, 'read-timeout', ANSWER_LIMIT_MS),
    place: `database '${database}' at ${socket ?? `${host}:${port}`}`,
  }
}

function refuseName(database: string): void {
  if (database === '') {
    throw new UserError(
      'the MySQL URI names no database',
      'write it as mysql://user:password@host:3306/binance (--db-uri or MYSQL_URI)',
    )
  }
  if (database.length <= DATABASE_NAME_LIMIT && !noName.test(database)) return
  throw new UserError(
    'the database in the MySQL URI is no name',
    `name it in at most ${DATABASE_NAME_LIMIT} characters, with no /, no emoji and no blank at its end`,
  )
}

function parse(uri: string): URL {
  let url: URL | null = null
  try {
    // SQLAlchemy leaves the host out where a socket follows, which is no URL after a user.
    url = new URL(uri.replace(/^([\w+]+:\/\/[^/?#]*@)(?=\/)/, '$1localhost'))
  } catch {
    // Said below, without the URI: it may hold a password.
  }
  if (url && schemes.includes(url.protocol)) return url
  throw new UserError(
    'the MySQL URI cannot be read',
    'write it as mysql://user:password@host:3306/binance; in the password write %40 for @, %2F for /',
  )
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw new UserError(
      'the MySQL URI holds a % that encodes nothing',
      'percent-encode special characters of user and password: % is %25, @ is %40, / is %2F',
    )
  }
}

/** `ssl_mode`, `sslMode` and `sslmode` are all `ssl-mode` here: every client spells them its own way. */
function plain(name: string): string {
  const spelled = name.toLowerCase().replaceAll('_', '-')
  return spelled.replace(/^(ssl|tls)-?(mode|ca|cert|key)$/, 'ssl-$2')
}

const tlsNames = [
  'ssl',
  'ssl-mode',
  'ssl-ca',
  'ssl-cert',
  'ssl-key',
  'ssl-disabled',
  'ssl-verify-cert',
  'ssl-verify-identity',
  'tls',
]

/** An unknown word about where to connect is refused: passed over, it would lead to another server. */
function refuseUnknownPlace(options: ReadonlyMap<string, string>, socket: string | null): void {
  if (socket !== null && !socket.startsWith('/')) {
    throw new UserError(
      `the MySQL URI names the socket '${socket}', which is no whole path`,
      'write it as unix_socket=/run/mysqld/mysqld.sock',
    )
  }
  for (const name of options.keys()) {
    if (socketNames.includes(name) || !placeNames.some((pattern) => pattern.test(name))) continue
    throw new UserError(
      `the MySQL URI says '${name}' after its question mark, which is not known here`,
      'write mysql://user:password@host:3306/binance, or unix_socket=/path for the socket of a server',
    )
  }
}

/** An unknown word about protection is refused, since passing it over could leave the line open. */
function refuseUnknownTls(options: ReadonlyMap<string, string>): void {
  for (const name of options.keys()) {
    if (!/^(ssl|tls)/.test(name) || tlsNames.includes(name)) continue
    throw new UserError(
      `the MySQL URI asks for '${name}', which is not known here`,
      `use one of ${tlsNames.join(', ')}`,
    )
  }
}

function tlsMode(options: ReadonlyMap<string, string>): TlsMode {
  const isOn = (name: string): boolean => on.includes((options.get(name) ?? '').toLowerCase())
  if (isOn('ssl-disabled')) return 'disabled'
  const asked = (options.get('ssl-mode') ?? options.get('ssl') ?? options.get('tls'))
    ?.toLowerCase()
    .replaceAll('_', '-')
  if (asked === undefined) {
    if (isOn('ssl-verify-identity')) return 'verify-identity'
    const files = ['ssl-ca', 'ssl-cert', 'ssl-key'].some((name) => options.has(name))
    return files || isOn('ssl-verify-cert') ? 'verify-ca' : 'disabled'
  }
  if (off.includes(asked)) return 'disabled'
  if (on.includes(asked)) return 'verify-identity'
  const aliases: Readonly<Record<string, TlsMode>> = {
    prefer: 'preferred',
    require: 'required',
    'skip-verify': 'required',
    'verify-full': 'verify-identity',
  }
  const mode = aliases[asked] ?? tlsModes.find((known) => known === asked)
  if (mode) return mode
  throw new UserError(
    `the MySQL URI asks for ssl-mode '${asked}', which is not known here`,
    'use DISABLED, PREFERRED, REQUIRED, VERIFY_CA or VERIFY_IDENTITY',
  )
}

function seconds(options: ReadonlyMap<string, string>, name: string, otherwiseMs: number): number {
  const text = options.get(name)
  if (text === undefined) return otherwiseMs
  const value = Number(text)
  if (Number.isFinite(value) && value > 0) return Math.round(value * 1_000)
  throw new UserError(`the MySQL URI says ${name}=${text}`, 'give a number of seconds above 0')
}
