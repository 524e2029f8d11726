// Leases in PostgreSQL: rows that are locked only by who takes them over and, for the end of its transaction,
// by who writes under them.
import { type Lease, type Leases, REPLICA_PREFIX } from '../../core/lease.ts'
import type { Page } from '../../core/store.ts'
import { LEASES_TABLE, leasesOf, refuseLost } from '../leases.ts'
import { arrayText } from './array-text.ts'
import type { Session } from './session.ts'
import { inTransaction } from './transaction.ts'

/** Runs `work` with a session, and again where that may help. */
export type Ask = <T>(work: (session: Session) => Promise<T>) => Promise<T>

const EPOCH = `'1970-01-01 00:00:00+00'::timestamptz`

/** The database's clock, unless the call names the time (epoch ms). */
const now = (parameter: string): string => `coalesce(to_timestamp(${parameter}::float8 / 1000), now())`
const until = (nowAt: string, lasts: string): string =>
  `${now(nowAt)} + ${lasts}::float8 * interval '1 millisecond'`

const isReplica = `series LIKE '${REPLICA_PREFIX}%'`

const insertText =
  `INSERT INTO ${LEASES_TABLE} (series, holder, token, expires_at) ` +
  `SELECT name, '', 0, ${EPOCH} FROM unnest($1::text[]) AS name ON CONFLICT (series) DO NOTHING`

/** What another one is about to take is left to it. */
const takeText =
  `WITH free AS (SELECT series FROM ${LEASES_TABLE} WHERE series = ANY ($1::text[]) ` +
  `AND (expires_at <= ${now('$3')} OR holder = $2) ORDER BY series FOR UPDATE SKIP LOCKED) ` +
  `UPDATE ${LEASES_TABLE} AS lease SET holder = $2, expires_at = ${until('$3', '$4')}, ` +
  'token = lease.token + CASE WHEN lease.holder = $2 THEN 0 ELSE 1 END ' +
  'FROM free WHERE lease.series = free.series RETURNING lease.series, lease.token'

/** Programs that have been gone for a day leave no trace. */
const past = `${now('$1')} - interval '1 day'`
const forgetText = `DELETE FROM ${LEASES_TABLE} WHERE ${isReplica} AND expires_at < ${past}`

const renewed = until('$2', '$3')
const own = 'WHERE holder = $1 RETURNING series, token'
const renewText = `UPDATE ${LEASES_TABLE} SET expires_at = ${renewed} ${own}`
const liveText = `SELECT series FROM ${LEASES_TABLE} WHERE expires_at > ${now('$1')}`

const wanted = '($2::text[] IS NULL OR series = ANY ($2::text[]))'
const forgetOwnText = `DELETE FROM ${LEASES_TABLE} WHERE holder = $1 AND ${isReplica} AND ${wanted}`
const releaseText =
  `UPDATE ${LEASES_TABLE} SET holder = '', expires_at = ${EPOCH} WHERE holder = $1 ` + `AND ${wanted}`

/** The leases of a database, asked through `ask`. */
export function postgresqlLeases(ask: Ask): Leases {
  const write = <T>(work: (session: Session) => Promise<T>): Promise<T> =>
    ask((session) => inTransaction(session, 'write', () => work(session)))
  return {
    claim: ({ holder, series, lastsMs, nowMs = null }) =>
      write(async (session) => {
        const names = arrayText('text', [...new Set(series)].sort())
        await session.run(insertText, [names])
        const { rows } = await session.run(takeText, [names, holder, nowMs, lastsMs])
        await session.run(forgetText, [nowMs])
        return toLeases(rows)
      }),
    renew: ({ holder, lastsMs, nowMs = null }) =>
      write(async (session) => {
        const { rows } = await session.run(renewText, [holder, nowMs, lastsMs])
        const live = await session.run(liveText, [nowMs])
        return { held: toLeases(rows), live: live.rows.map(([series]) => String(series)) }
      }),
    release: ({ holder, series }) =>
      write(async (session) => {
        const names = series === null ? null : arrayText('text', [...series])
        await session.run(forgetOwnText, [holder, names])
        await session.run(releaseText, [holder, names])
      }),
  }
}

const toLeases = (rows: readonly (readonly unknown[])[]): Lease[] =>
  rows.map(([series, token]) => ({ series: String(series), token: Number(token) }))

/**
 * Holds the leases that `pages` are written under until the transaction ends. Throws LeaseLostError where
 * somebody else has one.
 */
export async function holdLeases(session: Session, pages: readonly Page[]): Promise<void> {
  const leases = leasesOf(pages)
  if (leases.length === 0) return
  const { rows } = await session.run(
    `SELECT series, token FROM ${LEASES_TABLE} WHERE series = ANY ($1::text[]) ORDER BY series FOR SHARE`,
    [
      arrayText(
        'text',
        leases.map(({ series }) => series),
      ),
    ],
  )
  refuseLost(leases, toLeases(rows))
}
