// Collections of our name that MongoDB would take without a word, though they lose rows, take two of them for
// one or refuse them: told before anything is written, by whoever writes, plans or checks; and what somebody
// merely added is left alone.
import { afterAll, describe, expect, test } from 'bun:test'
import { seriesKey } from '../../src/core/series.ts'
import type { Store } from '../../src/core/store.ts'
import { errorLine, exitCodeOf, UserError } from '../../src/errors.ts'
import { mongodbDatabase } from '../rig/mongodb-database.ts'
import { candle, candles, DAY_0_MS, FETCHED_MS, klineSeries, page, tableOf } from '../rig/pages.ts'
import { startMongodb } from '../rig/servers.ts'
import { openStore } from '../rig/test-database.ts'
import { readAll } from './reading.ts'

const given = Bun.env.TEST_MONGODB_URI
const own = given ? null : await startMongodb()
const server = given || own?.uri
if (!server) console.warn('NOT TESTED: foreign MongoDB collections. Set TEST_MONGODB_URI, or install mongod')
afterAll(() => own?.stop())

const series = klineSeries('BTCUSDT')
const table = tableOf(series)
const database = mongodbDatabase(server ?? '')
const taken = { series: seriesKey(series), name: 'a.zip', sha256: '0f', bytes: 5, takenAtMs: FETCHED_MS }
const tell = (error: unknown): unknown => error

type Place = { readonly uri: string; readonly store: Store; readonly plan: Store }

/** A fresh database on which `commands` were run, open for writing and for a plan. */
async function onDatabase(commands: readonly string[], work: (place: Place) => Promise<void>): Promise<void> {
  const { uri, drop } = await database.fresh()
  const stores: Store[] = []
  const open = async (readOnly: boolean): Promise<Store> => {
    const store = await openStore('mongodb', { uri, readOnly, batchRows: null })
    stores.push(store)
    return store
  }
  try {
    for (const command of commands) await database.exec(uri, command)
    await work({ uri, store: await open(false), plan: await open(true) })
  } finally {
    for (const store of stores) await store.close()
    await drop()
  }
}

const create = (name: string, options: string): string => `{"create": "${name}", ${options}}`
const index = (name: string, key: string, options = '"sparse": false'): string =>
  `{"createIndexes": "${name}", "indexes": [{"key": ${key}, "name": "theirs", ${options}}]}`
const insert = (name: string, document: string): string => `{"insert": "${name}", "documents": [${document}]}`
const byKey = '{"market": 1, "symbol": 1, "open_time": 1}'
const english = '"collation": {"locale": "en", "strength": 1}'

/** What is foreign, how it came to be, and what is said of it. */
const refused: readonly (readonly [string, string, RegExp])[] = [
  ['a capped collection', create('klines_m1', '"capped": true, "size": 4096'), /klines_m1 .* capped/],
  ['a capped ledger', create('petrosa_coverage', '"capped": true, "size": 4096'), /coverage .* capped/],
  ['a collation', create('klines_m1', english), /klines_m1 .* collation en/],
  ['a collation of the versions', create('petrosa_schema', english), /petrosa_schema .* collation en/],
  ['a view', create('petrosa_schema', '"viewOn": "other"'), /petrosa_schema .* view/],
  ['a time series', create('klines_m1', '"timeseries": {"timeField": "open_time"}'), /m1 .* time series/],
  [
    'a clustered collection that forgets',
    create('klines_m1', '"clusteredIndex": {"key": {"_id": 1}, "unique": true}, "expireAfterSeconds": 9'),
    /klines_m1 .* removes rows/,
  ],
  ['a unique index', index('klines_m1', '{"symbol": 1}', '"unique": true'), /m1 .* theirs .* unique/],
  [
    'a unique index for a part',
    index('klines_m1', '{"source": 1}', '"unique": true, "partialFilterExpression": {"market": "um"}'),
    /klines_m1 .* theirs .* unique/,
  ],
  [
    'a sparse unique index',
    index('petrosa_coverage', '{"series": 1}', '"unique": true, "sparse": true'),
    /petrosa_coverage .* theirs .* unique/,
  ],
  [
    'an index on the key that is unique by a collation',
    index('klines_m1', byKey, `"unique": true, ${english}`),
    /klines_m1 .* theirs .* unique/,
  ],
  [
    'an index that removes rows by their time',
    index('klines_m1', '{"extracted_at": 1}', '"expireAfterSeconds": 100000000'),
    /klines_m1 .* theirs .* removes rows/,
  ],
  [
    'an index that removes rows by a field of their _id',
    index('klines_m1', '{"_id.t": 1}', '"expireAfterSeconds": 100000000'),
    /klines_m1 .* theirs .* removes rows/,
  ],
  ['an index of places', index('klines_m1', '{"symbol": "2dsphere"}'), /klines_m1 .* theirs .* map/],
  [
    'an index of texts',
    index('klines_m1', '{"source": "text"}', '"language_override": "symbol"'),
    /klines_m1 .* theirs .* language/,
  ],
  [
    'an index of the name of ours',
    '{"createIndexes": "klines_m1", "indexes": [{"key": {"symbol": -1}, "name": "symbol_1_open_time_1"}]}',
    /klines_m1 .* symbol_1_open_time_1 .* name/,
  ],
  ['a document among the versions', insert('petrosa_schema', '{"a": 1}'), /petrosa_schema .* document/],
  [
    'a number among the versions',
    insert('petrosa_schema', '{"_id": 2, "a": 1}'),
    /petrosa_schema .* document/,
  ],
]

