// Where a time begins among trades that can be asked for by id only, against lists of trades: however uneven
// they come, and however the exchange answers for those that are too old.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { AskPage } from '../../src/binance/rest.ts'
import { searchTradeId } from '../../src/binance/trade-search.ts'
import { RefusedError } from '../../src/errors.ts'
import { runsFor } from '../rig/seed.ts'
import { type ListedTrade, tradeRows, tradeSeries, tradeTable } from '../rig/trade-source.ts'

const runs = runsFor('test/unit/trade-search.test.ts')

type Old = 'shown' | 'left out' | 'refused' | 'empty'

/** Pages by id of a list of trades, of which the first `hidden` are too old. */
function asker(
  trades: readonly ListedTrade[],
  hidden: number,
  old: Old,
): { ask: AskPage; asked: () => number } {
  let asked = 0
  const ask: AskPage = async (_series, { fromId, limit }) => {
    asked += 1
    const from = fromId === undefined ? 0 : trades.findIndex(({ id }) => BigInt(id) >= BigInt(fromId))
    const tooOld = fromId !== undefined && from < hidden && old !== 'shown'
    if (tooOld && old === 'refused') throw new RefusedError('too old')
    const seen = old === 'shown' ? trades : trades.slice(hidden)
    const rows =
      from < 0 || (tooOld && old === 'empty')
        ? []
        : fromId === undefined
          ? seen.slice(-limit)
          : trades.slice(tooOld ? hidden : from).slice(0, limit)
    return { rows: tradeRows(rows), servedAtMs: 0 }
  }
  return { ask, asked: () => asked }
}

const search = (ask: AskPage, startMs: number, pageRows: number): Promise<string | null> =>
  searchTradeId({ ask, series: tradeSeries, table: tradeTable, pageRows, hurried: false }, startMs)

const anyTrades = fc
  .tuple(
    fc.constantFrom(0n, 1n, 5_266_583_935n, 9_007_199_254_740_990n),
    fc.array(
      fc.record({
        jump: fc.constantFrom(1n, 1n, 1n, 1n, 7n, 100_000n),
        pauseMs: fc.constantFrom(0, 0, 1, 10, 1_000, 500_000),
      }),
      { minLength: 1, maxLength: 80 },
    ),
  )
  .map(([firstId, steps]) => {
    let [id, timeMs] = [firstId, 1_000_000]
    return steps.map(({ jump, pauseMs }): ListedTrade => {
      const trade = { id: String(id), timeMs }
      id += jump
      timeMs += pauseMs
      return trade
    })
  })

describe('the first id of a time', () => {
  test('is found among any trades', async () => {
    const property = fc.asyncProperty(
      anyTrades,
      fc.nat({ max: 80 }),
      fc.constantFrom<Old[]>('shown', 'left out', 'refused', 'empty'),
      fc.integer({ min: -2, max: 3_000_000 }),
      fc.integer({ min: 1, max: 20 }),
      async (trades, hide, old, later, pageRows) => {
        const hidden = old === 'shown' ? 0 : Math.min(hide, trades.length - 1)
        const oldestMs = trades[hidden]?.timeMs ?? 0
        // What is too old is not asked for, and shares no millisecond with what is.
        const startMs = hidden > 0 && trades[hidden - 1]?.timeMs === oldestMs ? oldestMs + 1 : oldestMs
        const askedMs = startMs + Math.max(hidden > 0 ? 0 : -2, later)
        const { ask } = asker(trades, hidden, old)
        const expected = trades.find(({ timeMs }) => timeMs >= askedMs)?.id ?? null
        expect(await search(ask, askedMs, pageRows)).toBe(expected)
      },
    )
    await fc.assert(property, runs)
  })

  test('costs few pages where trades come evenly, and not many where they do not', async () => {
    const even = Array.from({ length: 40_000 }, (_, i) => ({ id: String(5e9 + i), timeMs: 1_000 * i }))
    // Ten times as busy in the second half, with pauses.
    const uneven = even.map(({ id }, i) => ({
      id,
      timeMs: i < 20_000 ? 1_000 * i : 18_000_000 + 100 * i + 200_000 * Math.floor(i / 2_500),
    }))
    const costs = [even, uneven].map(async (trades) => {
      const { ask, asked } = asker(trades, 10_000, 'left out')
      const startMs = trades[21_234]?.timeMs ?? 0
      expect(await search(ask, startMs, 500)).toBe(trades.find(({ timeMs }) => timeMs >= startMs)?.id ?? null)
      return asked()
    })
    const [evenly, unevenly] = await Promise.all(costs)
    expect(evenly).toBeLessThanOrEqual(3)
    expect(unevenly).toBeLessThanOrEqual(8)
  })

  test('is none after the newest trade', async () => {
    const { ask, asked } = asker([{ id: '7', timeMs: 1_000 }], 0, 'shown')
    expect(await search(ask, 1_001, 500)).toBeNull()
    expect(await search(ask, 1_000, 500)).toBe('7')
    expect(asked()).toBe(3)
  })
})
