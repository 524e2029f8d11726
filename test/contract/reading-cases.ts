// What a store says of its rows: which series there are, how much of each, and the rows themselves, span by
// span.
import { expect } from 'bun:test'
import { ledgerRow } from '../../src/core/ledger.ts'
import { seriesKey } from '../../src/core/series.ts'
import type { Store } from '../../src/core/store.ts'
import { soundValues } from '../../src/core/verification/values.ts'
import {
  candle,
  candles,
  contractTables,
  DAY_0_MS,
  FETCHED_MS,
  fundingSeries,
  klineSeries,
  MINUTE_MS,
  page,
  rate,
  tableOf,
  toRecords,
  trade,
  tradeSeries,
  tradesLike,
} from '../rig/pages.ts'
import { ALL_ROWS, ALL_TIME, readAll } from './reading.ts'
import { contractCase, onFresh, type Subject, withStore } from './subject.ts'

const LATER_MS = FETCHED_MS + 3_600_001
const at = (minute: number): number => DAY_0_MS + minute * MINUTE_MS
const from = (start: number, end: number) => ({ startMs: at(start), endMs: at(end) })

/** Registers the cases of rows in spans. */
export function spanCases(subject: Subject): void {
  contractCase('rows are counted and read in half-open spans, in order of time', async () => {
    const series = klineSeries(subject.symbol())
    const other = klineSeries(subject.symbol())
    const table = tableOf(series)
    // Written from the last to the first, so that the order of reading is not the order of writing.
    for (const minute of [80, 40, 0]) await subject.store().write([page(series, candles(at(minute), 20))])
    await subject.store().write([page(other, candles(at(0), 100))])
    const spans = [
      from(0, 20),
      from(0, 21),
      from(19, 41),
      from(20, 40),
      from(5, 5),
      from(-10, 1_000),
      from(99, 100),
    ]
    expect(await subject.store().counts(series, table, spans)).toEqual([20, 20, 2, 0, 0, 60, 1])
    expect(await subject.store().counts(series, table, [])).toEqual([])
    expect(await readAll(subject.store(), series, from(19, 41))).toEqual([candle(at(19)), candle(at(40))])
    const whole = [...candles(at(0), 20), ...candles(at(40), 20), ...candles(at(80), 20)]
    expect(await readAll(subject.store(), series)).toEqual(whole)
    for (const limit of [1, 19, 21]) {
      const rows = await subject.store().read(series, table, from(0, 100), limit)
      expect(toRecords(table, rows)).toEqual(whole.slice(0, limit))
    }
    expect(await readAll(subject.store(), series, from(20, 40))).toEqual([])
  })

  contractCase('a thousand spans are counted in one call', async () => {
    const series = klineSeries(subject.symbol())
    await subject.store().write([
      page(
        series,
        candles(at(0), 1_000).filter((_, i) => i % 3 !== 0),
      ),
    ])
    const spans = Array.from({ length: 1_000 }, (_, i) => from(i, i + 1))
    const counted = await subject.store().counts(series, tableOf(series), spans)
    expect(counted).toEqual(spans.map((_, i) => (i % 3 === 0 ? 0 : 1)))
  })

  contractCase('rows placed by a time that is not their key are read by that time', async () => {
    const series = tradeSeries(subject.symbol())
    const rows = [trade('30', at(1)), trade('10', at(3)), trade('20', at(5)), trade('5', at(7))]
    await subject.store().write([page(series, rows)])
    expect(await readAll(subject.store(), series)).toEqual(rows)
    expect(await readAll(subject.store(), series, from(3, 7))).toEqual(rows.slice(1, 3))
    expect(await subject.store().counts(series, tradesLike, [from(0, 4), from(7, 8)])).toEqual([2, 1])
  })

  contractCase('what is held of a series: first, last, rows and where they came from', async () => {
    const series = klineSeries(subject.symbol())
    const table = tableOf(series)
    expect(await subject.store().holding(series, table)).toBeNull()
    await subject.store().write([page(series, [], { ledger: [ledgerRow(from(0, 9), 'outage')] })])
    expect(await subject.store().holding(series, table)).toBeNull()
    await subject.store().write([page(series, candles(at(10), 5), { source: 'archive' })])
    expect(await subject.store().holding(series, table)).toEqual({
      firstMs: at(10),
      lastMs: at(14),
      rows: 5,
      bySource: [{ source: 'archive', rows: 5 }],
    })
    await subject.store().write([page(series, candles(at(20), 3))])
    const holding = await subject.store().holding(series, table)
    expect(holding).toMatchObject({ firstMs: at(10), lastMs: at(22), rows: 8 })
    expect(new Map(holding?.bySource.map(({ source, rows }) => [source, rows]))).toEqual(
      new Map([
        ['rest', 3],
        ['archive', 5],
      ]),
    )
  })

  contractCase('a value that somebody wrote as 1.50 is 1.5', async () => {
    if (subject.database.label === 'memory') return
    await onFresh(subject.database, ({ uri }) =>
      withStore(subject.database, uri, async (store) => {
        await store.prepare(contractTables)
        const series = klineSeries('BTCUSDT')
        const rows = [candle(at(0), { open_price: '1.5' })]
        await store.write([page(series, rows)])
        await subject.database.exec(uri, subject.database.spoil.trailingZero)
        expect(await readAll(store, series)).toEqual(rows)
        const again = [page(series, rows, { extractedAtMs: LATER_MS })]
        for (const options of [{}, { refresh: true }, { keepReplaced: true }])
          expect(await store.write(again, options)).toEqual({ written: 0, changed: 0 })
        expect(await subject.database.stamps(uri, tableOf(series), 'BTCUSDT')).toMatchObject([
          { extractedAtMs: FETCHED_MS },
        ])
        expect(await subject.database.replaced(uri, seriesKey(series))).toEqual([])
        for (const price of ['1.05', '15', '150', '-1.5', '1.500000000000000001', '1']) {
          const news = [candle(at(0), { open_price: price })]
          expect(await store.write([page(series, news)])).toEqual({ written: 0, changed: 1 })
          expect(await readAll(store, series)).toEqual(news)
          await subject.database.exec(uri, subject.database.spoil.trailingZero)
        }
      }),
    )
  })
}

