// The archives that were taken: recorded with their rows or not at all, one record a series and name.
import { expect } from 'bun:test'
import type { ArchiveRecord } from '../../src/core/archive.ts'
import { type Series, seriesKey } from '../../src/core/series.ts'
import { candle, candles, contractTables, DAY_0_MS, FETCHED_MS, klineSeries, page } from '../rig/pages.ts'
import { ledgerOf, readAll } from './reading.ts'
import { contractCase, onFresh, openStore, type Subject, thrownBy, withStore } from './subject.ts'

const WRITERS = 4
const ROUNDS = 12
/** Records of one write: more than any store puts into one statement. */
const MANY = 1_100
const LONGEST_NAME = 250

/** The record of a day's archive of one-minute klines; `facts` say otherwise. */
function dayArchive(series: Series, day: string, facts: Partial<ArchiveRecord> = {}): ArchiveRecord {
  const { symbol } = series
  return {
    series: seriesKey(series),
    name: `data/spot/daily/klines/${symbol}/1m/${symbol}-1m-${day}.zip`,
    sha256: new Bun.CryptoHasher('sha256').update(`${symbol} ${day}`).digest('hex'),
    bytes: 58_123,
    takenAtMs: FETCHED_MS,
    ...facts,
  }
}

/** Registers the cases of archives that were taken. */
export function archiveCases(subject: Subject): void {
  const archivesOf = async (series: Series): Promise<readonly ArchiveRecord[]> =>
    (await subject.store().archives([series]))[0] ?? []
  const take = (series: Series, ...archives: ArchiveRecord[]) =>
    subject.store().write([page(series, [], { ledger: [], archives })])

  contractCase('a record is written with its rows, and read back by series and name', async () => {
    const series = klineSeries(subject.symbol())
    const other = klineSeries(`${series.symbol}币安人生`)
    const first = dayArchive(series, '2024-02-28', { bytes: 2 ** 40 + 1, takenAtMs: FETCHED_MS + 7 })
    const second = dayArchive(series, '2024-02-29')
    const third = dayArchive(other, '2024-02-29', { bytes: 0, takenAtMs: Date.UTC(2262, 0, 1, 0, 0, 0, 1) })
    const written = await subject
      .store()
      .write([
        page(series, candles(DAY_0_MS, 3), { source: 'archive', archives: [second, first] }),
        page(other, candles(DAY_0_MS, 2), { source: 'archive', fresh: true, archives: [third] }),
      ])
    expect(written).toEqual({ written: 5, changed: 0 })
    const asked = [other, klineSeries('NOBODYUSDT'), series, series]
    const taken = [first, second]
    expect(await subject.store().archives(asked)).toEqual([[third], [], taken, taken])
    expect(await subject.store().archives([])).toEqual([])
    expect(await readAll(subject.store(), series)).toEqual(candles(DAY_0_MS, 3))
  })

  contractCase('a record replaces that of the same series and name, and no other', async () => {
    const series = klineSeries(subject.symbol())
    const twin = klineSeries(series.symbol, { market: 'um' })
    const old = dayArchive(series, '2024-02-28')
    const other = dayArchive(series, '2024-02-29')
    const theirs = { ...old, series: seriesKey(twin) }
    await take(series, old, other)
    await take(twin, theirs)
    const news = { ...old, sha256: 'f'.repeat(64), bytes: 7, takenAtMs: FETCHED_MS + 1 }
    await take(series, news)
    expect(await subject.store().archives([series, twin])).toEqual([[news, other], [theirs]])
  })

  contractCase('the same record again changes nothing; of two in one write the last counts', async () => {
    const series = klineSeries(subject.symbol())
    const record = dayArchive(series, '2024-02-28')
    const rows = candles(DAY_0_MS, 2)
    for (const changed of [2, 0]) {
      const again = page(series, rows, { archives: [record, record] })
      expect(await subject.store().write([again])).toEqual({ written: changed, changed: 0 })
      expect(await archivesOf(series)).toEqual([record])
    }
    const [first, last] = [
      { ...record, bytes: 1 },
      { ...record, bytes: 2 },
    ]
    await subject
      .store()
      .write([page(series, [], { archives: [first] }), page(series, [], { archives: [last] })])
    expect(await archivesOf(series)).toEqual([last])
  })

  for (const fresh of [true, false]) {
    contractCase(`a write that fails records nothing (${fresh ? 'fresh' : 'compared'} rows)`, async () => {
      const series = klineSeries(subject.symbol())
      const old = dayArchive(series, '2024-02-28')
      await take(series, old)
      const archives = [{ ...old, bytes: 9 }, dayArchive(series, '2024-02-29')]
      const bad = klineSeries(subject.symbol())
      const spoiled = candles(DAY_0_MS, 600).map((row, i) => (i === 599 ? { ...row, low_price: null } : row))
      const pages = [
        page(series, candles(DAY_0_MS, 600), { fresh, archives }),
        page(bad, spoiled, { fresh, archives: [dayArchive(bad, '2024-02-29')] }),
      ]
      await thrownBy(() => subject.store().write(pages))
      expect(await subject.store().archives([series, bad])).toEqual([[old], []])
      expect(await ledgerOf(subject.store(), series)).toEqual([])
    })
  }

  contractCase('names that look alike, and long ones, are different archives', async () => {
    const series = klineSeries(subject.symbol())
    const names = [
      'a/B.zip',
      'a/b.zip',
      'a/ｂ.zip',
      'a/ä.zip',
      `O'B"R\\N\t%_;--.zip`,
      '币'.repeat(LONGEST_NAME),
      `${'币'.repeat(LONGEST_NAME - 1)}安`,
    ]
    const records = names.map((name, bytes) => dayArchive(series, '2024-02-28', { name, bytes }))
    await take(series, ...records)
    const byBytes = [...records].sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))
    expect(await archivesOf(series)).toEqual(byBytes)
  })

  contractCase(`${MANY} records of many series in one write`, async () => {
    const all = Array.from({ length: 3 }, () => klineSeries(subject.symbol()))
    const recordsOf = (series: Series) =>
      Array.from({ length: MANY }, (_, i) => dayArchive(series, String(10_000 + i)))
    await subject.store().write(all.map((series) => page(series, [], { archives: recordsOf(series) })))
    expect(await subject.store().archives(all)).toEqual(all.map(recordsOf))
  })

  contractCase('writers of the same archives in opposite orders at once all succeed', () =>
    onFresh(subject.database, async ({ uri }) => {
      const all = Array.from({ length: WRITERS }, (_, i) => klineSeries(`S${i}USDT`))
      await withStore(subject.database, uri, (store) => store.prepare(contractTables))
      const stores = await Promise.all(all.map(() => openStore(subject.database, uri)))
      await Promise.all(
        stores.map(async (store, writer) => {
          const order = writer % 2 === 0 ? all : [...all].reverse()
          for (let round = 0; round < ROUNDS; round += 1) {
            const pages = order.map((series) => {
              const archives = ['1', '2'].map((day) => dayArchive(series, day, { bytes: round }))
              return page(series, [candle(DAY_0_MS)], { archives })
            })
            await store.write(pages)
          }
        }),
      )
      const found = await stores[0]?.archives(all)
      expect(found?.map((records) => records.map(({ bytes }) => bytes))).toEqual(
        all.map(() => [ROUNDS - 1, ROUNDS - 1]),
      )
      await Promise.all(stores.map((store) => store.close()))
    }),
  )
}
