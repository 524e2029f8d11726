// Opening, preparing and leaving: what may be made, what is refused, and what happens when the database is
// gone.
import { expect } from 'bun:test'
import type { Store } from '../../src/core/store.ts'
import { PetrosaError, UserError } from '../../src/errors.ts'
import { candle, candles, contractTables, DAY_0_MS, klineSeries, page, tableOf } from '../rig/pages.ts'
import type { TestDatabase } from '../rig/test-database.ts'
import { ALL_TIME, readAll } from './reading.ts'
import { contractCase, onFresh, openStore, type Subject, thrownBy, withStore } from './subject.ts'

const CONCURRENT_OPENS = 8
/** Rows of the largest REST page. */
const MOST_PAGE_ROWS = 1_500
const ownTables = ['petrosa_archives', 'petrosa_coverage', 'petrosa_replaced', 'petrosa_schema']
const series = klineSeries('BTCUSDT')
const table = tableOf(series)

/** Registers the cases of plans: nothing may be made, and what is not there reads as empty. */
export function readOnlyCases({ database }: Subject): void {
  const openReadOnly = (uri: string) => database.open({ uri, readOnly: true, batchRows: null })

  contractCase('a plan on an empty database makes nothing and reads nothing', () =>
    onFresh(database, async ({ uri }) => {
      const existed = await database.exists(uri)
      const store = await openReadOnly(uri)
      try {
        await store.prepare(contractTables)
        expect(await store.ledger([series, series])).toEqual([[], []])
        expect(await store.archives([series, series])).toEqual([[], []])
        expect(await store.knownSeries(contractTables)).toEqual([])
        expect(await store.holding(series, table)).toBeNull()
        expect(await store.counts(series, table, [ALL_TIME, ALL_TIME])).toEqual([0, 0])
        expect(await readAll(store, series)).toEqual([])
        await store.check(contractTables)
      } finally {
        await store.close()
      }
      expect(await database.exists(uri)).toBe(existed)
      expect(await database.tables(uri)).toEqual([])
    }),
  )

  contractCase('a plan reads what is there, and cannot write', () =>
    onFresh(database, async ({ uri }) => {
      await withStore(database, uri, async (writer) => {
        await writer.prepare(contractTables)
        await writer.write([page(series, [candle(DAY_0_MS)])])
      })
      const store = await openReadOnly(uri)
      try {
        expect(await readAll(store, series)).toEqual([candle(DAY_0_MS)])
        const error = await thrownBy(() => store.write([page(series, [candle(DAY_0_MS + 60_000)])]))
        expect(error).toBeInstanceOf(PetrosaError)
        expect(await readAll(store, series)).toEqual([candle(DAY_0_MS)])
      } finally {
        await store.close()
      }
    }),
  )

  for (const name of ['klines_m1', 'petrosa_coverage']) {
    contractCase(`a plan over somebody else's ${name} is refused, as what follows it would be`, () =>
      onFresh(database, async ({ uri }) => {
        await database.exec(uri, database.spoil.foreignTable(name))
        const store = await openReadOnly(uri)
        try {
          const error = await thrownBy(() => store.prepare(contractTables))
          expect(error).toBeInstanceOf(UserError)
          expect(String(error)).toContain(name)
        } finally {
          await store.close()
        }
        expect(await database.tables(uri)).toEqual([name])
      }),
    )
  }

  contractCase('check makes nothing, and finds a prepared store in order', () =>
    onFresh(database, ({ uri }) =>
      withStore(database, uri, async (store) => {
        const before = await database.tables(uri)
        const first = await store.check(contractTables)
        expect(first.filter(({ ok, advice }) => !ok && advice === '')).toEqual([])
        expect(await database.tables(uri)).toEqual(before)
        await store.prepare(contractTables)
        const findings = await store.check(contractTables)
        expect(findings.length).toBeGreaterThan(0)
        expect(findings.filter(({ ok }) => !ok)).toEqual([])
        expect(findings.filter(({ name, detail }) => name === '' || detail === '')).toEqual([])
      }),
    ),
  )
}

