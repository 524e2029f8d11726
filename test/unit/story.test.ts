// What of the events stands in the log: every kind of event at its level, in words.
import { describe, expect, test } from 'bun:test'
import type { LogLevel, PetrosaEvent, Summary } from '../../src/core/events.ts'
import { ledgerRow } from '../../src/core/ledger.ts'
import type { Series } from '../../src/core/series.ts'
import { UserError } from '../../src/errors.ts'
import type { Fields, Log } from '../../src/observe/log.ts'
import { logEvent, logFailure } from '../../src/observe/story.ts'

type Line = readonly [level: LogLevel, message: string, fields: Fields]

function keptLog(): { log: Log; lines: Line[] } {
  const lines: Line[] = []
  const at =
    (level: LogLevel) =>
    (message: string, fields: Fields = {}): void => {
      lines.push([level, message, fields])
    }
  const log = {
    debug: at('debug'),
    info: at('info'),
    warning: at('warning'),
    error: at('error'),
    critical: at('critical'),
  }
  return { log, lines }
}

function linesOf(event: PetrosaEvent): Line[] {
  const { log, lines } = keptLog()
  logEvent(log, event)
  return lines
}

const series: Series = { market: 'um', dataset: 'klines', symbol: '币安人生USDT', period: '1h' }
const span = { startMs: Date.UTC(2024, 2, 1), endMs: Date.UTC(2024, 2, 2) }
const spanWords = '2024-03-01T00:00:00.000Z … 2024-03-02T00:00:00.000Z'
const name = 'um/klines/币安人生USDT/1h'
const summary: Summary = {
  command: 'klines',
  startedAtMs: 0,
  durationMs: 1_234.4,
  series: 2,
  rowsFetched: 10,
  rowsWritten: 8,
  rowsChanged: 1,
  requests: 3,
  weight: 6,
  archives: 0,
  unsettled: [],
  errors: [],
  exitCode: 0,
}

/** Every kind of event; the type makes sure that none is left out. */
const told: {
  readonly [T in PetrosaEvent['type']]: readonly [Extract<PetrosaEvent, { type: T }>, readonly Line[]]
} = {
  'pass-started': [
    {
      type: 'pass-started',
      command: 'klines',
      series: [series, { ...series, period: '1d' }],
      startMs: span.startMs,
    },
    [
      [
        'info',
        'klines begins',
        { symbols: ['币安人生USDT'], period: '1h,1d', start_date: '2024-03-01T00:00:00.000Z' },
      ],
    ],
  ],
  'pass-planned': [
    { type: 'pass-planned', seriesToDo: 2, rowsToDo: 10, requestsToDo: 3 },
    [['info', 'planned', { series: 2, rows: 10, requests: 3 }]],
  ],
  'scan-started': [{ type: 'scan-started', series: 9 }, [['info', 'looking for gaps', { series: 9 }]]],
  'series-scanned': [
    { type: 'series-scanned', series, openGaps: 2, gapRows: 9 },
    [['debug', 'looked through', { series: name, open_gaps: 2 }]],
  ],
  'scan-ended': [{ type: 'scan-ended' }, []],
  'page-fetched': [
    { type: 'page-fetched', series, span, rows: 24 },
    [['debug', 'page fetched', { series: name, span: spanWords, rows: 24 }]],
  ],
  'rows-checked': [
    { type: 'rows-checked', series, rows: 5_000 },
    [['debug', 'rows checked', { series: name, rows: 5_000 }]],
  ],
  'page-retried': [
    { type: 'page-retried', host: 'h', attempt: 2, pauseMs: 512.3, reason: 'cut' },
    [['debug', 'asking again', { host: 'h', attempt: 2, pause_ms: 512, reason: 'cut' }]],
  ],
  'batch-written': [
    { type: 'batch-written', rows: 10, written: 8, changed: 1, durationMs: 1.6, parts: [] },
    [['debug', 'written', { rows: 10, new: 8, changed: 1, duration_ms: 2 }]],
  ],
  'hole-settled': [
    { type: 'hole-settled', series, row: ledgerRow(span, 'outage', { reason: 'asked twice' }) },
    [['debug', 'no candles: outage', { series: name, span: spanWords, reason: 'asked twice' }]],
  ],
  'span-unsettled': [
    { type: 'span-unsettled', unsettled: { series, span, reason: 'refused' } },
    [['warning', 'not settled', { series: name, span: spanWords, reason: 'refused' }]],
  ],
  'series-done': [
    { type: 'series-done', series, rows: 24 },
    [['debug', 'series done', { series: name, rows: 24 }]],
  ],
  weight: [{ type: 'weight', host: 'h', used: 1, limit: 6_000 }, []],
  request: [{ type: 'request', host: 'h', endpoint: '/e', code: 200, weight: 2, durationMs: 3 }, []],
  'exchange-paused': [
    { type: 'exchange-paused', host: 'h', untilMs: span.startMs, reason: 'banned' },
    [['warning', 'banned', { host: 'h', until: '2024-03-01T00:00:00.000Z' }]],
  ],
  warning: [{ type: 'warning', message: 'look', fields: { a: 1 } }, [['warning', 'look', { a: 1 }]]],
  note: [{ type: 'note', message: 'serving', fields: { a: 1 } }, [['info', 'serving', { a: 1 }]]],
  'pass-due': [{ type: 'pass-due', nowMs: 1, due: [{ series, fromMs: null }] }, []],
  'store-read': [{ type: 'store-read', operation: 'ledger', durationMs: 1 }, []],
  'archive-taken': [{ type: 'archive-taken', series, bytes: 1 }, []],
  failure: [{ type: 'failure', error: 'told by the summary' }, []],
  'series-filled': [{ type: 'series-filled', series, filled: 1, gapRows: 0 }, []],
  'series-surveyed': [{ type: 'series-surveyed', series, openGaps: 0, gapRows: 0, lacksFromMs: null }, []],
  'series-followed': [{ type: 'series-followed', nowMs: 1, series, fromMs: 0 }, []],
  'series-left': [{ type: 'series-left', series: ['spot/klines/A/1m'] }, []],
  'pass-served': [{ type: 'pass-served', market: 'spot', dataset: 'klines', durationMs: 1, exitCode: 0 }, []],
  defect: [{ type: 'defect', error: 'text' }, [['debug', 'defect', { stack: 'text' }]]],
  'pass-failed': [
    { type: 'pass-failed', summary: { ...summary, errors: ['no exchange'], exitCode: 75 } },
    [
      ['error', 'no exchange', {}],
      ['warning', 'klines ended early', expect.objectContaining({ exit_code: 75 })],
    ],
  ],
  'pass-ended': [
    { type: 'pass-ended', summary },
    [
      [
        'info',
        'klines done',
        {
          series: 2,
          rows_fetched: 10,
          rows_written: 8,
          rows_changed: 1,
          requests: 3,
          weight: 6,
          archives: 0,
          unsettled: 0,
          duration_seconds: 1.234,
          exit_code: 0,
        },
      ],
    ],
  ],
}

