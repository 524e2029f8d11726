// Rows that a write replaces and is asked to keep: exactly those, exact to the digit, and nothing where it is
// not asked.
import { expect } from 'bun:test'
import { type Series, seriesKey } from '../../src/core/series.ts'
import type { Store, WriteOptions } from '../../src/core/store.ts'
import {
  candle,
  candles,
  DAY_0_MS,
  FETCHED_MS,
  fundingSeries,
  klineSeries,
  MINUTE_MS,
  type PageFacts,
  page,
  type Row,
  rate,
  tableOf,
  trade,
  tradeSeries,
} from '../rig/pages.ts'
import type { Replaced } from '../rig/test-database.ts'
import { ledgerOf, readAll } from './reading.ts'
import { contractCase, openStore, type Subject, thrownBy } from './subject.ts'

const LATER_MS = FETCHED_MS + 3_600_001
const KEEP: WriteOptions = { keepReplaced: true }
/** More rows than any store reads, keeps or writes with one statement. */
const MANY = 1_300
/** Different values that two writers give to the same rows. */
const VERSIONS = 16
const RACING_ROWS = 60

/** `row` of a series, kept when a page that was fetched at `replacedAtMs` took its place. */
function keptOf(
  series: Series,
  row: Row,
  replacedAtMs = LATER_MS,
  source = 'rest',
  at = FETCHED_MS,
): Replaced {
  const { columns, keyLength } = tableOf(series)
  const shown = columns.map(({ name, kind }): [string, unknown] => {
    const value = row[name] ?? null
    return [name, kind === 'time' ? new Date(Number(value)).toISOString() : value]
  })
  return {
    series: seriesKey(series),
    key: JSON.stringify(Object.fromEntries(shown.slice(0, keyLength))),
    replacedAtMs,
    row: JSON.stringify({
      ...Object.fromEntries(shown),
      source,
      extracted_at: new Date(at).toISOString(),
    }),
  }
}

const sorted = (rows: readonly Replaced[]): Replaced[] =>
  [...rows].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))

