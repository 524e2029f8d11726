// What verify asks of the rows themselves: for each check rows that pass it, and one that breaks it.
import { describe, expect, test } from 'bun:test'
import { type LedgerRow, ledgerRow } from '../../src/core/ledger.ts'
import { funding } from '../../src/datasets/funding.ts'
import { markPriceKlines, premiumIndexKlines } from '../../src/datasets/price-klines.ts'
import { aggTrades, trades } from '../../src/datasets/trades.ts'
import { at, found, line, lines, minutes, spoiled } from '../rig/found-rows.ts'
import { candle, DAY_0_MS, MINUTE_MS, type Row, rate, trade } from '../rig/pages.ts'

const HOUR_MS = 60 * MINUTE_MS

test('rows that are all right: nothing is found, however they come in pages', () => {
  for (const pageRows of [1, 3, 10]) expect(found(minutes(10), { pageRows })).toEqual([])
})

describe('cells that are no values', () => {
  const cases: readonly (readonly [string, Row])[] = [
    ['text', { volume: 'abc' }],
    ['nothing', { volume: '' }],
    ['too many digits', { volume: `${'9'.repeat(21)}` }],
    ['an exponent', { volume: '1e5' }],
    ['null', { volume: null }],
    ['a count that is none', { number_of_trades: 1.5 }],
    ['a time that is none', { close_time: 9e15 }],
  ]
  for (const [title, facts] of cases) {
    test(title, () => {
      const [first, ...more] = found(spoiled(minutes(5), 2, facts))
      expect(first && line(first)).toBe('error value 00:02:00')
      expect(first?.stored).toContain(Object.keys(facts)[0] ?? '')
      expect(more.filter(({ severity, check }) => severity === 'error' && check !== 'day')).toEqual([])
    })
  }

  test('the same number in other words is the same number', () => {
    expect(found(spoiled(minutes(3), 1, { volume: '007.50' }))).toEqual([])
    // 10.50 is more than 9.5, though its text is less.
    const written = { open_price: '10.50', high_price: '10.50', low_price: '9.5', close_price: '10.5000' }
    expect(found(spoiled(minutes(3), 1, written))).toEqual([])
  })

  test('a row with a bad decimal still has its place', () => {
    expect(lines(spoiled(minutes(5), 2, { open_price: 'x' }))).toEqual(['error value 00:02:00'])
  })
})

describe('order', () => {
  test('a row twice, and one after its time', () => {
    expect(lines([at(0), at(1), at(1), at(2)])).toContain('error order 00:01:00')
    expect(lines([at(0), at(2), at(1), at(3)])).toContain('error order 00:01:00')
  })

  test('also from page to page', () => {
    expect(lines([at(0), at(1), at(1), at(2)], { pageRows: 2 })).toContain('error order 00:01:00')
  })

  test('two candles in one place', () => {
    const second = at(1.5, { close_time: DAY_0_MS + 2 * MINUTE_MS - 1 })
    expect(lines([at(0), at(1), second, at(2)])).toEqual(['error order 00:01:30', 'note misaligned 00:01:30'])
  })
})

describe('rules', () => {
  test('a high below, a low above, a close before the open: each row of them', () => {
    const rows = spoiled(spoiled(minutes(6), 1, { high_price: '0' }), 4, { low_price: '999999' })
    const errors = found(rows)
    expect(errors.map(line)).toEqual(['error rules 00:01:00', 'error rules 00:04:00', 'note zero 00:01:00'])
    expect(errors[0]?.expected).toBe('no row where high is below open or close')
    expect(errors[0]?.stored).toContain('high_price 0')
    expect(lines(spoiled(minutes(3), 1, { close_time: DAY_0_MS }))).toContain('error rules 00:01:00')
  })
})

describe('notes of candles', () => {
  const flat = { open_price: '5', high_price: '5', low_price: '5', close_price: '5', volume: '0' }

  test('flat ones: a run of them is one note', () => {
    const rows = minutes(9).map((row, i) => (i === 1 || (i >= 3 && i <= 6) ? { ...row, ...flat } : row))
    const notes = found(rows, { pageRows: 4 })
    expect(notes.map(line)).toEqual(['note flat 00:01:00', 'note flat 00:03:00'])
    expect(notes.map(({ stored }) => stored)).toEqual(['flat at 5', '4 in a row, the first: flat at 5'])
    expect(notes[1]?.span).toEqual({ startMs: DAY_0_MS + 3 * MINUTE_MS, endMs: DAY_0_MS + 7 * MINUTE_MS })
    expect(found(spoiled(minutes(3), 1, { ...flat, volume: '1' }))).toEqual([])
  })

  test('zeros, but not of a premium', () => {
    const nothing = { open_price: '0', high_price: '0', low_price: '0', close_price: '0' }
    expect(lines(spoiled(minutes(3), 1, nothing))).toEqual(['note zero 00:01:00'])
    expect(lines(spoiled(minutes(3), 1, nothing), { dataset: markPriceKlines })).toEqual([
      'note flat 00:01:00',
      'note zero 00:01:00',
    ])
    expect(lines(spoiled(minutes(3), 1, nothing), { dataset: premiumIndexKlines })).toEqual([
      'note flat 00:01:00',
    ])
  })

  test('closes that are early or late', () => {
    for (const byMs of [-1, 1, -30_000, MINUTE_MS]) {
      const closeMs = DAY_0_MS + 2 * MINUTE_MS - 1 + byMs
      expect(lines(spoiled(minutes(3), 1, { close_time: closeMs }))).toEqual(['note close-time 00:01:00'])
    }
  })

  test('opens off the grid, with either close', () => {
    for (const closeMs of [DAY_0_MS + 2 * MINUTE_MS - 1, DAY_0_MS + 2.25 * MINUTE_MS - 1]) {
      const odd = at(1.25, { close_time: closeMs })
      expect(lines([at(0), odd, at(2)])).toEqual(['note misaligned 00:01:15'])
    }
  })
})

