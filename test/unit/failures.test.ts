// What an answer that is not 200 means: every status of reference 6.3 with its kind, exit code and advice,
// the ends of pauses and bans, and what the network throws.
import { describe, expect, test } from 'bun:test'
import {
  BlockedError,
  type FailedAnswer,
  failure,
  LONGEST_PAUSE_MS,
  networkFailure,
  PauseError,
  TransientError,
} from '../../src/binance/failures.ts'
import {
  ForeignHostError,
  ForgottenSymbolError,
  PetrosaError,
  RefusedError,
  StoppedError,
  UnavailableError,
  UserError,
} from '../../src/errors.ts'

const NOW_MS = Date.UTC(2024, 0, 1, 12, 0, 20)
const answer = (status: number, facts: Partial<FailedAnswer> = {}): FailedAnswer => ({
  host: 'api.test',
  status,
  retryAfterSeconds: null,
  code: null,
  text: '',
  nowMs: NOW_MS,
  isClockKnown: true,
  ...facts,
})
const exitOf = (error: Error): number | null => (error instanceof PetrosaError ? error.exitCode : null)
const adviceOf = (error: Error): string => (error instanceof PetrosaError ? error.advice : '')

type Expected = readonly [
  status: number,
  code: number | null,
  kind: { readonly name: string },
  exit: number | null,
  advice: RegExp,
]

const table: readonly Expected[] = [
  [400, -1121, ForgottenSymbolError, 3, /^$/],
  [400, -1100, RefusedError, 3, /^$/],
  [400, null, RefusedError, 3, /^$/],
  [401, null, UserError, 2, /BINANCE_API_KEY/],
  [400, -2014, UserError, 2, /BINANCE_API_KEY/],
  [401, -2015, UserError, 2, /BINANCE_API_KEY/],
  [403, null, UnavailableError, 75, /wait some minutes/],
  [404, null, RefusedError, 3, /^$/],
  [407, null, UserError, 2, /HTTPS_PROXY/],
  [408, -1007, TransientError, null, /^$/],
  [451, 0, BlockedError, 2, /permitted location/],
  [500, -1001, TransientError, null, /^$/],
  [502, null, TransientError, null, /^$/],
  [503, -1008, TransientError, null, /^$/],
  [504, null, TransientError, null, /^$/],
  [301, null, ForeignHostError, 2, /URL variables/],
  [302, null, ForeignHostError, 2, /URL variables/],
  [307, null, ForeignHostError, 2, /URL variables/],
]

describe('every status of the reference', () => {
  for (const [status, code, kind, exit, advice] of table) {
    test(`${status}${code === null ? '' : ` with code ${code}`}: ${kind.name}`, () => {
      const error = failure(answer(status, { code, text: 'the text' }))
      expect(error.constructor.name).toBe(kind.name)
      expect(exitOf(error)).toBe(exit)
      expect(adviceOf(error)).toMatch(advice)
      expect(error.message).toContain(status === 407 ? 'proxy' : 'api.test')
    })
  }

  test('the message carries what the exchange said: its code and its text', () => {
    const said = failure(answer(400, { code: -1121, text: 'Invalid symbol.' })).message
    expect(said).toBe('api.test answered 400 (code -1121): Invalid symbol.')
    expect(failure(answer(500)).message).toBe('api.test answered 500')
    expect(
      failure(answer(451, { text: 'Service unavailable from a restricted location' })).message,
    ).toContain('restricted location')
    expect(failure(answer(451)).message).toContain('451')
  })
})

