// Look-ups and counts along the key: where a series begins and ends, how many rows have an id in a range, and
// which row comes at or after an id; what gap scans ask of a store.
import { expect } from 'bun:test'
import { idsOf, pickRows } from '../../src/core/dataset.ts'
import {
  candles,
  contractTables,
  DAY_0_MS,
  fundingSeries,
  klineSeries,
  MINUTE_MS,
  page,
  rate,
  tableOf,
  trade,
  tradeSeries,
  tradesLike,
} from '../rig/pages.ts'
import { contractCase, onFresh, type Subject, withStore } from './subject.ts'

const at = (minute: number): number => DAY_0_MS + minute * MINUTE_MS

/** Ids that are no exact doubles, and one that sorts before the others as text only. */
const LARGE = 9_223_372_036_854_775_000n
const ids = ['3', '20', '21', ...Array.from({ length: 5 }, (_, i) => String(LARGE + BigInt(i * 2)))]

/** Registers the cases of the key. */
export function keyCases(subject: Subject): void {
  contractCase('where a series begins and ends, by its key, and by nobody else', async () => {
    const store = subject.store()
    const series = klineSeries(subject.symbol())
    expect(await store.ends(series, tableOf(series))).toBeNull()
    await store.write([page(klineSeries(series.symbol, { market: 'um' }), candles(at(-9), 99))])
    await store.write([page(klineSeries(`${series.symbol}A`), candles(at(-9), 99))])
    expect(await store.ends(series, tableOf(series))).toBeNull()
    await store.write([page(series, candles(at(5), 1))])
    const one = { firstMs: at(5), lastMs: at(5), firstId: null, lastId: null }
    expect(await store.ends(series, tableOf(series))).toEqual(one)
    await store.write([page(series, candles(at(1), 2)), page(series, candles(at(7), 2))])
    expect(await store.ends(series, tableOf(series))).toEqual({ ...one, firstMs: at(1), lastMs: at(8) })
    const rates = fundingSeries(series.symbol)
    await store.write([page(rates, [rate(at(1)), rate(at(1), { rate_type: 'Special' }), rate(at(9))])])
    expect(await store.ends(rates, tableOf(rates))).toEqual({ ...one, firstMs: at(1), lastMs: at(9) })
  })

  contractCase('ids of 63 bits: ends, counts of ranges, the next row, none of them rounded', async () => {
    const store = subject.store()
    const series = tradeSeries(subject.symbol())
    const other = tradeSeries(`${series.symbol}A`)
    await store.write([
      page(
        series,
        ids.map((id, i) => trade(id, at(i))),
      ),
    ])
    await store.write([page(other, [trade('1', at(0)), trade('4', at(0)), trade(String(LARGE + 1n), at(0))])])
    expect(await store.ends(series, tradesLike)).toEqual({
      firstMs: at(0),
      lastMs: at(7),
      firstId: '3',
      lastId: String(LARGE + 8n),
    })
    const range = (first: bigint | number, last: bigint | number) => ({
      firstId: String(first),
      lastId: String(last),
    })
    const ranges = [
      range(0, 2),
      range(3, 3),
      range(3, 21),
      range(4, 19),
      range(0, LARGE + 8n),
      range(LARGE + 1n, LARGE + 1n),
      range(LARGE + 2n, LARGE + 5n),
      range(LARGE + 9n, 2n ** 63n - 1n),
    ]
    expect(await store.countIds(series, tradesLike, ranges)).toEqual([0, 1, 3, 0, 8, 0, 2, 0])
    expect(await store.countIds(series, tradesLike, [])).toEqual([])
    const asked = ['0', '3', '4', '22', String(LARGE + 1n), String(LARGE + 8n), String(LARGE + 9n)]
    expect(await store.fromIds(series, tradesLike, asked)).toEqual([
      { id: '3', timeMs: at(0) },
      { id: '3', timeMs: at(0) },
      { id: '20', timeMs: at(1) },
      { id: String(LARGE), timeMs: at(3) },
      { id: String(LARGE + 2n), timeMs: at(4) },
      { id: String(LARGE + 8n), timeMs: at(7) },
      null,
    ])
    expect(await store.fromIds(series, tradesLike, [])).toEqual([])
  })

  contractCase(
    'rows from an id on, in order of ids, whatever their times; none of another series',
    async () => {
      const store = subject.store()
      const series = tradeSeries(subject.symbol())
      const bounds = { startMs: at(-9_000), endMs: at(9_000) }
      // The times run against the ids.
      await store.write([
        page(
          series,
          ids.map((id, i) => trade(id, at(-i))),
        ),
        page(tradeSeries(`${series.symbol}A`), [trade('4', at(0))]),
      ])
      await store.write([page({ ...series, market: 'cm' }, [trade('5', at(0))])])
      const all = await store.read(series, tradesLike, bounds, 99)
      const from = async (id: string | bigint, limit: number): Promise<readonly string[]> => {
        const rows = await store.readIds(series, tradesLike, String(id), limit)
        const found = idsOf(rows)
        const place = (one: string): number => idsOf(all).indexOf(one)
        expect(rows).toEqual(pickRows(all, found.map(place)))
        return found
      }
      expect(await from('0', 99)).toEqual(ids)
      expect(await from('3', 2)).toEqual(ids.slice(0, 2))
      expect(await from('4', 3)).toEqual(ids.slice(1, 4))
      expect(await from(LARGE + 1n, 2)).toEqual(ids.slice(4, 6))
      expect(await from(LARGE + 8n, 9)).toEqual(ids.slice(7))
      expect(await from(LARGE + 9n, 9)).toEqual([])
    },
  )

  contractCase('a thousand ranges and ids are asked for in one call', async () => {
    const store = subject.store()
    const series = tradeSeries(subject.symbol())
    const numbers = Array.from({ length: 1_000 }, (_, i) => i)
    const kept = numbers.filter((i) => i % 3 !== 0)
    await store.write([
      page(
        series,
        kept.map((i) => trade(String(i), at(i))),
      ),
    ])
    const ranges = numbers.map((i) => ({ firstId: String(i), lastId: String(i) }))
    expect(await store.countIds(series, tradesLike, ranges)).toEqual(
      numbers.map((i) => (i % 3 === 0 ? 0 : 1)),
    )
    const next = (i: number): number => (i % 3 === 0 ? i + 1 : i)
    expect(await store.fromIds(series, tradesLike, numbers.map(String))).toEqual(
      numbers.map((i) => (next(i) > 998 ? null : { id: String(next(i)), timeMs: at(next(i)) })),
    )
  })

  contractCase('a table that is not there has no row', () =>
    onFresh(subject.database, ({ uri }) =>
      withStore(subject.database, uri, async (store) => {
        await store.prepare(contractTables.filter((table) => table !== tradesLike))
        const series = tradeSeries('NOBODYUSDT')
        expect(await store.ends(series, tradesLike)).toBeNull()
        expect(await store.countIds(series, tradesLike, [{ firstId: '0', lastId: '9' }])).toEqual([0])
        expect(await store.fromIds(series, tradesLike, ['0', '1'])).toEqual([null, null])
        expect((await store.readIds(series, tradesLike, '0', 9)).count).toBe(0)
      }),
    ),
  )
}