describe('days', () => {
  const day = (openMs: number): Row => candle(openMs, { close_time: openMs + 24 * HOUR_MS - 1 })

  test('a day that is short: an error, and a note where the ledger says why', () => {
    const rows = minutes(10).filter((_, i) => i !== 3 && i !== 4 && i !== 7)
    const [error, ...more] = found(rows)
    expect([error && line(error), error?.stored, more.length]).toEqual([
      'error day 00:03:00',
      '3 of 10 rows missing, 2024-02-29',
      0,
    ])
    const outage = ledgerRow({ startMs: DAY_0_MS + 3 * MINUTE_MS, endMs: DAY_0_MS + 5 * MINUTE_MS }, 'outage')
    const both = found(rows, { ledger: [outage] })
    expect(both.map(line)).toEqual(['note day 00:03:00', 'error day 00:07:00'])
    expect(both[0]?.expected).toBe('none: the ledger says outage')
  })

  test('what the ledger vouches for is missed before the first row and after the last', () => {
    const span = { startMs: DAY_0_MS - 5 * MINUTE_MS, endMs: DAY_0_MS + 12 * MINUTE_MS }
    const ledger = [ledgerRow(span, 'rows', { rows: 17 })]
    expect(lines(minutes(10), { ledger })).toEqual(['error day 23:55:00', 'error day 00:10:00'])
    const wanted = [ledgerRow({ ...span, startMs: DAY_0_MS }, 'wanted')]
    expect(lines(minutes(10), { ledger: wanted })).toEqual([])
  })

  test('a hole over midnight is one finding, two days that are short are two', () => {
    const hours = (from: number, to: number): Row[] =>
      Array.from({ length: to - from }, (_, i) => {
        const openMs = DAY_0_MS + (from + i) * HOUR_MS
        return candle(openMs, { close_time: openMs + HOUR_MS - 1 })
      })
    const over = found([...hours(0, 20), ...hours(28, 48)], { period: '1h' })
    expect(over.map(({ stored }) => stored)).toEqual(['8 of 48 rows missing, 2024-02-29 to 2024-03-01'])
    const apart = [...hours(0, 20), ...hours(22, 30), ...hours(32, 48)]
    expect(found(apart, { period: '1h' }).map(({ stored }) => stored)).toEqual([
      '2 of 24 rows missing, 2024-02-29',
      '2 of 24 rows missing, 2024-03-01',
    ])
  })

  test('an outage over midnight is one note, though the ledger has it in two', () => {
    const hours = Array.from({ length: 48 }, (_, i) =>
      candle(DAY_0_MS + i * HOUR_MS, { close_time: DAY_0_MS + (i + 1) * HOUR_MS - 1 }),
    )
    const rows = hours.filter((_, i) => i < 20 || i >= 28)
    const outage = (from: number, to: number): LedgerRow =>
      ledgerRow({ startMs: DAY_0_MS + from * HOUR_MS, endMs: DAY_0_MS + to * HOUR_MS }, 'outage')
    const notes = found(rows, { period: '1h', ledger: [outage(20, 24), outage(24, 28)] })
    expect(notes.map(({ severity, stored }) => [severity, stored])).toEqual([
      ['note', '8 of 48 rows missing, 2024-02-29 to 2024-03-01'],
    ])
  })

  test('months and weeks count by their own places', () => {
    const months = [0, 1, 3].map((month) => {
      const openMs = Date.UTC(2024, month, 1)
      return candle(openMs, { close_time: Date.UTC(2024, month + 1, 1) - 1 })
    })
    expect(found(months, { period: '1M' }).map(({ stored }) => stored)).toEqual([
      '1 of 1 rows missing, 2024-03-01 to 2024-03-31',
    ])
    expect(found([day(DAY_0_MS), day(DAY_0_MS + 48 * HOUR_MS)], { period: '1d' }).map(line)).toEqual([
      'error day 00:00:00',
    ])
  })
})

