// A PostgreSQL server for tests of what only that store does: the one that TEST_POSTGRESQL_URI names, else
// one of our own.
import postgres, { type Sql } from 'postgres'
import { type StartedServer, startPostgresql } from './servers.ts'
import { withDatabase } from './sql.ts'
import { freshName } from './test-database.ts'

export type PostgresqlBed = {
  /** A database that only this test file uses. */
  readonly uri: string
  /** Past the store, in that database. */
  readonly sql: Sql
  drop(): Promise<void>
}

/** A database of its own; null, loudly, where no server can be had. */
export async function postgresqlBed(): Promise<PostgresqlBed | null> {
  const named = Bun.env.TEST_POSTGRESQL_URI
  const server: Pick<StartedServer, 'uri' | 'stop'> | null = named
    ? { uri: named, stop: async () => {} }
    : await startPostgresql()
  if (!server) {
    console.warn('SKIPPED: no PostgreSQL; set TEST_POSTGRESQL_URI or install it')
    return null
  }
  const admin = postgres(server.uri, { max: 1, onnotice: () => {} })
  const name = freshName()
  await admin.unsafe(`CREATE DATABASE ${name}`)
  const uri = withDatabase(server.uri, name)
  const sql = postgres(uri, { max: 2, onnotice: () => {} })
  return {
    uri,
    sql,
    drop: async () => {
      await sql.end({ timeout: 5 })
      await admin.unsafe(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
      await admin.end({ timeout: 5 })
      await server.stop()
    },
  }
}

/** `uri` with another host, port, user or password. */
export function withParts(
  uri: string,
  parts: { readonly port?: number; readonly host?: string; readonly password?: string },
): string {
  const changed = new URL(uri.replace(/^postgres(ql)?:/, 'postgres:'))
  if (parts.host !== undefined) changed.hostname = parts.host
  if (parts.port !== undefined) changed.port = String(parts.port)
  if (parts.password !== undefined) changed.password = parts.password
  return changed.href
}
