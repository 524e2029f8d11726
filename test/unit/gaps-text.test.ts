// What `petrosa gaps` prints for people: the open ones first, in 80 columns whatever the names, a timeline
// that hides nothing, and a last line that says what to do.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { SeriesOutcome } from '../../src/cli/gap-pass.ts'
import { gapsText } from '../../src/cli/gaps-text.ts'
import { timeline } from '../../src/cli/timeline.ts'
import { DAY_MS, HOUR_MS } from '../../src/core/calendar.ts'
import type { Summary } from '../../src/core/events.ts'
import type { Gap, GapVerdict } from '../../src/core/gap.ts'
import { type JudgedGap, untouched } from '../../src/core/gap-outcome.ts'
import type { Series } from '../../src/core/series.ts'
import { klines } from '../../src/datasets/klines.ts'
import { runsFor } from '../rig/seed.ts'

const runs = runsFor('test/unit/gaps-text.test.ts', 100)
const START_MS = Date.UTC(2024, 2, 1)
const span = { startMs: START_MS, endMs: START_MS + 30 * DAY_MS }
const gap = (day: number, days: number, verdict: GapVerdict): Gap => ({
  span: { startMs: START_MS + day * DAY_MS, endMs: START_MS + (day + days) * DAY_MS },
  rowsMissing: days * 24,
  verdict,
})

describe('the timeline', () => {
  test('a cell a day: what is missing stands out, what is explained is faint', () => {
    expect(timeline(span, [], 30)).toBe('▇'.repeat(30))
    expect(timeline(span, [gap(2, 1, 'missing')], 30)).toBe(`▇▇▁${'▇'.repeat(27)}`)
    expect(timeline(span, [gap(28, 2, 'outage')], 30)).toBe(`${'▇'.repeat(28)}··`)
    expect(timeline(span, [gap(4, 0.5, 'lost')], 30).slice(3, 6)).toBe('▇▄▇')
    expect(timeline(span, [gap(4, 0.5, 'outage'), gap(4.5, 0.01, 'lost')], 30).slice(3, 6)).toBe('▇▆▇')
    expect(timeline(span, [gap(0, 30, 'missing')], 10)).toBe('▁'.repeat(10))
  })

  test('any open gap, however short, is seen; as many cells as asked for', () => {
    const property = fc.property(
      fc.integer({ min: 1, max: 60 }),
      fc.nat({ max: 29 }),
      fc.integer({ min: 1, max: 10_000 }),
      (cells, day, lengthMs) => {
        const startMs = START_MS + day * DAY_MS
        const tiny: Gap = { span: { startMs, endMs: startMs + lengthMs }, rowsMissing: 1, verdict: 'missing' }
        const drawn = timeline(span, [tiny], cells)
        expect([...drawn]).toHaveLength(cells)
        expect(drawn).toMatch(/[▁▂▃▄▅▆]/)
      },
    )
    // Where 15 days of cells are divided into is just below 29.
    fc.assert(property, { ...runs, examples: [[58, 15, 1]] })
  })
})

const summary: Summary = {
  command: 'gaps',
  startedAtMs: 0,
  durationMs: 0,
  series: 1,
  rowsFetched: 0,
  rowsWritten: 24,
  rowsChanged: 0,
  requests: 3,
  weight: 24,
  archives: 0,
  unsettled: [],
  errors: [],
  exitCode: 0,
}

function outcomeOf(series: Partial<Series>, gaps: readonly Gap[], filled: readonly JudgedGap[] = []) {
  const whole: Series = { market: 'spot', dataset: 'klines', symbol: 'BTCUSDT', period: '1h', ...series }
  const scanned = { series: whole, dataset: klines, span, gaps, fill: null, listing: null }
  const outcome = untouched(gaps)
  const all: SeriesOutcome = {
    ...outcome,
    gaps: [...outcome.gaps, ...filled],
    filled: filled.length,
    series: whole,
    scanned,
  }
  return all
}

