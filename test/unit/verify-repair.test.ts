// What a repair writes, keeps and leaves alone, what it tells the ledger, and when a finding counts as
// repaired.
import { describe, expect, test } from 'bun:test'
import { ledgerRow } from '../../src/core/ledger.ts'
import type { Series } from '../../src/core/series.ts'
import type { Source } from '../../src/core/source.ts'
import { klines } from '../../src/datasets/klines.ts'
import { RefusedError } from '../../src/errors.ts'
import { memorySource } from '../rig/memory-source.ts'
import { klineSeries, MINUTE_MS, type Row, toRows } from '../rig/pages.ts'
import {
  allMinutes,
  minutes,
  minutesExchange,
  minutesSpan,
  minutesStore,
  minutesTable,
  PAGE_ROWS,
  placeTime,
  START_MS,
} from '../rig/verify-minutes.ts'
import { errorsOf, lineOf, linesOf, verifyRig } from '../rig/verify-rig.ts'

const sample = { share: 1, seed: 1 }

describe('repaired', () => {
  const repair = true

  test('what differs is replaced, what is lacking inserted, what is besides left alone', async () => {
    const rig = await minutesStore(allMinutes.filter((_, place) => place !== 12))
    rig.spoil(minutes, 3, 'volume', '5')
    const given = {
      source: () => minutesExchange(allMinutes.filter((_, place) => place !== 25)).source,
      sample,
      repair,
    }
    const outcome = await rig.verify(given)
    expect(errorsOf(outcome)).toEqual([
      `error day 1m ${placeTime(12)} repaired`,
      `error exchange 1m ${placeTime(3)} repaired`,
      `error exchange 1m ${placeTime(12)} repaired`,
      `error exchange 1m ${placeTime(25)}`,
    ])
    expect([outcome.asked.written, outcome.asked.changed, outcome.findings.unrepaired]).toEqual([1, 1, 1])
    expect(rig.writes.map(({ keepReplaced, page }) => [keepReplaced, page.source, page.rows.count])).toEqual([
      [true, 'rest', 1],
      [true, 'rest', 1],
    ])
    expect((await rig.store.read(minutes, minutesTable, minutesSpan, 99)).columns).toEqual(
      toRows(minutesTable, allMinutes).columns,
    )
    expect(errorsOf(await rig.verify(given))).toEqual([`error exchange 1m ${placeTime(25)}`])
  })

  test('without a sample only the pages around errors are asked for', async () => {
    const rig = await minutesStore(allMinutes)
    rig.spoil(minutes, 23, 'high_price', '0')
    const { source, asks } = minutesExchange(allMinutes)
    const outcome = await rig.verify({ source: () => source, repair })
    expect(asks.every(({ window }) => window.span.startMs === START_MS + 23 * MINUTE_MS)).toBe(true)
    expect(errorsOf(outcome)).toEqual([
      `error exchange 1m ${placeTime(23)} repaired`,
      `error rules 1m ${placeTime(23)} repaired`,
    ])
    expect(outcome.findings.unrepaired).toBe(0)
    expect(linesOf(await rig.verify())).toEqual([])
  })

  test('a sum is put right whichever side was wrong', async () => {
    const hourly = klineSeries('BTCUSDT', { period: '15m' })
    const quarters = [0, 1].map(
      (quarter): Row => quarterOf(allMinutes.slice(quarter * 15, quarter * 15 + 15)),
    )
    for (const wrong of [minutes, hourly]) {
      const rig = await verifyRig([
        { series: minutes, rows: toRows(minutesTable, allMinutes.slice(0, 30)) },
        { series: hourly, rows: toRows(klines.table(hourly), quarters) },
      ])
      rig.spoil(wrong, 1, 'volume', '77')
      const sources = new Map([
        [minutes, minutesExchange(allMinutes).source],
        [hourly, minutesExchange(quarters).source],
      ])
      const source = (one: Series): Source | null =>
        (one.period === '1m' ? sources.get(minutes) : sources.get(hourly)) ?? null
      const outcome = await rig.verify({ source, repair })
      const place = wrong === minutes ? 0 : 15
      expect(errorsOf(outcome)).toContain(`error sum 15m ${placeTime(place)} repaired`)
      expect([outcome.findings.unrepaired, outcome.asked.changed]).toEqual([0, 1])
      expect(linesOf(await rig.verify())).toEqual([])
    }
  })

  test('what a hole had hidden comes to light once it is filled, and is mended too', async () => {
    const quarterly = klineSeries('BTCUSDT', { period: '15m' })
    const quarter = quarterOf(allMinutes.slice(0, 15))
    const rig = await verifyRig([
      { series: minutes, rows: toRows(minutesTable, allMinutes.slice(0, 15)) },
      { series: quarterly, rows: toRows(klines.table(quarterly), [quarter]) },
    ])
    rig.spoil(minutes, 3, 'volume', '77')
    rig.remove(minutes, 9)
    const source = (one: Series): Source =>
      (one.period === '1m' ? minutesExchange(allMinutes) : minutesExchange([quarter])).source
    const outcome = await rig.verify({ source, repair })
    expect(errorsOf(outcome)).toContain(`error sum 15m ${placeTime(0)} repaired`)
    expect([outcome.findings.unrepaired, outcome.asked.written, outcome.asked.changed]).toEqual([0, 1, 1])
    expect(linesOf(await rig.verify())).toEqual([])
  })

  test("a sum that the exchange's own candles contradict is a note", async () => {
    const quarterly = klineSeries('BTCUSDT', { period: '15m' })
    const odd = { ...quarterOf(allMinutes.slice(0, 15)), volume: '1234.5' }
    const rig = await verifyRig([
      { series: minutes, rows: toRows(minutesTable, allMinutes.slice(0, 15)) },
      { series: quarterly, rows: toRows(klines.table(quarterly), [odd]) },
    ])
    const source = (one: Series): Source =>
      (one.period === '1m' ? minutesExchange(allMinutes) : minutesExchange([odd])).source
    expect(errorsOf(await rig.verify())).toEqual([`error sum 15m ${placeTime(0)}`])
    const outcome = await rig.verify({ source, repair })
    expect(linesOf(outcome)).toEqual([`note sum 15m ${placeTime(0)}`])
    expect(outcome.findings.kept()[0]?.expected).toEndWith('; the exchange has it so too')
    expect(rig.writes).toEqual([])
  })

  test('a sum stays off for a row that only the store has, or that nobody answered for', async () => {
    const quarterly = klineSeries('BTCUSDT', { period: '15m' })
    const theirs = allMinutes.slice(0, 15).filter((_, place) => place !== 4)
    const quarter = quarterOf(theirs)
    const rig = await verifyRig([
      { series: minutes, rows: toRows(minutesTable, allMinutes.slice(0, 15)) },
      { series: quarterly, rows: toRows(klines.table(quarterly), [quarter]) },
    ])
    const source = (one: Series): Source => minutesExchange(one.period === '1m' ? theirs : [quarter]).source
    const besides = `error exchange 1m ${placeTime(4)}`
    const sum = `error sum 15m ${placeTime(0)}`
    expect(errorsOf(await rig.verify({ source, repair }))).toEqual([besides, sum])
    // What only the store has is told once, though its page is asked for twice.
    expect(errorsOf(await rig.verify({ source, repair, sample }))).toEqual([besides, sum])
    const deaf = (one: Series): Source => ({
      ...source(one),
      fetch: async () => {
        throw new RefusedError('not today')
      },
    })
    expect(errorsOf(await rig.verify({ source: deaf, repair }))).toEqual([sum])
  })

  test('an outage that the ledger believes in is rows now, in the ledger too', async () => {
    const outage = { startMs: START_MS + 10 * MINUTE_MS, endMs: START_MS + 20 * MINUTE_MS }
    const ledger = [
      ledgerRow({ ...minutesSpan, endMs: outage.startMs }, 'rows', { rows: 10, source: 'rest' }),
      ledgerRow(outage, 'outage', { source: 'rest' }),
      ledgerRow({ ...minutesSpan, startMs: outage.endMs }, 'rows', { rows: 20, source: 'rest' }),
    ]
    const rows = toRows(
      minutesTable,
      allMinutes.filter((_, place) => place < 10 || place >= 20),
    )
    const rig = await verifyRig([{ series: minutes, rows, ledger }])
    const found = allMinutes.filter((_, place) => place < 13 || place >= 20)
    const outcome = await rig.verify({ source: () => minutesExchange(found).source, sample, repair })
    expect(errorsOf(outcome)).toEqual(
      [10, 11, 12].map((place) => `error exchange 1m ${placeTime(place)} repaired`),
    )
    const after = (await rig.store.ledger([minutes]))[0] ?? []
    expect(
      after.map(({ verdict, rows: count, startMs, endMs }) => [
        verdict,
        count,
        (startMs - START_MS) / MINUTE_MS,
        (endMs - START_MS) / MINUTE_MS,
      ]),
    ).toEqual([
      ['rows', 13, 0, 13],
      ['outage', 0, 13, 20],
      ['rows', 20, 20, 40],
    ])
  })

  test('rows that the ledger vouched for all along leave it as it was', async () => {
    const rig = await minutesStore(allMinutes.filter((_, place) => place !== 12 && place !== 13))
    rig.spoil(minutes, 3, 'volume', '5')
    const before = await rig.store.ledger([minutes])
    await rig.verify({ source: () => minutesExchange(allMinutes).source, sample, repair })
    expect(await rig.store.ledger([minutes])).toEqual(before)
  })

  test('what is refused stays an error', async () => {
    const rig = await minutesStore(allMinutes)
    rig.spoil(minutes, 23, 'high_price', '1')
    const { source } = memorySource({
      nowMs: () => minutesSpan.endMs,
      pageRows: PAGE_ROWS,
      answer: () => {
        throw new RefusedError('not today')
      },
    })
    const outcome = await rig.verify({ source: () => source, repair })
    expect(outcome.findings.kept().map(lineOf)).toEqual([`error rules 1m ${placeTime(23)}`])
    expect(outcome.asked.unsettled).toMatchObject([{ reason: 'not today' }])
  })
})

