// What a write does to rows that are there: nothing when they are equal, and otherwise what the order of
// sources allows; and nothing at all when any part of it is bad.
import { expect } from 'bun:test'
import type { SourceName } from '../../src/core/ledger.ts'
import {
  candle,
  candles,
  DAY_0_MS,
  FETCHED_MS,
  klineSeries,
  MINUTE_MS,
  page,
  type Row,
  tableOf,
  trade,
  tradeSeries,
} from '../rig/pages.ts'
import { ledgerOf, readAll } from './reading.ts'
import { contractCase, type Subject, thrownBy } from './subject.ts'

const LATER_MS = FETCHED_MS + 3_600_001

/** Registers the cases of equal and corrected rows. */
export function repetitionCases(subject: Subject): void {
  const stampsOf = (symbol: string) =>
    subject.database.stamps(subject.uri(), tableOf(klineSeries(symbol)), symbol)

  for (const fresh of [true, false]) {
    contractCase(`the same page again changes nothing (${fresh ? 'fresh' : 'compared'} rows)`, async () => {
      const symbol = subject.symbol()
      const series = klineSeries(symbol)
      const rows = candles(DAY_0_MS, 250)
      const write = (extractedAtMs: number, source: SourceName) =>
        subject.store().write([page(series, rows, { fresh, extractedAtMs, source })])
      expect(await write(FETCHED_MS, 'rest')).toEqual({ written: 250, changed: 0 })
      const before = await stampsOf(symbol)
      expect(await write(LATER_MS, 'rest')).toEqual({ written: 0, changed: 0 })
      expect(await write(LATER_MS, 'archive')).toEqual({ written: 0, changed: 0 })
      expect(await stampsOf(symbol)).toEqual(before)
      expect(before).toEqual(
        rows.map((row) => ({ timeMs: Number(row.open_time), source: 'rest', extractedAtMs: FETCHED_MS })),
      )
      expect(await readAll(subject.store(), series)).toEqual(rows)
    })

    contractCase(
      `one last digit: that row alone changes (${fresh ? 'fresh' : 'compared'} rows)`,
      async () => {
        const symbol = subject.symbol()
        const series = klineSeries(symbol)
        const openMs = DAY_0_MS + 7 * MINUTE_MS
        const rows = candles(DAY_0_MS, 20).map(
          (row): Row => ({ ...row, volume: '12345678901234567890.12345678901234' }),
        )
        await subject.store().write([page(series, rows)])
        const news = rows.map((row) =>
          row.open_time === openMs ? { ...row, volume: '12345678901234567890.12345678901235' } : row,
        )
        const again = page(series, news, { fresh, extractedAtMs: LATER_MS })
        expect(await subject.store().write([again])).toEqual({ written: 0, changed: 1 })
        expect(await readAll(subject.store(), series)).toEqual(news)
        const moved = (await stampsOf(symbol)).filter((stamp) => stamp.extractedAtMs !== FETCHED_MS)
        expect(moved).toEqual([{ timeMs: openMs, source: 'rest', extractedAtMs: LATER_MS }])
      },
    )
  }

  contractCase('a page half known writes the other half', async () => {
    const series = klineSeries(subject.symbol())
    await subject.store().write([page(series, candles(DAY_0_MS, 10))])
    const next = page(series, candles(DAY_0_MS + 5 * MINUTE_MS, 10), { fresh: true })
    expect(await subject.store().write([next])).toEqual({ written: 5, changed: 0 })
    expect(await readAll(subject.store(), series)).toEqual(candles(DAY_0_MS, 15))
  })

  contractCase('pages of one write that overlap are written once', async () => {
    const series = klineSeries(subject.symbol())
    const pages = [page(series, candles(DAY_0_MS, 10)), page(series, candles(DAY_0_MS + 5 * MINUTE_MS, 10))]
    expect(await subject.store().write(pages)).toEqual({ written: 15, changed: 0 })
    expect(await readAll(subject.store(), series)).toEqual(candles(DAY_0_MS, 15))
    expect(await ledgerOf(subject.store(), series)).toMatchObject([{ startMs: DAY_0_MS, rows: 15 }])
  })
}

