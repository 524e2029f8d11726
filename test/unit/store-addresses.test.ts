// What the manual says of the addresses of stores, held to what is read of them.
import { expect, test } from 'bun:test'
import { tlsModes as mysqlModes, readAddress } from '../../src/stores/mysql/address.ts'
import { parseAddress, tlsModes as postgresqlModes } from '../../src/stores/postgresql/address.ts'

const readme = await Bun.file(new URL('../../README.md', import.meta.url)).text()
const [, table = ''] = /What an address may say([\s\S]*?)\n### /.exec(readme) ?? []
/** The cells of a store's column. */
const column = (place: number): string =>
  table
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) => line.split('|')[place] ?? '')
    .join('\n')

test('the manual names every mode of protection', () => {
  const named = (cells: string): string[] => [...cells.matchAll(/`([\w-]+)`/g)].map(([, name = '']) => name)
  expect(named(column(2))).toEqual(expect.arrayContaining([...postgresqlModes]))
  const modes = mysqlModes.map((mode) => mode.toUpperCase().replaceAll('-', '_'))
  expect(named(column(3))).toEqual(expect.arrayContaining(modes))
})

test('what the manual names is read as it says', () => {
  const given = (names: readonly string[], cells: string): void =>
    expect(names.filter((name) => !cells.includes(`\`${name}`))).toEqual([])
  given(['sslrootcert', 'sslcert', 'sslkey', 'connect_timeout', 'target_session_attrs'], column(2))
  expect(
    parseAddress(
      'postgres://h/x?sslmode=verify-full&sslrootcert=/a&sslcert=/c&sslkey=/k&connect_timeout=7&' +
        'target_session_attrs=read-write',
    ),
  ).toMatchObject({
    tls: { mode: 'verify-full', rootCertificate: '/a', certificate: '/c', key: '/k' },
    connectTimeoutMs: 7_000,
    primaryOnly: true,
  })
  given(['host'], column(2))
  expect(parseAddress('postgres://h/x?host=/run/postgresql').endpoints).toMatchObject([
    { host: '/run/postgresql' },
  ])
  given(['unix_socket'], column(3))
  expect(readAddress('mysql://h/x?unix_socket=/run/my.sock').socket).toBe('/run/my.sock')
  given(['ssl-ca', 'ssl-cert', 'ssl-key', 'connect-timeout', 'read-timeout', 'local-infile=0'], column(3))
  expect(
    readAddress(
      'mysql://h/x?ssl-mode=VERIFY_CA&ssl-ca=/a&ssl-cert=/c&ssl-key=/k&connect-timeout=7&read-timeout=9&' +
        'local-infile=0',
    ),
  ).toMatchObject({
    ...{ tls: 'verify-ca', authorityFile: '/a', certificateFile: '/c', keyFile: '/k' },
    ...{ connectLimitMs: 7_000, answerLimitMs: 9_000, localInfile: false },
  })
})
