// How far a pass is, in virtual time: one line that is redrawn in a terminal, a log line now and then in a
// pipe.
import { describe, expect, test } from 'bun:test'
import type { PetrosaEvent } from '../../src/core/events.ts'
import type { Series } from '../../src/core/series.ts'
import { startLog } from '../../src/observe/log.ts'
import { counted, duration, startProgress, thousands } from '../../src/observe/progress.ts'
import { Terminal } from '../../src/observe/terminal.ts'
import { type VirtualClock, virtualClock } from '../rig/virtual-clock.ts'
import { keptStream } from '../rig/world.ts'

const CLEAR = '\r\u001B[2K'
const series: Series = { market: 'spot', dataset: 'klines', symbol: '币安人生USDT', period: '1m' }
const span = { startMs: 0, endMs: 60_000 }
const planned: PetrosaEvent = { type: 'pass-planned', seriesToDo: 3, rowsToDo: 60_000, requestsToDo: 60 }
const page = (rows: number): PetrosaEvent => ({ type: 'page-fetched', series, span, rows })
const done: PetrosaEvent = { type: 'series-done', series, rows: 0 }
const ended: PetrosaEvent = {
  type: 'pass-ended',
  summary: {
    command: 'klines',
    startedAtMs: 0,
    durationMs: 0,
    series: 3,
    rowsFetched: 0,
    rowsWritten: 0,
    rowsChanged: 0,
    requests: 0,
    weight: 0,
    archives: 0,
    unsettled: [],
    errors: [],
    exitCode: 0,
  },
}

type Shown = {
  readonly clock: VirtualClock
  readonly tell: (event: PetrosaEvent) => void
  readonly stop: () => void
  readonly text: () => string
  /** The line of progress as it stands now. */
  readonly line: () => string
}

function watch(columns?: number): Shown {
  const clock = virtualClock()
  const stream = keptStream(columns)
  const terminal = new Terminal(stream)
  const log = startLog(terminal, { level: 'info', format: 'json', logger: 'petrosa', nowMs: clock.nowMs })
  const { tell, stop } = startProgress(terminal, log, clock)
  return { clock, tell, stop, text: stream.text, line: () => stream.text().split(CLEAR).at(-1) ?? '' }
}

describe('in a terminal', () => {
  test('series, rows, speed, weight and the time left', async () => {
    const { clock, tell, line } = watch(80)
    tell(planned)
    tell({ type: 'weight', host: 'api.binance.com', used: 240, limit: 6_000 })
    tell(page(20_000))
    tell(done)
    await clock.advance(10_000)
    expect(line()).toBe('1/3 series · 20,000 rows · 2,000 rows/s · weight 240/6000 · 20 s left')
  })

  test('goes on by itself twice a second, and redraws at most ten times a second', async () => {
    const { clock, tell, text } = watch(80)
    tell(planned)
    await clock.advance(5_000)
    const drawings = text().split(CLEAR).length
    for (let i = 0; i < 1_000; i += 1) tell(page(1))
    expect(text().split(CLEAR).length - drawings).toBeLessThanOrEqual(1)
    await clock.advance(10_000)
    // The line shows the speed, which falls while nothing comes.
    expect(text().split(CLEAR).length - drawings).toBeGreaterThan(10)
  })

  test('tells how long the exchange makes it wait', async () => {
    const { clock, tell, line } = watch(80)
    tell(planned)
    tell({ type: 'exchange-paused', host: 'h', untilMs: clock.nowMs() + 42_000, reason: 'banned' })
    await clock.advance(2_000)
    expect(line()).toContain('paused 40 s')
    await clock.advance(60_000)
    expect(line()).not.toContain('paused')
  })

  test('is cut to the width, and taken away at the end', async () => {
    const { clock, tell, line, text } = watch(30)
    tell(planned)
    tell(page(20_000))
    await clock.advance(10_000)
    expect(Bun.stringWidth(line())).toBeLessThan(30)
    expect(line()).toEndWith('…')
    tell(ended)
    expect(text()).toEndWith(CLEAR)
    const before = text()
    await clock.advance(60_000)
    expect(text()).toBe(before)
  })

  test('adds up passes that run together, and begins anew after the last of them', async () => {
    const { clock, tell, line, text } = watch(80)
    tell(planned)
    tell(page(20_000))
    tell({ ...planned, seriesToDo: 4, rowsToDo: 20_000 })
    tell(done)
    await clock.advance(10_000)
    expect(line()).toBe('1/7 series · 20,000 rows · 2,000 rows/s · 30 s left')
    tell(ended)
    await clock.advance(1_000)
    expect(line()).toStartWith('1/7 series')
    tell(ended)
    expect(text()).toEndWith(CLEAR)
    tell(planned)
    await clock.advance(1_000)
    expect(line()).toStartWith('0/3 series')
  })

  test('is not there when nothing is to be done', async () => {
    const { clock, tell, text } = watch(80)
    tell({ ...planned, seriesToDo: 0 })
    await clock.advance(60_000)
    expect(text()).toBe('')
  })
})

