// What the MySQL store decides without a server: what a URI says, what an error means, which rights are
// lacking, how times and statements look.
import { describe, expect, test } from 'bun:test'
import { exitCodeOf, PetrosaError, UserError } from '../../src/errors.ts'
import { readAddress } from '../../src/stores/mysql/address.ts'
import { lackingRights, versionFinding } from '../../src/stores/mysql/check.ts'
import { explained, isPassing } from '../../src/stores/mysql/errors.ts'
import { loadText, timeText } from '../../src/stores/mysql/text.ts'
import { statementRows } from '../../src/stores/mysql/upsert.ts'
import { klineSeries, tableOf } from '../rig/pages.ts'

const said = (message: string, facts: object): Error => Object.assign(new Error(message), facts)

describe('the URI', () => {
  test('every scheme of the drivers before us reads alike', () => {
    for (const scheme of ['mysql', 'mysql+pymysql', 'mariadb']) {
      expect(readAddress(`${scheme}://me:p%40ss%2F@db.example:3307/binance?charset=utf8mb4`)).toMatchObject({
        host: 'db.example',
        port: 3307,
        user: 'me',
        password: 'p@ss/',
        database: 'binance',
        tls: 'disabled',
        place: "database 'binance' at db.example:3307",
      })
    }
    expect(readAddress('mysql://me@[::1]/x')).toMatchObject({ host: '::1', port: 3306, password: '' })
  })

  const modes: readonly (readonly [string, string])[] = [
    ['ssl-mode=REQUIRED', 'required'],
    ['ssl_mode=VERIFY_CA&ssl_ca=/ca.pem', 'verify-ca'],
    ['sslmode=verify-full', 'verify-identity'],
    ['ssl=true', 'verify-identity'],
    ['ssl=0', 'disabled'],
    ['ssl_ca=/ca.pem', 'verify-ca'],
    ['ssl_verify_identity=true&ssl_ca=/ca.pem', 'verify-identity'],
    ['tls=skip-verify', 'required'],
  ]
  for (const [query, tls] of modes) {
    test(`${query} means ${tls}`, () => {
      expect(readAddress(`mysql://me@db.example/x?${query}`).tls as string).toBe(tls)
    })
  }

  test('the path of a socket takes the place of host and port, in the word of every client', () => {
    for (const word of ['unix_socket', 'socket', 'socketPath'])
      expect(readAddress(`mysql+pymysql://me@db.example/x?${word}=/run/m%20y.sock`)).toMatchObject({
        socket: '/run/m y.sock',
        place: "database 'x' at /run/m y.sock",
      })
    // As SQLAlchemy writes it.
    expect(readAddress('mysql+pymysql://me:pw@/x?unix_socket=/run/my.sock')).toMatchObject({
      ...{ socket: '/run/my.sock', user: 'me', password: 'pw', database: 'x' },
    })
    expect(readAddress('mysql://me@db.example/x?charset=utf8mb4&serverTimezone=UTC').socket).toBeNull()
  })

  test('a word about where to connect that is not known is refused, and so is half a path', () => {
    for (const word of [
      'host=h',
      'port=1',
      'user=u',
      'passwd=p',
      'db=y',
      'read_default_file=/f',
      'socket=m.sock',
    ])
      expect(() => readAddress(`mysql://me@db.example/x?${word}`)).toThrow(UserError)
  })

  test('a name that the servers take for none, or for another one, is refused', () => {
    for (const name of ['x%20', 'x%F0%9F%98%80', 'x%00', 'a%2Fb', 'x'.repeat(65)])
      expect(() => readAddress(`mysql://me@db.example/${name}`)).toThrow(UserError)
    expect(readAddress('mysql://me@db.example/a%60b%20c').database).toBe('a`b c')
  })

  const bad = ['postgres://a/b', 'mysql://a', 'nothing', 'mysql://a/b?ssl-mode=SOME', 'mysql://a:%zz@b/c']
  for (const uri of [
    ...bad,
    'mysql://a/b?ssl_cipher=X',
    'mysql://127.0.0.1/b?ssl=1',
    'mysql://a/b?read_timeout=-1',
  ]) {
    test(`${uri} is refused`, () => {
      expect(() => readAddress(uri)).toThrow(PetrosaError)
    })
  }
})

