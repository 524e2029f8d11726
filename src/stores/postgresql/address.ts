// Reads a PostgreSQL URI: where the server is, as whom, and how the wire is protected. Read here and not by
// the driver, because the driver sends what it does not know to the server, and a typo should be an
// instruction, not a server's riddle.
import { isMember } from '../../core/series.ts'
import { UserError } from '../../errors.ts'

export const tlsModes = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const
export type TlsMode = (typeof tlsModes)[number]

/** One place where a server may listen; a host that begins with / is the folder of a Unix socket. */
export type Endpoint = { readonly host: string; readonly port: number }

export type Tls = {
  readonly mode: TlsMode
  /** Paths of PEM files; null where the URI names none. */
  readonly rootCertificate: string | null
  readonly certificate: string | null
  readonly key: string | null
}

export type Address = {
  /** Tried in order until one answers. */
  readonly endpoints: readonly Endpoint[]
  /** Whether one that is a standby is passed over. */
  readonly primaryOnly: boolean
  readonly user: string | null
  readonly password: string | null
  readonly database: string
  readonly tls: Tls
  readonly connectTimeoutMs: number
  readonly applicationName: string
  /** Server settings as psql's `options`: `-c search_path=market`. */
  readonly options: string | null
}

const DEFAULT_PORT = 5432
const DEFAULT_CONNECT_TIMEOUT_MS = 10_000
const LONGEST_CONNECT_TIMEOUT_MS = 60_000

/** What a URI may say after the question mark. */
const known = [
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'connect_timeout',
  'application_name',
  'options',
  'host',
  'port',
  'target_session_attrs',
]

/** What libpq knows and this program need not heed: nothing is less safe or less exact without it. */
const harmless = /^(channel_binding|gss\w+|keepalives\w*|sslsni|sslnegotiation)$/

/** What of it demands a protection that the driver does not have. */
const demanded = /^(channel_binding|gssencmode)=require$/

/** Which servers of the list will do, in libpq's words; those that take no writes will not. */
const serverKinds = { any: false, 'prefer-standby': false, 'read-write': true, primary: true } as const

const uriPattern = /^postgres(?:ql)?(?:\+\w+)?:\/\/(?:(.*)@)?([^/?@]*)(?:\/([^?]*))?(?:\?(.*))?$/

/**
 * The address that `uri` (postgres://user:password@host:port/database) names. Throws UserError; never shows
 * the password.
 */
export function parseAddress(uri: string): Address {
  const match = uriPattern.exec(uri)
  if (!match) refuse('it is not of the form postgres://user:password@host:port/database')
  const [, account = '', hosts = '', path = '', query = ''] = match
  const settings = parseQuery(query)
  const database = decoded(path)
  if (database === '')
    refuse('it names no database: put its name after the host, as in postgres://host/binance')
  const colon = account.indexOf(':')
  const user = decoded(colon < 0 ? account : account.slice(0, colon))
  const password = colon < 0 ? null : decoded(account.slice(colon + 1))
  const port = portOf(settings.get('port') ?? String(DEFAULT_PORT))
  return {
    endpoints: parseHosts(settings.get('host') ?? hosts, port),
    primaryOnly: parseServerKind(settings.get('target_session_attrs')),
    user: user === '' ? null : user,
    password,
    database,
    tls: parseTls(settings),
    connectTimeoutMs: parseTimeout(settings.get('connect_timeout')),
    applicationName: settings.get('application_name') ?? 'petrosa',
    options: settings.get('options') ?? null,
  }
}

/** The address without its password, for messages: `database binance at localhost:5432`. */
export function placeText(address: Address): string {
  const hosts = address.endpoints.map((endpoint) => endpointText(endpoint)).join(' or ')
  return `database ${address.database} at ${hosts}`
}

/** `localhost:5432`, or the path of a Unix socket. */
export function endpointText({ host, port }: Endpoint): string {
  return host.startsWith('/')
    ? `${host}/.s.PGSQL.${port}`
    : host.includes(':')
      ? `[${host}]:${port}`
      : `${host}:${port}`
}

function parseQuery(query: string): Map<string, string> {
  const settings = new Map<string, string>()
  for (const part of query.split('&')) {
    if (part === '') continue
    const [name = '', ...rest] = part.split('=')
    if (demanded.test(part)) refuse(`it says '${part}', which is not known here: use sslmode=verify-full`)
    if (harmless.test(name)) continue
    if (!known.includes(name)) refuse(`it says '${name}', which is none of ${known.join(', ')}`)
    settings.set(name, decoded(rest.join('=')))
  }
  return settings
}

function parseServerKind(text = 'any'): boolean {
  const kinds: Readonly<Record<string, boolean>> = serverKinds
  return (
    kinds[text] ??
    refuse(`its target_session_attrs is '${text}', which is none of ${Object.keys(serverKinds).join(', ')}`)
  )
}

function parseHosts(text: string, defaultPort: number): Endpoint[] {
  return text.split(',').map((part) => {
    const match = /^(?:\[([^\]]+)\]|([^:]*))(?::(\d+))?$/.exec(part)
    if (!match) refuse(`it names the host '${part}', which is not of the form host:port`)
    const [, literal, name = '', port] = match
    return {
      host: literal ?? (decoded(name) || 'localhost'),
      port: port === undefined ? defaultPort : portOf(port),
    }
  })
}

function portOf(text: string): number {
  const port = Number(text)
  if (!/^\d+$/.test(text) || port < 1 || port > 65_535)
    refuse(`it names the port '${text}', which is not from 1 to 65535`)
  return port
}

function parseTls(settings: ReadonlyMap<string, string>): Tls {
  const named = settings.get('sslmode')
  const mode = named ?? 'prefer'
  if (!isMember(tlsModes, mode)) refuse(`its sslmode is '${mode}', which is none of ${tlsModes.join(', ')}`)
  const root = settings.get('sslrootcert')
  const rootCertificate = root === undefined || root === 'system' ? null : root
  // As libpq reads it: who names an authority and requires TLS wants the certificate checked against it.
  const checked =
    root === 'system' ? 'verify-full' : rootCertificate !== null && mode === 'require' ? 'verify-ca' : mode
  return {
    mode: checked,
    rootCertificate,
    certificate: settings.get('sslcert') ?? null,
    key: settings.get('sslkey') ?? null,
  }
}

function parseTimeout(text: string | undefined): number {
  if (text === undefined) return DEFAULT_CONNECT_TIMEOUT_MS
  const seconds = Number(text)
  if (!/^\d+$/.test(text) || seconds < 1)
    refuse(`its connect_timeout is '${text}', which is no number of seconds`)
  return Math.min(seconds * 1_000, LONGEST_CONNECT_TIMEOUT_MS)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    refuse('it holds a % that is no escape: write % as %25, @ as %40, / as %2F, : as %3A')
  }
}

function refuse(why: string): never {
  throw new UserError(`the PostgreSQL URI cannot be used: ${why}`, 'correct --db-uri or POSTGRESQL_URI')
}