describe('pauses and bans', () => {
  const untilOf = (status: number, facts: Partial<FailedAnswer>): number | null => {
    const error = failure(answer(status, facts))
    return error instanceof PauseError ? error.untilMs - NOW_MS : null
  }
  const banned = (ms: number): Partial<FailedAnswer> => ({
    text: `Way too much request weight used; IP banned until ${NOW_MS + ms}.`,
  })

  test('429: as long as Retry-After says, else for the next minute', () => {
    expect(untilOf(429, { retryAfterSeconds: 7 })).toBe(7_000)
    expect(untilOf(429, {})).toBe(40_000)
    expect(untilOf(429, { retryAfterSeconds: 0 })).toBe(0)
  })

  test('418: until the time in the text, or by Retry-After, the later of both; else for two minutes', () => {
    expect(untilOf(418, banned(100_000))).toBe(100_000)
    expect(untilOf(418, { retryAfterSeconds: 130 })).toBe(130_000)
    expect(untilOf(418, { retryAfterSeconds: 10, ...banned(100_000) })).toBe(100_000)
    expect(untilOf(418, { retryAfterSeconds: 150, ...banned(100_000) })).toBe(150_000)
    expect(untilOf(418, {})).toBe(120_000)
    expect(untilOf(418, { text: 'Way too many requests; IP(1.2.3.4) banned until 12 o clock' })).toBe(120_000)
  })

  test('418 with an end that is past already: for two minutes, since it does ban', () => {
    expect(untilOf(418, banned(-1))).toBe(120_000)
    expect(untilOf(418, banned(0))).toBe(120_000)
    expect(untilOf(418, { retryAfterSeconds: 0 })).toBe(120_000)
  })

  test('while the clock is a guess no time in a text is believed, only how long to wait', () => {
    const guess = { isClockKnown: false }
    expect(untilOf(418, { ...guess, ...banned(86_400_000) })).toBe(120_000)
    expect(untilOf(418, { ...guess, ...banned(-86_400_000) })).toBe(120_000)
    expect(untilOf(418, { ...guess, ...banned(86_400_000), retryAfterSeconds: 3 })).toBe(3_000)
    expect(untilOf(429, { ...guess, retryAfterSeconds: 7 })).toBe(7_000)
  })

  test('a ban of five minutes is sat out; a longer one ends the run and says until when', () => {
    expect(LONGEST_PAUSE_MS).toBe(300_000)
    expect(untilOf(418, banned(300_000))).toBe(300_000)
    const error = failure(answer(418, banned(300_001)))
    expect(error).toBeInstanceOf(UnavailableError)
    expect(exitOf(error)).toBe(75)
    expect(error.message).toContain('has banned this address until 2024-01-01T12:05:20.001Z')
    expect(adviceOf(error)).toMatch(/run again after 2024-01-01T12:05:20.001Z.*--weight-share/)
    expect(failure(answer(429, { retryAfterSeconds: 301 }))).toBeInstanceOf(UnavailableError)
  })

  test('a senseless end is no defect: the run ends, or goes on, with a message', () => {
    for (const retryAfterSeconds of [1e12, Number.MAX_SAFE_INTEGER]) {
      expect(failure(answer(429, { retryAfterSeconds }))).toBeInstanceOf(UnavailableError)
    }
    expect(failure(answer(418, { text: 'banned until 9999999999999' }))).toBeInstanceOf(UnavailableError)
  })
})

describe('what the network throws', () => {
  const withCode = (code: unknown, message = 'what happened'): Error =>
    Object.assign(new Error(message), { code })
  const kindOf = (error: unknown): string => (error instanceof Error ? error.constructor.name : 'none')

  test('may be tried again, with the host and the reason', () => {
    for (const code of ['ConnectionRefused', 'ECONNRESET', 'FailedToOpenSocket', 'Timeout']) {
      const thrown = withCode(code)
      const error = networkFailure(thrown, 'api.test')
      expect([kindOf(error), String(error)]).toEqual([
        'TransientError',
        `TransientError: api.test did not answer: ${code}`,
      ])
      expect(error).toHaveProperty('cause', thrown)
    }
    for (const thrown of [new Error('the answer was cut'), 'the answer was cut']) {
      expect(String(networkFailure(thrown, 'api.test'))).toEndWith(
        'api.test did not answer: the answer was cut',
      )
    }
  })

  test('a time-out says so, not the number that the platform gives it', () => {
    const timeout = new DOMException('The operation timed out.', 'TimeoutError')
    expect(String(networkFailure(timeout, 'api.test'))).toEndWith('did not answer: The operation timed out.')
  })

  test('certificates and proxies are for the user to mend', () => {
    for (const code of [
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
      'CERT_HAS_EXPIRED',
      'ERR_TLS_CERT_ALTNAME_INVALID',
    ]) {
      expect(`${code} ${kindOf(networkFailure(withCode(code), 'api.test'))}`).toBe(`${code} UserError`)
    }
    expect(networkFailure(withCode('UnsupportedProxyProtocol'), 'api.test')).toMatchObject({
      exitCode: 2,
      advice: expect.stringContaining('HTTPS_PROXY'),
    })
  })

  test('our own errors stay the same objects', () => {
    for (const own of [
      new StoppedError(),
      new RefusedError('no'),
      new TransientError('later'),
      new PauseError('wait', 1),
    ]) {
      expect(networkFailure(own, 'api.test')).toBe(own)
    }
  })
})
