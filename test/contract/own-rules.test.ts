// Rules that the users of a database added to petrosa's tables: what they refuse is theirs to change, so the
// exit code is 2, with the rule's name in the message, and never that of a defect. On every SQL server.
import { afterAll, describe, expect, test } from 'bun:test'
import { errorLine, exitCodeOf } from '../../src/errors.ts'
import { findDatabases } from '../rig/databases.ts'
import { candles, DAY_0_MS, klineSeries, page, tableOf } from '../rig/pages.ts'
import { onFresh, thrownBy, withStore } from './subject.ts'

const LIMIT_MS = 60_000
/** Rows of a page that is compared, and of one that is loaded in bulk. */
const SIZES = [5, 500]
const series = klineSeries('BTCUSDT')
const table = tableOf(series)

type Rule = { readonly statements: readonly string[]; readonly said: RegExp }

/** What a partition holds that no row of the tests belongs to. */
const elsewhere: Readonly<Record<'postgresql' | 'mysql', readonly string[]>> = {
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

const triggers: Readonly<Record<'postgresql' | 'mysql', readonly string[]>> = {
  postgresql: [
    "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'closed today'; END $$",
    'CREATE TRIGGER closed BEFORE INSERT ON klines_m1 FOR EACH ROW EXECUTE FUNCTION no()',
  ],
  mysql: [
    "CREATE TRIGGER closed BEFORE INSERT ON klines_m1 FOR EACH ROW SIGNAL SQLSTATE '45000' " +
      "SET MESSAGE_TEXT = 'closed today'",
  ],
}

const rules = (kind: 'postgresql' | 'mysql'): Readonly<Record<string, Rule>> => ({
  'a table with no partition for a row': { statements: elsewhere[kind], said: /partition/ },
  'a condition': {
    statements: ['ALTER TABLE klines_m1 ADD CONSTRAINT small_only CHECK (volume < 0)'],
    said: /small_only/,
  },
  'a trigger that refuses': { statements: triggers[kind], said: /closed today/ },
  'a column that was dropped': {
    statements: ['ALTER TABLE klines_m1 DROP COLUMN volume'],
    said: /volume.*petrosa check/,
  },
})

const databases = await findDatabases()
afterAll(() => databases.stop())

for (const database of databases.found) {
  const { kind, label } = database
  if (kind !== 'postgresql' && kind !== 'mysql') continue
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
