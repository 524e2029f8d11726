// How an answer leaves the exchange, faults of the connection included: node:http, since its sockets can be
// destroyed in the middle of a body, which Bun.serve does not allow.
import type { ServerResponse } from 'node:http'
import type { Body } from './endpoint.ts'

export type Reply = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Body
}

/** Bodies below this are sent as they are. */
const GZIP_FROM_BYTES = 1_024
/** How long the half of a cut body has to reach the client before the connection is closed. */
const CUT_AFTER_MS = 5

const bytesOf = (body: Body): Uint8Array<ArrayBuffer> => (typeof body === 'string' ? Buffer.from(body) : body)

/** Sends a whole answer. */
export function send(response: ServerResponse, reply: Reply, gzip: boolean): void {
  const plain = bytesOf(reply.body)
  const packed = gzip && plain.length >= GZIP_FROM_BYTES
  const body = packed ? Bun.gzipSync(plain, { level: 1 }) : plain
  const encoding = packed ? { 'content-encoding': 'gzip' } : {}
  response.writeHead(reply.status, { ...reply.headers, ...encoding, 'content-length': String(body.length) })
  response.end(body)
}

/** Announces a whole body, sends half of it and closes the connection. */
export function sendCut(response: ServerResponse, reply: Reply): void {
  const body = bytesOf(reply.body)
  response.writeHead(reply.status, { ...reply.headers, 'content-length': String(body.length) })
  response.write(body.subarray(0, Math.floor(body.length / 2)), () => {
    setTimeout(() => response.socket?.destroy(), CUT_AFTER_MS)
  })
}

/** Closes the connection without an answer. */
export function sendNothing(response: ServerResponse): void {
  response.socket?.destroy()
}
