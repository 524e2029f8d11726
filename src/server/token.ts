// The bearer token of the routes that change something, compared in constant time: how long a wrong one
// takes to refuse says nothing of the right one.
import { createHash, timingSafeEqual } from 'node:crypto'

const hashOf = (text: string): Buffer => createHash('sha256').update(text).digest()

/** Whether an Authorization header holds the token. */
export function bearsToken(header: string | null, token: string): boolean {
  const given = /^Bearer +([^\s]+) *$/i.exec(header ?? '')?.[1] ?? ''
  // Digests have one length, whatever was sent.
  return timingSafeEqual(hashOf(given), hashOf(token)) && given !== ''
}
