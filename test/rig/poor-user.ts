// Users who may do less than the one that the tests have: made on the server for one test, and removed.

import { connectMysql } from './mysql-database.ts'
import { connectPostgresql } from './postgresql-database.ts'
import { afterwards } from './run-petrosa.ts'
import { onConnection, type SqlConnection } from './sql.ts'

/** A password that must never be seen again. */
export const SECRET = 'geheim-und-nie-zu-sehen'

/** `uri` with another user, password, host, port or database. */
export function withAccount(
  uri: string,
  parts: { user?: string; password?: string; host?: string; port?: number; database?: string },
): string {
  const [, scheme = '', account = '', hosts = '', rest = ''] =
    /^([^:]+:\/\/)(?:([^@/]*)@)?([^/?]*)(.*)$/.exec(uri) ?? []
  const [user = '', ...passwords] = account.split(':')
  const changed = [parts.user ?? user, parts.password ?? passwords.join(':')].filter((part) => part !== '')
  const [host = '', port] = (hosts.split(',')[0] ?? '').split(':')
  const place = [parts.host ?? host, parts.port ?? port].filter((part) => part !== undefined).join(':')
  const path = parts.database === undefined ? rest : rest.replace(/^\/[^?]*/, `/${parts.database}`)
  return `${scheme}${changed.length > 0 ? `${changed.join(':')}@` : ''}${place}${path}`
}

/**
 * A user of the SQL server at `uri` (which names a database) who may sign in, and read and write its tables
 * where `tables` says so, but never make one. Lasts until `removeWorkFolders`. Gives the URI of the user.
 */
export async function poorUser(kind: 'postgresql' | 'mysql', uri: string): Promise<string> {
  const user = `petrosa_poor_${crypto.randomUUID().slice(0, 8)}`
  const run = (...statements: string[]): Promise<void> =>
    onConnection(connect(kind, uri), async ({ query }) => {
      for (const statement of statements) await query(statement)
    })
  if (kind === 'postgresql') {
    afterwards(() => run(`DROP OWNED BY ${user}`, `DROP ROLE ${user}`))
    const mayNothing = 'REVOKE CREATE ON SCHEMA public FROM PUBLIC'
    await run(`CREATE ROLE ${user} LOGIN PASSWORD '${SECRET}'`, mayNothing)
  } else {
    afterwards(() => run(`DROP USER ${user}@'%'`))
    await run(`CREATE USER ${user}@'%' IDENTIFIED BY '${SECRET}'`)
    await run(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${databaseOf(uri)}.* TO ${user}@'%'`)
  }
  return withAccount(uri, { user, password: SECRET })
}

/** Lets a poor user of PostgreSQL read and write the tables that are there; on MySQL they may already. */
export async function grantTables(kind: 'postgresql' | 'mysql', uri: string, poor: string): Promise<void> {
  if (kind === 'mysql') return
  const user = new URL(poor).username
  const grant = `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${user}`
  await onConnection(connect(kind, uri), ({ query }) => query(grant))
}

const connect = (kind: 'postgresql' | 'mysql', uri: string): Promise<SqlConnection> =>
  kind === 'postgresql' ? connectPostgresql(uri) : connectMysql(uri)

const databaseOf = (uri: string): string => new URL(uri).pathname.slice(1)