/** Registers the cases of who replaces whom (interface.md, section 5). */
export function precedenceCases(subject: Subject): void {
  const sources: readonly SourceName[] = ['rest', 'archive']
  for (const stored of sources) {
    for (const incoming of sources) {
      for (const refresh of [false, true]) {
        const replaces = refresh || incoming === 'rest' || stored === 'archive'
        const under = refresh ? ' under refresh' : ''
        const name = `${incoming} ${replaces ? 'replaces' : 'leaves'} ${stored}${under}`
        contractCase(name, async () => {
          const symbol = subject.symbol()
          const series = klineSeries(symbol)
          const old = candle(DAY_0_MS, { volume: '1.1' })
          const news = candle(DAY_0_MS, { volume: '1.2' })
          await subject.store().write([page(series, [old], { source: stored })])
          const again = page(series, [news], { source: incoming, extractedAtMs: LATER_MS })
          expect(await subject.store().write([again], { refresh })).toEqual({
            written: 0,
            changed: replaces ? 1 : 0,
          })
          expect(await readAll(subject.store(), series)).toEqual([replaces ? news : old])
          expect(await subject.database.stamps(subject.uri(), tableOf(series), symbol)).toEqual([
            replaces
              ? { timeMs: DAY_0_MS, source: incoming, extractedAtMs: LATER_MS }
              : { timeMs: DAY_0_MS, source: stored, extractedAtMs: FETCHED_MS },
          ])
        })
      }
    }
  }

  for (const refresh of [false, true]) {
    contractCase(`null never replaces a value${refresh ? ' under refresh' : ''}`, async () => {
      const symbol = subject.symbol()
      const series = tradeSeries(symbol)
      const old = trade('7', DAY_0_MS, { quote_quantity: '64.00001', base_quantity: null })
      const write = (facts: object) =>
        subject
          .store()
          .write([page(series, [{ ...old, ...facts }], { extractedAtMs: LATER_MS })], { refresh })
      await subject.store().write([page(series, [old])])
      expect(await write({ quote_quantity: null })).toEqual({ written: 0, changed: 0 })
      expect(await subject.database.stamps(subject.uri(), tableOf(series), symbol)).toMatchObject([
        { extractedAtMs: FETCHED_MS },
      ])
      expect(await write({ quote_quantity: null, price: '2' })).toEqual({ written: 0, changed: 1 })
      expect(await readAll(subject.store(), series)).toEqual([{ ...old, price: '2' }])
      expect(await write({ price: '2', base_quantity: '3' })).toEqual({ written: 0, changed: 1 })
      expect(await readAll(subject.store(), series)).toEqual([{ ...old, price: '2', base_quantity: '3' }])
    })
  }
}

/** Registers the cases of writes that fail, and of odd sizes. */
export function atomicityCases(subject: Subject): void {
  for (const fresh of [true, false]) {
    contractCase(
      `a bad last page leaves nothing of any page (${fresh ? 'fresh' : 'compared'} rows)`,
      async () => {
        const good = klineSeries(subject.symbol())
        const bad = klineSeries(subject.symbol())
        await subject.store().write([page(good, candles(DAY_0_MS, 2))])
        const before = await ledgerOf(subject.store(), good)
        const spoiled = candles(DAY_0_MS, 600).map((row, i) =>
          i === 599 ? { ...row, close_price: null } : row,
        )
        const pages = [
          page(good, candles(DAY_0_MS + 2 * MINUTE_MS, 700), { fresh }),
          page(good, [candle(DAY_0_MS, { volume: '77' })], { fresh: false }),
          page(bad, spoiled, { fresh }),
        ]
        await thrownBy(() => subject.store().write(pages))
        expect(await readAll(subject.store(), good)).toEqual(candles(DAY_0_MS, 2))
        expect(await ledgerOf(subject.store(), good)).toEqual(before)
        expect(await readAll(subject.store(), bad)).toEqual([])
        expect(await ledgerOf(subject.store(), bad)).toEqual([])
        expect(await subject.store().write(pages.slice(0, 1))).toEqual({ written: 700, changed: 0 })
      },
    )
  }

  contractCase('a write may hold nothing, or a ledger without rows', async () => {
    const series = klineSeries(subject.symbol())
    expect(await subject.store().write([])).toEqual({ written: 0, changed: 0 })
    expect(await subject.store().write([page(series, [])])).toEqual({ written: 0, changed: 0 })
    expect(await ledgerOf(subject.store(), series)).toEqual([])
    expect(await subject.store().write([page(series, [candle(DAY_0_MS)])])).toEqual({
      written: 1,
      changed: 0,
    })
    expect(await readAll(subject.store(), series)).toEqual([candle(DAY_0_MS)])
  })

  for (const fresh of [true, false]) {
    contractCase(`sixty thousand rows in one write (${fresh ? 'fresh' : 'compared'} rows)`, async () => {
      const series = klineSeries(subject.symbol())
      const rows = candles(DAY_0_MS, 60_000)
      const pages = Array.from({ length: 61 }, (_, i) =>
        page(series, rows.slice(i * 1_000, (i + 1) * 1_000), { fresh }),
      )
      expect(await subject.store().write(pages)).toEqual({ written: 60_000, changed: 0 })
      expect(await readAll(subject.store(), series)).toEqual(rows)
      const span = { startMs: DAY_0_MS, endMs: DAY_0_MS + 60_000 * MINUTE_MS }
      expect(await ledgerOf(subject.store(), series)).toMatchObject([
        { ...span, verdict: 'rows', rows: 60_000 },
      ])
      expect(await subject.store().write(pages)).toEqual({ written: 0, changed: 0 })
    })
  }
}