/** Registers the cases of the schema: made by many at once, refused when it is not ours. */
export function schemaCases({ database }: Subject): void {
  contractCase('preparing again changes nothing', () =>
    onFresh(database, ({ uri }) =>
      withStore(database, uri, async (store) => {
        await store.prepare(contractTables)
        const made = await database.tables(uri)
        expect(made).toEqual(expect.arrayContaining(contractTables.map(({ name }) => name)))
        expect(made).toEqual(expect.arrayContaining(ownTables))
        await store.write([page(series, [candle(DAY_0_MS)])])
        await store.prepare(contractTables)
        await store.prepare(contractTables.slice(0, 1))
        expect(await database.tables(uri)).toEqual(made)
        expect(await readAll(store, series)).toEqual([candle(DAY_0_MS)])
      }),
    ),
  )

  contractCase('a table that is missing is made beside those that are there', () =>
    onFresh(database, ({ uri }) =>
      withStore(database, uri, async (store) => {
        await store.prepare(contractTables.slice(0, 2))
        await store.prepare(contractTables)
        await store.write([page(series, [candle(DAY_0_MS)])])
        expect(await readAll(store, series)).toEqual([candle(DAY_0_MS)])
      }),
    ),
  )

  contractCase(`${CONCURRENT_OPENS} may prepare at once`, () =>
    onFresh(database, async ({ uri }) => {
      const opens = Array.from({ length: CONCURRENT_OPENS }, () => openStore(database, uri))
      const opened = await Promise.all(opens)
      await Promise.all(opened.map((store) => store.prepare(contractTables)))
      await Promise.all(
        opened.map((store, i) => store.write([page(klineSeries(`S${i}`), [candle(DAY_0_MS)])])),
      )
      expect(await opened[0]?.knownSeries(contractTables)).toHaveLength(CONCURRENT_OPENS)
      await Promise.all(opened.map((store) => store.close()))
    }),
  )

  contractCase('a newer schema is refused', () =>
    onFresh(database, async ({ uri }) => {
      await withStore(database, uri, (store) => store.prepare(contractTables))
      await database.exec(uri, database.spoil.newerSchema)
      const error = await thrownBy(() => withStore(database, uri, (store) => store.prepare(contractTables)))
      expect(error).toBeInstanceOf(UserError)
      await withStore(database, uri, async (store) => {
        expect(await thrownBy(() => store.ledger([series]))).toBeInstanceOf(UserError)
        expect(await thrownBy(() => store.archives([series]))).toBeInstanceOf(UserError)
        expect(await thrownBy(() => store.knownSeries(contractTables))).toBeInstanceOf(UserError)
        expect(await faultsOf(store)).toMatch(/newer petrosa/)
      })
    }),
  )

  for (const name of ['klines_m1', 'petrosa_coverage', 'petrosa_archives', 'petrosa_replaced']) {
    contractCase(`somebody else's ${name} is refused and left as it is`, () =>
      onFresh(database, async ({ uri }) => {
        await database.exec(uri, database.spoil.foreignTable(name))
        const error = await thrownBy(() => withStore(database, uri, (store) => store.prepare(contractTables)))
        expect(error).toBeInstanceOf(UserError)
        expect(String(error)).toContain(name)
        const plan = await database.open({ uri, readOnly: true, batchRows: null })
        const unplanned = await thrownBy(() => plan.prepare(contractTables)).finally(() => plan.close())
        expect([unplanned instanceof UserError, String(unplanned)]).toEqual([true, String(error)])
        await withStore(database, uri, async (store) => {
          const unread = await thrownBy(() => store.knownSeries(contractTables))
          expect(unread).toBeInstanceOf(UserError)
          expect(String(unread)).toContain(name)
          expect(await faultsOf(store)).toContain(name)
        })
        expect(await database.tables(uri)).toEqual([name])
      }),
    )
  }
}

/** What `check` finds wrong, with the advice that goes with it. */
async function faultsOf(store: Store): Promise<string> {
  const faults = (await store.check(contractTables)).filter(({ ok }) => !ok)
  expect(faults.filter(({ advice }) => advice === '')).toEqual([])
  return faults.map(({ name, detail }) => `${name}: ${detail}`).join('; ')
}

/** Registers the case of the batch size: the user's where one is given, else one that the store chose. */
export function batchCases({ database }: Subject): void {
  contractCase('the batch size is the one asked for, and never too small for a page', () =>
    onFresh(database, async ({ uri }) => {
      const small = await database.open({ uri, readOnly: false, batchRows: 7 })
      expect(small.batchRows).toBe(7)
      await small.prepare(contractTables)
      // The batch size bounds what a caller puts together, not what one page may hold.
      expect(await small.write([page(series, candles(DAY_0_MS, 100))])).toEqual({ written: 100, changed: 0 })
      expect(await readAll(small, series)).toEqual(candles(DAY_0_MS, 100))
      await small.close()
      await withStore(database, uri, async (store) => {
        expect(store.kind).toBe(database.kind)
        expect(store.batchRows).toBeGreaterThanOrEqual(MOST_PAGE_ROWS)
        expect(store.writers).toBeGreaterThanOrEqual(1)
      })
    }),
  )
}

/** Registers the cases of a store that is closed, or whose database is gone. */
export function absenceCases({ database }: Subject): void {
  contractCase('a closed store refuses to write with an instruction', () =>
    onFresh(database, async ({ uri }) => {
      const store = await openStore(database, uri)
      await store.prepare(contractTables)
      await store.close()
      const error = await thrownBy(() => store.write([page(series, [candle(DAY_0_MS)])]))
      expect(error).toBeInstanceOf(PetrosaError)
    }),
  )

  contractCase('a database that is gone is told as an instruction', () => writeWithoutDatabase(database))
}

async function writeWithoutDatabase(database: TestDatabase): Promise<void> {
  const { uri, drop } = await database.fresh()
  const store = await openStore(database, uri)
  try {
    await store.prepare(contractTables)
    await store.write([page(series, [candle(DAY_0_MS)])])
    await drop()
    const error = await thrownBy(() => store.write([page(series, [candle(DAY_0_MS + 60_000)])]))
    expect(error).toBeInstanceOf(PetrosaError)
  } finally {
    await store.close()
    await drop()
  }
}
