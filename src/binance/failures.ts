// What an answer that is not 200 means, and what to do about it (reference 6.3 and 6.4): fatal for the run,
// refused for good, to be asked again, or a pause for the whole host.
import { DAY_MS, MINUTE_MS } from '../core/calendar.ts'
import {
  ForeignHostError,
  ForgottenSymbolError,
  PetrosaError,
  RefusedError,
  UnavailableError,
  UserError,
} from '../errors.ts'

/** Something went wrong on the way; the same request may well succeed a moment later. */
export class TransientError extends Error {
  override readonly name = 'TransientError'
}

/** The exchange does not serve this location; its archives may (reference 1). */
export class BlockedError extends ForeignHostError {}

/** The exchange asks for a pause: nothing more to this host until `untilMs` (its own clock, epoch ms). */
export class PauseError extends Error {
  override readonly name = 'PauseError'
  readonly untilMs: number

  constructor(message: string, untilMs: number) {
    super(message)
    this.untilMs = untilMs
  }
}

/** A pause that is longer than a run would wait; while serving, no request goes out before it ends either. */
export class LongPauseError extends UnavailableError {
  readonly untilMs: number

  constructor(message: string, advice: string, untilMs: number) {
    super(message, advice)
    this.untilMs = untilMs
  }
}

export type FailedAnswer = {
  readonly host: string
  readonly status: number
  readonly retryAfterSeconds: number | null
  /** The exchange's error code and text; null where the body is none of its JSON. */
  readonly code: number | null
  readonly text: string
  /** The exchange's clock, epoch ms. */
  readonly nowMs: number
  /** Whether it is the exchange's indeed; otherwise the machine's stands in, and no time is read by it. */
  readonly isClockKnown: boolean
}

/** A ban that ends within this time is waited for; a longer one ends the run (exit 75). */
export const LONGEST_PAUSE_MS = 5 * MINUTE_MS

/**
 * The exchange bans for at least and at most so long (reference 6.3): what asks for more is not obeyed to the
 * letter.
 */
const SHORTEST_BAN_MS = 2 * MINUTE_MS
const LONGEST_BAN_MS = 3 * DAY_MS

/** The last time that a date can name, epoch ms: the header may hold any number. */
const LATEST_MS = 8.64e15

/** The error that a failed answer is. */
export function failure(answer: FailedAnswer): Error {
  const { host, status, code } = answer
  const detail = `${code === null ? '' : ` (code ${code})`}${answer.text ? `: ${answer.text}` : ''}`
  const said = `${host} answered ${status}${detail}`
  if (status === 429 || status === 418) return pause(answer)
  if (status === 451) {
    return new BlockedError(
      `${host} does not serve this location (451): ${answer.text || 'restricted location'}`,
      'run from a permitted location; for spot, BINANCE_API_URL=https://data-api.binance.vision may answer',
    )
  }
  if (status === 403) {
    return new UnavailableError(
      `${host} refuses this address (403, its firewall)`,
      'wait some minutes before the next run; if it lasts, look at the proxy or the address in use',
    )
  }
  if (status === 401 || code === -2014 || code === -2015) {
    return new UserError(`${host} does not accept the API key: ${answer.text}`, 'check BINANCE_API_KEY')
  }
  if (status === 407)
    return new UserError(`the proxy asks for a login (407)`, 'put user and password into HTTPS_PROXY')
  if (status === 408 || status >= 500) return new TransientError(said)
  if (status >= 300 && status < 400) {
    return new ForeignHostError(
      `${host} redirects elsewhere (${status})`,
      'check the URL variables: this is not the exchange',
    )
  }
  return code === INVALID_SYMBOL ? new ForgottenSymbolError(said) : new RefusedError(said)
}

/** What a symbol is called that is not listed, also where it was once (reference 6.3). */
const INVALID_SYMBOL = -1121

/**
 * When a pause ends. 429: as long as asked, else at the next minute. 418, a ban: by Retry-After or the time
 * in the text, the later of both; else after the shortest ban, since an end that is past is none.
 */
function pauseEndMs({ status, nowMs, retryAfterSeconds, text, isClockKnown }: FailedAnswer): number {
  const told = isClockKnown ? Number(/until (\d{13})/.exec(text)?.[1] ?? 0) : 0
  const askedMs = Math.max(told, retryAfterSeconds === null ? 0 : nowMs + retryAfterSeconds * 1_000)
  if (status === 418) return Math.min(LATEST_MS, askedMs > nowMs ? askedMs : nowMs + SHORTEST_BAN_MS)
  const nextMinuteMs = (Math.floor(nowMs / MINUTE_MS) + 1) * MINUTE_MS
  return Math.min(LATEST_MS, askedMs >= nowMs ? askedMs : nextMinuteMs)
}

function pause(answer: FailedAnswer): Error {
  const { host, status, nowMs } = answer
  const untilMs = pauseEndMs(answer)
  const until = new Date(untilMs).toISOString()
  const message =
    status === 418
      ? `${host} has banned this address until ${until} (418)`
      : `${host} asks for a pause until ${until} (429)`
  if (untilMs - nowMs > LONGEST_PAUSE_MS) {
    const advice = `run again after ${until}; a smaller --weight-share leaves room for other programs`
    return new LongPauseError(message, advice, Math.min(untilMs, nowMs + LONGEST_BAN_MS))
  }
  return new PauseError(message, untilMs)
}

/** What the network threw, as an error that may be tried again. Errors of our own stay as they are. */
export function networkFailure(error: unknown, host: string): unknown {
  if (error instanceof PetrosaError || error instanceof TransientError || error instanceof PauseError)
    return error
  // A time-out comes as a DOMException, whose code is a number that says nothing.
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
  const message = error instanceof Error ? error.message : String(error)
  if (code === 'UnsupportedProxyProtocol') {
    return new UserError(
      `the proxy's protocol is not supported`,
      'HTTPS_PROXY and HTTP_PROXY take http:// or https:// proxies',
    )
  }
  if (/CERT|SELF_SIGNED|VERIFY|TLS|SSL/i.test(code)) {
    return new UserError(
      `the certificate of ${host} is not trusted (${code})`,
      'check the URL, the clock, and NODE_EXTRA_CA_CERTS when a proxy opens TLS',
      { cause: error },
    )
  }
  return new TransientError(`${host} did not answer: ${code || message}`, { cause: error })
}