describe('in a pipe', () => {
  test('a log line every ten seconds, none before and none after the end', async () => {
    const { clock, tell, text } = watch()
    tell(planned)
    tell({ type: 'weight', host: 'h', used: 10, limit: 6_000 })
    tell(page(30_000))
    tell(done)
    await clock.advance(9_000)
    expect(text()).toBe('')
    await clock.advance(21_500)
    tell(ended)
    await clock.advance(60_000)
    const lines = text()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(lines).toHaveLength(3)
    expect(lines[0]).toMatchObject({
      level: 'INFO',
      message: 'under way',
      series_done: 1,
      series_total: 3,
      rows: 30_000,
      rows_per_second: 3_000,
      weight_used: { h: '10/6000' },
      seconds_left: 10,
    })
  })
})

test('it waits for time only while a pass runs, and begins anew with the next one', async () => {
  const { clock, tell, stop, line } = watch(80)
  const sleepers = async (): Promise<number> => {
    await clock.settle()
    return clock.sleepers()
  }
  expect(await sleepers()).toBe(0)
  tell(planned)
  tell(page(5))
  tell(done)
  expect(await sleepers()).toBe(1)
  tell(ended)
  expect(await sleepers()).toBe(0)
  tell(planned)
  await clock.advance(500)
  expect(line()).toStartWith('0/3 series · 0 rows')
  expect(await sleepers()).toBe(1)
  stop()
  expect(await sleepers()).toBe(0)
})

test('ends with its pass also where a wait does not heed its signal', async () => {
  let waits = 0
  const wait = async (): Promise<void> => {
    waits += 1
    await Bun.sleep(1)
  }
  const terminal = new Terminal(keptStream(80))
  const log = startLog(terminal, { level: 'info', format: 'json', logger: 'petrosa', nowMs: Date.now })
  const { tell } = startProgress(terminal, log, { ...virtualClock(), wait })
  tell(planned)
  await Bun.sleep(10)
  tell(ended)
  await Bun.sleep(5)
  const waitsAtTheEnd = waits
  await Bun.sleep(20)
  expect(waitsAtTheEnd).toBeGreaterThan(1)
  expect(waits).toBe(waitsAtTheEnd)
})

test('numbers and times as people say them', () => {
  expect([thousands(0), thousands(1_234_567)]).toEqual(['0', '1,234,567'])
  expect([counted(0, 'row'), counted(1, 'row'), counted(2_880, 'row')]).toEqual([
    '0 rows',
    '1 row',
    '2,880 rows',
  ])
  expect([0, 0.2, 89, 90, 3_600, 5_340, 5_400, 7_500].map(duration)).toEqual([
    '0 s',
    '1 s',
    '89 s',
    '2 min',
    '60 min',
    '89 min',
    '1 h 30 min',
    '2 h 5 min',
  ])
})
