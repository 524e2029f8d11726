// The report of petrosa run: what is open is named whoever found it, and no line is wider than a terminal.
import { expect, test } from 'bun:test'
import type { ListedGap } from '../../src/cli/gaps-json.ts'
import { runText } from '../../src/cli/run-text.ts'
import type { Summary, Unsettled } from '../../src/core/events.ts'
import { klineSeries } from '../rig/pages.ts'

const HOUR_MS = 3_600_000
const from = (start: number, end: number) => ({ startMs: start * HOUR_MS, endMs: end * HOUR_MS })
const summary: Summary = {
  command: 'run',
  startedAtMs: 0,
  durationMs: 123_456_789,
  series: 1,
  rowsFetched: 0,
  rowsWritten: 1_234_567_890,
  rowsChanged: 0,
  requests: 1_234_567,
  weight: 1_234_567,
  archives: 0,
  unsettled: [],
  errors: [],
  exitCode: 3,
}
const gap = (symbol: string, start: number, end: number): ListedGap => ({
  series: klineSeries(symbol),
  span: from(start, end),
  rowsMissing: 60,
  verdict: 'missing',
  filled: false,
})
const unsettled = (symbol: string, start: number, end: number): Unsettled => ({
  series: klineSeries(symbol),
  span: from(start, end),
  reason: 'refused',
})

test('what could not be settled is named beside the gaps, and counted once where both name it', () => {
  const open = [unsettled('AAAUSDT', 1, 2), unsettled('AAAUSDT', 5, 6), unsettled('BBBUSDT', 0, 9)]
  const text = runText({
    stages: [],
    gaps: [gap('AAAUSDT', 0, 3)],
    summary: { ...summary, unsettled: open },
    isRefresh: false,
  })
  const lines = text.split('\n').filter((line) => line.startsWith('open:'))
  expect(lines).toEqual([
    'open: spot/klines/AAAUSDT/1m 1970-01-01 00:00 60 rows missing',
    'open: spot/klines/AAAUSDT/1m 1970-01-01 05:00 refused',
    'open: spot/klines/BBBUSDT/1m 1970-01-01 00:00 refused',
  ])
  expect(text.replaceAll('\n  ', ' ')).toContain(': 3 spans open, run it again later\n')
  expect(text.split('\n').filter((line) => Bun.stringWidth(line) > 80)).toEqual([])
})
