// The lag: 0 while nothing is owed, else for how long the oldest row that could be stored is waited for.
import { afterEach, describe, expect, test } from 'bun:test'
import type { Series } from '../../src/core/series.ts'
import { sampleValue } from '../rig/exposition.ts'
import {
  btc,
  due,
  eth,
  type MetricsRig,
  metricsRig,
  NOW_MS,
  ofKlines,
  rates,
  stopMetrics,
} from '../rig/metrics-rig.ts'

afterEach(stopMetrics)

describe('lag', () => {
  const lagOf = async (
    { read }: MetricsRig,
    labels: Record<string, string> = ofKlines,
  ): Promise<number | undefined> => sampleValue(await read(), 'petrosa_lag_seconds', labels)

  test('is 0 while all that has closed is settled, then how long the next row is waited for', async () => {
    const one = metricsRig()
    expect(await lagOf(one)).toBeUndefined()
    one.metrics.tell(due([[btc, null]]))
    expect(await lagOf(one)).toBe(0)
    await one.clock.advance(55_000)
    expect(await lagOf(one)).toBe(0)
    await one.clock.advance(11_000)
    // The candle of 00:01 closed at 00:02:00, and it is 00:02:10.
    expect(await lagOf(one)).toBe(10)
    one.metrics.tell({
      ...{ type: 'batch-written', rows: 1, written: 1, changed: 0, durationMs: 1 },
      parts: [{ series: btc, rows: 1, settledUntilMs: Date.parse('2024-03-22T00:02:00Z') }],
    })
    expect(await lagOf(one)).toBe(0)
  })

  test('begins where a series lacks its newest rows; the worst series counts', async () => {
    const one = metricsRig()
    one.metrics.tell(
      due([
        [btc, null],
        [eth, NOW_MS - 3_600_000 - 4_000],
      ]),
    )
    expect(await lagOf(one)).toBe(3_600 + 4 - 60)
  })

  test('grows while no pass gets through', async () => {
    const one = metricsRig()
    one.metrics.tell(due([[btc, null]]))
    await one.clock.advance(3_600_000)
    expect(await lagOf(one)).toBeGreaterThan(3_500)
  })

  test('is known of what is stored before a pass has asked the exchange; then its clock counts', async () => {
    const one = metricsRig()
    const followed = (nowMs: number, fromMs: number): void =>
      one.metrics.tell({ type: 'series-followed', nowMs, series: btc, fromMs })
    followed(NOW_MS, NOW_MS - 604_800_000)
    expect(await lagOf(one)).toBe(604_800 + 4 - 60)
    // An older look does not take back what a newer one has seen.
    followed(NOW_MS, NOW_MS - 3_600_000)
    followed(NOW_MS, NOW_MS - 604_800_000)
    expect(await lagOf(one)).toBe(3_600 + 4 - 60)
    one.metrics.tell(due([[eth, null]]))
    followed(NOW_MS + 900_000, NOW_MS - 3_600_000)
    expect(await lagOf(one)).toBe(3_600 + 4 - 60)
    one.metrics.tell({ type: 'series-left', series: ['spot/klines/BTCUSDT/1m'] })
    expect(await lagOf(one)).toBe(0)
  })

  test('of rates and trades is counted from when the next ones are due', async () => {
    const one = metricsRig()
    const trades: Series = { market: 'spot', dataset: 'agg-trades', symbol: 'BTCUSDT', period: null }
    one.metrics.tell(
      due([
        [rates, null],
        [trades, null],
      ]),
    )
    await one.clock.advance(120_000)
    expect(await lagOf(one, { dataset: 'funding' })).toBe(0)
    expect(await lagOf(one, { dataset: 'agg-trades' })).toBe(60)
  })
})