/** Registers the cases of values that only somebody's hand can have written. */
export function foreignValueCases({ database }: Subject): void {
  contractCase('are read as no values of their column, and give way to what the exchange has', async () => {
    if (database.label === 'memory') return
    await onFresh(database, ({ uri }) =>
      withStore(database, uri, async (store) => {
        await store.prepare(contractTables)
        const series = klineSeries('BTCUSDT')
        const rows = [candle(at(0), { open_price: '1.5' }), candle(at(1))]
        await store.write([page(series, rows)])
        await database.exec(uri, database.spoil.foreignValue)
        const table = tableOf(series)
        const { bad } = soundValues(table, await store.read(series, table, ALL_TIME, ALL_ROWS))
        expect(bad.map(({ row, column }) => [row, column.name])).toEqual([
          [0, 'open_price'],
          [1, 'open_price'],
        ])
        const mending = [page(series, rows)]
        expect(await store.write(mending, { keepReplaced: true })).toEqual({ written: 0, changed: 2 })
        expect(await readAll(store, series)).toEqual(rows)
        const kept = await database.replaced(uri, seriesKey(series))
        expect(kept.map(({ row }) => String(JSON.parse(row).open_price))).toEqual(
          bad.map(({ value }) => String(value)),
        )
      }),
    )
  })
}

/** Registers the cases of the list of series. */
export function knownSeriesCases({ database }: Subject): void {
  const keysOf = async (store: Store, tables = contractTables): Promise<string[]> =>
    (await store.knownSeries(tables)).map(seriesKey).sort()

  contractCase('every series with rows or a ledger is known, once', () =>
    onFresh(database, ({ uri }) =>
      withStore(database, uri, async (store) => {
        await store.prepare(contractTables)
        expect(await keysOf(store)).toEqual([])
        const onlyLedger = klineSeries('BNBUSDT', { period: '1d' })
        const onlyRows = klineSeries('币安人生USDT')
        const others = ['ADAUSDT', 'adausdt', 'ZECUSDT'].map((symbol) =>
          klineSeries(symbol, { market: 'um' }),
        )
        const both = ['spot', 'um'].map((market) =>
          klineSeries('BTCUSDT', { market: market as 'spot' | 'um' }),
        )
        await store.write([page(onlyLedger, [], { ledger: [ledgerRow(from(0, 1), 'wanted')] })])
        await store.write([page(onlyRows, candles(at(0), 3), { ledger: [] })])
        await store.write(others.map((series) => page(series, candles(at(0), 3), { ledger: [] })))
        await store.write(both.map((series) => page(series, candles(at(0), 500))))
        await store.write([page(tradeSeries('BTCUSDT'), [trade('1', at(0))])])
        await store.write([page(fundingSeries('BTCUSDT'), [rate(at(0))])])
        const klines = [onlyLedger, onlyRows, ...both, ...others].map(seriesKey)
        expect(await keysOf(store)).toEqual(
          [...klines, seriesKey(tradeSeries('BTCUSDT')), seriesKey(fundingSeries('BTCUSDT'))].sort(),
        )
        expect(await keysOf(store, [tradesLike])).toEqual([seriesKey(tradeSeries('BTCUSDT'))])
        expect(await keysOf(store, [tableOf(onlyRows)])).toEqual(
          [onlyRows, ...both, ...others].map(seriesKey).sort(),
        )
        expect(await keysOf(store, [])).toEqual([])
        expect((await store.read(onlyRows, tableOf(onlyRows), ALL_TIME, ALL_ROWS)).count).toBe(3)
      }),
    ),
  )
}