/** Registers the cases of replaced rows. */
export function replacedCases(subject: Subject): void {
  const kept = async (series: Series): Promise<Replaced[]> =>
    sorted(await subject.database.replaced(subject.uri(), seriesKey(series)))
  const write = (series: Series, rows: readonly Row[], facts: PageFacts = {}, options?: WriteOptions) =>
    subject.store().write([page(series, rows, facts)], options)

  contractCase('a kept row is JSON with exact decimals and readable times', async () => {
    const series = klineSeries(subject.symbol())
    const old = candle(DAY_0_MS, { volume: '12345678901234567890.12345678901234' })
    await write(series, [old], { source: 'archive' })
    await write(series, [candle(DAY_0_MS)], { extractedAtMs: LATER_MS }, KEEP)
    expect(await subject.database.replaced(subject.uri(), seriesKey(series))).toEqual([
      {
        series: `spot/klines/${series.symbol}/1m`,
        key: '{"open_time":"2024-02-29T00:00:00.000Z"}',
        replacedAtMs: LATER_MS,
        row:
          '{"open_time":"2024-02-29T00:00:00.000Z","close_time":"2024-02-29T00:00:59.999Z",' +
          `"open_price":"${old.open_price}","high_price":"${old.high_price}",` +
          `"low_price":"${old.low_price}","close_price":"${old.close_price}",` +
          '"volume":"12345678901234567890.12345678901234",' +
          `"quote_asset_volume":"${old.quote_asset_volume}","number_of_trades":${old.number_of_trades},` +
          '"taker_buy_base_asset_volume":"0","taker_buy_quote_asset_volume":"0.00000001",' +
          '"source":"archive","extracted_at":"2024-03-01T12:00:00.123Z"}',
      },
    ])
  })

  for (const fresh of [true, false]) {
    contractCase(`only what is replaced is kept (${fresh ? 'fresh' : 'compared'} rows)`, async () => {
      const series = klineSeries(subject.symbol())
      const old = candles(DAY_0_MS, MANY)
      await write(series, old, { fresh: true })
      const places = [0, 7, 511, MANY - 1]
      const news = candles(DAY_0_MS, MANY + 5).map((row, i) =>
        places.includes(i) ? { ...row, close_price: '0.000000000000000001' } : row,
      )
      const facts = { fresh, extractedAtMs: LATER_MS }
      expect(await write(series, news, facts, KEEP)).toEqual({ written: 5, changed: places.length })
      const expected = sorted(places.map((i) => keptOf(series, old[i] ?? {})))
      expect(await kept(series)).toEqual(expected)
      expect(await readAll(subject.store(), series)).toEqual(news)
      expect(await ledgerOf(subject.store(), series)).toMatchObject([{ rows: MANY + 5 }])
      expect(await write(series, news, facts, KEEP)).toEqual({ written: 0, changed: 0 })
      expect(await kept(series)).toEqual(expected)
    })
  }

  contractCase('every row of a large page may be replaced at once', async () => {
    const series = klineSeries(subject.symbol())
    const old = candles(DAY_0_MS, MANY)
    await write(series, old, { fresh: true })
    const news = old.map((row) => ({ ...row, number_of_trades: 7 }))
    expect(await write(series, news, { extractedAtMs: LATER_MS }, KEEP)).toEqual({
      written: 0,
      changed: MANY,
    })
    expect(await kept(series)).toEqual(sorted(old.map((row) => keptOf(series, row))))
  })

  contractCase('nothing is kept where it is not asked for', async () => {
    const series = klineSeries(subject.symbol())
    await write(series, [candle(DAY_0_MS)])
    for (const [i, options] of [undefined, {}, { keepReplaced: false }, { refresh: true }].entries())
      expect(await write(series, [candle(DAY_0_MS, { volume: `${i}.55` })], {}, options)).toMatchObject({
        changed: 1,
      })
    expect(await kept(series)).toEqual([])
  })

  contractCase('ids of 63 bits, flags, nulls and keys of two fields are kept as they are', async () => {
    const trades = tradeSeries(subject.symbol())
    const old = trade('9223372036854775807', DAY_0_MS, { quote_quantity: null, is_buyer_maker: 0 })
    const same = trade('9223372036854775806', DAY_0_MS)
    await write(trades, [same, old])
    // A trade that moves in time is still the same trade; null replaces nothing, so the second one stays.
    const news = [
      { ...same, quote_quantity: null },
      { ...old, trade_time: DAY_0_MS + 9_000_000 },
    ]
    expect(await write(trades, news, { extractedAtMs: LATER_MS }, KEEP)).toEqual({ written: 0, changed: 1 })
    expect(await kept(trades)).toEqual([keptOf(trades, old)])
    expect((await kept(trades))[0]?.key).toBe('{"trade_id":"9223372036854775807"}')
    const rates = fundingSeries(subject.symbol())
    const pair = [rate(DAY_0_MS), rate(DAY_0_MS, { rate_type: 'Special', mark_price: null })]
    await write(rates, pair)
    const special = rate(DAY_0_MS, { rate_type: 'Special', funding_rate: '1' })
    await write(rates, [special], { extractedAtMs: LATER_MS }, KEEP)
    expect(await kept(rates)).toEqual([keptOf(rates, pair[1] ?? {})])
  })

  contractCase('an archive keeps what it replaces, and nothing where it may not replace', async () => {
    const series = klineSeries(subject.symbol())
    const old = [candle(DAY_0_MS), candle(DAY_0_MS + MINUTE_MS)]
    await write(series, old.slice(0, 1), { source: 'archive' })
    await write(series, old.slice(1))
    const news = old.map((row) => ({ ...row, volume: '77' }))
    const facts = { source: 'archive', extractedAtMs: LATER_MS } as const
    expect(await write(series, news, facts, KEEP)).toEqual({ written: 0, changed: 1 })
    const first = keptOf(series, old[0] ?? {}, LATER_MS, 'archive')
    expect(await kept(series)).toEqual([first])
    expect(await write(series, news, facts, { ...KEEP, refresh: true })).toEqual({ written: 0, changed: 1 })
    expect(await kept(series)).toEqual(sorted([first, keptOf(series, old[1] ?? {})]))
  })

  contractCase('a key that changes again is kept again; of one time the first row stays', async () => {
    const series = klineSeries(subject.symbol())
    const rows = ['1', '2', '3', '4'].map((volume) => candle(DAY_0_MS, { volume }))
    const [one = {}, two = {}, three = {}, four = {}] = rows
    await write(series, [one])
    await write(series, [two], { extractedAtMs: LATER_MS }, KEEP)
    await write(series, [three], { extractedAtMs: LATER_MS + 1 }, KEEP)
    const both = sorted([keptOf(series, one), keptOf(series, two, LATER_MS + 1, 'rest', LATER_MS)])
    expect(await kept(series)).toEqual(both)
    expect(await write(series, [four], { extractedAtMs: LATER_MS + 1 }, KEEP)).toMatchObject({ changed: 1 })
    expect(await kept(series)).toEqual(both)
  })

  contractCase('a write that fails keeps nothing', async () => {
    const good = klineSeries(subject.symbol())
    const bad = klineSeries(subject.symbol())
    await write(good, candles(DAY_0_MS, 2))
    const news = candles(DAY_0_MS, 2).map((row) => ({ ...row, volume: '77' }))
    const pages = [
      page(good, news, { extractedAtMs: LATER_MS }),
      page(bad, [candle(DAY_0_MS, { close_price: null })]),
    ]
    await thrownBy(() => subject.store().write(pages, KEEP))
    expect(await kept(good)).toEqual([])
    expect(await readAll(subject.store(), good)).toEqual(candles(DAY_0_MS, 2))
  })

  for (const before of [0, RACING_ROWS]) {
    contractCase(`two stores at once keep every row that either replaces (of ${before})`, async () => {
      const series = klineSeries(subject.symbol())
      await write(series, candles(DAY_0_MS, before))
      const other = await openStore(subject.database, subject.uri())
      let changed = 0
      const writeAll = async (store: Store, first: number): Promise<void> => {
        for (let version = first; version < VERSIONS; version += 2) {
          const rows = candles(DAY_0_MS, RACING_ROWS).map((row) => ({ ...row, number_of_trades: version }))
          const extractedAtMs = LATER_MS + version * MINUTE_MS
          const result = await store.write([page(series, rows, { extractedAtMs })], KEEP)
          changed += result.changed
        }
      }
      await Promise.all([writeAll(subject.store(), 0), writeAll(other, 1)])
      await other.close()
      const found = await kept(series)
      const last = await readAll(subject.store(), series)
      const versions = Array.from({ length: VERSIONS }, (_, version) => version)
      for (const row of last) {
        const own = found.map(({ row: text }) => JSON.parse(text) as Row).filter(sameTime(row))
        const seen = new Set([...own, row].map((one) => Number(one.number_of_trades)))
        expect(versions.filter((version) => !seen.has(version))).toEqual([])
      }
      // Without transactions a row may be replaced twice, or be kept and then replaced by the other one.
      if (subject.database.kind === 'mongodb') return
      expect(changed).toBe((VERSIONS - 1) * RACING_ROWS + before)
      expect(found).toHaveLength(changed)
    })
  }
}

const sameTime =
  (row: Row) =>
  (other: Row): boolean =>
    other.open_time === new Date(Number(row.open_time)).toISOString()
