// The sessions of the MySQL store on real servers: how long the server keeps one that fell silent, how long
// the store waits for an answer, and what becomes of those that the server closed.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { RowDataPacket } from 'mysql2/promise'
import { type Address, readAddress } from '../../src/stores/mysql/address.ts'
import { SilentServerError } from '../../src/stores/mysql/errors.ts'
import { SessionPool } from '../../src/stores/mysql/pool.ts'
import type { Session } from '../../src/stores/mysql/session.ts'
import { findDatabases } from '../rig/databases.ts'
import type { FreshDatabase, TestDatabase } from '../rig/test-database.ts'
import { thrownBy } from './subject.ts'

const LIMIT_MS = 60_000
/** A writer that vanished must let go well before its successor has lost patience. */
const LONGEST_SILENCE_S = 60

const databases = await findDatabases()
afterAll(() => databases.stop())

for (const database of databases.found.filter(({ kind }) => kind === 'mysql'))
  describe(`sessions of ${database.label}`, () => sessionCases(database))

function sessionCases(database: TestDatabase): void {
  let fresh: FreshDatabase | undefined
  let address: Address | undefined
  beforeAll(async () => {
    fresh = await database.fresh()
    address = readAddress(fresh.uri)
  }, LIMIT_MS)
  afterAll(() => fresh?.drop(), LIMIT_MS)

  /** Runs `work` with a pool of one session and the given patience. */
  const withPool = async <T>(answerLimitMs: number, work: (pool: SessionPool) => Promise<T>): Promise<T> => {
    if (!address) throw new Error('no database could be made')
    const pool = new SessionPool({ ...address, answerLimitMs }, 1)
    try {
      return await work(pool)
    } finally {
      await pool.close()
    }
  }
  const ask = async (session: Session, text: string): Promise<RowDataPacket | undefined> =>
    (await session.connection.query<RowDataPacket[]>(text))[0][0]

  test('a writer that falls silent in its transaction loses it, with its locks, within a minute', () =>
    withPool(10_000, async (pool) => {
      const row = await pool.use((session) => ask(session, 'SELECT @@session.wait_timeout AS seconds'))
      expect(Number(row?.seconds)).toBeLessThanOrEqual(LONGEST_SILENCE_S)
    }))

  test('a session that the server closed for its silence is replaced unseen', () =>
    withPool(10_000, async (pool) => {
      const id = (session: Session) => ask(session, 'SELECT CONNECTION_ID() AS id')
      const first = await pool.use(async (session) => {
        await session.connection.query('SET SESSION wait_timeout = 1')
        return id(session)
      })
      await Bun.sleep(2_500)
      const second = await pool.use(id)
      expect(Number(second?.id)).toBeGreaterThan(Number(first?.id))
    }))

  test('the limit of an answer holds for each statement, not for all of them together', () =>
    withPool(1_500, async (pool) => {
      const slept = await pool.use(async (session) => {
        for (let i = 0; i < 3; i += 1) await ask(session, 'SELECT SLEEP(0.7)')
        return 'all'
      })
      expect(slept).toBe('all')
      const error = await thrownBy(() => pool.use((session) => ask(session, 'SELECT SLEEP(4)')))
      expect(error).toBeInstanceOf(SilentServerError)
    }))
}