describe.skipIf(!server)("mongodb, what is somebody else's", () => {
  test.each(refused)('%s', (_what, command, said) =>
    onDatabase([command], async ({ uri, store, plan }) => {
      const before = await database.tables(uri)
      for (const one of [store, plan]) {
        for (const attempt of [() => one.prepare([table]), () => one.knownSeries([table])]) {
          const error = await attempt().then(() => null, tell)
          expect(errorLine(error)).toMatch(said)
          expect(errorLine(error)).toMatch(/(rename that table|drop that index), or choose another database/)
          expect(exitCodeOf(error)).toBe(2)
        }
      }
      const faults = (await store.check([table])).filter(({ ok }) => !ok)
      expect(faults).toMatchObject([{ name: 'store schema', detail: expect.stringMatching(said) }])
      expect(await database.tables(uri)).toEqual(before)
    }),
  )

  test('a foreign document that comes among the versions later stops the next write', () =>
    onDatabase([], async ({ uri, store }) => {
      await store.prepare([table])
      await store.write([page(series, [candle(DAY_0_MS)])])
      await database.exec(uri, insert('petrosa_schema', '{"a": 1}'))
      const error = await store.write([page(series, [candle(DAY_0_MS + 60_000)])]).catch(tell)
      expect(error).toBeInstanceOf(UserError)
      expect(String(error)).toContain('petrosa_schema')
      expect(await readAll(store, series)).toEqual([candle(DAY_0_MS)])
    }))

  const rule = '"validator": {"nobody": "has this"}'
  test.each(['klines_m1', 'petrosa_archives', 'petrosa_replaced', 'petrosa_coverage', 'petrosa_leases'])(
    'a validation rule of %s that refuses is named by the write, and told by check',
    (name) =>
      onDatabase([], async ({ uri, store }) => {
        await store.prepare([table])
        const first = page(series, candles(DAY_0_MS, 3), { archives: [taken] })
        if (name === 'petrosa_replaced') await store.write([first])
        await database.exec(uri, `{"collMod": "${name}", ${rule}}`)
        const other = page(series, [candle(DAY_0_MS, { volume: '7' })], { extractedAtMs: FETCHED_MS + 1 })
        const attempt =
          name === 'petrosa_leases'
            ? store.leases?.claim({ series: ['a'], holder: 'b', lastsMs: 1_000 })
            : store.write([name === 'petrosa_replaced' ? other : first], { keepReplaced: true })
        const error = await attempt?.then(() => null, tell)
        expect(errorLine(error)).toMatch(new RegExp(`validation rule of table ${name} .*collMod`))
        expect(exitCodeOf(error)).toBe(2)
        const [schema] = (await store.check([table])).filter((finding) => finding.name === 'store schema')
        expect(schema).toMatchObject({ ok: true, detail: expect.stringContaining(name) })
      }),
  )
})

/** What is allowed to be there, whatever it is for. */
const allowed: readonly (readonly [string, readonly string[]])[] = [
  ['an index of their own', [index('klines_m1', '{"close_time": -1, "source": "hashed"}')]],
  ['a sparse index', [index('klines_m1', '{"symbol": 1}', '"sparse": true')]],
  ['an index on a part', [index('klines_m1', '{"symbol": 1}', '"partialFilterExpression": {"rows": 1}')]],
  ['an index that compares otherwise', [index('klines_m1', '{"symbol": 1, "open_time": 1}', english)]],
  ['our index by another name', [index('klines_m1', '{"symbol": 1, "open_time": 1}')]],
  ['an index on the key that is unique, as the key is', [index('klines_m1', byKey, '"unique": true')]],
  [
    'a unique index with the whole key in the ledger',
    [index('petrosa_coverage', '{"series": 1, "start_time": 1}', '"unique": true')],
  ],
  ['the plain collation', [create('klines_m1', '"collation": {"locale": "simple"}')]],
  ['a clustered collection', [create('klines_m1', '"clusteredIndex": {"key": {"_id": 1}, "unique": true}')]],
  ['a rule that only warns', [create('klines_m1', '"validator": {"a": 1}, "validationAction": "warn"')]],
  ['a rule that our rows keep', [create('klines_m1', '"validator": {"symbol": {"$type": "string"}}')]],
]

describe.skipIf(!server)('mongodb, what does no harm', () => {
  test.each(allowed)('%s', (_what, commands) =>
    onDatabase(commands, async ({ store, plan }) => {
      await plan.prepare([table])
      await store.prepare([table])
      await store.prepare([table])
      const rows = candles(DAY_0_MS, 5)
      const fresh = page(series, rows, { fresh: true })
      expect(await store.write([fresh])).toEqual({ written: 5, changed: 0 })
      expect(await store.write([fresh])).toEqual({ written: 0, changed: 0 })
      expect(await store.write([page(series, [candle(DAY_0_MS, { volume: '7' })])])).toEqual({
        written: 0,
        changed: 1,
      })
      expect(await readAll(store, series)).toEqual([candle(DAY_0_MS, { volume: '7' }), ...rows.slice(1)])
      expect((await store.check([table])).filter(({ ok }) => !ok)).toEqual([])
    }),
  )
})
