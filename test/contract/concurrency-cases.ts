// Many writers at once, in one store and in two: no row lost, none twice, and a ledger that says exactly what
// is there.
import { expect } from 'bun:test'
import { settledSpans } from '../../src/core/ledger.ts'
import type { Series } from '../../src/core/series.ts'
import type { Store } from '../../src/core/store.ts'
import { candles, DAY_0_MS, klineSeries, MINUTE_MS, page } from '../rig/pages.ts'
import { ledgerOf, readAll } from './reading.ts'
import { contractCase, openStore, type Subject } from './subject.ts'

const PAGES = 20
const PAGE_ROWS = 60
/** Pages begin this many candles apart, so that each overlaps the next by half. */
const STEP = 30
const WRITERS = 4

const pageAt = (series: Series, place: number, fresh: boolean) =>
  page(series, candles(DAY_0_MS + place * STEP * MINUTE_MS, PAGE_ROWS), { fresh })

const ALL_PLACES = (PAGES - 1) * STEP + PAGE_ROWS

/** What every case ends with: each candle once, one ledger row over all of them that counts them all. */
async function expectWhole(store: Store, series: Series): Promise<void> {
  expect(await readAll(store, series)).toEqual(candles(DAY_0_MS, ALL_PLACES))
  const ledger = await ledgerOf(store, series)
  expect(settledSpans(ledger)).toEqual([{ startMs: DAY_0_MS, endMs: DAY_0_MS + ALL_PLACES * MINUTE_MS }])
  expect(ledger).toHaveLength(1)
}

/** Registers the cases of writers at the same time. */
export function concurrencyCases(subject: Subject): void {
  for (const fresh of [true, false]) {
    const kind = fresh ? 'fresh' : 'compared'

    contractCase(`two stores write overlapping pages of one series (${kind} rows)`, async () => {
      const series = klineSeries(subject.symbol())
      const other = await openStore(subject.database, subject.uri())
      const upwards = Array.from({ length: PAGES }, (_, i) => i)
      let written = 0
      const writeAll = async (store: Store, order: readonly number[]): Promise<void> => {
        for (const place of order) {
          const result = await store.write([pageAt(series, place, fresh)])
          expect(result.changed).toBe(0)
          written += result.written
        }
      }
      await Promise.all([writeAll(subject.store(), upwards), writeAll(other, [...upwards].reverse())])
      await other.close()
      expect(written).toBe(ALL_PLACES)
      await expectWhole(subject.store(), series)
    })

    contractCase(`${WRITERS} writers in one store, each with its own series (${kind} rows)`, async () => {
      const all = Array.from({ length: WRITERS }, () => klineSeries(subject.symbol()))
      await Promise.all(
        all.map(async (series) => {
          for (let place = 0; place < PAGES; place += 1) {
            await subject.store().write([pageAt(series, place, fresh)])
          }
        }),
      )
      for (const series of all) await expectWhole(subject.store(), series)
    })

    contractCase(`writes of many series in opposite orders (${kind} rows)`, async () => {
      const all = Array.from({ length: WRITERS }, () => klineSeries(subject.symbol()))
      const other = await openStore(subject.database, subject.uri())
      const batch = (order: readonly Series[], place: number) =>
        order.map((series) => pageAt(series, place, fresh))
      const writeAll = async (store: Store, order: readonly Series[]): Promise<void> => {
        for (let place = 0; place < PAGES; place += 1) await store.write(batch(order, place))
      }
      await Promise.all([writeAll(subject.store(), all), writeAll(other, [...all].reverse())])
      await other.close()
      for (const series of all) await expectWhole(subject.store(), series)
    })
  }

  contractCase('reads go on while others write, and never see half a write', async () => {
    const series = klineSeries(subject.symbol())
    const reader = await openStore(subject.database, subject.uri())
    let done = false
    const writing = (async () => {
      for (let place = 0; place < PAGES; place += 1)
        await subject.store().write([pageAt(series, place, false)])
      done = true
    })()
    while (!done) {
      const ledger = await ledgerOf(reader, series)
      const rows = await readAll(reader, series)
      const [covered] = settledSpans(ledger)
      const places = covered ? (covered.endMs - covered.startMs) / MINUTE_MS : 0
      expect(rows.length).toBeGreaterThanOrEqual(places)
      expect(rows).toEqual(candles(DAY_0_MS, rows.length))
      if (subject.database.kind !== 'mongodb') expect(rows.length % STEP).toBe(0)
      await Bun.sleep(0)
    }
    await writing
    await reader.close()
    await expectWhole(subject.store(), series)
  })
}
