// TLS with PostgreSQL: what sslmode asks for is what the wire does. On a server of its own, with a
// certificate made here.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { UserError } from '../../src/errors.ts'
import { parseAddress } from '../../src/stores/postgresql/address.ts'
import { explained } from '../../src/stores/postgresql/errors.ts'
import { openSession } from '../../src/stores/postgresql/session.ts'
import { startPostgresql } from '../rig/servers.ts'

const openssl = Bun.which('openssl')
const server = openssl ? await startPostgresql() : null
if (!server) console.warn('SKIPPED: TLS with PostgreSQL wants openssl and a PostgreSQL server to start')
const LIMIT_MS = 60_000

describe.skipIf(!server)('TLS with PostgreSQL', () => {
  const uri = server?.uri ?? ''
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'petrosa-tls-'))
  })
  afterAll(async () => {
    await server?.stop()
    await rm(folder, { recursive: true, force: true })
  }, LIMIT_MS)

  /** Whether a session with `query` after the URI is encrypted, or why it cannot be had. */
  const wire = async (query: string): Promise<boolean | string> => {
    const address = parseAddress(`${uri}${query}`)
    try {
      const session = await openSession(address)
      const { rows } = await session.run('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()')
      expect(rows).toEqual([[session.encrypted]])
      await session.end()
      return session.encrypted
    } catch (error) {
      const told = explained(error, address)
      expect(told).toBeInstanceOf(UserError)
      return told instanceof UserError ? told.message : ''
    }
  }

  test('a server without TLS: prefer does without, require refuses', async () => {
    expect(await wire('?sslmode=prefer')).toBe(false)
    expect(await wire('?sslmode=disable')).toBe(false)
    expect(await wire('?sslmode=require')).toContain('offers no TLS')
  })

  test(
    'a server with TLS: encrypted unless disabled, and checked where asked',
    async () => {
      const { key, certificate } = makeCertificate(folder)
      const sql = postgres(uri, { max: 1, onnotice: () => {} })
      // The key must be the server's own and for it alone.
      for (const [name, text] of Object.entries({ 'server.key': key, 'server.crt': certificate })) {
        await sql.unsafe(
          `COPY (SELECT unnest(string_to_array('${text}', chr(10)))) TO PROGRAM 'umask 077; cat > ${name}'`,
        )
      }
      await sql.unsafe('ALTER SYSTEM SET ssl = on')
      await sql.unsafe('SELECT pg_reload_conf()')
      await sql.end()
      await Bun.sleep(500)
      const root = join(folder, 'server.crt')
      expect(await wire('?sslmode=disable')).toBe(false)
      expect(await wire('')).toBe(true)
      expect(await wire('?sslmode=require')).toBe(true)
      expect(await wire('?sslmode=verify-full')).toContain('TLS')
      expect(await wire(`?sslmode=verify-ca&sslrootcert=${root}`)).toBe(true)
      expect(await wire(`?sslmode=verify-full&sslrootcert=${root}`)).toContain('TLS')
      expect(await wire(`?sslmode=verify-full&sslrootcert=${folder}/none.crt`)).toContain('cannot be read')
    },
    LIMIT_MS,
  )
})

/** A certificate that vouches for itself, for another host than the server's. */
function makeCertificate(folder: string): { key: string; certificate: string } {
  const [key, certificate] = [join(folder, 'server.key'), join(folder, 'server.crt')]
  const command = [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '2',
    '-subj',
    '/CN=elsewhere.test',
  ]
  const made = Bun.spawnSync([openssl ?? '', ...command, '-keyout', key, '-out', certificate])
  if (!made.success) throw new Error(`openssl failed: ${made.stderr}`)
  const read = (path: string): string => Bun.spawnSync(['cat', path]).stdout.toString().trim()
  return { key: read(key), certificate: read(certificate) }
}
