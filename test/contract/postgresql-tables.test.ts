// Tables that a large installation makes itself: partitioned by time or by symbol. And what keeps tables
// small: a row that is equal is not touched, down to its place on the page.
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { HOUR_MS } from '../../src/core/calendar.ts'
import { ledgerRow } from '../../src/core/ledger.ts'
import type { Store } from '../../src/core/store.ts'
import { UserError } from '../../src/errors.ts'
import { openPostgresql } from '../../src/stores/postgresql/store.ts'
import { candles, contractTables, DAY_0_MS, klineSeries, page, tableOf } from '../rig/pages.ts'
import { postgresqlBed } from '../rig/postgresql-server.ts'
import { realClock } from '../rig/test-database.ts'

const bed = await postgresqlBed()
const LIMIT_MS = 30_000
const series = klineSeries('BTCUSDT')
const table = tableOf(series)
const day = { startMs: DAY_0_MS, endMs: DAY_0_MS + 86_400_000 }

const readme = await Bun.file(new URL('../../README.md', import.meta.url)).text()

/** Puts an empty partitioned table in the place of the plain one. */
const partitioned = (by: string): string =>
  `ALTER TABLE klines_m1 RENAME TO plain;
  CREATE TABLE klines_m1 (LIKE plain INCLUDING INDEXES) ${by}; DROP TABLE plain`

