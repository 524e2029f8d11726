// The PostgreSQL URI: what it may say, what is refused, and that a password never shows.
import { describe, expect, test } from 'bun:test'
import { errorLine, UserError } from '../../src/errors.ts'
import { parseAddress, placeText } from '../../src/stores/postgresql/address.ts'

describe('the PostgreSQL URI', () => {
  test('names server, account, database and TLS', () => {
    const address = parseAddress(
      'postgresql://me:p%40ss@db.example:6543/binance?sslmode=verify-full&sslrootcert=%2Fca.pem',
    )
    expect(address).toMatchObject({
      endpoints: [{ host: 'db.example', port: 6543 }],
      user: 'me',
      password: 'p@ss',
      database: 'binance',
      tls: { mode: 'verify-full', rootCertificate: '/ca.pem' },
      applicationName: 'petrosa',
    })
  })

  test('has defaults', () => {
    const address = parseAddress('postgres://localhost/binance')
    expect(address).toMatchObject({
      endpoints: [{ host: 'localhost', port: 5432 }],
      user: null,
      password: null,
    })
    expect(address.tls.mode).toBe('prefer')
  })

  test.each([
    ['postgres://a,b:6000/x', ['a:5432', 'b:6000']],
    ['postgres://[::1]:6000/x', ['[::1]:6000']],
    ['postgres:///x?host=/var/run/postgresql', ['/var/run/postgresql/.s.PGSQL.5432']],
    ['postgres://me:odd@word@h/x', ['h:5432']],
    ['postgresql+asyncpg://h/x?target_session_attrs=any&channel_binding=prefer', ['h:5432']],
  ])('%s leads to %p', (uri, places) => {
    expect(placeText(parseAddress(uri))).toBe(`database x at ${places.join(' or ')}`)
  })

  test('an authority makes require a check of the certificate, as libpq reads it', () => {
    expect(parseAddress('postgres://h/x?sslmode=require&sslrootcert=/ca.pem').tls.mode).toBe('verify-ca')
    expect(parseAddress('postgres://h/x?sslrootcert=system').tls).toMatchObject({
      mode: 'verify-full',
      rootCertificate: null,
    })
  })

  test.each([
    'mysql://h/x',
    'postgres://me:geheim@h',
    'postgres://me:geheim@h/x?sslmode=maybe',
    'postgres://me:geheim@h/x?slmode=require',
    'postgres://me:geheim@h:99999/x',
    'postgres://me:geheim%@h/x',
    'postgres://me:geheim@h/x?connect_timeout=soon',
    'postgres://me:geheim@h/x?target_session_attrs=standby',
    'postgres://me:geheim@h/x?channel_binding=require',
    'postgres://me:geheim@h/x?gssencmode=require',
  ])('%s is refused with an instruction', (uri) => {
    const refusal = (): unknown => parseAddress(uri)
    expect(refusal).toThrow(UserError)
    try {
      refusal()
    } catch (error) {
      expect(errorLine(error)).not.toContain('geheim')
      expect(errorLine(error)).toContain('POSTGRESQL_URI')
    }
  })
})
