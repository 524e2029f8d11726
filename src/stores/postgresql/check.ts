// What `check` says of a PostgreSQL server: version, encryption, schema, rights, room for connections.
// Changes nothing.
import type { Table } from '../../core/dataset.ts'
import type { Finding } from '../../core/store.ts'
import { PetrosaError } from '../../errors.ts'
import { arrayText } from './array-text.ts'
import { NO_SCHEMA_ADVICE } from './errors.ts'
import { checkSchema, existingTables, ownShapes } from './schema.ts'
import type { Session } from './session.ts'
import { inTransaction } from './transaction.ts'

/**
 * What the statements need: declarative partitions with unique keys and RETURNING came with 11; 12 is the
 * oldest tried.
 */
const OLDEST_VERSION = 120_000

const finding = (name: string, ok: boolean, detail: string, advice = ''): Finding => ({
  name,
  ok,
  detail,
  advice: ok ? '' : advice,
})

/**
 * The findings for a session that could be opened. `sessions` is how many connections the store may open in
 * all.
 */
export async function checkServer(
  session: Session,
  tables: readonly Table[],
  place: string,
  sessions: number,
): Promise<readonly Finding[]> {
  const findings = await inTransaction(session, 'read', async () => {
    const server = await serverFacts(session)
    const names = [...ownShapes, ...tables].map((table) => table.name)
    const existing = [...(await existingTables(session, names))]
    const wire = session.encrypted ? 'encrypted' : 'not encrypted'
    return [
      finding('store reachable', true, `PostgreSQL ${server.version}, ${place}, ${wire}`),
      finding(
        'store version',
        server.versionNumber >= OLDEST_VERSION,
        `PostgreSQL ${server.version}`,
        'use PostgreSQL 12 or newer',
      ),
      finding(
        'store encoding',
        server.encoding === 'UTF8',
        server.encoding,
        "some symbols need UTF8: CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8'",
      ),
      finding(
        'store writable',
        !server.readOnly,
        server.readOnly ? 'a replica, or default_transaction_read_only' : 'read and write',
        'name the primary server in the URI, not a replica',
      ),
      await rightsFinding(session, existing, names.length - existing.length, server.user),
      finding(
        'store connections',
        server.freeConnections >= sessions,
        `${server.freeConnections} of ${server.maxConnections} free, ${sessions} needed at most`,
        'raise max_connections, or close other programs',
      ),
      server.hasSchema
        ? finding('store schema', true, `${existing.length} of ${names.length} tables`)
        : finding('store schema', false, 'search_path names no schema that is there', NO_SCHEMA_ADVICE),
    ]
  })
  const last = findings.at(-1)
  if (!last?.ok) return findings
  return [...findings.slice(0, -1), await shapeFinding(session, tables, place, last.detail)]
}

/** The schema's version and how many of its tables are `made`, or why they are not ours. */
async function shapeFinding(
  session: Session,
  tables: readonly Table[],
  place: string,
  made: string,
): Promise<Finding> {
  try {
    const version = await inTransaction(session, 'read', () => checkSchema(session, tables, place))
    return finding('store schema', true, `version ${version}, ${made}`)
  } catch (error) {
    if (error instanceof PetrosaError) return finding('store schema', false, error.message, error.advice)
    throw error
  }
}

type ServerFacts = {
  readonly version: string
  readonly versionNumber: number
  readonly encoding: string
  readonly readOnly: boolean
  readonly user: string
  /** Whether search_path leads to one. */
  readonly hasSchema: boolean
  readonly maxConnections: number
  readonly freeConnections: number
}

async function serverFacts(session: Session): Promise<ServerFacts> {
  const { rows } = await session.run(
    `SELECT current_setting('server_version'), current_setting('server_version_num')::int,
      current_setting('server_encoding'),
      pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on', current_user,
      current_schema() IS NOT NULL,
      current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
      (SELECT count(*) FROM pg_stat_activity
        WHERE backend_type = 'client backend' AND pid <> pg_backend_pid())`,
  )
  const [version, versionNumber, encoding, readOnly, user, hasSchema, maxConnections, used] = rows[0] ?? []
  return {
    version: String(version),
    versionNumber: Number(versionNumber),
    encoding: String(encoding),
    readOnly: readOnly === true,
    user: String(user),
    hasSchema: hasSchema === true,
    maxConnections: Number(maxConnections),
    freeConnections: Number(maxConnections) - Number(used),
  }
}

async function rightsFinding(
  session: Session,
  existing: readonly string[],
  missing: number,
  user: string,
): Promise<Finding> {
  const { rows } = await session.run(
    `SELECT name || ' ' || privilege FROM unnest($1::text[]) AS name
      CROSS JOIN unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) AS privilege
      WHERE NOT has_table_privilege(to_regclass(quote_ident(name)), privilege)
    UNION ALL SELECT 'database TEMPORARY' WHERE NOT has_database_privilege(current_database(), 'TEMPORARY')
    UNION ALL SELECT 'schema CREATE' WHERE ${missing > 0}
      AND NOT coalesce(has_schema_privilege(current_schema(), 'CREATE'), true)`,
    [arrayText('text', existing)],
  )
  const lacking = rows.map(([right]) => String(right))
  const detail =
    lacking.length === 0
      ? `${user} may all that is needed`
      : `${user} lacks: ${lacking.slice(0, 8).join(', ')}`
  const advice =
    'GRANT TEMPORARY ON DATABASE …; GRANT CREATE ON SCHEMA …; ' +
    `GRANT SELECT, INSERT, UPDATE, DELETE ON … TO ${user}`
  return finding('store rights', lacking.length === 0, detail, advice)
}