describe.skipIf(!bed)('tables of PostgreSQL', () => {
  let store: Store
  beforeEach(async () => {
    store = await openPostgresql({ uri: bed?.uri ?? '', readOnly: false, batchRows: null }, realClock)
    await store.prepare(contractTables)
  })
  afterEach(async () => {
    await store.close()
    await bed?.sql.unsafe('DROP TABLE IF EXISTS klines_m1, petrosa_coverage, petrosa_schema CASCADE')
  })
  afterAll(() => bed?.drop())

  /** What the manual tells large installations, word for word. */
  const manual = /```sql\n(ALTER TABLE klines_m1 [^`]*)```/.exec(readme)?.[1] ?? ''

  const partitions = {
    'as the manual says': [manual],
    'by time': [
      partitioned('PARTITION BY RANGE (open_time)'),
      "CREATE TABLE first_half PARTITION OF klines_m1 FOR VALUES FROM (MINVALUE) TO ('2024-02-29 12:00Z')",
      "CREATE TABLE second_half PARTITION OF klines_m1 FOR VALUES FROM ('2024-02-29 12:00Z') TO (MAXVALUE)",
    ],
    'by symbol': [
      partitioned('PARTITION BY HASH (symbol)'),
      'CREATE TABLE even PARTITION OF klines_m1 FOR VALUES WITH (MODULUS 2, REMAINDER 0)',
      'CREATE TABLE odd PARTITION OF klines_m1 FOR VALUES WITH (MODULUS 2, REMAINDER 1)',
    ],
  } as const

  for (const [how, statements] of Object.entries(partitions)) {
    test(
      `a table partitioned ${how} takes all that a plain one takes`,
      async () => {
        for (const statement of statements) await bed?.sql.unsafe(statement)
        const kinds: unknown = await bed?.sql
          .unsafe("SELECT relkind FROM pg_class WHERE relname = 'klines_m1'")
          .values()
        expect(kinds).toEqual([['p']])
        await store.prepare(contractTables)
        const rows = candles(DAY_0_MS, 1_440)
        expect(await store.write([page(series, rows, { fresh: true })])).toEqual({
          written: 1_440,
          changed: 0,
        })
        expect(await store.write([page(series, rows, { fresh: true })])).toEqual({ written: 0, changed: 0 })
        const corrected = rows.map((row, i) => (i % 100 === 0 ? { ...row, volume: '7.5' } : row))
        expect(await store.write([page(series, corrected)])).toEqual({ written: 0, changed: 15 })
        expect(
          await store.write([
            page(
              series,
              corrected.slice(0, 10).map((row) => ({ ...row, volume: '8' })),
            ),
          ]),
        ).toMatchObject({
          changed: 10,
        })
        expect(await store.counts(series, table, [day])).toEqual([1_440])
        expect(await store.holding(series, table)).toMatchObject({ rows: 1_440 })
        expect((await store.read(series, table, day, 2)).count).toBe(2)
        expect(await store.knownSeries(contractTables)).toEqual([series])
      },
      LIMIT_MS,
    )
  }

  test(
    'an equal row stays where it is, and no page of it is written',
    async () => {
      const places = async (): Promise<unknown> =>
        bed?.sql.unsafe('SELECT ctid, xmin, xmax FROM klines_m1 ORDER BY open_time').values()
      for (const count of [100, 1_000]) {
        const rows = candles(DAY_0_MS, count)
        await store.write([page(series, rows)])
        const before = await places()
        await store.write([page(series, rows, { extractedAtMs: DAY_0_MS })])
        expect(await places()).toEqual(before)
      }
    },
    LIMIT_MS,
  )

  test(
    'writers that cut the same wanted span never undo each other',
    async () => {
      const others = await Promise.all(
        [1, 2].map(() =>
          openPostgresql({ uri: bed?.uri ?? '', readOnly: false, batchRows: null }, realClock),
        ),
      )
      const writers = [store, ...others]
      await store.write([page(series, [], { ledger: [ledgerRow(day, 'wanted')] })])
      // Every second hour first, so that each write has wanted neighbours to cut.
      const hours = Array.from({ length: 12 }, (_, i) => DAY_0_MS + 2 * i * HOUR_MS)
      await Promise.all(
        hours.map((hourMs, i) => (writers[i % 3] ?? store).write([page(series, candles(hourMs, 60))])),
      )
      const [ledger = []] = await store.ledger([series])
      const settled = ledger.filter(({ verdict }) => verdict === 'rows').map(({ startMs }) => startMs)
      expect(settled).toEqual(hours)
      expect(ledger.filter(({ verdict }) => verdict === 'wanted')).toHaveLength(12)
      await Promise.all(others.map((other) => other.close()))
    },
    LIMIT_MS,
  )

  test(
    'columns that fill themselves are none of our business, however a row comes',
    async () => {
      await bed?.sql.unsafe(
        'ALTER TABLE klines_m1 ADD id bigserial NOT NULL, ADD place bigint GENERATED ALWAYS AS IDENTITY, ' +
          'ADD inserted_at timestamptz NOT NULL DEFAULT now()',
      )
      await store.prepare(contractTables)
      const rows = candles(DAY_0_MS, 1_440)
      expect(await store.write([page(series, rows.slice(0, 500), { fresh: true })])).toEqual({
        written: 500,
        changed: 0,
      })
      expect(await store.write([page(series, rows.slice(0, 600))])).toEqual({ written: 100, changed: 0 })
      expect(await store.write([page(series, rows.slice(600, 610))])).toEqual({ written: 10, changed: 0 })
      const corrected = rows.map((row, i) => (i % 100 === 0 ? { ...row, volume: '7.5' } : row))
      expect(await store.write([page(series, corrected)])).toEqual({ written: 830, changed: 7 })
      const filled: unknown = await bed?.sql
        .unsafe(
          'SELECT count(DISTINCT id)::int, count(DISTINCT place)::int, count(inserted_at)::int ' +
            'FROM klines_m1',
        )
        .values()
      expect(filled).toEqual([[1_440, 1_440, 1_440]])
    },
    LIMIT_MS,
  )

  const foreign = {
    'another key':
      'ALTER TABLE klines_m1 DROP CONSTRAINT klines_m1_pkey, ADD PRIMARY KEY (symbol, market, open_time)',
    'a narrow decimal': 'ALTER TABLE klines_m1 ALTER volume TYPE numeric(20,8)',
    'a time without zone': 'ALTER TABLE klines_m1 ALTER close_time TYPE timestamp',
    'a column that must be filled': 'ALTER TABLE klines_m1 ADD note text NOT NULL',
    'a view': 'ALTER TABLE klines_m1 RENAME TO plain; CREATE VIEW klines_m1 AS SELECT * FROM plain',
  } as const
  for (const [what, statement] of Object.entries(foreign)) {
    test(`${what} is refused`, async () => {
      await bed?.sql.unsafe(statement)
      const error = await store.prepare(contractTables).catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(UserError)
      expect((await store.check(contractTables)).find(({ name }) => name === 'store schema')).toMatchObject({
        ok: false,
      })
      await bed?.sql.unsafe('DROP VIEW IF EXISTS klines_m1').catch(() => {})
      await bed?.sql.unsafe('DROP TABLE IF EXISTS plain')
    })
  }

  test('a column with a default, and a wider decimal, are none of our business', async () => {
    await bed?.sql.unsafe(
      "ALTER TABLE klines_m1 ADD note text NOT NULL DEFAULT '', ALTER volume TYPE numeric(38,18)",
    )
    await store.prepare(contractTables)
    expect(await store.write([page(series, candles(DAY_0_MS, 10))])).toEqual({ written: 10, changed: 0 })
    expect((await store.read(series, table, day, 1)).columns[6]).toEqual([
      candles(DAY_0_MS, 1)[0]?.volume ?? null,
    ])
  })
})
