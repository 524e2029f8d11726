// A disk that is full under PostgreSQL: exit code 75, all that was committed is kept, and once there is space
// the same write goes on. On a server of its own, with a table on a small file system, which takes root to
// make.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { chown, mkdtemp, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import type { Store } from '../../src/core/store.ts'
import { errorLine, exitCodeOf } from '../../src/errors.ts'
import { openPostgresql } from '../../src/stores/postgresql/store.ts'
import { candles, DAY_0_MS, klineSeries, MINUTE_MS, page, tableOf } from '../rig/pages.ts'
import { NOBODY, startPostgresql } from '../rig/servers.ts'
import { realClock } from '../rig/test-database.ts'
import { ledgerOf, readAll } from './reading.ts'

const LIMIT_MS = 60_000
const PAGE_ROWS = 5_000
/** More than fit into the small file system, fewer than fit into the larger one. */
const PAGES = 8
const SMALL = 'size=4m'
const LARGE = 'size=64m'

const mount = (...words: string[]): boolean => Bun.spawnSync(['mount', ...words]).success
const folder = await mkdtemp(join(tmpdir(), 'petrosa-full-'))
const isMounted = process.getuid?.() === 0 && mount('-t', 'tmpfs', '-o', SMALL, 'petrosa', folder)
const server = isMounted ? await startPostgresql() : null
if (!server)
  console.warn('SKIPPED: a full disk under PostgreSQL wants root, mount and a PostgreSQL server to start')

afterAll(async () => {
  await server?.stop()
  if (isMounted) Bun.spawnSync(['umount', folder])
  await rmdir(folder)
}, LIMIT_MS)

describe.skipIf(!server)('a full disk under PostgreSQL', () => {
  const series = klineSeries('BTCUSDT')
  let store: Store | undefined
  beforeAll(async () => {
    const uri = server?.uri ?? ''
    await chown(folder, NOBODY, NOBODY)
    store = await openPostgresql({ uri, readOnly: false, batchRows: null }, realClock)
    await store.prepare([tableOf(series)])
    const sql = postgres(uri, { max: 1, onnotice: () => {} })
    await sql.unsafe(`CREATE TABLESPACE small LOCATION '${folder}'`)
    await sql.unsafe('ALTER TABLE klines_m1 SET TABLESPACE small')
    await sql.end()
  }, LIMIT_MS)
  afterAll(() => store?.close())

  test(
    'is told with 75, and the write goes on when there is space',
    async () => {
      if (!store) throw new Error('the store was not opened')
      const rows = candles(DAY_0_MS, PAGES * PAGE_ROWS)
      const errors: unknown[] = []
      for (let i = 0; i < PAGES; ) {
        const some = rows.slice(i * PAGE_ROWS, (i + 1) * PAGE_ROWS)
        try {
          await store.write([page(series, some, { fresh: true })])
          i += 1
        } catch (error) {
          errors.push(error)
          const [row] = await ledgerOf(store, series)
          expect(row?.rows).toBe(i * PAGE_ROWS)
          expect(await readAll(store, series)).toEqual(rows.slice(0, i * PAGE_ROWS))
          expect(errors).toHaveLength(1)
          expect(mount('-o', `remount,${LARGE}`, folder)).toBe(true)
        }
      }
      expect([exitCodeOf(errors[0]), errorLine(errors[0])]).toEqual([
        75,
        expect.stringContaining('no space left'),
      ])
      expect(await readAll(store, series)).toEqual(rows)
      const span = { startMs: DAY_0_MS, endMs: DAY_0_MS + rows.length * MINUTE_MS }
      expect(await ledgerOf(store, series)).toMatchObject([{ ...span, rows: rows.length }])
    },
    LIMIT_MS,
  )
})
