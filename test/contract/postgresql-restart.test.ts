// A PostgreSQL server that goes down in the middle of a load, as in a crash, and recovers: nothing is lost,
// and nobody has to do anything. On a server of its own.
import { afterAll, describe, expect, test } from 'bun:test'
import { openPostgresql } from '../../src/stores/postgresql/store.ts'
import { candles, DAY_0_MS, klineSeries, MINUTE_MS, page, tableOf } from '../rig/pages.ts'
import { startPostgresql } from '../rig/servers.ts'
import { realClock } from '../rig/test-database.ts'
import { ledgerOf, readAll } from './reading.ts'

const LIMIT_MS = 60_000
const PAGES = 30
const PAGE_ROWS = 1_000
/** The page at which the server goes down. */
const DOWN_AT = 5

const server = await startPostgresql()
if (!server) console.warn('SKIPPED: a restart of PostgreSQL wants a PostgreSQL server to start')

describe.skipIf(!server)('a restart of PostgreSQL', () => {
  afterAll(() => server?.stop(), LIMIT_MS)

  for (const fresh of [true, false]) {
    test(
      `in the middle of ${fresh ? 'a first load' : 'a compared one'}: every page is there, once`,
      async () => {
        const series = klineSeries(fresh ? 'FRESH' : 'COMPARED')
        const rows = candles(DAY_0_MS, PAGES * PAGE_ROWS)
        const options = { uri: server?.uri ?? '', readOnly: false, batchRows: null }
        const store = await openPostgresql(options, realClock)
        await store.prepare([tableOf(series)])
        let restarting: Promise<void> | undefined
        let written = 0
        for (let i = 0; i < PAGES; i += 1) {
          const some = rows.slice(i * PAGE_ROWS, (i + 1) * PAGE_ROWS)
          const write = store.write([page(series, some, { fresh })])
          if (i === DOWN_AT) restarting = server?.restart()
          written += (await write).written
        }
        await restarting
        expect(await readAll(store, series)).toEqual(rows)
        const span = { startMs: DAY_0_MS, endMs: DAY_0_MS + rows.length * MINUTE_MS }
        expect(await ledgerOf(store, series)).toMatchObject([{ ...span, verdict: 'rows', rows: rows.length }])
        // A page that was committed while its answer was lost is counted as there before.
        expect([rows.length, rows.length - PAGE_ROWS]).toContain(written)
        await store.close()
      },
      LIMIT_MS,
    )
  }
})
