// What `check` says of a MySQL or MariaDB server: reachable, version, rights that are lacking, what limits
// the speed.
import type { RowDataPacket } from 'mysql2/promise'
import type { Table } from '../../core/dataset.ts'
import type { Finding } from '../../core/store.ts'
import { PetrosaError } from '../../errors.ts'
import type { Address } from './address.ts'
import { missingDatabase } from './errors.ts'
import { ownShapes, schemaState, tableNames } from './schema.ts'
import type { Session } from './session.ts'
import { quoted } from './text.ts'

/** What the program does in its database. */
const RIGHTS = ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'CREATE']

/** Smaller packets make small statements, and those are slow. */
const PACKET_BYTES_WANTED = 1_048_576

/** The oldest servers that are tried, major and minor. */
const OLDEST_MYSQL = [8, 0] as const
const OLDEST_MARIADB = [10, 6] as const

/** Looks at the server without changing anything. */
export async function checkServer(
  session: Session,
  address: Address,
  tables: readonly Table[],
): Promise<readonly Finding[]> {
  const { facts } = session
  const there = await tableNames(session)
  const line = facts.encrypted ? 'encrypted' : 'not encrypted'
  return [
    finding('store reachable', true, `${facts.version}, ${address.place}, ${line}`),
    versionFinding(facts.version),
    finding(
      'store writable',
      !facts.readOnly,
      facts.readOnly ? 'the server is read-only' : 'the server takes writes',
      'give the URI of the server that takes writes',
    ),
    await schemaFinding(session, address, tables, there),
    await rightsFinding(session, address, neededRights(tables, there)),
    packetFinding(facts.packetBytes),
    loadFinding(facts.localInfile, address.localInfile),
  ]
}

function finding(name: string, ok: boolean, detail: string, advice = ''): Finding {
  return { name, ok, detail, advice: ok ? '' : advice }
}

async function schemaFinding(
  session: Session,
  address: Address,
  tables: readonly Table[],
  there: ReadonlySet<string>,
): Promise<Finding> {
  if (!session.hasDatabase)
    return finding(
      'store schema',
      false,
      `there is no ${address.place}`,
      missingDatabase(address.place).advice,
    )
  try {
    const { version } = await schemaState(session, tables, address.place)
    const made = tables.filter((table) => there.has(table.name)).length
    return finding('store schema', true, `version ${version}, ${made} tables of data`)
  } catch (error) {
    if (!(error instanceof PetrosaError)) throw error
    return finding('store schema', false, error.message, error.advice)
  }
}

/** Whether the server is as new as the statements need it. */
export function versionFinding(version: string): Finding {
  const [, major, minor] = (/ (\d+)\.(\d+)/.exec(version) ?? []).map(Number)
  const [oldestMajor, oldestMinor] = version.startsWith('MariaDB') ? OLDEST_MARIADB : OLDEST_MYSQL
  const isNew = major === oldestMajor ? (minor ?? 0) >= oldestMinor : (major ?? 0) > oldestMajor
  return finding('store version', isNew, version, 'use MySQL 8.0 or MariaDB 10.6, or newer')
}

/** Making tables is not needed where all are there: a program that fills them needs no more rights. */
function neededRights(tables: readonly Table[], there: ReadonlySet<string>): readonly string[] {
  const names = [...ownShapes, ...tables].map((table) => table.name)
  return names.every((name) => there.has(name)) ? RIGHTS.filter((right) => right !== 'CREATE') : RIGHTS
}

async function rightsFinding(
  session: Session,
  address: Address,
  needed: readonly string[],
): Promise<Finding> {
  const [rows] = await session.connection.query<RowDataPacket[]>('SHOW GRANTS')
  const lacking = lackingRights(
    rows.map((row) => String(Object.values(row)[0])),
    address.database,
    needed,
  )
  if (lacking === null) return finding('store rights', true, 'they come from a role and are not looked into')
  const detail =
    lacking.length === 0 ? `the user has ${needed.join(', ')}` : `the user lacks ${lacking.join(', ')}`
  const advice = `GRANT ${lacking.join(', ')} ON ${quoted(address.database)}.* TO this user`
  return finding('store rights', lacking.length === 0, detail, advice)
}

/** Which of `needed` no line of SHOW GRANTS gives for `database`; null when a role may give them. */
export function lackingRights(
  grants: readonly string[],
  database: string,
  needed: readonly string[] = RIGHTS,
): readonly string[] | null {
  const held = new Set<string>()
  let roles = false
  for (const grant of grants) {
    const match = /^GRANT (.+) ON (?:TABLE )?[`"]?(.+?)[`"]?\.\* TO /i.exec(grant)
    if (!match) {
      roles ||= !/ ON /i.test(grant)
      continue
    }
    if (!covers((match[2] ?? '').replaceAll('``', '`'), database)) continue
    for (const right of (match[1] ?? '').toUpperCase().split(/,\s*/)) held.add(right)
  }
  if (held.has('ALL PRIVILEGES') || held.has('ALL')) return []
  const lacking = needed.filter((right) => !held.has(right))
  return lacking.length > 0 && roles ? null : lacking
}

/**
 * Whether the database pattern of a grant (with % and _ as in LIKE, \ before a plain one) means `database`.
 */
function covers(pattern: string, database: string): boolean {
  if (pattern === '*') return true
  const text = pattern.replace(/\\?[\s\S]/g, (piece) => {
    if (piece === '%') return '[^]*'
    if (piece === '_') return '[^]'
    return piece.replace(/^\\(?=.)/, '').replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  })
  return new RegExp(`^${text}$`).test(database)
}

function packetFinding(bytes: number): Finding {
  const advice = `raise max_allowed_packet to ${PACKET_BYTES_WANTED} or more`
  return finding(
    'store packet size',
    bytes >= PACKET_BYTES_WANTED,
    `max_allowed_packet is ${bytes} bytes`,
    advice,
  )
}

/** Not allowed is no fault: rows are then written by comparing, only slower. */
function loadFinding(server: boolean, wanted: boolean): Finding {
  if (server && wanted) return finding('store bulk load', true, 'LOAD DATA LOCAL is allowed')
  const who = server ? 'local-infile=0 in the URI' : 'the server (SET GLOBAL local_infile = 1 allows it)'
  return finding(
    'store bulk load',
    true,
    `LOAD DATA LOCAL is forbidden by ${who}: first loads take about half again as long`,
  )
}