describe('funding rates', () => {
  const given = { dataset: funding }
  const rates = (...timesMs: number[]): Row[] => timesMs.map((timeMs) => rate(timeMs))
  const hour = (n: number, byMs = 0): number => DAY_0_MS + n * HOUR_MS + byMs

  test('near the hour, and of any interval: nothing to say', () => {
    expect(found(rates(hour(0, 6), hour(8), hour(9, 47), hour(13, -3)), given)).toEqual([])
    const special = rate(hour(8), { rate_type: 'Special' })
    expect(found([rate(hour(0)), rate(hour(8)), special], given)).toEqual([])
  })

  test('off the hour: a note; of an unknown type: an error; twice: an error', () => {
    expect(lines(rates(hour(0), hour(4, 1_001), hour(8)), given)).toEqual(['note times 04:00:01'])
    const odd = rate(hour(8), { rate_type: 'Odd' })
    expect(lines([rate(hour(0)), odd], given)).toEqual(['error rules 08:00:00'])
    expect(lines(rates(hour(0), hour(0)), given)).toEqual(['error order 00:00:00'])
    expect(
      lines([rate(hour(0), { mark_price: null }), rate(hour(8), { funding_rate: null })], given),
    ).toEqual(['error value 08:00:00'])
  })
})

describe('trades', () => {
  const given = { dataset: trades }
  const list = (...ids: (number | bigint)[]): Row[] =>
    ids.map((id, i) => trade(String(id), DAY_0_MS + i * 1_000))
  const span = { startMs: DAY_0_MS, endMs: DAY_0_MS + HOUR_MS }

  test('ids that run on, also from 9 to 10 and beyond 2^53', () => {
    expect(found(list(8, 9, 10, 11), given)).toEqual([])
    const large = 2n ** 53n
    expect(found(list(large, large + 1n, large + 2n), { ...given, pageRows: 1 })).toEqual([])
  })

  test('a jump: an error, and a note where the ledger knows of it', () => {
    const jump = found(list(1, 2, 5), given)
    expect(jump.map(line)).toEqual(['error ids 00:00:01'])
    expect(jump[0]?.stored).toBe('no trade with ids 3 to 4')
    const empty = ledgerRow({ startMs: DAY_0_MS + 1_001, endMs: DAY_0_MS + 2_000 }, 'no-trades')
    expect(lines(list(1, 2, 5), { ...given, ledger: [empty] })).toEqual(['note ids 00:00:01'])
  })

  test('what the ledger counts as left out explains so many ids, and no more', () => {
    const ledger = [ledgerRow(span, 'rows', { rows: 4, skipped: 2 })]
    expect(lines(list(1, 4, 5), { ...given, ledger })).toEqual(['note ids 00:00:00'])
    expect(lines(list(1, 4, 6), { ...given, ledger })).toEqual(['note ids 00:00:00', 'error ids 00:00:01'])
  })

  test('times that do not ascend with the ids: a note, and no gap', () => {
    const timed = (ids: readonly number[], seconds: readonly number[]): Row[] =>
      ids.map((id, i) => trade(String(id), DAY_0_MS + (seconds[i] ?? 0) * 1_000))
    expect(lines(timed([1, 2, 3, 4], [0, 2, 1, 3]), given)).toEqual(['note times 00:00:01'])
    // The jump lies between the earlier and the later time of its neighbours.
    expect(lines(timed([1, 2, 5, 6], [0, 3, 1, 4]), given).sort()).toEqual([
      'error ids 00:00:01',
      'note times 00:00:01',
    ])
    expect(lines(list(1, 2, 2, 3), given)).toContain('error order 00:00:02')
  })

  test('what no trade can be', () => {
    const rows = spoiled(list(1, 2, 3), 1, { price: '-1' })
    expect(lines(rows, given)).toEqual(['error rules 00:00:01'])
    expect(lines(spoiled(list(1, 2, 3), 1, { is_buyer_maker: 2 }), given)).toContain('error value 00:00:01')
  })

  test('aggregates whose trades do not follow: a note, unless an aggregate lies between', () => {
    const aggregate = (id: number, first: number, last: number): Row => ({
      agg_trade_id: String(id),
      price: '1',
      quantity: '1',
      first_trade_id: String(first),
      last_trade_id: String(last),
      trade_time: DAY_0_MS + id * 1_000,
      is_buyer_maker: 0,
    })
    const of = { dataset: aggTrades }
    expect(found([aggregate(1, 10, 12), aggregate(2, 13, 13), aggregate(3, 14, 20)], of)).toEqual([])
    const odd = found([aggregate(1, 10, 12), aggregate(2, 14, 14), aggregate(3, 15, 20)], of)
    expect(odd.map(line)).toEqual(['note trade-ids 00:00:02'])
    expect([odd[0]?.stored, odd[0]?.expected]).toEqual(['first_trade_id 14', 'first_trade_id 13'])
    expect(lines([aggregate(1, 10, 12), aggregate(3, 15, 20)], of)).toEqual(['error ids 00:00:01'])
    expect(lines([aggregate(1, 10, 12), aggregate(2, 14, 13)], of)).toContain('error rules 00:00:02')
  })
})
