// Errors and exit codes: what scripts and schedulers act on (interface.md, section 3).
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  type ExitCode,
  errorLine,
  exitCodeOf,
  exitCodes,
  MalformedError,
  PetrosaError,
  RefusedError,
  StoppedError,
  UnavailableError,
  UserError,
  worstExitCode,
} from '../../src/errors.ts'
import { runsFor } from '../rig/seed.ts'

const runs = runsFor('test/unit/errors.test.ts')

describe('exit codes', () => {
  test('are those of the contract', () => {
    expect(Object.values(exitCodes).toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 75, 130, 143])
    expect(exitCodeOf(new UserError('no such symbol'))).toBe(2)
    expect(exitCodeOf(new UnavailableError('timeout'))).toBe(75)
    expect(exitCodeOf(new RefusedError('refused'))).toBe(3)
    expect(exitCodeOf(new MalformedError('cut'))).toBe(3)
    expect(exitCodeOf(new StoppedError())).toBe(130)
    expect(exitCodeOf(new StoppedError(143))).toBe(143)
  })

  test('anything else that is thrown is a defect', () => {
    for (const thrown of [new Error('x'), new TypeError('x'), 'text', null, undefined, 2, { exitCode: 0 }]) {
      expect(exitCodeOf(thrown)).toBe(1)
    }
  })

  test('of several, the first in the order of the contract wins, wherever it stands', () => {
    const order: readonly ExitCode[] = [143, 130, 1, 2, 75, 3, 0]
    const property = fc.property(fc.array(fc.constantFrom(...order)), (codes) => {
      const ranks = codes.map((code) => order.indexOf(code))
      expect(worstExitCode(codes)).toBe(codes.length === 0 ? 0 : (order[Math.min(...ranks)] ?? 0))
    })
    fc.assert(property, runs)
  })
})

describe('an error is an instruction', () => {
  test('what happened, then what to do, on one line', () => {
    const error = new UserError('symbol BTCUSD is unknown', 'did you mean BTCUSDT?')
    expect(errorLine(error)).toBe('symbol BTCUSD is unknown; did you mean BTCUSDT?')
    expect(errorLine(new UnavailableError('no route to the exchange'))).toBe('no route to the exchange')
    expect(errorLine(new StoppedError())).toContain('run the same command again')
  })

  test('a foreign error keeps its message, and is called a defect', () => {
    expect(errorLine(new TypeError('x is not a function'))).toStartWith(
      'a defect of petrosa: x is not a function;',
    )
    expect(errorLine('text')).toStartWith('a defect of petrosa: text;')
    expect(errorLine(undefined)).toStartWith('a defect of petrosa: undefined;')
  })

  test('holds no password of an address, so that nobody who passes it on can tell it', () => {
    const error = new UserError('no exchange at http://me:s3cret@host/x', 'check http://me:s3cret@host')
    expect([error.message, error.advice]).toEqual([
      'no exchange at http://me:***@host/x',
      'check http://me:***@host',
    ])
  })

  test('keeps its kind, its name and its cause', () => {
    const cause = new Error('ECONNRESET')
    const error = new UnavailableError('the exchange hung up', 'try again later', { cause })
    expect(error).toBeInstanceOf(PetrosaError)
    expect(error).toBeInstanceOf(Error)
    expect([error.name, error.cause, error.advice]).toEqual(['UnavailableError', cause, 'try again later'])
  })
})
