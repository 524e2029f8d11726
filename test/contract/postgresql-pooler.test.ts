// A pooler in between that gives every transaction another of the server's connections, as PgBouncer does in
// transaction mode: statements that were prepared on one are not there on the next. Played by a trigger that
// has the server forget them.
import { afterAll, describe, expect, test } from 'bun:test'
import { openPostgresql } from '../../src/stores/postgresql/store.ts'
import { candles, DAY_0_MS, klineSeries, page, tableOf } from '../rig/pages.ts'
import { postgresqlBed } from '../rig/postgresql-server.ts'
import { realClock } from '../rig/test-database.ts'
import { ledgerOf, readAll } from './reading.ts'

const LIMIT_MS = 30_000
const WRITES = 5
const PAGE_ROWS = 20
const FORGETFUL = `
  CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN EXECUTE 'DEALLOCATE ALL'; RETURN NULL; END $$;
  CREATE TRIGGER forget AFTER INSERT ON petrosa_coverage FOR EACH STATEMENT EXECUTE FUNCTION forget()`

const bed = await postgresqlBed()

describe.skipIf(!bed)('PostgreSQL behind a pooler', () => {
  afterAll(() => bed?.drop())

  test(
    'that forgets prepared statements: all is written and read, without them',
    async () => {
      const series = klineSeries('BTCUSDT')
      const rows = candles(DAY_0_MS, WRITES * PAGE_ROWS)
      const store = await openPostgresql({ uri: bed?.uri ?? '', readOnly: false, batchRows: null }, realClock)
      await store.prepare([tableOf(series)])
      await bed?.sql.unsafe(FORGETFUL)
      for (let i = 0; i < WRITES; i += 1) {
        const some = rows.slice(i * PAGE_ROWS, (i + 1) * PAGE_ROWS)
        expect(await store.write([page(series, some)])).toEqual({ written: PAGE_ROWS, changed: 0 })
      }
      expect(await readAll(store, series)).toEqual(rows)
      expect(await ledgerOf(store, series)).toMatchObject([{ rows: rows.length }])
      await store.close()
    },
    LIMIT_MS,
  )
})
