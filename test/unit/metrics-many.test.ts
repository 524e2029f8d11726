// Metrics of a thousand series with the symbol as a label: all there, and read fast enough for a scrape every
// few seconds, since the loop that answers is the one that stores.
import { afterEach, expect, test } from 'bun:test'
import type { Series } from '../../src/core/series.ts'
import { sampleValue } from '../rig/exposition.ts'
import { batch, due, metricsRig, stopMetrics } from '../rig/metrics-rig.ts'
import { isQuiet } from '../rig/real-time.ts'
import { servedRig } from '../rig/served.ts'

afterEach(stopMetrics)

const SERIES = 1_000
const PROMISED_MS = 50

test('a thousand series by symbol are read at once, and without symbols are no more than one', async () => {
  const all = Array.from({ length: SERIES }, (_, i): Series => {
    return { market: 'spot', dataset: 'klines', symbol: `S${i}USDT`, period: '1m' }
  })
  const feed = (perSymbol: boolean) => {
    const rig = metricsRig({ perSymbol })
    rig.metrics.tell(due(all.map((series) => [series, null])))
    for (const series of all) {
      rig.metrics.tell(batch([[series, 10]], 10))
      rig.metrics.tell({ type: 'series-surveyed', series, openGaps: 1, gapRows: 3, lacksFromMs: null })
    }
    return rig
  }
  const many = feed(true)
  const { ask } = servedRig({ metrics: () => many.metrics.text() })
  const tookMs: number[] = []
  for (let i = 0; i < 15; i += 1) {
    const startedMs = performance.now()
    await (await ask('/metrics')).text()
    tookMs.push(performance.now() - startedMs)
  }
  const middleMs = tookMs.sort((a, b) => a - b)[7] ?? Number.NaN
  console.log(`/metrics of ${SERIES} series, ms: ${middleMs.toFixed(1)}`)
  if (isQuiet) expect(middleMs).toBeLessThan(PROMISED_MS)
  const labels = { dataset: 'klines', market: 'spot', period: '1m' }
  const last = { ...labels, symbol: `S${SERIES - 1}USDT` }
  const families = await many.read()
  expect(sampleValue(families, 'petrosa_records_written_total', last)).toBe(10)
  expect(families.get('petrosa_gap_rows')?.samples).toHaveLength(SERIES)
  const few = await feed(false).read()
  expect(few.get('petrosa_gap_rows')?.samples).toHaveLength(1)
  expect(sampleValue(few, 'petrosa_gap_rows', labels)).toBe(3 * SERIES)
})
