// What an answer of the archives that is not 200 means. They are files on a content network: no codes of the
// exchange, but 404 for what is not published, and XML or HTML for the rest (reference 8.1).
import { RefusedError } from '../errors.ts'
import { BlockedError, failure } from './failures.ts'

export type FailedFile = {
  readonly host: string
  /** The path or query that was asked for. */
  readonly rest: string
  readonly response: Response
  /** The body, as far as it was read. */
  readonly text: string
  /** This machine's clock, epoch ms. */
  readonly nowMs: number
}

/** The error that a failed answer is. */
export function archiveFailure({ host, rest, response, text, nowMs }: FailedFile): Error {
  const { status } = response
  // In the old days, and where nobody may list, what is not there is forbidden.
  const isHidden = status === 403 && text.includes('<Code>AccessDenied</Code>')
  if (status === 404 || isHidden) return new RefusedError(`${host} has no ${rest} (${status}): not published`)
  if (status === 451) {
    return new BlockedError(
      `${host} does not serve this location (451)`,
      'run from a permitted location, or use --source rest',
    )
  }
  const retryAfter = response.headers.get('retry-after')
  const retryAfterSeconds = retryAfter !== null && /^\d+$/.test(retryAfter) ? Number(retryAfter) : null
  return failure({ host, status, retryAfterSeconds, code: null, text: '', nowMs, isClockKnown: false })
}
