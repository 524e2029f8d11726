// Each open gap is counted once when it appears and once when it goes away, whoever sees it first.
import { expect, test } from 'bun:test'
import { GapCounts } from '../../src/observe/gap-counts.ts'
import { sampleValue } from '../rig/exposition.ts'
import { btc, metricsRig, ofKlines, stopMetrics } from '../rig/metrics-rig.ts'

type Step = readonly ['surveyed' | 'scanned' | 'filled', number]

const cases: readonly (readonly [string, readonly Step[], found: number, filled: number])[] = [
  [
    'a run finds and fills what no look has seen',
    [
      ['surveyed', 0],
      ['scanned', 1],
      ['filled', 1],
      ['surveyed', 0],
    ],
    1,
    1,
  ],
  [
    'a look has seen it before the run',
    [
      ['surveyed', 2],
      ['scanned', 2],
      ['filled', 2],
      ['surveyed', 0],
    ],
    2,
    2,
  ],
  [
    'a look sees it after the run has found it',
    [
      ['scanned', 1],
      ['surveyed', 1],
      ['filled', 1],
      ['surveyed', 0],
    ],
    1,
    1,
  ],
  [
    'a look sees it filled before the run has ended',
    [
      ['surveyed', 2],
      ['scanned', 2],
      ['surveyed', 1],
      ['filled', 2],
      ['surveyed', 0],
    ],
    2,
    2,
  ],
  [
    'one after the last row is seen by runs alone, and stays',
    [
      ['scanned', 1],
      ['filled', 0],
      ['surveyed', 0],
      ['scanned', 1],
      ['filled', 0],
      ['surveyed', 0],
    ],
    1,
    0,
  ],
  [
    'one of two is filled: one in between, one after the last row',
    [
      ['surveyed', 1],
      ['scanned', 2],
      ['filled', 1],
      ['surveyed', 1],
      ['scanned', 1],
    ],
    2,
    1,
  ],
  [
    'a run over a part of the series',
    [
      ['surveyed', 5],
      ['scanned', 2],
      ['filled', 2],
      ['surveyed', 3],
    ],
    5,
    2,
  ],
  [
    'one that is filled in part',
    [
      ['surveyed', 1],
      ['scanned', 1],
      ['filled', 0],
      ['surveyed', 1],
    ],
    1,
    0,
  ],
  [
    'runs without a look between them',
    [
      ['scanned', 3],
      ['filled', 3],
      ['scanned', 2],
      ['filled', 1],
    ],
    5,
    4,
  ],
  [
    'rows that came for an outage',
    [
      ['surveyed', 0],
      ['scanned', 0],
      ['filled', 1],
      ['surveyed', 0],
    ],
    0,
    1,
  ],
]

test.each(cases)('%s', (_, steps, found, filled) => {
  const counts = new GapCounts()
  const news = steps.map(([step, gaps]) => counts[step]('a', gaps))
  const sum = (of: 'found' | 'filled'): number => news.reduce((total, one) => total + one[of], 0)
  expect([sum('found'), sum('filled')]).toEqual([found, filled])
})

test('a run without any look tells the rows that are missing still; looks know better', async () => {
  const { metrics, read } = metricsRig()
  const rows = async (): Promise<number | undefined> =>
    sampleValue(await read(), 'petrosa_gap_rows', ofKlines)
  metrics.tell({ type: 'series-scanned', series: btc, openGaps: 2, gapRows: 30 })
  expect(await rows()).toBe(30)
  metrics.tell({ type: 'series-filled', series: btc, filled: 1, gapRows: 10 })
  expect(await rows()).toBe(10)
  expect(sampleValue(await read(), 'petrosa_gaps_found_total', ofKlines)).toBe(2)
  expect(sampleValue(await read(), 'petrosa_gaps_filled_total', ofKlines)).toBe(1)
  metrics.tell({ type: 'series-surveyed', series: btc, openGaps: 3, gapRows: 40, lacksFromMs: null })
  metrics.tell({ type: 'series-scanned', series: btc, openGaps: 1, gapRows: 5 })
  expect(await rows()).toBe(40)
  stopMetrics()
})
