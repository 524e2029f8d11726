// The words of the status page: its one sentence by what is known, numbers and durations.
import { describe, expect, test } from 'bun:test'
import type { Known, SeriesStatus, Status } from '../../src/server/status-page/browser/answers.ts'
import { headline, seriesFacts } from '../../src/server/status-page/browser/facts.ts'
import { brief, counted, duration, short } from '../../src/server/status-page/browser/words.ts'

type Given = Partial<SeriesStatus> & { readonly lag?: number | null }

const idle = { running: false, series_done: 0, series_total: 0 }

function known(series: readonly Given[], facts: Partial<Known> = {}, pass: object = idle): Known {
  const surveyed = '2024-01-01T00:00:00.000Z'
  const statuses = series.map(({ lag: _, ...one }, i) => ({
    ...{ series: `spot/klines/S${i}/1m`, first: '2024-01-01T00:00:00.000Z', last: null, settled_until: null },
    ...{ rows: 10, open_gaps: 0, gap_rows: 0, explained_gaps: 0, ...one },
  }))
  const lines = series.map(({ lag = 0 }, i) => ({
    ...{ series: `spot/klines/S${i}/1m`, lag_seconds: lag, runs: [], gaps: [] },
  }))
  return {
    status: { series: statuses, pass, surveyed_at: surveyed } as unknown as Status,
    timelines: { start: null, end: '', cells: 1, series: lines },
    ...{ errors: [], connection: 'live', aheadMs: 0, heardAtMs: 0, rowsPerSecond: null, ...facts },
  }
}

const told = (of: Known): string => {
  const { level, more, text } = headline(of, seriesFacts(of))
  return `${level}: ${text}. ${more}`.trim()
}

describe('the sentence', () => {
  const gap = { open_gaps: 2, gap_rows: 1_234 }
  const cases: readonly (readonly [string, Known])[] = [
    ['good: The series is complete. 10 rows stored, none missing.', known([{}])],
    [
      'good: All 2 series are complete. 20 rows stored, none missing. 3 gaps are explained below.',
      known([{ explained_gaps: 3 }, {}]),
    ],
    ['bad: 1,234 rows are missing in 1 series. 1 of 2 series is complete.', known([gap, {}])],
    [
      'bad: 1,234 rows are missing in 1 series. 0 of 2 series are complete. 1 series more is behind.',
      known([gap, { lag: 300 }]),
    ],
    ['bad: 1 open gap in 1 series. 0 of 1 series are complete.', known([{ open_gaps: 1 }])],
    [
      'late: 1 series is behind, by up to 5 min. Nothing before that is missing. 1 of 2 series is complete.',
      known([{ lag: 300 }, { lag: 59 }]),
    ],
    [
      'wait: 1 series without an open gap. 10 rows stored, none missing in between. ' +
        'No job here follows it now.',
      known([{ lag: null }]),
    ],
    [
      'good: The series that a job here follows is complete. 30 rows stored, none missing. ' +
        '2 series more are not followed here.',
      known([{ lag: null }, {}, { lag: null }]),
    ],
    [
      'late: 1 series is behind, by up to 7 d. Nothing before that is missing. 0 of 2 series are complete.',
      known([{ lag: 604_800 }, { lag: null }]),
    ],
    ['wait: 1 series without a row yet. 1 of 2 series is complete.', known([{}, { first: null, rows: 0 }])],
    ['wait: Nothing is stored yet. No pass is running.', known([])],
    [
      'wait: Nothing is stored yet. The first pass is running: 3 of 9 series done.',
      known([], {}, { running: true, series_done: 3, series_total: 9 }),
    ],
    [
      'wait: Looking at what is stored …. It takes a while where that is much.',
      { ...known([]), status: { series: [], pass: idle, surveyed_at: null } as unknown as Status },
    ],
    ['wait: Looking ….', known([], { status: null })],
    [
      'bad: petrosa does not answer. What is shown is from 1970-01-01 00:01:00.',
      known([{}], { connection: 'lost', heardAtMs: 60_000 }),
    ],
  ]
  for (const [text, given] of cases) test(text, () => expect(told(given)).toBe(text))
})

test('durations', () => {
  const seconds = [0, 0.04, 0.42, 0.96, 59.4, 60, 252, 3_600, 11_100, 190_000]
  expect(seconds.map(duration)).toEqual([
    ...['0 s', '0 s', '0.4 s', '1 s', '59 s', '1 min', '4 min 12 s', '1 h', '3 h 5 min', '2 d 4 h'],
  ])
  expect([0, 73, 4_380, 7_200, 864_000].map(brief)).toEqual(['0 s', '73 s', '73 min', '2.0 h', '10.0 d'])
})

test('numbers', () => {
  expect([0, 9_999, 12_345, 4_500_000, 7_100_000_000, 3e13].map(short)).toEqual([
    ...['0', '9,999', '12.3 k', '4.5 M', '7.1 G', '30000.0 G'],
  ])
  expect([counted(1, 'row'), counted(2_000, 'row'), counted(2, 'series')]).toEqual([
    ...['1 row', '2,000 rows', '2 series'],
  ])
})
