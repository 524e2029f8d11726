// Which store an address belongs to, and which addresses are refused.
import { describe, expect, test } from 'bun:test'
import { UserError } from '../../src/errors.ts'
import { kindOfUri, refuseForeignAddress } from '../../src/stores/address.ts'

describe('the address of a store', () => {
  test.each([
    ['postgres://h/x', 'postgresql'],
    ['postgresql+psycopg2://u:p@h/x', 'postgresql'],
    ['postgresql+asyncpg://h/x', 'postgresql'],
    ['mysql+pymysql://h/x', 'mysql'],
    ['mariadb://h/x', 'mysql'],
    ['mongodb+srv://h/x', 'mongodb'],
    ['sqlite:x.db', 'sqlite'],
    ['./market.db', null],
  ] as const)('%s', (uri, kind) => {
    expect(kindOfUri(uri)).toBe(kind)
  })

  test('of another store, or of none, is refused, also where a file is meant', () => {
    const refused = [
      ['sqlite', 'postgres://h/x'],
      ['postgresql', './market.db'],
      ['mysql', 'redis://h'],
    ] as const
    for (const [kind, uri] of refused)
      expect(() => refuseForeignAddress(kind, uri, 'check it')).toThrow(UserError)
    expect(() => refuseForeignAddress('sqlite', './market.db', '')).not.toThrow()
  })
})
