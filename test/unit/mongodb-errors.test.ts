// What MongoDB says, as instructions: the exit code of each kind of failure, what is worth another try, and
// that no password comes through. Failures that no test server can be brought to are made by hand here.
import { describe, expect, test } from 'bun:test'
import { MongoError, MongoInvalidArgumentError, MongoNetworkError, MongoServerError } from 'mongodb'
import { type ExitCode, errorLine, exitCodeOf } from '../../src/errors.ts'
import { explained, isPassing } from '../../src/stores/mongodb/errors.ts'

const place = 'the MongoDB database x at somewhere:27017'
const said = (code: number, message = 'said so'): MongoServerError => new MongoServerError({ message, code })

describe('exit codes', () => {
  const cases: readonly (readonly [string, unknown, ExitCode])[] = [
    ['authentication failed', said(18), 2],
    ['not authorized', said(13, 'not authorized on x to execute command { insert: "klines_m1" }'), 2],
    ['document validation', said(121), 2],
    ['write concern cannot be satisfied', said(100), 2],
    ['a secondary', said(10_107), 2],
    [
      'a database with a dot in its name',
      new MongoInvalidArgumentError("Database names cannot contain '.'"),
      2,
    ],
    ['a wrong argument to the driver', new MongoInvalidArgumentError('Invalid BulkOperation'), 1],
    ['a database with a name that the server refuses', said(73), 2],
    ['a database that differs from another only in capitals', said(13_297), 2],
    ['the database local', said(20, 'This MongoDB deployment does not support retryable writes.'), 2],
    ['disk full', said(14_031), 75],
    ['over the quota of a hosted cluster', said(8_000, 'you are over your space quota, using 520 MB'), 75],
    ['shutting down', said(91), 75],
    ['write concern timed out', said(64), 75],
    ['connection lost', new MongoNetworkError('connection 3 to somewhere:27017 closed'), 75],
    ['a file that is not there', Object.assign(new Error('no such file'), { code: 'ENOENT' }), 2],
    ['a name without records', Object.assign(new Error('querySrv ENOTFOUND x'), { code: 'ENOTFOUND' }), 75],
    ['a command that we got wrong', said(9), 1],
    ['a defect', new TypeError('x is not a function'), 1],
  ]
  for (const [name, error, code] of cases) {
    test(`${name}: ${code}`, () => {
      expect(exitCodeOf(explained(error, place))).toBe(code)
    })
  }
})

test('the network, elections and conflicts are tried again; refusals are not', () => {
  for (const code of [91, 112, 189, 10_107, 11_600, 11_602]) expect(isPassing(said(code))).toBe(true)
  expect(isPassing(new MongoNetworkError('closed'))).toBe(true)
  for (const code of [13, 18, 121, 11_000, 14_031]) expect(isPassing(said(code))).toBe(false)
  const untrusted = new MongoNetworkError('handshake', {
    cause: Object.assign(new Error('self-signed'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }),
  })
  expect(isPassing(untrusted)).toBe(false)
  expect(exitCodeOf(explained(untrusted, place))).toBe(2)
})

test('a password in what the driver says is left out', () => {
  const error = new MongoNetworkError('cannot reach mongodb://someone:s3cret@somewhere:27017')
  expect(errorLine(explained(error, place))).not.toContain('s3cret')
})

test('a server that wants a login says so, and not that rights are missing', () => {
  const error = explained(said(13, 'command createIndexes requires authentication'), place)
  expect(exitCodeOf(error)).toBe(2)
  expect(errorLine(error)).toContain('wants a login, and the URI names no user')
})

test('what is no error of MongoDB stays what it is', () => {
  const error = new MongoError('something new')
  expect(explained(error, place)).toBe(error)
})
