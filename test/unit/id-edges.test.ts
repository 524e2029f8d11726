// The edges of a span of trades: where it begins, where it ends, and what is not there, proved by a second
// answer each. What an exchange leaves out by mistake, or because it is too old, is never settled.
import { describe, expect, test } from 'bun:test'
import { HOUR_MS, MINUTE_MS } from '../../src/core/calendar.ts'
import { idsOf, type Window } from '../../src/core/dataset.ts'
import { fetchById } from '../../src/core/id-walk.ts'
import { type LedgerRow, ledgerRow } from '../../src/core/ledger.ts'
import type { Answer, Source } from '../../src/core/source.ts'
import type { Span } from '../../src/core/span.ts'
import type { SpanJob, Step } from '../../src/core/step.ts'
import { aggTrades } from '../../src/datasets/trades.ts'
import { RefusedError } from '../../src/errors.ts'
import { listing } from '../rig/memory-source.ts'
import { type ListedTrade, tradeSeries, tradeSource, tradeTable } from '../rig/trade-source.ts'

const START_MS = Date.UTC(2024, 0, 1)
const LATER_MS = START_MS + 24 * HOUR_MS
const span: Span = { startMs: START_MS, endMs: START_MS + 100 }

const tradesAt = (...placed: readonly (readonly [id: number, atMs: number])[]): ListedTrade[] =>
  placed.map(([id, atMs]) => ({ id: String(id), timeMs: START_MS + atMs }))

async function walk(source: Source, given: Partial<SpanJob> = {}): Promise<Step[]> {
  const job = { series: tradeSeries, dataset: aggTrades, table: tradeTable, listing: listing('BTCUSDT') }
  const out: Step[] = []
  for await (const step of fetchById({ ...job, source, before: [], span, hurried: false, ...given }))
    out.push(step)
  return out
}

const ledgerOf = (steps: readonly Step[]): readonly LedgerRow[] => steps.flatMap((step) => step.ledger)
const rowsOf = (steps: readonly Step[]): string[] => steps.flatMap((step) => idsOf(step.rows))
const verdicts = (steps: readonly Step[]): unknown[] =>
  ledgerOf(steps).map((row) => [row.verdict, row.startMs - START_MS, row.endMs - START_MS])

/** A source whose answers are changed on their way, by the number of the request from 1. */
function changing(
  source: Source,
  change: (answer: Answer, window: Window, request: number) => Answer,
): Source {
  let requests = 0
  return {
    ...source,
    fetch: async (series, window) => {
      requests += 1
      return change(await source.fetch(series, window), window, requests)
    },
  }
}
const without = (answer: Answer, from: number): Answer => ({
  ...answer,
  rows: {
    count: Math.max(0, answer.rows.count - from),
    columns: answer.rows.columns.map((values) => values.slice(from)),
  },
})

