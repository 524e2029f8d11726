// The body of a request, read by the routes that take one and by nobody else: of what is sent elsewhere, or
// without the token, nothing is read.
import { BadRequest } from './queries.ts'

/** Bytes of a body; what the routes take is a name. */
const MOST_BYTES = 16 * 1024

/**
 * The text of a request's body; null where it is too large. Throws BadRequest where it does not come to its
 * end: whoever sent it hung up, which is no defect, and the answer reaches nobody.
 */
export async function bodyText({ body, headers }: Request): Promise<string | null> {
  if (body === null) return ''
  if (Number(headers.get('content-length') ?? 0) > MOST_BYTES) return null
  const pieces: Uint8Array[] = []
  let bytes = 0
  try {
    for await (const piece of body as AsyncIterable<Uint8Array>) {
      bytes += piece.byteLength
      if (bytes > MOST_BYTES) return null
      pieces.push(piece)
    }
  } catch {
    throw new BadRequest('the body does not come to its end')
  }
  return new TextDecoder().decode(Buffer.concat(pieces))
}
