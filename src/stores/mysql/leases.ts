// Leases in MySQL and MariaDB. Every statement stands alone: who takes a lease over waits for who writes
// under it, and sees then whether it has run out.
import type { RowDataPacket } from 'mysql2/promise'
import { type Lease, type Leases, REPLICA_PREFIX } from '../../core/lease.ts'
import type { Page } from '../../core/store.ts'
import { LEASES_TABLE, leasesOf, leasesTable, refuseLost } from '../leases.ts'
import { portions } from './ledger.ts'
import type { Session } from './session.ts'
import { insertText, quoted, timeText } from './text.ts'

/** Runs `work` with a session, and again where that may help. */
export type Ask = <T>(work: (session: Session) => Promise<T>) => Promise<T>

/** Leases of one statement. */
const LEASES_A_STATEMENT = 1_000

const NEVER = timeText(0)

/** The database's clock, unless the call names the time. */
const now = 'COALESCE(CAST(? AS DATETIME(3)), UTC_TIMESTAMP(3))'
const until = `${now} + INTERVAL ? MICROSECOND`
const table = quoted(LEASES_TABLE)
const isReplica = `\`series\` LIKE '${REPLICA_PREFIX}%'`
const among = (series: readonly string[]): string => `\`series\` IN (${series.map(() => '?').join(', ')})`
const stamp = (nowMs: number | undefined): string | null => (nowMs === undefined ? null : timeText(nowMs))

/** The leases of a database, asked through `ask`. */
export function mysqlLeases(ask: Ask): Leases {
  return {
    claim: ({ holder, series, lastsMs, nowMs }) =>
      ask(async (session) => {
        const leases: Lease[] = []
        for (const some of portions([...new Set(series)].sort(), LEASES_A_STATEMENT))
          leases.push(...(await claim(session, some, holder, lastsMs, stamp(nowMs))))
        // Programs that have been gone for a day leave no trace.
        const past = `${now} - INTERVAL 1 DAY`
        await session.connection.query(
          `DELETE FROM ${table} WHERE ${isReplica} AND \`expires_at\` < ${past}`,
          [stamp(nowMs)],
        )
        return leases
      }),
    renew: ({ holder, lastsMs, nowMs }) =>
      ask(async (session) => {
        await session.connection.query(`UPDATE ${table} SET \`expires_at\` = ${until} WHERE \`holder\` = ?`, [
          stamp(nowMs),
          lastsMs * 1_000,
          holder,
        ])
        const held = await read(session, '`holder` = ?', [holder])
        const live = await read(session, `\`expires_at\` > ${now}`, [stamp(nowMs)])
        return { held, live: live.map(({ series }) => series) }
      }),
    release: ({ holder, series }) =>
      ask(async (session) => {
        for (const some of series === null ? [null] : portions(series, LEASES_A_STATEMENT)) {
          const which = some === null ? 'TRUE' : among(some)
          const values = [holder, ...(some ?? [])]
          await session.connection.query(
            `DELETE FROM ${table} WHERE \`holder\` = ? AND ${isReplica} AND ${which}`,
            values,
          )
          await session.connection.query(
            `UPDATE ${table} SET \`holder\` = '', \`expires_at\` = ? WHERE \`holder\` = ? AND ${which}`,
            [NEVER, ...values],
          )
        }
      }),
  }
}

async function claim(
  session: Session,
  series: readonly string[],
  holder: string,
  lastsMs: number,
  at: string | null,
): Promise<Lease[]> {
  const { connection } = session
  const known = new Set((await read(session, among(series), series)).map((lease) => lease.series))
  const fresh = series.filter((key) => !known.has(key))
  if (fresh.length > 0) {
    const values = fresh.flatMap((key) => [key, '', 0, NEVER])
    const text = insertText(leasesTable, fresh.length).replace('INSERT', 'INSERT IGNORE')
    await connection.query(text, values)
  }
  // Assignments are made from left to right: the token by who held it before.
  await connection.query(
    `UPDATE ${table} SET \`token\` = \`token\` + IF(\`holder\` = ?, 0, 1), \`holder\` = ?, ` +
      `\`expires_at\` = ${until} WHERE ${among(series)} AND (\`expires_at\` <= ${now} OR \`holder\` = ?)`,
    [holder, holder, at, lastsMs * 1_000, ...series, at, holder],
  )
  return read(session, `${among(series)} AND \`holder\` = ?`, [...series, holder])
}

async function read(
  session: Session,
  where: string,
  values: readonly (string | null)[],
  lock = '',
): Promise<Lease[]> {
  const [rows] = await session.connection.query<RowDataPacket[]>(
    `SELECT \`series\`, \`token\` FROM ${table} WHERE ${where} ORDER BY \`series\`${lock}`,
    [...values],
  )
  return rows.map((row) => ({ series: String(row.series), token: Number(row.token) }))
}

/**
 * Holds the leases that `pages` are written under until the transaction ends. Throws LeaseLostError where
 * somebody else has one.
 */
export async function holdLeases(session: Session, pages: readonly Page[]): Promise<void> {
  for (const some of portions(leasesOf(pages), LEASES_A_STATEMENT)) {
    const series = some.map((lease) => lease.series)
    refuseLost(some, await read(session, among(series), series, ' LOCK IN SHARE MODE'))
  }
}
