// Which file an address of the SQLite store means, and which addresses are refused because they mean none.
import { describe, expect, test } from 'bun:test'
import { errorLine, UserError } from '../../src/errors.ts'
import { refuseMemory } from '../../src/stores/address.ts'
import { sqlitePath } from '../../src/stores/sqlite/address.ts'

describe('the address of a SQLite file', () => {
  test.each([
    ['./market.db', './market.db'],
    ['sqlite:///data/market.db', '/data/market.db'],
    ['sqlite:market.db', 'market.db'],
    ['SQLite:market.db', 'market.db'],
    ['file:market.db', 'market.db'],
    ['file:///data/a%20b%3F.db', '/data/a b?.db'],
    ['a b#c?d%41.db', 'a b#c?d%41.db'],
    ['100%.db', '100%.db'],
    [':memory:', ':memory:'],
  ])('%s', (uri, path) => {
    expect(sqlitePath(uri)).toBe(path)
  })

  test.each([
    ['sqlite://', /names no file; write the path/],
    ['sqlite:', /names no file/],
    ['file:', /names no file/],
    ['sqlite:%20', /names no file/],
    ['sqlite:a%00b', /names no file/],
    ['file:x.db?mode=ro', /has a query.*leave out the \?.*%3F/],
    ['sqlite:///x.db?cache=shared', /has a query/],
    ['sqlite:100%.db', /begins no character; write %25/],
  ])('%s is refused', (uri, says) => {
    const thrown = ((): unknown => {
      try {
        return sqlitePath(uri)
      } catch (error) {
        return error
      }
    })()
    expect(thrown).toBeInstanceOf(UserError)
    expect(errorLine(thrown)).toMatch(says)
  })

  test('a database in memory is refused to a command, however it is written', () => {
    for (const uri of [':memory:', 'sqlite::memory:', 'file::memory:', 'sqlite://%3Amemory:'])
      expect(() => refuseMemory('sqlite', uri)).toThrow('keeps nothing')
    for (const uri of ['./:memory:', 'memory.db']) expect(() => refuseMemory('sqlite', uri)).not.toThrow()
    expect(() => refuseMemory('mongodb', 'mongodb://h/:memory:')).not.toThrow()
  })
})
