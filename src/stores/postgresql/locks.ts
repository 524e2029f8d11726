// Advisory locks, held to the end of the transaction. Two for each series: one over its rows, which writers
// that only add rows may share and one that compares them has alone; and one over its ledger, so that no
// coverage is lost between reading and writing it, taken last and for as short as can be. And one for the
// process that makes the schema.
import { arrayText } from './array-text.ts'
import type { Session } from './session.ts'

/** The first halves of the locks' numbers, which keep them apart from other programs': "petr" and "pets". */
const LOCK_CLASS = 0x70657472
const ROWS_CLASS = 0x70657473

/**
 * Series share this many locks, so that a write of thousands of series cannot use up the server's lock table.
 */
const SERIES_LOCKS = 1_024

const SCHEMA_LOCK = -1

/** Waits until the ledgers of `series` (their keys) may be read and written. */
export function lockLedgers(session: Session, series: readonly string[]): Promise<void> {
  return lock(session, 'pg_advisory_xact_lock', LOCK_CLASS, series)
}

/**
 * Waits until rows of `series` (their keys) may be written: with others that only add new ones (the key
 * decides between two that add the same), or alone, to compare with what is there. A lock that is shared must
 * not be made one's own: two who wait for each other's end never get it.
 */
export function lockRows(
  session: Session,
  series: readonly string[],
  company: 'shared' | 'alone',
): Promise<void> {
  const take = company === 'shared' ? 'pg_advisory_xact_lock_shared' : 'pg_advisory_xact_lock'
  return lock(session, take, ROWS_CLASS, series)
}

/** Always in the same order, so that two writers never wait for each other. */
async function lock(
  session: Session,
  take: string,
  lockClass: number,
  series: readonly string[],
): Promise<void> {
  const locks = [...new Set(series.map(lockOf))].sort((a, b) => a - b)
  await session.run(
    `SELECT ${take}(${lockClass}, lock) FROM unnest($1::int[]) AS lock`,
    [arrayText('integer', locks)],
    true,
  )
}

/** Waits until no other process makes the schema. */
export async function lockSchema(session: Session): Promise<void> {
  await session.run(`SELECT pg_advisory_xact_lock(${LOCK_CLASS}, ${SCHEMA_LOCK})`)
}

/**
 * Every version of the program must give a series the same lock: sha256, not a hash that may change with Bun.
 */
function lockOf(series: string): number {
  const digest = new Bun.CryptoHasher('sha256').update(series).digest()
  return digest.readUInt32BE(0) % SERIES_LOCKS
}