describe('every event', () => {
  for (const [type, [event, lines]] of Object.entries(told)) {
    test(type, () => expect(linesOf(event)).toEqual([...lines]))
  }
})

describe('a pass', () => {
  test('names ten symbols, and counts more', () => {
    const many = (count: number): Series[] =>
      Array.from({ length: count }, (_, i) => ({ ...series, symbol: `S${i}USDT` }))
    const symbols = (count: number): unknown =>
      linesOf({ type: 'pass-started', command: 'klines', series: many(count), startMs: null })[0]?.[2].symbols
    expect([symbols(10), symbols(11)]).toEqual([Array.from({ length: 10 }, (_, i) => `S${i}USDT`), 11])
  })

  test('that goes on from what is stored says so', () => {
    const [line] = linesOf({ type: 'pass-started', command: 'klines', series: [series], startMs: null })
    expect(line?.[2].start_date).toBe('goes on from what is stored')
  })

  test('without work says so', () => {
    const [line] = linesOf({ type: 'pass-planned', seriesToDo: 0, rowsToDo: 0, requestsToDo: 0 })
    expect(line?.[1]).toBe('nothing to fetch')
  })

  const endings: readonly (readonly [number, string])[] = [
    [1, 'klines failed'],
    [2, 'klines failed'],
    [3, 'klines done, with something open'],
    [75, 'klines ended early'],
    [130, 'klines was interrupted'],
    [143, 'klines was interrupted'],
  ]
  for (const [exitCode, message] of endings) {
    test(`that ends with ${exitCode}: ${message}`, () => {
      const lines = linesOf({
        type: 'pass-ended',
        summary: { ...summary, exitCode, errors: ['why', 'and why'] },
      })
      // Whoever stops a pass did what they wanted.
      const level = exitCode >= 130 ? 'warning' : 'error'
      expect(lines.map(([of, words]) => [of, words])).toEqual([
        [level, 'why'],
        [level, 'and why'],
        ['warning', message],
      ])
    })
  }
})

describe('the last word', () => {
  test('an error of ours is one line', () => {
    const { log, lines } = keptLog()
    logFailure(log, 'what; do this', new UserError('what', 'do this'))
    expect(lines).toEqual([['error', 'what; do this', {}]])
  })

  test('a defect that a request met is an error, and says which request', () => {
    const [line, more] = linesOf({ type: 'defect', error: new TypeError('x is not'), met: 'GET /api/gaps' })
    expect(line).toEqual([
      'error',
      expect.stringMatching(/^a defect of petrosa: x is not; /),
      { met_by: 'GET /api/gaps' },
    ])
    expect(JSON.stringify(line)).not.toContain('story.test.ts')
    expect(more).toEqual(['debug', 'defect', { stack: expect.stringContaining('story.test.ts') }])
  })

  test('a defect shows its stack at debug', () => {
    const { log, lines } = keptLog()
    logFailure(log, 'a defect', new TypeError('x is not a function'))
    expect(lines.map(([level]) => level)).toEqual(['error', 'debug'])
    expect(String(lines[1]?.[2].stack)).toContain('story.test.ts')
  })
})
