// Tables of our name with a foreign shape: refused by everyone who opens the store, a plan too, with the exit
// code 2 and the way out, and left as they are. In every SQL store; opening-cases.ts has what all share.
import { afterAll, describe, expect, test } from 'bun:test'
import { allColumns } from '../../src/core/dataset.ts'
import { errorLine, exitCodeOf } from '../../src/errors.ts'
import { findDatabases } from '../rig/databases.ts'
import { candles, contractTables, DAY_0_MS, klineSeries, page, tableOf } from '../rig/pages.ts'
import { sqliteDatabase } from '../rig/sqlite-database.ts'
import type { TestDatabase } from '../rig/test-database.ts'
import { readAll } from './reading.ts'
import { onFresh, thrownBy, withStore } from './subject.ts'

const LIMIT_MS = 60_000
const series = klineSeries('BTCUSDT')
const table = tableOf(series)

/** The DDL of klines_m1 in SQLite, with more columns. */
const sqliteTable = (more: string): string => {
  const own = allColumns(table).map(
    ({ name, kind }) => `${name} ${kind === 'text' || kind === 'decimal' ? 'TEXT' : 'INTEGER'} NOT NULL`,
  )
  return `CREATE TABLE klines_m1 (${own}, ${more}, PRIMARY KEY (market, symbol, open_time)) WITHOUT ROWID`
}

type Harm = { readonly statements: readonly string[]; readonly said: RegExp; readonly made?: boolean }

/** What may be found where klines_m1 and its ledger belong; `made`: done to what petrosa made. */
const harms = (kind: string): Readonly<Record<string, Harm>> => ({
  'a record of versions': { statements: ['CREATE TABLE petrosa_schema (a int)'], said: /petrosa_schema/ },
  'a ledger': { statements: ['CREATE TABLE petrosa_coverage (a int)'], said: /petrosa_coverage/ },
  'a table': { statements: ['CREATE TABLE klines_m1 (a int)'], said: /klines_m1/ },
  'our table with a column that demands a value': {
    statements:
      kind === 'sqlite'
        ? [sqliteTable('extra TEXT NOT NULL')]
        : ['ALTER TABLE klines_m1 ADD COLUMN extra int NOT NULL'],
    said: /klines_m1.*extra/,
    made: kind !== 'sqlite',
  },
  'our table with a unique index': {
    statements: ['CREATE UNIQUE INDEX one_of_each ON klines_m1 (close_time)'],
    said: /klines_m1 .* unique index one_of_each \(close_time\).*drop it, or choose another database/,
    made: true,
  },
  'our ledger with a unique index': {
    statements: ['CREATE UNIQUE INDEX one_of_each ON petrosa_coverage (checked_at)'],
    said: /petrosa_coverage .* unique index one_of_each/,
    made: true,
  },
})

/** The same for what only SQLite has. */
const sqliteHarms: Readonly<Record<string, Harm>> = {
  'an index': {
    statements: ['CREATE TABLE theirs (a)', 'CREATE INDEX klines_m1 ON theirs (a)'],
    said: /klines_m1 .*it is an index/,
  },
  'a view': { statements: ['CREATE VIEW klines_m1 AS SELECT 1 AS a'], said: /klines_m1 .*it is a view/ },
  'our table with a column that is computed': {
    statements: [sqliteTable('extra TEXT').replace('volume TEXT NOT NULL', "volume TEXT NOT NULL AS ('1')")],
    said: /klines_m1 .*volume is computed/,
  },
  'our table with a constraint UNIQUE': {
    statements: [sqliteTable('extra TEXT UNIQUE')],
    said: /klines_m1 .* a constraint UNIQUE \(extra\).*drop it/,
  },
  'a table where our view belongs': {
    statements: ['CREATE TABLE klines_m1_float (a int)'],
    said: /klines_m1_float .* a table; rename that table, or choose another database/,
  },
  'a view of other columns where our view belongs': {
    statements: ['CREATE VIEW klines_m1_float AS SELECT 1 AS market'],
    said: /klines_m1_float .* without the column symbol; drop that view, or choose another database/,
  },
  'a view that cannot be read where our view belongs': {
    statements: ['CREATE VIEW klines_m1_float AS SELECT * FROM nowhere'],
    said: /klines_m1_float .* without the column market/,
  },
}