describe('the beginning', () => {
  const trades = tradesAt([4, -5], [5, 10], [6, 20], [7, 150])

  test('is proved by the trade before', async () => {
    const { source, asks } = tradeSource(trades, LATER_MS, 10)
    expect(rowsOf(await walk(source))).toEqual(['5', '6'])
    expect(asks.map(({ fromId }) => fromId)).toEqual([undefined, '4', '7'])
  })

  test('of a page that lacks its first row is not believed', async () => {
    const { source } = tradeSource(trades, LATER_MS, 10)
    const steps = await walk(changing(source, (answer, _, i) => (i === 1 ? without(answer, 1) : answer)))
    expect(rowsOf(steps)).toEqual([])
    expect(steps.at(-1)?.refused?.reason).toStartWith('the exchange contradicts itself')
  })

  test.each([
    ['nothing', (answer: Answer) => without(answer, answer.rows.count)],
    [
      'a refusal',
      (): Answer => {
        throw new RefusedError('the id is too old')
      },
    ],
  ] as const)(
    'is believed where the trade before is beyond the reach and %s is all that comes',
    async (_, old) => {
      const { source } = tradeSource(trades, LATER_MS, 10)
      const answers = changing(source, (answer, { fromId }) => (fromId === '4' ? old(answer) : answer))
      expect(rowsOf(await walk({ ...answers, reachMs: 30 * HOUR_MS }))).toEqual(['5', '6'])
      // Where all of history can be seen the trade before has to be there.
      const steps = await walk(answers)
      expect(rowsOf(steps)).toEqual([])
      expect(steps.at(-1)?.refused).not.toBeNull()
    },
  )

  test('after a window that was empty by mistake is not believed', async () => {
    const { source } = tradeSource(tradesAt([4, -5], [5, 10], [6, 70]), LATER_MS, 10, { longestWindowMs: 50 })
    const steps = await walk(changing(source, (answer, _, i) => (i === 1 ? without(answer, 1) : answer)))
    expect(rowsOf(steps)).toEqual([])
    expect(steps.at(-1)?.refused?.reason).toStartWith('the exchange contradicts itself')
  })

  test('of all trades is where the symbol was listed, also a moment ago', async () => {
    for (const first of [0, 41]) {
      const { source } = tradeSource(tradesAt([first, 30], [first + 1, 40]), START_MS + MINUTE_MS, 10)
      const steps = await walk(source)
      expect(verdicts(steps)).toEqual([
        ['unlisted', 0, 30],
        ['rows', 30, 40],
        ['rows', 40, 100],
      ])
      expect(steps.flatMap((step) => step.open)).toEqual([])
    }
  })

  test('may come with earlier trades, which are not of the span', async () => {
    const { source, asks } = tradeSource(trades, LATER_MS, 10)
    // Single trades are found by their aggregates, and so from a little earlier on.
    const early: Source = {
      ...source,
      fetch: (series, window) => source.fetch(series, { ...window, fromId: window.fromId ?? '4' }),
    }
    expect(rowsOf(await walk(early))).toEqual(['5', '6'])
    expect(asks.map(({ fromId }) => fromId)).toEqual(['4'])
  })
})

describe('the end', () => {
  test('of a quiet span keeps the id that comes next', async () => {
    const { source } = tradeSource(tradesAt([1, -5], [2, 150], [3, 160]), LATER_MS, 10)
    const before = [ledgerRow({ ...span, startMs: START_MS - 50, endMs: START_MS }, 'rows', { lastId: '1' })]
    expect(ledgerOf(await walk(source, { before }))).toMatchObject([
      { verdict: 'rows', rows: 0, lastId: '1' },
    ])
  })

  test('of a symbol that does not trade any more is settled for good, by two answers', async () => {
    const { source, asks } = tradeSource(tradesAt([0, 0], [1, 30], [2, 30]), LATER_MS, 10)
    const steps = await walk(source, { listing: listing('BTCUSDT', { trading: false }) })
    expect(verdicts(steps).slice(-2)).toEqual([
      ['rows', 30, 31],
      ['delisted', 31, 100],
    ])
    expect(asks.filter(({ fromId }) => fromId === '3')).toHaveLength(2)
  })
})

describe('a span without trades', () => {
  const trading = { trading: true }
  const over = { trading: false }
  test.each([
    ['unlisted', 'before the first trade', trading, tradesAt([0, 200])],
    ['unlisted', 'before the first trade, of a symbol that does not trade', over, tradesAt([0, 200])],
    ['no-trades', 'between two trades', trading, tradesAt([0, -9], [1, 200])],
    ['no-trades', 'between two trades of a symbol that does not trade', over, tradesAt([0, -9], [1, 200])],
    ['no-trades', 'after the last trade so far', trading, tradesAt([0, -9])],
    ['delisted', 'after the last trade of all', over, tradesAt([0, -9])],
  ] as const)('is %s %s', async (verdict, _, given, trades) => {
    const { source } = tradeSource(trades, LATER_MS, 10)
    expect(verdicts(await walk(source, { listing: listing('BTCUSDT', given) }))).toEqual([[verdict, 0, 100]])
  })

  test('is asked for twice, window by window', async () => {
    const { source, asks } = tradeSource([], LATER_MS, 10, { longestWindowMs: 40, reachMs: 48 * HOUR_MS })
    expect(verdicts(await walk(source))).toEqual([['no-trades', 0, 100]])
    const starts = asks.map((window) => window.span.startMs - START_MS)
    expect(starts).toEqual([0, 40, 80, 0, 40, 80])
  })
})

