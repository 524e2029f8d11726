// One transaction on one session. Limits are set inside of it, so that a pooler between us and the server
// keeps none of them.
import { SilentServerError } from './errors.ts'
import type { Session } from './session.ts'
import { codedError } from './socket.ts'

/** How long the server may work on one statement of a write or of a read, and wait for a lock. */
const WRITE_TIMEOUT_MS = 120_000
const READ_TIMEOUT_MS = 600_000
const LOCK_TIMEOUT_MS = 30_000

/**
 * After this long without a statement the server ends the transaction: a client that vanished holds no lock.
 */
const IDLE_TIMEOUT_MS = 60_000

/** How much longer than the server this side waits, in case the network went silent. */
const SILENCE_MS = 15_000

/**
 * How long the beginning of a transaction may take, which is no work. Longer means that the connection is
 * dead, as one is that lay idle while the network or the server went away.
 */
const BEGIN_LIMIT_MS = 15_000

/**
 * A batch is found in its table by key. The planner knows nothing of a batch that has just come, and once it
 * guessed that reading the whole table were cheaper: three times slower with 25,000 rows against 500,000
 * (measured).
 */
const KEY_LOOKUPS = '; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off'

/**
 * What a server, a database or a user may have as its default and would change what statements mean, or how
 * the server spells types. It costs no round trip of its own.
 */
const OWN_MEANING = [
  "TimeZone = 'UTC'",
  "DateStyle = 'ISO, YMD'",
  'array_nulls = on',
  'quote_all_identifiers = off',
]

export type Access = 'read' | 'write'

/**
 * What `work` resolves to, once it is committed. When it rejects, nothing of it is kept; a session in doubt
 * is destroyed.
 */
export async function inTransaction<T>(session: Session, access: Access, work: () => Promise<T>): Promise<T> {
  const timeoutMs = access === 'read' ? READ_TIMEOUT_MS : WRITE_TIMEOUT_MS
  try {
    await begin(session, beginText(access, timeoutMs))
    session.setLimit(timeoutMs + SILENCE_MS)
    const value = await work()
    const { command } = await session.run('COMMIT')
    // A transaction that failed answers COMMIT with ROLLBACK and no error.
    if (command !== 'COMMIT') throw codedError(`the server answered COMMIT with ${command}`, '25P02')
    return value
  } catch (error) {
    await session.run('ROLLBACK').catch(() => session.destroy())
    throw error
  }
}

/** Silence here is a lost connection, for nothing has begun: another one may be sound. */
async function begin(session: Session, text: string): Promise<void> {
  session.setLimit(BEGIN_LIMIT_MS)
  try {
    await session.run(text)
  } catch (error) {
    if (error instanceof SilentServerError) throw codedError(error.message, error.code)
    throw error
  }
}

/**
 * Read committed: what another writer committed while we waited for its lock must be seen, whatever the
 * server's default is.
 */
function beginText(access: Access, timeoutMs: number): string {
  const mode = access === 'read' ? ' READ ONLY' : ''
  const plans = access === 'read' ? '' : KEY_LOOKUPS
  return (
    `BEGIN ISOLATION LEVEL READ COMMITTED${mode}; SET LOCAL statement_timeout = ${timeoutMs}; ` +
    `SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}; ` +
    `SET LOCAL idle_in_transaction_session_timeout = ${IDLE_TIMEOUT_MS}; ` +
    `${OWN_MEANING.map((setting) => `SET LOCAL ${setting}`).join('; ')}${plans}`
  )
}
