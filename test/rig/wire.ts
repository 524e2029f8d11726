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

/** A reply whose body comes in parts, since a month of trades is too much for one. */
export type PartsReply = Omit<Reply, 'body'> & { readonly parts: readonly Uint8Array[] }
/** Whole, or half: then closed (`cut`), or left open and silent (`stall`). */
export type Ending = 'whole' | 'cut' | 'stall'

/** Sends a body no faster than it is taken, announcing its whole length; half of it where it ends so. */
export async function sendParts(response: ServerResponse, reply: PartsReply, ending: Ending): Promise<void> {
  const length = reply.parts.reduce((sum, part) => sum + part.length, 0)
  response.writeHead(reply.status, { ...reply.headers, 'content-length': String(length) })
  let left = ending === 'whole' ? length : Math.floor(length / 2)
  for (const part of reply.parts) {
    const piece = part.subarray(0, left)
    left -= piece.length
    if (piece.length > 0 && !response.destroyed && !response.write(piece)) await isTaken(response)
  }
  if (ending === 'whole') response.end()
  else if (ending === 'cut') setTimeout(() => response.socket?.destroy(), CUT_AFTER_MS)
}

/** Resolves when more can be written, or never will. */
function isTaken(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done)
      response.off('close', done)
      resolve()
    }
    response.on('drain', done)
    response.on('close', done)
  })
}
