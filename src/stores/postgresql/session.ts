// One connection to a PostgreSQL server, used by one caller at a time. It never reconnects: a connection that
// was lost in the middle of a transaction must not go on outside of it. Whoever needs another takes another
// from the pool.
import type { Socket } from 'node:net'
import postgres, { type Sql } from 'postgres'
import { type Address, type Endpoint, endpointText } from './address.ts'
import { copyIn } from './copy.ts'
import { SilentServerError } from './errors.ts'
import { codedError, connectSocket } from './socket.ts'

/**
 * What a value of a statement may be; lists travel as array literals (copy-text.ts), which the server casts.
 */
export type Parameter = string | number | null

export type Answer = {
  /** Rows as lists of values, in the order of the select list. */
  readonly rows: readonly (readonly unknown[])[]
  readonly count: number
  /** The server's word for what it did, for example COMMIT. */
  readonly command: string
}

export type Session = {
  /** False once the connection is lost or destroyed; nothing can be run then. */
  isAlive(): boolean
  /** Whether the wire is encrypted. */
  readonly encrypted: boolean
  /** How long each of the next statements may take before the connection counts as dead, in milliseconds. */
  setLimit(limitMs: number): void
  /**
   * One statement. Without parameters it may be several, separated by semicolons: the last one's answer
   * counts.
   */
  run(text: string, parameters?: readonly Parameter[], prepare?: boolean): Promise<Answer>
  /** COPY … FROM STDIN; how many rows the server took. */
  copy(statement: string, chunks: Iterable<string | Uint8Array>): Promise<number>
  /** Ends in peace, after what is under way. */
  end(): Promise<void>
  /** Ends at once; what is under way fails. */
  destroy(): void
}

/** Whether statements may be prepared under names, which a pooler in between may not know the next time. */
export type Naming = { isAllowed: boolean }

/** The limit until setLimit names another: enough for signing in. */
const FIRST_LIMIT_MS = 60_000

/** How long a peaceful end may take. */
const END_TIMEOUT_SECONDS = 2

/**
 * Opens a connection to the first endpoint that will do, and signs in. Throws what the system, TLS or the
 * server says, of the last one that was tried; errors.ts explains it.
 */
export async function openSession(address: Address, naming: Naming = { isAllowed: true }): Promise<Session> {
  let last: unknown = new Error('no host')
  for (const endpoint of address.endpoints) {
    const socket = await connectSocket(endpoint, address).catch((error: unknown) => {
      last = error
      return null
    })
    if (!socket) continue
    // Who is not let in by one is not let in by another: that is thrown.
    const session = await signIn(socket, endpoint, address, naming)
    if (!address.primaryOnly || !(await isStandby(session))) return session
    await session.end()
    // While a standby takes the place of its primary there may be none: the state of a server that starts.
    last = codedError(`${endpointText(endpoint)} is a standby, and the URI wants a primary`, '57P03')
  }
  throw last
}

async function isStandby(session: Session): Promise<boolean> {
  const { rows } = await session.run('SELECT pg_is_in_recovery()')
  return rows[0]?.[0] === true
}

async function signIn(
  socket: Socket,
  endpoint: Endpoint,
  address: Address,
  naming: Naming,
): Promise<Session> {
  let handedOut = false
  let alive = true
  const sql = postgres({
    ...accountOf(endpoint, address),
    max: 1,
    ssl: false,
    fetch_types: false,
    max_lifetime: null,
    connect_timeout: address.connectTimeoutMs / 1_000,
    onnotice: () => {},
    onclose: () => {
      alive = false
    },
    // The driver asks for a socket again whenever it wants to reconnect: there is only one.
    socket: () => {
      if (handedOut) throw codedError('the server closed the connection', 'ECONNRESET')
      handedOut = true
      return socket
    },
  } as postgres.Options<Record<string, never>>) as unknown as Sql
  const destroy = (): void => {
    alive = false
    socket.destroy()
    void sql.end({ timeout: 0 }).catch(() => {})
  }
  // Heard here before the driver hears it: between a socket's error and its close the driver takes statements
  // that it never answers.
  socket.on('error', () => {
    alive = false
  })
  const session = sessionOf(sql, socket, { isAlive: () => alive, destroy, naming })
  try {
    await session.run('SELECT 1')
    return session
  } catch (error) {
    destroy()
    throw error
  }
}

function accountOf({ host, port }: Endpoint, address: Address): Record<string, unknown> {
  return {
    host,
    port,
    ...(address.user === null ? {} : { user: address.user }),
    ...(address.password === null ? {} : { pass: address.password }),
    database: address.database,
    connection: {
      application_name: address.applicationName,
      timezone: 'UTC',
      ...(address.options === null ? {} : { options: address.options }),
    },
  }
}

type Life = { readonly isAlive: () => boolean; readonly destroy: () => void; readonly naming: Naming }

function sessionOf(sql: Sql, socket: Socket, { isAlive, destroy, naming }: Life): Session {
  let limitMs = FIRST_LIMIT_MS
  let failCurrent: ((error: unknown) => void) | null = null
  socket.once('close', () => failCurrent?.(codedError('the connection was lost', 'ECONNRESET')))
  /** Rejects when the connection is lost, and loses it when the server or the network falls silent. */
  const bounded = async <T>(start: () => Promise<T>): Promise<T> => {
    if (!isAlive()) throw codedError('the connection was lost', 'ECONNRESET')
    const broken = Promise.withResolvers<never>()
    failCurrent = broken.reject
    const timer = setTimeout(() => {
      broken.reject(new SilentServerError('the server fell silent'))
      destroy()
    }, limitMs)
    try {
      return await Promise.race([start(), broken.promise])
    } catch (error) {
      // After a FATAL error the server closes the connection, which may be seen some time later.
      if (error instanceof Error && 'severity' in error && error.severity === 'FATAL') destroy()
      throw error
    } finally {
      failCurrent = null
      clearTimeout(timer)
    }
  }
  return {
    isAlive,
    encrypted: 'encrypted' in socket && socket.encrypted === true,
    setLimit: (ms) => {
      limitMs = ms
    },
    run: (text, parameters = [], prepare = false) =>
      bounded(async () => {
        const answer = await sql
          .unsafe(text, [...parameters], { prepare: prepare && naming.isAllowed })
          .values()
        return { rows: answer, count: answer.count ?? 0, command: answer.command }
      }),
    copy: (statement, chunks) => bounded(() => copyIn(sql, statement, chunks)),
    end: () => sql.end({ timeout: END_TIMEOUT_SECONDS }),
    destroy,
  }
}
