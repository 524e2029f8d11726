// A database that the program made while its schema was 1, without the tables of archives and of replaced
// rows: read as it is, brought up to date by whoever prepares it, and nothing in it lost.
import { expect } from 'bun:test'
import { seriesKey } from '../../src/core/series.ts'
import { UserError } from '../../src/errors.ts'
import { candle, candles, contractTables, DAY_0_MS, FETCHED_MS, klineSeries, page } from '../rig/pages.ts'
import type { TestDatabase } from '../rig/test-database.ts'
import { ledgerOf, readAll } from './reading.ts'
import { contractCase, onFresh, openStore, type Subject, thrownBy, withStore } from './subject.ts'

const CONCURRENT_OPENS = 8
const ROWS = 40
const series = klineSeries('BTCUSDT')
const taken = { series: seriesKey(series), name: 'a.zip', sha256: '0f', bytes: 5, takenAtMs: FETCHED_MS }

/** Runs `work` on a database of schema 1 that holds some rows and their ledger. */
export function onSchemaOne(database: TestDatabase, work: (uri: string) => Promise<void>): Promise<void> {
  return onFresh(database, async ({ uri }) => {
    await withStore(database, uri, async (store) => {
      await store.prepare(contractTables)
      await store.write([page(series, candles(DAY_0_MS, ROWS))])
    })
    for (const statement of database.spoil.schemaOne) await database.exec(uri, statement)
    expect(await database.tables(uri)).not.toContain('petrosa_archives')
    await work(uri)
  })
}

/** Registers the cases of a database of schema 1. */
export function migrationCases({ database }: Subject): void {
  const newTables = ['petrosa_archives', 'petrosa_replaced']

  /** All that schema 1 had is there, and what came with schema 2 works. */
  const expectWhole = (uri: string): Promise<void> =>
    withStore(database, uri, async (store) => {
      expect(await readAll(store, series)).toEqual(candles(DAY_0_MS, ROWS))
      expect(await ledgerOf(store, series)).toMatchObject([{ startMs: DAY_0_MS, rows: ROWS }])
      expect(await store.archives([series])).toEqual([[]])
      const news = page(series, [candle(DAY_0_MS, { volume: '7' })], { archives: [taken] })
      expect(await store.write([news], { keepReplaced: true })).toEqual({ written: 0, changed: 1 })
      expect(await store.archives([series])).toEqual([[taken]])
      expect(await database.replaced(uri, seriesKey(series))).toHaveLength(1)
      expect((await store.check(contractTables)).filter(({ ok }) => !ok)).toEqual([])
    })

  contractCase('it is brought up to date, and keeps what it has', () =>
    onSchemaOne(database, async (uri) => {
      await withStore(database, uri, (store) => store.prepare(contractTables))
      expect(await database.tables(uri)).toEqual(expect.arrayContaining(newTables))
      await expectWhole(uri)
      // Only where 2 was recorded is the version after it newer than this program.
      await database.exec(uri, database.spoil.newerSchema)
      const error = await thrownBy(() => withStore(database, uri, (store) => store.prepare(contractTables)))
      expect(error).toBeInstanceOf(UserError)
      expect(String(error)).toContain('newer')
    }),
  )

  contractCase('a plan reads it as it is, and knows no archives', () =>
    onSchemaOne(database, async (uri) => {
      const before = await database.tables(uri)
      const store = await database.open({ uri, readOnly: true, batchRows: null })
      try {
        expect(await readAll(store, series)).toEqual(candles(DAY_0_MS, ROWS))
        expect(await ledgerOf(store, series)).toHaveLength(1)
        expect(await store.archives([series, series])).toEqual([[], []])
        await store.check(contractTables)
      } finally {
        await store.close()
      }
      expect(await database.tables(uri)).toEqual(before)
    }),
  )

  contractCase(`${CONCURRENT_OPENS} may bring it up to date at once, and write`, () =>
    onSchemaOne(database, async (uri) => {
      const all = Array.from({ length: CONCURRENT_OPENS }, (_, i) => klineSeries(`S${i}`))
      const stores = await Promise.all(all.map(() => openStore(database, uri)))
      await Promise.all(stores.map((store) => store.prepare(contractTables)))
      await Promise.all(
        stores.map(async (store, i) => {
          const own = all[i] ?? series
          const archives = [{ ...taken, series: seriesKey(own) }]
          await store.write([page(own, [candle(DAY_0_MS)], { archives })])
        }),
      )
      expect((await stores[0]?.archives(all))?.flat()).toHaveLength(CONCURRENT_OPENS)
      await Promise.all(stores.map((store) => store.close()))
      await expectWhole(uri)
    }),
  )

  for (const name of newTables) {
    contractCase(`somebody else's ${name} in it is refused, and nothing is changed`, () =>
      onSchemaOne(database, async (uri) => {
        await database.exec(uri, database.spoil.foreignTable(name))
        const before = await database.tables(uri)
        const error = await thrownBy(() => withStore(database, uri, (store) => store.prepare(contractTables)))
        expect(error).toBeInstanceOf(UserError)
        expect(String(error)).toContain(name)
        expect(await database.tables(uri)).toEqual(before)
      }),
    )
  }
}
