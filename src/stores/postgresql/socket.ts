// Makes the connected, and where asked protected, socket that the driver speaks through. Made here and not by
// the driver: it would reconnect by itself in the middle of a transaction, try hosts for ever, and hide why
// TLS failed.
import { readFileSync } from 'node:fs'
import { connect, isIP, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { UserError } from '../../errors.ts'
import { type Address, type Endpoint, endpointText, type Tls } from './address.ts'

/** SSLRequest: length 8, code 80877103 (PostgreSQL protocol 3.0, message formats). */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])

/** The answer N: no TLS here. */
const REFUSED = 'N'.charCodeAt(0)

const KEEP_ALIVE_MS = 30_000

/** A socket to `endpoint`. Throws what the system says, or UserError where TLS is not to be had. */
export async function connectSocket(endpoint: Endpoint, address: Address): Promise<Socket> {
  const { host, port } = endpoint
  const local = host.startsWith('/')
  const socket = local ? connect({ path: endpointText(endpoint) }) : connect({ host, port })
  const timer = setTimeout(() => socket.destroy(timedOut(endpoint)), address.connectTimeoutMs)
  try {
    await settled(socket, 'connect')
    socket.setNoDelay(true)
    socket.setKeepAlive(true, KEEP_ALIVE_MS)
    return local || address.tls.mode === 'disable' ? socket : await protect(socket, endpoint, address.tls)
  } catch (error) {
    socket.destroy()
    throw error
  } finally {
    clearTimeout(timer)
  }
}

async function protect(socket: Socket, endpoint: Endpoint, tls: Tls): Promise<Socket> {
  socket.write(SSL_REQUEST)
  const answer = await settled<Buffer>(socket, 'data')
  // More than the one byte would be text slipped in before encryption (CVE-2021-23222).
  if (answer.length === 1 && answer[0] === 'S'.charCodeAt(0)) {
    const secured = connectTls({ ...tlsOptions(tls, endpoint), socket })
    await settled(secured, 'secureConnect')
    return secured
  }
  if (answer[0] === REFUSED && (tls.mode === 'prefer' || tls.mode === 'allow')) return socket
  // An E begins an error message: a server from before TLS, or one that has no room for anybody.
  if (answer[0] !== REFUSED && answer[0] !== 'E'.charCodeAt(0))
    throw new UserError(
      `what answers at ${endpointText(endpoint)} is no PostgreSQL server`,
      'correct the host and the port in the URI, or choose the store that runs there with --db',
    )
  throw new UserError(
    `the server at ${endpointText(endpoint)} offers no TLS, and sslmode=${tls.mode} asks for it`,
    'switch TLS on in the server (ssl = on), or choose sslmode=prefer in the URI',
  )
}

function tlsOptions(tls: Tls, endpoint: Endpoint): ConnectionOptions {
  const options: ConnectionOptions = {
    rejectUnauthorized: tls.mode === 'verify-ca' || tls.mode === 'verify-full',
  }
  if (isIP(endpoint.host) === 0) options.servername = endpoint.host
  else options.host = endpoint.host
  if (tls.rootCertificate !== null) options.ca = readPem(tls.rootCertificate, 'sslrootcert')
  if (tls.certificate !== null) options.cert = readPem(tls.certificate, 'sslcert')
  if (tls.key !== null) options.key = readPem(tls.key, 'sslkey')
  if (tls.mode === 'verify-ca') options.checkServerIdentity = () => undefined
  return options
}

function readPem(path: string, setting: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new UserError(`the file ${path} of ${setting} cannot be read`, `correct ${setting} in the URI`, {
      cause,
    })
  }
}

/** The first `event` of the socket; rejects when it fails or closes before. */
function settled<T>(socket: Socket, event: 'connect' | 'secureConnect' | 'data'): Promise<T> {
  return new Promise((resolve, reject) => {
    const done = (finish: () => void): void => {
      socket.off(event, succeed)
      socket.off('error', fail)
      socket.off('close', close)
      finish()
    }
    const succeed = (value: T): void => done(() => resolve(value))
    const fail = (error: unknown): void => done(() => reject(error))
    const close = (): void => done(() => reject(codedError('the server closed the connection', 'ECONNRESET')))
    socket.on(event, succeed)
    socket.on('error', fail)
    socket.on('close', close)
  })
}

const timedOut = (endpoint: Endpoint): Error =>
  codedError(`no answer from ${endpointText(endpoint)}`, 'ETIMEDOUT')

/** An error with a code, as the system's own errors have one. */
export function codedError(message: string, code: string): Error & { code: string } {
  return Object.assign(new Error(message), { code })
}
