// One market in every store: pulled by the binary into each, read back as canonical decimals and epoch
// milliseconds, the dumps are the same to the byte, and the exchange's own. Then the servers themselves are
// asked, in a session of another time zone.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { type Period, seriesKey } from '../../src/core/series.ts'
import { isoTime } from '../../src/core/span.ts'
import { klines } from '../../src/datasets/klines.ts'
import { type Bench, bench, NO_LIMITS } from '../rig/bench.ts'
import { findBinaryDatabases } from '../rig/binary-databases.ts'
import { countKeyOf, rowLines } from '../rig/compare-store.ts'
import { expectedRows } from '../rig/market.ts'
import { nativeTable, nativeTypes } from '../rig/native-rows.ts'
import { removeWorkFolders, tail } from '../rig/run-petrosa.ts'
import { scenarios } from '../rig/scenario.ts'
import { type SpawnedExchange, spawnExchange } from '../rig/spawn-exchange.ts'

afterAll(removeWorkFolders)
const databases = await findBinaryDatabases()

const { symbols, nowMs } = scenarios.fewWeeks
/** A whole month more than the scenario: the volume of a month is what has 16 digits. */
const span = { startMs: Date.parse('2024-02-01T00:00Z'), endMs: scenarios.fewWeeks.span.endMs }
const markets = ['spot', 'um'] as const
const periods: readonly Period[] = ['1h', '6h', '1d', '1w', '1M']
const all = symbols.flatMap((spec) =>
  periods.map((period) => ({
    spec,
    period,
    series: { market: spec.market, dataset: 'klines', symbol: spec.symbol, period } as const,
  })),
)

let exchange: SpawnedExchange
beforeAll(async () => {
  exchange = await spawnExchange({ symbols, clock: { manualMs: nowMs }, limits: NO_LIMITS })
})
afterAll(() => exchange.stop())

/** What every store must hold, a line a row under the name of its series. */
const exchangeDump = (): string =>
  all
    .flatMap((one) => [seriesKey(one.series), ...rowLines(expectedRows(one.spec, one.period, span, nowMs))])
    .join('\n')

async function storeDump(at: Bench): Promise<string> {
  const counts = new Map(await at.contents.counts())
  const out: string[] = []
  for (const { series } of all) {
    out.push(seriesKey(series), ...rowLines(await at.contents.rows(series)))
    counts.delete(countKeyOf(series))
  }
  // Whatever nobody asked for makes the dump different.
  return [...out, ...counts.keys()].join('\n')
}

async function pull(at: Bench): Promise<void> {
  for (const market of markets) {
    const names = symbols.filter((spec) => spec.market === market).map(({ symbol }) => symbol)
    const flags = ['--market', market, '--symbols', names.join(), '--period', periods.join()]
    const range = ['--start', isoTime(span.startMs), '--end', isoTime(span.endMs)]
    expect(tail(await at.klines([...flags, ...range]))).toStartWith('exit 0')
  }
}

describe('one market in every store', () => {
  const expected = exchangeDump()
  test('has volumes of 16 digits, 18 decimals and names that are not ASCII', () => {
    expect(expected).toMatch(/"\d{16}"/)
    expect(expected).toMatch(/"\d+\.\d{18}"/)
    expect(expected).toContain('spot/klines/币安人生USDT/1h')
    expect(expected.length).toBeGreaterThan(1_000_000)
  })

  for (const database of databases) {
    test(`${database.label}: the dump is the exchange's own, to the byte`, async () => {
      const at = await bench(exchange, database)
      await pull(at)
      expect((await storeDump(at)) === expected).toBe(true)
      const kind = database.server?.kind
      if (kind === undefined || kind === 'sqlite') return

      for (const { spec, period, series } of all.filter(
        (one) => one.period === '6h' || one.period === '1M',
      )) {
        const table = klines.table(series)
        const { rows, types } = await nativeTable(kind, at.uri, table, series)
        const { count, columns } = expectedRows(spec, period, span, nowMs)
        expect(rows).toEqual(
          Array.from({ length: count }, (_, i) => columns.map((column) => column[i] ?? null)),
        )
        // MongoDB knows the types of values only, so without a row there is none.
        const { decimal, text, time } = nativeTypes[kind]
        if (count > 0)
          expect(types).toMatchObject({
            ...{ open_time: time, close_time: time, extracted_at: time },
            ...{ open_price: decimal, quote_asset_volume: decimal },
            ...{ market: text, symbol: text, source: text },
          })
      }
    })
  }
})
