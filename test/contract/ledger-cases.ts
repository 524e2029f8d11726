// The ledger as a store keeps it: what `record` decides, end to end, written by hand here so that a fault of
// `record` is seen too.
import { expect } from 'bun:test'
import { type LedgerRow, ledgerRow } from '../../src/core/ledger.ts'
import type { Series } from '../../src/core/series.ts'
import { candles, DAY_0_MS, FETCHED_MS, klineSeries, MINUTE_MS, page } from '../rig/pages.ts'
import { ledgerOf } from './reading.ts'
import { contractCase, type Subject } from './subject.ts'

const at = (minute: number): number => DAY_0_MS + minute * MINUTE_MS
const from = (start: number, end: number) => ({ startMs: at(start), endMs: at(end) })
const rowsOf = (start: number, end: number, facts: Partial<LedgerRow> = {}): LedgerRow =>
  ledgerRow(from(start, end), 'rows', {
    rows: end - start,
    source: 'rest',
    checkedAtMs: FETCHED_MS,
    ...facts,
  })

/** Registers the cases of the ledger. */
export function ledgerCases(subject: Subject): void {
  const tell = (series: Series, ...ledger: LedgerRow[]) =>
    subject.store().write([page(series, [], { ledger })])
  const ledger = (series: Series) => ledgerOf(subject.store(), series)

  contractCase('neighbours with the same verdict and source are one row', async () => {
    const series = klineSeries(subject.symbol())
    await tell(series, rowsOf(0, 10))
    await tell(series, rowsOf(20, 30, { checkedAtMs: FETCHED_MS + 5 }))
    expect(await ledger(series)).toEqual([rowsOf(0, 10), rowsOf(20, 30, { checkedAtMs: FETCHED_MS + 5 })])
    await tell(series, rowsOf(10, 20, { checkedAtMs: FETCHED_MS + 9, reason: 'the rest' }))
    expect(await ledger(series)).toEqual([rowsOf(0, 30, { checkedAtMs: FETCHED_MS + 9, reason: 'the rest' })])
    await tell(series, rowsOf(30, 40, { source: 'archive' }))
    expect(await ledger(series)).toHaveLength(2)
  })

  contractCase('an outage keeps a row of its own, and a later answer takes its place', async () => {
    const series = klineSeries(subject.symbol())
    const outage = ledgerRow(from(10, 12), 'outage', {
      source: 'rest',
      asked: 2,
      reason: 'two equal answers',
    })
    await tell(series, rowsOf(0, 10), outage, rowsOf(12, 20))
    expect(await ledger(series)).toEqual([rowsOf(0, 10), outage, rowsOf(12, 20)])
    await tell(series, rowsOf(10, 12, { asked: 3 }))
    expect(await ledger(series)).toEqual([rowsOf(0, 20, { asked: 3 })])
  })

  contractCase('what is newer wins where spans overlap', async () => {
    const series = klineSeries(subject.symbol())
    await tell(series, rowsOf(0, 30))
    const delisted = ledgerRow(from(10, 20), 'delisted', { source: 'archive', checkedAtMs: FETCHED_MS + 1 })
    await tell(series, delisted)
    expect(await ledger(series)).toEqual([rowsOf(0, 10), delisted, rowsOf(20, 30)])
  })

  contractCase('wanted settles nothing, is trimmed by what is settled, and goes when covered', async () => {
    const series = klineSeries(subject.symbol())
    const wanted = ledgerRow(from(0, 100), 'wanted', { checkedAtMs: FETCHED_MS })
    await tell(series, wanted)
    expect(await ledger(series)).toEqual([wanted])
    await subject.store().write([page(series, candles(at(0), 10)), page(series, candles(at(50), 10))])
    const left = [from(10, 50), from(60, 100)].map((span) => ({ ...wanted, ...span }))
    expect(await ledger(series)).toEqual([rowsOf(0, 10), left[0], rowsOf(50, 60), left[1]] as LedgerRow[])
    await tell(series, ledgerRow(from(0, 60), 'wanted', { checkedAtMs: FETCHED_MS + 1 }))
    expect((await ledger(series)).filter((row) => row.verdict === 'rows')).toEqual([
      rowsOf(0, 10),
      rowsOf(50, 60),
    ])
    await tell(series, rowsOf(10, 50), rowsOf(60, 100))
    expect(await ledger(series)).toEqual([rowsOf(0, 100)])
  })

  contractCase('every field of a ledger row comes back, ids of 63 bits and odd reasons too', async () => {
    const series = klineSeries(subject.symbol())
    const rows = [
      ledgerRow(from(0, 1), 'no-trades', {
        rows: 3_000_000_000,
        source: 'archive',
        firstId: '9223372036854775806',
        lastId: '9223372036854775807',
        skipped: 12,
        asked: 34,
        checkedAtMs: Date.UTC(2262, 0, 1, 0, 0, 0, 1),
        reason: `O'Brien said "\\N"\ton\nthree lines\\\n币安 ${'x'.repeat(400)}`,
      }),
      ledgerRow(from(5, 6), 'unlisted', { firstId: '0', lastId: '9007199254740993', reason: '' }),
      ledgerRow(from(7, 8), 'delisted', { reason: null }),
    ]
    await tell(series, ...rows)
    expect(await ledger(series)).toEqual(rows)
  })

  contractCase('spans far apart stay apart, and each series has its own ledger', async () => {
    const one = klineSeries(subject.symbol())
    const two = klineSeries(one.symbol, { market: 'um' })
    await tell(one, rowsOf(0, 1), rowsOf(1_000_000, 1_000_001))
    await tell(two, rowsOf(0, 2))
    const found = await subject.store().ledger([two, klineSeries('NOBODYUSDT'), one])
    expect(found).toEqual([[rowsOf(0, 2)], [], [rowsOf(0, 1), rowsOf(1_000_000, 1_000_001)]])
    expect(await subject.store().ledger([])).toEqual([])
  })
}