/** The quarter of an hour that fifteen minutes make, by arithmetic that is exact for these small numbers. */
function quarterOf(records: readonly Row[]): Row {
  const of = (name: string): number[] => records.map((row) => Number(row[name]))
  const tenths = (name: string): number => of(name).reduce((sum, value) => sum + Math.round(value * 10), 0)
  // Written with six digits after the point, each of them.
  const micros = records.reduce(
    (sum, row) => sum + BigInt(String(row.quote_asset_volume).replace('.', '')),
    0n,
  )
  const extreme = (name: string, pick: (...values: number[]) => number): Row[string] =>
    records.find((row) => Number(row[name]) === pick(...of(name)))?.[name] ?? null
  const text = (units: bigint, digits: number): string =>
    `${units / 10n ** BigInt(digits)}.${String(units % 10n ** BigInt(digits)).padStart(digits, '0')}`.replace(
      /\.?0+$/,
      '',
    )
  const first = Number(records[0]?.open_time)
  return {
    ...records[0],
    close_time: first + 15 * MINUTE_MS - 1,
    close_price: records.at(-1)?.close_price ?? null,
    high_price: extreme('high_price', Math.max),
    low_price: extreme('low_price', Math.min),
    volume: text(BigInt(tenths('volume')), 1),
    quote_asset_volume: text(micros, 6),
    number_of_trades: of('number_of_trades').reduce((sum, value) => sum + value, 0),
    taker_buy_base_asset_volume: '0',
    taker_buy_quote_asset_volume: text(15n, 8),
  }
}
