// What PostgreSQL, the system and the network say, as instructions: the exit code of each kind of failure,
// and what is worth another try. And how long a server that hangs is waited for.
import { describe, expect, test } from 'bun:test'
import { type ExitCode, exitCodeOf } from '../../src/errors.ts'
import { parseAddress } from '../../src/stores/postgresql/address.ts'
import { explained, isTransient, SilentServerError } from '../../src/stores/postgresql/errors.ts'
import type { Session } from '../../src/stores/postgresql/session.ts'
import { codedError } from '../../src/stores/postgresql/socket.ts'
import { inTransaction } from '../../src/stores/postgresql/transaction.ts'
import { thrownBy } from '../contract/subject.ts'

const address = parseAddress('postgres://db.example/binance')
const exitOf = (code: string): ExitCode => exitCodeOf(explained(codedError('said so', code), address))

describe('exit codes', () => {
  const cases: readonly (readonly [string, string, ExitCode])[] = [
    ['the socket of a server that was stopped', 'ENOENT', 75],
    ['a socket that others may use', 'EACCES', 2],
    ['an address of no interface', 'EADDRNOTAVAIL', 75],
    ['a network that is down', 'ENETDOWN', 75],
    ['a host that is down', 'EHOSTDOWN', 75],
    ['a lost connection', 'ECONNRESET', 75],
    ['a server that is starting', '57P03', 75],
    ['a transaction that took longer than the server lets it', '25P04', 75],
    ['a statement that we got wrong', '42601', 1],
  ]
  for (const [name, code, exit] of cases) {
    test(`${name}: ${exit}`, () => {
      expect(exitOf(code)).toBe(exit)
    })
  }
})

describe('a server that hangs', () => {
  /** A session that is silent at the statements that hold `text`, and what limit each statement had. */
  const hanging = (text: string) => {
    const limits = new Map<string, number>()
    let limitMs = 0
    const session: Session = {
      isAlive: () => true,
      encrypted: false,
      setLimit: (ms) => {
        limitMs = ms
      },
      run: async (statement) => {
        limits.set(statement.split(' ')[0] ?? '', limitMs)
        if (statement.includes(text)) throw new SilentServerError('the server fell silent')
        return { rows: [], count: 0, command: statement }
      },
      copy: async () => 0,
      end: async () => {},
      destroy: () => {},
    }
    return { session, limits }
  }

  test('is not asked again after the whole patience of a statement: 75', () => {
    const error = new SilentServerError('the server fell silent')
    expect(isTransient(error)).toBe(false)
    expect(exitCodeOf(explained(error, address))).toBe(75)
  })

  test('is noticed soon where a transaction begins, and another connection is tried', async () => {
    const { session, limits } = hanging('BEGIN')
    const error = await thrownBy(() => inTransaction(session, 'read', async () => null))
    expect(isTransient(error)).toBe(true)
    expect(limits.get('BEGIN')).toBeLessThanOrEqual(15_000)
  })

  test('has time for its work', async () => {
    const { session, limits } = hanging('SELECT')
    const error = await thrownBy(() => inTransaction(session, 'read', () => session.run('SELECT 1')))
    expect(isTransient(error)).toBe(false)
    expect(limits.get('SELECT')).toBeGreaterThan(600_000)
  })
})
