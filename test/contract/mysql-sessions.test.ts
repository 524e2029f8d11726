// The sessions of the MySQL store on real servers: how long the server keeps one that fell silent, how long
// the store waits for an answer, and what becomes of those that the server closed.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { stat } from 'node:fs/promises'
import type { RowDataPacket } from 'mysql2/promise'
import { errorLine, exitCodeOf } from '../../src/errors.ts'
import { type Address, readAddress } from '../../src/stores/mysql/address.ts'
import { SilentServerError } from '../../src/stores/mysql/errors.ts'
import { SessionPool } from '../../src/stores/mysql/pool.ts'
import type { Session } from '../../src/stores/mysql/session.ts'
import { quoted } from '../../src/stores/mysql/text.ts'
import { findDatabases } from '../rig/databases.ts'
import { candles, contractTables, DAY_0_MS, klineSeries, page } from '../rig/pages.ts'
import { withDatabase } from '../rig/sql.ts'
import { type FreshDatabase, freshName, type TestDatabase } from '../rig/test-database.ts'
import { readAll } from './reading.ts'
import { openStore, thrownBy, withStore } from './subject.ts'

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

  test('a database may be called by any name that the server takes', () =>
    withPool(10_000, async (pool) => {
      const uri = withDatabase(fresh?.uri ?? '', `${freshName()}%60 '%22%5C`)
      const name = readAddress(uri).database
      const [series, rows] = [klineSeries('BTCUSDT'), candles(DAY_0_MS, 600)]
      try {
        await withStore(database, uri, async (store) => {
          await store.prepare(contractTables)
          await store.write([page(series, rows, { fresh: true })])
          await store.write([page(series, rows)])
          expect(await readAll(store, series)).toEqual(rows)
          expect((await store.check(contractTables)).filter(({ ok }) => !ok)).toEqual([])
        })
      } finally {
        await pool.use((session) => ask(session, `DROP DATABASE IF EXISTS ${quoted(name)}`))
      }
    }))

  test('the socket of a server is used, and not the host beside it', async () => {
    if (!address || !fresh) throw new Error('no database could be made')
    const row = await withPool(10_000, (pool) =>
      pool.use((session) => ask(session, 'SELECT @@socket AS path')),
    )
    const path = String(row?.path)
    // Where the server runs in a container, its socket is in there with it.
    if (await stat(path).catch(() => null)) {
      const uri = fresh.uri.replace(/@[^/]*/, '@nowhere.invalid')
      const findings = await withStore(database, `${uri}?unix_socket=${path}`, (store) => store.check([]))
      expect(findings[0]).toMatchObject({ ok: true, detail: expect.stringContaining(path) })
    }
    const error = await thrownBy(() => openStore(database, `${fresh?.uri}?unix_socket=/nowhere/m.sock`))
    expect(exitCodeOf(error)).toBe(75)
    expect(errorLine(error)).toContain('/nowhere/m.sock')
  })

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