describe('errors', () => {
  const codes: readonly (readonly [number, object, string])[] = [
    [2, { errno: 1290 }, 'The MySQL server is running with the --read-only option'],
    [2, { errno: 1836 }, 'Running in read-only mode'],
    [2, { errno: 1045 }, 'Access denied for user'],
    [2, { errno: 1142 }, 'INSERT command denied'],
    [2, { errno: 1049 }, 'Unknown database'],
    [2, { errno: 1102 }, "Incorrect database name '#x'"],
    [2, { errno: 3159 }, 'Connections using insecure transport are prohibited'],
    [2, { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }, 'self-signed certificate'],
    [75, { errno: 1021 }, 'Disk full'],
    [75, { errno: 1114 }, 'The table is full'],
    [75, { errno: 1040 }, 'Too many connections'],
    [75, { errno: 1213 }, 'Deadlock found'],
    [75, { errno: 1053 }, 'Server shutdown in progress'],
    [75, { code: 'PROTOCOL_CONNECTION_LOST' }, 'Connection lost'],
    [75, { errno: -111, code: 'ECONNREFUSED' }, 'connect ECONNREFUSED'],
    [1, { errno: 1264 }, 'Out of range value'],
  ]
  for (const [code, facts, message] of codes) {
    test(`${message} exits ${code}`, () => {
      expect(exitCodeOf(explained(said(message, facts), 'here'))).toBe(code as never)
    })
  }

  test('deadlocks and lost lines are tried again, rights and values are not', () => {
    expect([1213, 1205, 1053, 1927].every((errno) => isPassing(said('', { errno })))).toBe(true)
    expect([1045, 1264, 1290, 1114].some((errno) => isPassing(said('', { errno })))).toBe(false)
  })
})

test('servers that are too old are found', () => {
  const isNew = (version: string): boolean => versionFinding(version).ok
  expect(
    ['MySQL 8.0.11', 'MySQL 8.4.3', 'MySQL 9.7.4', 'MariaDB 10.6.1', 'MariaDB 11.4.2'].every(isNew),
  ).toBe(true)
  expect(['MySQL 5.7.44', 'MariaDB 10.5.27', 'MariaDB 5.5.68'].some(isNew)).toBe(false)
})

test('rights are read from grants on all, on the database, and on a pattern', () => {
  const on = (right: string, where: string) => `GRANT ${right} ON ${where} TO \`me\`@\`%\``
  expect(lackingRights([on('ALL PRIVILEGES', '*.*')], 'x')).toEqual([])
  expect(lackingRights([on('USAGE', '*.*'), on('ALL PRIVILEGES', '`x`.*')], 'x')).toEqual([])
  expect(lackingRights([on('ALL PRIVILEGES', '`other`.*')], 'x')).toHaveLength(5)
  expect(lackingRights([on('SELECT, INSERT, UPDATE, DELETE, CREATE', '`pet\\_%`.*')], 'pet_1')).toEqual([])
  expect(lackingRights([on('SELECT, INSERT, UPDATE, DELETE, CREATE', '`pet\\_%`.*')], 'petx1')).toHaveLength(
    5,
  )
  expect(lackingRights([on('ALL PRIVILEGES', '`a``b`.*')], 'a`b')).toEqual([])
  expect(lackingRights(['GRANT `writer`@`%` TO `me`@`%`'], 'x')).toBeNull()
})

test('times are written in UTC to the millisecond, before 1970 too', () => {
  for (const text of ['1969-12-31 23:59:59.999', '2024-02-29 00:00:00.000', '2262-04-11 23:47:16.854']) {
    expect(timeText(Date.parse(`${text.replace(' ', 'T')}Z`))).toBe(text)
  }
})

test('text of a load is escaped', () => {
  expect(loadText('a\tb\nc\\N')).toBe('a\\tb\\nc\\\\N')
})

test('statements fit into small packets', () => {
  const table = tableOf(klineSeries('BTCUSDT'))
  expect(statementRows(table, 67_108_864)[0]).toBe(500)
  expect(statementRows(table, 65_536)[0]).toBe(20)
  expect(statementRows(table, 1_024)).toEqual([1])
})
