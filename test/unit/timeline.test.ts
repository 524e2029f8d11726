// The timelines of GET /api/timeline: a cell with an open gap is never shown as complete, what is explained
// shows where it takes a good part, and what is kept of very many gaps hides none of them.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { HOUR_MS } from '../../src/core/calendar.ts'
import { type Gap, type GapVerdict, isOpen } from '../../src/core/gap.ts'
import { seriesLine } from '../../src/server/series-line.ts'
import { type CellVerdict, cellsOf, timelinesAnswer } from '../../src/server/timeline.ts'
import { runsFor } from '../rig/seed.ts'

const runs = runsFor('test/unit/timeline.test.ts', 200)
const START_MS = Date.parse('2024-01-01T00:00:00Z')
const view = { startMs: START_MS, endMs: START_MS + 10 * HOUR_MS }

const gap = (fromHour: number, hours: number, verdict: GapVerdict): Gap => {
  const startMs = START_MS + fromHour * HOUR_MS
  return { span: { startMs, endMs: startMs + hours * HOUR_MS }, rowsMissing: Math.round(hours * 60), verdict }
}
const line = (gaps: readonly Gap[], startHour = 0, endHour = 10) =>
  seriesLine('spot/klines/AUSDT/1m', START_MS + startHour * HOUR_MS, START_MS + endHour * HOUR_MS, gaps)
const letters: Readonly<Record<CellVerdict, string>> = {
  ...{ rows: 'r', missing: 'M', lost: 'L', unpublished: 'P', behind: 'B', none: '.' },
  ...{ outage: 'o', unlisted: 'u', delisted: 'd', 'no-trades': 'n' },
}
const drawn = (...given: Parameters<typeof cellsOf>): string =>
  cellsOf(...given)
    .map((verdict) => letters[verdict])
    .join('')

describe('cells', () => {
  test('are complete between the first row and the last settled one', () => {
    expect(drawn(line([]), view, 10, 0)).toBe('rrrrrrrrrr')
    expect(drawn(line([], 2, 7), view, 10, null)).toBe('..rrrrr...')
    expect(drawn(line([], -50, -40), view, 10, null)).toBe('..........')
    expect(drawn(seriesLine('x', null, null, []), view, 10, 0)).toBe('..........')
  })

  test('show an open gap however small, the worst first', () => {
    expect(drawn(line([gap(3.5, 1 / 60, 'missing')]), view, 10, 0)).toBe('rrrMrrrrrr')
    expect(drawn(line([gap(3, 1, 'missing'), gap(3.5, 1 / 60, 'lost')]), view, 10, 0)).toBe('rrrLrrrrrr')
    expect(drawn(line([gap(8.9, 0.2, 'unpublished')]), view, 10, 0)).toBe('rrrrrrrrPP')
    expect(drawn(line([gap(2, 3, 'outage'), gap(3.1, 0.1, 'missing')]), view, 10, 0)).toBe('rroMorrrrr')
  })

  test('show what is explained where it takes a good part of them', () => {
    expect(drawn(line([gap(3, 0.2, 'outage')]), view, 10, 0)).toBe('rrrrrrrrrr')
    expect(drawn(line([gap(3, 0.2, 'outage'), gap(3.5, 0.2, 'outage')]), view, 10, 0)).toBe('rrrorrrrrr')
    expect(drawn(line([gap(3, 2, 'no-trades')]), view, 10, 0)).toBe('rrrnnrrrrr')
  })

  test('are behind where the series is followed and late', () => {
    expect(drawn(line([], 0, 7), view, 10, 3 * 3_600)).toBe('rrrrrrrBBB')
    expect(drawn(line([], 0, 7), view, 10, 5)).toBe('rrrrrrr...')
    expect(drawn(line([], 0, 7), view, 10, null)).toBe('rrrrrrr...')
  })

  test('no open gap is hidden, whatever the gaps and the cells', () => {
    const verdict = fc.constantFrom<GapVerdict>('missing', 'lost', 'unpublished', 'outage', 'no-trades')
    const gaps = fc.array(
      fc.tuple(fc.integer({ min: 0, max: 599 }), fc.integer({ min: 1, max: 30 }), verdict),
      { maxLength: 1_500 },
    )
    fc.assert(
      fc.property(gaps, fc.integer({ min: 1, max: 400 }), (given, count) => {
        const all = given.map(([minute, minutes, kind]) => gap(minute / 60, minutes / 60, kind))
        const kept = line(all)
        expect(kept.gaps.length).toBeLessThanOrEqual(3_000)
        const cells = cellsOf(kept, view, count, 0)
        for (const { span } of all.filter(isOpen)) {
          const middleMs = Math.min(view.endMs - 1, (span.startMs + span.endMs) / 2)
          const cell = Math.floor(((middleMs - view.startMs) * count) / (view.endMs - view.startMs))
          expect(['missing', 'lost', 'unpublished']).toContain(String(cells[cell]))
        }
      }),
      runs,
    )
  })
})

describe('the answer', () => {
  const nowMs = view.endMs
  const asked = { startMs: null, endMs: null, cells: 4 }

  test('begins with the first row of all and ends now; neighbours are one run', () => {
    const other = seriesLine('um/funding/BUSDT', START_MS + 5 * HOUR_MS, view.endMs, [])
    const lags = new Map([['spot/klines/AUSDT/1m', 1.2345]])
    expect(timelinesAnswer(asked, [line([gap(0.5, 0.1, 'missing')]), other], lags, nowMs)).toEqual({
      ...{ start: '2024-01-01T00:00:00.000Z', end: '2024-01-01T10:00:00.000Z', cells: 4 },
      series: [
        {
          ...{ series: 'spot/klines/AUSDT/1m', lag_seconds: 1.235 },
          runs: [
            { verdict: 'missing', cells: 1 },
            { verdict: 'rows', cells: 3 },
          ],
          gaps: [{ verdict: 'missing', gaps: 1, rows: 6 }],
        },
        {
          ...{ series: 'um/funding/BUSDT', lag_seconds: null, gaps: [] },
          runs: [
            { verdict: 'none', cells: 2 },
            { verdict: 'rows', cells: 2 },
          ],
        },
      ],
    })
  })

  test('of nothing is nothing', () => {
    const end = '2024-01-01T10:00:00.000Z'
    expect(timelinesAnswer(asked, [], new Map(), nowMs)).toEqual({ start: null, end, cells: 4, series: [] })
  })
})