describe('a jump of ids', () => {
  const trades = tradesAt([1, 10], [3, 30])
  const hole = { startMs: START_MS + 11, endMs: START_MS + 30 }
  const rows = [
    ledgerRow({ startMs: START_MS, endMs: hole.startMs }, 'rows', { rows: 1, firstId: '1', lastId: '1' }),
    ledgerRow({ startMs: hole.endMs, endMs: span.endMs }, 'rows', { rows: 1, firstId: '3', lastId: '3' }),
  ]

  test.each([
    [59_999, 'wanted'],
    [60_000, 'no-trades'],
  ] as const)('that stayed open is asked for again: %d ms later it is %s', async (laterMs, verdict) => {
    const firstMs = START_MS + MINUTE_MS
    const [first] = await walk(tradeSource(trades, firstMs, 10).source).then((steps) =>
      ledgerOf(steps).filter((row) => row.verdict === 'wanted'),
    )
    expect(first).toMatchObject({ ...hole, asked: 2, checkedAtMs: firstMs })
    const before = [...rows, ...(first ? [first] : [])].sort((a, b) => a.startMs - b.startMs)
    const steps = await walk(tradeSource(trades, firstMs + laterMs, 10).source, { before, span: hole })
    expect(ledgerOf(steps)).toMatchObject([{ ...hole, verdict, asked: 4 }])
    if (verdict === 'no-trades') expect(ledgerOf(steps)).toMatchObject([{ firstId: '2', lastId: '2' }])
    else expect(steps.flatMap((step) => step.open)).toMatchObject([{ span: hole }])
  })
})

describe('what is too old', () => {
  const REACH_MS = 24 * HOUR_MS
  /** A trade every second, of which only those of the last day are answered, without a word. */
  const trades = Array.from({ length: 200 }, (_, i) => ({ id: String(i), timeMs: START_MS + i * 1_000 }))
  const aging = (startMs: number, thirdMs: number): Source => {
    let nowMs = startMs
    let requests = 0
    const { source } = tradeSource([], 0, 50, { reachMs: REACH_MS, nowMs: () => nowMs })
    return {
      ...source,
      fetch: (series, window) => {
        const seen = trades.filter(({ timeMs }) => timeMs >= nowMs - REACH_MS)
        requests += 1
        nowMs += requests === 3 ? thirdMs : 0
        return tradeSource(seen, nowMs, 50).source.fetch(series, window)
      },
    }
  }
  const long = { startMs: START_MS, endMs: START_MS + 180_000 }

  test('while the pages before it are fetched is named, and never settled', async () => {
    const steps = await walk(aging(START_MS + REACH_MS - 45_000, 170_000), { span: long })
    const open = steps.flatMap((step) => step.open.map((one) => one.span))
    expect(open).toEqual([{ startMs: START_MS + 99_000, endMs: START_MS + 130_000 }])
    const settled = ledgerOf(steps).filter((row) => row.verdict !== 'wanted')
    expect(settled.every((row) => row.verdict === 'rows')).toBe(true)
    const owed = trades.filter(({ timeMs }) =>
      settled.some((row) => timeMs >= row.startMs && timeMs < row.endMs),
    )
    expect(rowsOf(steps)).toEqual(owed.map(({ id }) => id))
    expect(owed).toHaveLength(149)
  })

  test('before the walk begins is not even asked for', async () => {
    const steps = await walk(aging(START_MS + REACH_MS + 60_000, 0), { span: long })
    expect(steps[0]?.open[0]?.span).toEqual({ startMs: START_MS, endMs: START_MS + 65_000 })
    expect(rowsOf(steps)[0]).toBe('65')
  })
})
