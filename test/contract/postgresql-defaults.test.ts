// What the users of a PostgreSQL database chose for it, or wrote past the program: settings that change what
// statements mean, a search path that leads nowhere, an encoding without most symbols, times without end.
import { afterAll, describe, expect, test } from 'bun:test'
import { HOUR_MS } from '../../src/core/calendar.ts'
import { errorLine, exitCodeOf } from '../../src/errors.ts'
import { findDatabases } from '../rig/databases.ts'
import {
  candle,
  candles,
  contractTables,
  DAY_0_MS,
  fundingSeries,
  klineSeries,
  MINUTE_MS,
  page,
  rate,
  tableOf,
} from '../rig/pages.ts'
import { withDatabase } from '../rig/sql.ts'
import { freshName } from '../rig/test-database.ts'
import { readAll } from './reading.ts'
import { onFresh, thrownBy, withStore } from './subject.ts'

const LIMIT_MS = 60_000
/** Rows of a page that is compared in one statement, and of one that goes through a stage. */
const SIZES = [5, 600]
/** Later, or earlier, than any time that a date can hold. */
const BEYOND_MS = 8.64e15
const series = klineSeries('BTCUSDT')
const table = tableOf(series)
const nameOf = (uri: string): string => new URL(uri).pathname.slice(1)

const databases = await findDatabases((label) => label === 'postgresql')
afterAll(() => databases.stop())

/** Each as a test, those that changed nothing yet in one. */
const settings: Readonly<Record<string, readonly string[]>> = {
  'array_nulls = off': ['array_nulls = off'],
  'quote_all_identifiers = on': ['quote_all_identifiers = on'],
  'how values are spelled': [
    ...["DateStyle = 'SQL, DMY'", 'IntervalStyle = sql_standard', 'bytea_output = escape'],
    ...['client_encoding = LATIN1', 'extra_float_digits = -15'],
  ],
  'how statements are read': [
    ...['standard_conforming_strings = off', 'transform_null_equals = on', 'row_security = off'],
    "default_transaction_isolation = 'serializable'",
  ],
}

for (const database of databases.found) {
  describe('a PostgreSQL database of somebody else', () => {
    for (const [what, ones] of Object.entries(settings)) {
      test(
        `${what} changes nothing`,
        () =>
          onFresh(database, async ({ uri }) => {
            for (const one of ones) await database.exec(uri, `ALTER DATABASE ${nameOf(uri)} SET ${one}`)
            // A second program finds the tables of the first as its own.
            for (const count of SIZES) {
              await withStore(database, uri, async (store) => {
                await store.prepare(contractTables)
                const rows = candles(DAY_0_MS, count)
                await store.write([page(series, rows)])
                await store.write([page(series, rows, { fresh: true })])
                expect(await readAll(store, series)).toEqual(rows)
                const rates = [rate(0, { mark_price: null }), rate(1)]
                await store.write([page(fundingSeries('BTCUSDT'), rates)])
                expect(await readAll(store, fundingSeries('BTCUSDT'))).toEqual(rates)
                expect((await store.check(contractTables)).filter(({ ok }) => !ok)).toEqual([])
              })
            }
          }),
        LIMIT_MS,
      )
    }

    test('default_transaction_read_only = on is told as read-only', () =>
      onFresh(database, async ({ uri }) => {
        await database.exec(uri, `ALTER DATABASE ${nameOf(uri)} SET default_transaction_read_only = on`)
        const error = await thrownBy(() => withStore(database, uri, (store) => store.prepare([table])))
        expect(exitCodeOf(error)).toBe(2)
        expect(errorLine(error)).toMatch(/read-only.*default_transaction_read_only/)
      }))

    test('a search_path that leads nowhere is told as such, and not sent round in a circle', () =>
      onFresh(database, ({ uri }) =>
        withStore(database, `${uri}?options=-c%20search_path%3Dnowhere`, async (store) => {
          const error = await thrownBy(() => store.prepare([table]))
          expect(exitCodeOf(error)).toBe(2)
          expect(errorLine(error)).toMatch(/search_path.*CREATE SCHEMA/)
          expect(errorLine(error)).not.toContain('--prepare')
          expect(await store.check([table])).toContainEqual(
            expect.objectContaining({
              ...{ name: 'store schema', ok: false },
              detail: expect.stringContaining('search_path'),
            }),
          )
        }),
      ))

    test('LATIN1 holds symbols of ASCII, and another one ends with 2', () =>
      onFresh(database, async ({ uri }) => {
        const name = freshName()
        await database.exec(
          uri,
          `CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'`,
        )
        try {
          await withStore(database, withDatabase(uri, name), async (store) => {
            await store.prepare([table])
            for (const count of SIZES) {
              const rows = candles(DAY_0_MS, count)
              for (const fresh of [true, false]) {
                const error = await thrownBy(() =>
                  store.write([page(klineSeries('币安人生USDT'), rows, { fresh })]),
                )
                expect({ code: exitCodeOf(error), line: errorLine(error) }).toEqual({
                  code: 2,
                  line: expect.stringContaining('UTF8'),
                })
              }
              await store.write([page(series, rows)])
              expect(await readAll(store, series)).toEqual(rows)
            }
          })
        } finally {
          await database.exec(uri, `DROP DATABASE ${name} WITH (FORCE)`)
        }
      }))

    for (const time of ['infinity', '-infinity']) {
      const sign = time === 'infinity' ? 1 : -1
      test(`a close_time that is ${time} reads as none that there can be, and may be replaced`, () =>
        onFresh(database, ({ uri }) =>
          withStore(database, uri, async (store) => {
            await store.prepare([table])
            const rows = candles(DAY_0_MS, 3)
            await store.write([page(series, rows)])
            await database.exec(uri, `UPDATE klines_m1 SET close_time = '${time}'`)
            for (const { close_time: closeMs } of await readAll(store, series))
              expect(sign * Number(closeMs)).toBeGreaterThan(BEYOND_MS)
            const mended = await store.write([page(series, rows)], { refresh: true, keepReplaced: true })
            expect(mended.changed).toBe(3)
            expect(await readAll(store, series)).toEqual(rows)
          }),
        ))

      test(`an open_time that is ${time} stands in the way of no other row`, () =>
        onFresh(database, ({ uri }) =>
          withStore(database, uri, async (store) => {
            await store.prepare([table])
            const rows = candles(DAY_0_MS, 3)
            await store.write([page(series, rows)])
            const second = new Date(DAY_0_MS + MINUTE_MS).toISOString()
            await database.exec(
              uri,
              `UPDATE klines_m1 SET open_time = '${time}' WHERE open_time = '${second}'`,
            )
            const holding = await store.holding(series, table)
            const ends = await store.ends(series, table)
            expect(holding?.rows).toBe(3)
            expect(holding).toMatchObject({ firstMs: ends?.firstMs ?? 0, lastMs: ends?.lastMs ?? 0 })
            const far = sign > 0 ? (ends?.lastMs ?? 0) : (ends?.firstMs ?? 0)
            expect(sign * far).toBeGreaterThan(BEYOND_MS)
            const all = { startMs: Math.min(0, far), endMs: Math.max(DAY_0_MS + HOUR_MS, far + 1) }
            expect(await store.counts(series, table, [all])).toEqual([sign > 0 ? 2 : 3])
            await store.write([page(series, [candle(DAY_0_MS + MINUTE_MS)])])
            expect(await readAll(store, series)).toEqual([
              ...rows.slice(0, 1),
              candle(DAY_0_MS + MINUTE_MS),
              ...rows.slice(2),
            ])
          }),
        ))
    }
  })
}
