// Advisory locks, held to the end of the transaction: one writer a series, so that no coverage is lost
// between reading the ledger and writing it, and one process that makes the schema. Rows of a series are
// written under its lock only.
import { arrayText } from './array-text.ts'
import type { Session } from './session.ts'

/** The first half of each lock's number, which keeps them apart from other programs' locks: "petr". */
const LOCK_CLASS = 0x70657472

/**
 * Series share this many locks, so that a write of thousands of series cannot use up the server's lock table.
 */
const SERIES_LOCKS = 1_024

const SCHEMA_LOCK = -1

/**
 * Waits for the locks of `series` (their keys). Always in the same order, so that two writers never wait for
 * each other.
 */
export async function lockSeries(session: Session, series: readonly string[]): Promise<void> {
  const locks = [...new Set(series.map(lockOf))].sort((a, b) => a - b)
  await session.run(
    `SELECT pg_advisory_xact_lock(${LOCK_CLASS}, lock) FROM unnest($1::int[]) AS lock`,
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
