// What is judged of a page before it counts, and which of its candles had closed.
import { expect, test } from 'bun:test'
import { closedRows, judge } from '../../src/core/verify.ts'
import { klines } from '../../src/datasets/klines.ts'
import { MalformedError } from '../../src/errors.ts'
import { candle, DAY_0_MS, klineSeries, MINUTE_MS, type Row, toRows } from '../rig/pages.ts'

const table = klines.table(klineSeries('BTCUSDT'))
const window = { span: { startMs: DAY_0_MS, endMs: DAY_0_MS + 10 * MINUTE_MS }, limit: 4 }
const at = (minute: number, facts: Row = {}): Row => candle(DAY_0_MS + minute * MINUTE_MS, facts)

function flawOf(rows: readonly Row[]): string | null {
  try {
    judge(klines, table, window, toRows(table, rows))
    return null
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    return error.message
  }
}

test('what the exchange sends is accepted: nothing, holes, flat and misaligned candles', () => {
  const flat = { open_price: '1', high_price: '1', low_price: '1', close_price: '1' }
  const good: Row[][] = [
    [],
    [at(0), at(1), at(9)],
    [at(3, flat)],
    [at(0.4, { close_time: DAY_0_MS + MINUTE_MS })],
    [at(2, { close_time: DAY_0_MS + 2 * MINUTE_MS })],
    [at(0), at(1), at(2), at(3)],
  ]
  for (const rows of good) expect(flawOf(rows)).toBeNull()
})

test('more rows than asked for, rows outside, out of order or twice: refused with row and time', () => {
  expect(flawOf([at(0), at(1), at(2), at(3), at(4)])).toBe('5 rows came where 4 were asked for')
  expect(flawOf([at(0), at(10)])).toStartWith('row 2 (2024-02-29T00:10:00.000Z) lies outside of ')
  expect(flawOf([at(-1)])).toStartWith('row 1 (2024-02-28T23:59:00.000Z) lies outside of ')
  expect(flawOf([at(2), at(1)])).toBe('row 2 (2024-02-29T00:01:00.000Z) is out of order')
  expect(flawOf([at(2), at(3), at(3)])).toBe('row 3 (2024-02-29T00:03:00.000Z) is there twice')
})

test('times that no date can show are refused, not thrown over', () => {
  expect(flawOf([at(0, { open_time: 9e15 })])).toStartWith('row 1 (9000000000000000) lies outside')
  expect(flawOf([at(0, { open_time: Number.NaN })])).toStartWith('row 1 (NaN) lies outside')
})

test('no candle has a high below its prices, a low above them, or closes before it opens', () => {
  const impossible: readonly (readonly [Row, string])[] = [
    [{ high_price: '1' }, 'high is below open or close'],
    [{ low_price: '99999999999.5' }, 'low is above open or close'],
    [{ open_price: '100000000000000000000' }, 'high is below open or close'],
    [{ close_price: '-1' }, 'low is above open or close'],
    [{ close_time: DAY_0_MS + MINUTE_MS - 1 }, 'it closes before it opens'],
  ]
  for (const [facts, flaw] of impossible) expect(flawOf([at(0), at(1, facts)])).toEndWith(`: ${flaw}`)
})

test('a candle counts as closed when its close time has passed by the clock of the answer', () => {
  const rows = toRows(table, [at(0), at(1), at(2)])
  const closed = (servedAtMs: number): number => closedRows(table, rows, servedAtMs).count
  const closeMs = DAY_0_MS + 3 * MINUTE_MS - 1
  expect([closed(closeMs + 1), closed(closeMs), closed(closeMs - MINUTE_MS), closed(0)]).toEqual([3, 2, 1, 0])
  expect(closedRows(table, rows, DAY_0_MS + 2 * MINUTE_MS).columns[0]).toEqual([
    DAY_0_MS,
    DAY_0_MS + MINUTE_MS,
  ])
})