describe('the report', () => {
  test('the open ones first, then what is explained, a timeline, and what to do', () => {
    const outcomes = [
      outcomeOf({}, [gap(1, 1, 'outage'), gap(9, 2, 'missing')]),
      outcomeOf({ symbol: 'ETHUSDT' }, []),
      outcomeOf({ symbol: 'BNBUSDT' }, [gap(3, 1, 'lost')]),
    ]
    expect(gapsText({ columns: 80, outcomes, summary, asked: false, isEmpty: true }).split('\n')).toEqual([
      'series                  from (UTC)        to                rows  verdict',
      'spot/klines/BTCUSDT/1h  2024-03-10 00:00  2024-03-12 00:00    48  missing',
      'spot/klines/BNBUSDT/1h  2024-03-04 00:00  2024-03-05 00:00    24  lost',
      'spot/klines/BTCUSDT/1h  2024-03-02 00:00  2024-03-03 00:00    24  outage',
      '',
      'spot/klines/BTCUSDT/1h  ▇·▇▇▇▇▇▇▇▁▁▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇  2024-03-01 … 2024-03-31',
      'spot/klines/BNBUSDT/1h  ▇▇▇▁▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇  2024-03-01 … 2024-03-31',
      'spot/klines/ETHUSDT/1h  ▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇  2024-03-01 … 2024-03-31',
      '',
      '2 gaps open, 72 rows missing: petrosa gaps --fill fetches what can be fetched',
      '',
    ])
  })

  test('after a fill: what was filled, what stays open and why', () => {
    const filled = { ...gap(5, 1, 'lost'), filled: true }
    const open = outcomeOf({}, [gap(9, 2, 'missing')], [filled])
    const { series } = open
    const unsettled = [{ series, span: gap(9, 2, 'missing').span, reason: 'the exchange refused it' }]
    const text = gapsText({
      columns: 80,
      outcomes: [open],
      summary: { ...summary, unsettled },
      asked: true,
      isEmpty: true,
    })
    expect(text).toContain('2024-03-06 00:00  2024-03-07 00:00    24  filled\n')
    expect(text).toContain('open: spot/klines/BTCUSDT/1h 2024-03-10T00:00:00.000Z …')
    expect(text).toEndWith(
      '1 gap filled, 24 new rows, 3 requests, weight 24; ' +
        '1 gap open, 48 rows missing:\n  ask again later with petrosa gaps --fill\n',
    )
    const done = gapsText({
      columns: 80,
      outcomes: [outcomeOf({}, [], [filled])],
      summary,
      asked: true,
      isEmpty: true,
    })
    expect(done).toEndWith('1 gap filled, 24 new rows, 3 requests, weight 24; no gaps\n')
    const explained = gapsText({
      columns: 80,
      outcomes: [outcomeOf({}, [gap(9, 2, 'outage')])],
      summary,
      asked: false,
      isEmpty: true,
    })
    expect(explained).toEndWith('\nno gap is open: nobody has rows for the others\n')
    expect(gapsText({ columns: 80, outcomes: [], summary, asked: false, isEmpty: true })).toBe(
      'nothing is stored yet; begin with: petrosa klines\n',
    )
  })

  test('of trades the ids are named', () => {
    const trades = {
      ...gap(9, 0.1, 'lost'),
      ids: { firstId: '9223372036854775000', lastId: '9223372036854775807' },
    }
    const text = gapsText({
      columns: 80,
      outcomes: [outcomeOf({}, [trades])],
      summary,
      asked: false,
      isEmpty: true,
    })
    expect(text).toContain('  lost\n  ids 9223372036854775000 to 9223372036854775807\n')
  })

  test('fits 80 columns and a screen, whatever the names and however many', () => {
    const verdicts: GapVerdict[] = ['missing', 'lost', 'unpublished', 'outage', 'unlisted', 'delisted']
    const many = Array.from({ length: 40 }, (_, i) =>
      outcomeOf(
        {
          market: 'um',
          dataset: 'premium-index-klines',
          symbol: i % 2 === 0 ? `1000000MOGUSDT_${i}` : `币安人生币安人生${i}USDT`,
          period: '15m',
        },
        verdicts.map((verdict, day) => ({ ...gap(day, 1, verdict), rowsMissing: 31_536_000 })),
      ),
    )
    const text = gapsText({ columns: 80, outcomes: many, summary, asked: false, isEmpty: true })
    const lines = text.split('\n')
    for (const line of lines) expect(Bun.stringWidth(line)).toBeLessThanOrEqual(80)
    expect(lines.length).toBeLessThan(40)
    expect(text).toContain('220 more gaps; --json lists all\n')
    expect(text).toContain('30 more series\n')
    expect(text).toContain('/15m  ')
  })
})

test('an hour is shown to the minute', () => {
  const short: Gap = {
    span: { startMs: START_MS + HOUR_MS, endMs: START_MS + 2 * HOUR_MS },
    rowsMissing: 1,
    verdict: 'missing',
  }
  const text = gapsText({
    columns: 80,
    outcomes: [outcomeOf({}, [short])],
    summary,
    asked: false,
    isEmpty: true,
  })
  expect(text).toContain('2024-03-01 01:00  2024-03-01 02:00     1  missing\n')
})
