// The URIs of the test databases: a database of its own beside the one that the given URI names, and the same
// login.
import { describe, expect, test } from 'bun:test'
import { withMongoDatabase } from '../rig/mongodb-database.ts'
import { withDatabase } from '../rig/sql.ts'
import { freshName } from '../rig/test-database.ts'

describe('the URI of a fresh database', () => {
  test('SQL: another path, the rest as it was', () => {
    expect(withDatabase('postgres://u:p%40@h:5/old?sslmode=disable', 'new')).toBe(
      'postgres://u:p%40@h:5/new?sslmode=disable',
    )
    expect(withDatabase('mysql://root@127.0.0.1:3306', 'new')).toBe('mysql://root@127.0.0.1:3306/new')
  })

  test('MongoDB: several hosts, and a login that stays with its own database', () => {
    const cases = [
      ['mongodb://a:1,b:2/?replicaSet=rs0', 'mongodb://a:1,b:2/new?replicaSet=rs0'],
      ['mongodb://a', 'mongodb://a/new'],
      ['mongodb://u:p@a/', 'mongodb://u:p@a/new?authSource=admin'],
      ['mongodb://u:p@a/old', 'mongodb://u:p@a/new?authSource=old'],
      ['mongodb+srv://u:p@a/old?authSource=x', 'mongodb+srv://u:p@a/new?authSource=x'],
    ]
    for (const [given = '', expected = ''] of cases) expect(withMongoDatabase(given, 'new')).toBe(expected)
  })

  test('names are short, plain and never twice', () => {
    const names = Array.from({ length: 100 }, freshName)
    expect(names.filter((name) => !/^petrosa_test_[0-9a-f]{12}$/.test(name))).toEqual([])
    expect(new Set(names).size).toBe(100)
  })
})
