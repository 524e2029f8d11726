// Rules that the users of a database added to petrosa's tables: what they refuse is theirs to change, so the
// exit code is 2, with the rule's name in the message, and never that of a defect. In every SQL store.
import { afterAll, describe, expect, test } from 'bun:test'
import { allColumns } from '../../src/core/dataset.ts'
import { errorLine, exitCodeOf } from '../../src/errors.ts'
import { findDatabases } from '../rig/databases.ts'
import { candles, DAY_0_MS, klineSeries, page, tableOf } from '../rig/pages.ts'
import { ledgerOf } from './reading.ts'
import { onFresh, thrownBy, withStore } from './subject.ts'

const LIMIT_MS = 60_000
/** Rows of a page that is compared, and of one that is loaded in bulk. */
const SIZES = [5, 500]
const series = klineSeries('BTCUSDT')
const table = tableOf(series)

type Sql = 'sqlite' | 'postgresql' | 'mysql'
type Rule = { readonly statements: readonly string[]; readonly said: RegExp }

/** A condition in SQLite, which no table can be given that is there; its view would be in the way. */
const conditional = [
  'DROP VIEW klines_m1_float',
  'ALTER TABLE klines_m1 RENAME TO plain',
  `CREATE TABLE klines_m1 (${allColumns(table).map(({ name, kind }) => {
    const type = kind === 'text' || kind === 'decimal' ? 'TEXT' : 'INTEGER'
    return `${name} ${type} NOT NULL ${name === 'volume' ? 'CONSTRAINT small_only CHECK (volume < 0)' : ''}`
  })}, PRIMARY KEY (market, symbol, open_time)) WITHOUT ROWID`,
]

/** What a partition holds that no row of the tests belongs to. SQLite has none. */
const elsewhere: Readonly<Record<Exclude<Sql, 'sqlite'>, readonly string[]>> = {
  postgresql: [
    'ALTER TABLE klines_m1 RENAME TO plain',
    'CREATE TABLE klines_m1 (LIKE plain INCLUDING INDEXES) PARTITION BY RANGE (open_time)',
    "CREATE TABLE early PARTITION OF klines_m1 FOR VALUES FROM ('2000-01-01Z') TO ('2001-01-01Z')",
  ],
  mysql: [
    'ALTER TABLE klines_m1 PARTITION BY RANGE COLUMNS (open_time) ' +
      "(PARTITION early VALUES LESS THAN ('2001-01-01'))",
  ],
}

const triggers: Readonly<Record<Sql, readonly string[]>> = {
  sqlite: ["CREATE TRIGGER closed BEFORE INSERT ON klines_m1 BEGIN SELECT RAISE(ABORT, 'closed today'); END"],
  postgresql: [
    "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'closed today'; END $$",
    'CREATE TRIGGER closed BEFORE INSERT ON klines_m1 FOR EACH ROW EXECUTE FUNCTION no()',
  ],
  mysql: [
    "CREATE TRIGGER closed BEFORE INSERT ON klines_m1 FOR EACH ROW SIGNAL SQLSTATE '45000' " +
      "SET MESSAGE_TEXT = 'closed today'",
  ],
}

/** The same under a code of the author's own. */
const codedTriggers: Readonly<Record<Exclude<Sql, 'sqlite'>, readonly string[]>> = {
  postgresql: triggers.postgresql.map((text) =>
    text.replace("'closed today'", "'closed today' USING ERRCODE = 'XY123'"),
  ),
  mysql: triggers.mysql.map((text) => `${text}, MYSQL_ERRNO = 9999`),
}

const rules = (kind: Sql): Readonly<Record<string, Rule>> => ({
  'a condition': {
    statements:
      kind === 'sqlite'
        ? conditional
        : ['ALTER TABLE klines_m1 ADD CONSTRAINT small_only CHECK (volume < 0)'],
    said: /small_only.*drop that constraint.* or choose another database/,
  },
  'a trigger that refuses': {
    statements: triggers[kind],
    said: kind === 'postgresql' ? /closed today.* no\(\).*drop that/ : /closed today.*drop that/,
  },
  'a column that was dropped': {
    statements: [
      ...(kind === 'sqlite' ? ['DROP VIEW klines_m1_float'] : []),
      'ALTER TABLE klines_m1 DROP COLUMN volume',
    ],
    said: /volume.*petrosa check/,
  },
  ...(kind === 'sqlite'
    ? {}
    : {
        'a table with no partition for a row': { statements: elsewhere[kind], said: /partition/ },
        'a trigger with a code of its own': { statements: codedTriggers[kind], said: /closed today.*drop/ },
      }),
  // MySQL puts a row in the place of whatever is in its way: only before a run can it be refused.
  ...(kind === 'mysql'
    ? {}
    : {
        'a unique index that came during the run': {
          statements: ['CREATE UNIQUE INDEX one_of_each ON klines_m1 (source)'],
          said: /(one_of_each|klines_m1\.source).*drop that constraint, index/,
        },
      }),
})

const databases = await findDatabases()
afterAll(() => databases.stop())

for (const database of databases.found) {
  const { kind, label } = database
  if (kind === 'mongodb') continue
  describe(`rules of the users of ${label}`, () => {
    for (const [what, { statements, said }] of Object.entries(rules(kind))) {
      for (const count of SIZES) {
        test(
          `${what}: 2, and the rule is named (${count} rows)`,
          () =>
            onFresh(database, ({ uri }) =>
              withStore(database, uri, async (store) => {
                await store.prepare([table])
                for (const statement of statements) await database.exec(uri, statement)
                const rows = candles(DAY_0_MS, count)
                const error = await thrownBy(() => store.write([page(series, rows, { fresh: true })]))
                expect(await ledgerOf(store, series)).toEqual([])
                expect({ code: exitCodeOf(error), line: errorLine(error) }).toEqual({
                  code: 2,
                  line: expect.stringMatching(said),
                })
              }),
            ),
          LIMIT_MS,
        )
      }
    }
  })
}