const databases = await findDatabases()
afterAll(() => databases.stop())

/** Everyone who opens the store at `uri` refuses it: who fills it, who plans, who looks, and check. */
async function expectRefused(database: TestDatabase, uri: string, said: RegExp): Promise<void> {
  const told: unknown[] = []
  for (const readOnly of [false, true]) {
    const store = await database.open({ uri, readOnly, batchRows: null })
    try {
      const attempts = [() => store.prepare(contractTables), () => store.knownSeries(contractTables)]
      for (const attempt of attempts) {
        const error = await thrownBy(attempt)
        told.push({ code: exitCodeOf(error), line: errorLine(error) })
      }
      const faults = (await store.check(contractTables)).filter(({ ok }) => !ok)
      told.push({ code: 2, line: faults.map(({ detail, advice }) => `${detail}; ${advice}`).join() })
    } finally {
      await store.close()
    }
  }
  expect(told).toEqual(told.map(() => ({ code: 2, line: expect.stringMatching(said) })))
}

for (const database of databases.found) {
  const { kind, label } = database
  if (kind === 'mongodb') continue
  describe(`foreign shapes in ${label}`, () => {
    const all = { ...harms(kind), ...(kind === 'sqlite' ? sqliteHarms : {}) }
    for (const [what, { statements, said, made }] of Object.entries(all)) {
      test(
        `${what}: 2, the way out, and nothing is touched`,
        () =>
          onFresh(database, async ({ uri }) => {
            if (made) await withStore(database, uri, (store) => store.prepare(contractTables))
            for (const statement of statements) await database.exec(uri, statement)
            const before = await database.tables(uri)
            await expectRefused(database, uri, said)
            expect(await database.tables(uri)).toEqual(before)
          }),
        LIMIT_MS,
      )
    }

    test(
      'an index that is as unique as the key, and a column that may be empty, are no harm',
      () =>
        onFresh(database, ({ uri }) =>
          withStore(database, uri, async (store) => {
            await store.prepare(contractTables)
            const text = kind === 'mysql' ? 'varchar(9)' : 'text'
            await database.exec(
              uri,
              'CREATE UNIQUE INDEX wide ON klines_m1 (close_time, market, symbol, open_time)',
            )
            await database.exec(uri, `ALTER TABLE klines_m1 ADD COLUMN extra ${text}`)
            await database.exec(uri, `ALTER TABLE klines_m1 ADD COLUMN more ${text} DEFAULT 'x' NOT NULL`)
            await store.prepare(contractTables)
            const rows = candles(DAY_0_MS, 600)
            for (const fresh of [true, false])
              await store.write([page(series, rows.slice(0, fresh ? 550 : 600), { fresh })])
            expect(await readAll(store, series)).toEqual(rows)
          }),
        ),
      LIMIT_MS,
    )
  })
}

describe('the views of sqlite', () => {
  test('one that was dropped is made again, one whose table is gone is kept, as is one of somebody', () =>
    onFresh(sqliteDatabase, ({ uri }) =>
      withStore(sqliteDatabase, uri, async (store) => {
        const exec = (statement: string): Promise<void> => sqliteDatabase.exec(uri, statement)
        const prepared = async (): Promise<void> => {
          await store.prepare(contractTables)
          await exec('SELECT market, open_time FROM klines_m1_float')
        }
        await prepared()
        await exec('DROP VIEW klines_m1_float')
        await prepared()
        await exec('DROP TABLE klines_m1')
        await prepared()
        await exec('DROP VIEW klines_m1_float')
        await exec('CREATE VIEW klines_m1_float AS SELECT *, 1 AS one FROM klines_m1')
        await prepared()
        await exec('SELECT one FROM klines_m1_float')
      }),
    ))
})
