// Trades of archives where it is not one whole file that is missing: a part of it, several parts, and what
// lies at their edges. Each trade and each invalid record counts in the span that it belongs to.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { settledAtEnd } from '../../src/core/archive-settle.ts'
import { walkTrades } from '../../src/core/archive-trades.ts'
import { emptyRows, idsOf } from '../../src/core/dataset.ts'
import { type LedgerRow, record } from '../../src/core/ledger.ts'
import type { Source } from '../../src/core/source.ts'
import { type Span, union } from '../../src/core/span.ts'
import type { OpenSpan, Step } from '../../src/core/step.ts'
import { aggTrades } from '../../src/datasets/trades.ts'
import { MalformedError, RefusedError, UserError } from '../../src/errors.ts'
import { listing } from '../rig/memory-source.ts'
import { runsFor } from '../rig/seed.ts'
import { type ListedTrade, tradeArchive, tradeSeries, tradeSource, tradeTable } from '../rig/trade-source.ts'

const runs = runsFor('test/unit/archive-trades.test.ts')
const START_MS = Date.UTC(2024, 0, 1)
const LATER_MS = Date.UTC(2040, 0, 1)
const file: Span = { startMs: START_MS, endMs: START_MS + 1_000 }

const span = (fromMs: number, toMs: number): Span => ({
  startMs: START_MS + fromMs,
  endMs: START_MS + toMs,
})
const within = ({ startMs, endMs }: Span, { timeMs }: ListedTrade): boolean =>
  timeMs >= startMs && timeMs < endMs

type Walked = {
  readonly ids: readonly string[]
  readonly ledger: readonly LedgerRow[]
  readonly open: readonly OpenSpan[]
  readonly asks: number
}

/** Takes `spans` of a file that holds `held` in; REST has `trades`. */
async function walked(
  spans: readonly Span[],
  trades: readonly ListedTrade[],
  held: readonly ListedTrade[] = trades,
  pieceRows = 4,
  facts: Partial<Source> = {},
): Promise<Walked> {
  const { source, asks } = tradeSource(trades, LATER_MS, 3, facts)
  const steps: Step[] = []
  const job = { series: tradeSeries, dataset: aggTrades, table: tradeTable, listing: listing('BTCUSDT') }
  const open = tradeArchive(file, held, pieceRows)
  const walk = { ...job, period: null, spans, open, nowMs: () => LATER_MS, before: [], rest: source }
  for await (const step of walkTrades(walk)) steps.push(step)
  return {
    ids: steps.flatMap((step) => idsOf(step.rows)),
    ledger: steps.flatMap((step) => step.ledger),
    open: steps.flatMap((step) => step.open),
    asks: asks.length,
  }
}

/** Trades in order whose ids run on: several share a millisecond, some are invalid records. */
const anyTrades = fc
  .array(
    fc.record({ pauseMs: fc.constantFrom(0, 0, 1, 2, 30), invalid: fc.constantFrom(false, false, true) }),
    { maxLength: 60 },
  )
  .map((steps) => {
    let timeMs = START_MS
    return steps.map(({ pauseMs, invalid }, i): ListedTrade => {
      timeMs = Math.min(timeMs + pauseMs, file.endMs - 1)
      return { id: String(9_007_199_254_740_990n + BigInt(i)), timeMs, invalid }
    })
  })

const anySpans = fc
  .array(fc.tuple(fc.nat({ max: 900 }), fc.integer({ min: 1, max: 100 })), { minLength: 1, maxLength: 4 })
  .map((pairs) => union(pairs.map(([fromMs, length]) => span(fromMs, fromMs + length))))

describe('parts of a file', () => {
  test('any spans and records left out: each counts where it belongs, and nobody is asked', async () => {
    const property = fc.asyncProperty(
      anyTrades,
      anySpans,
      fc.integer({ min: 1, max: 12 }),
      async (trades, spans, pieceRows) => {
        const { ids, ledger, asks } = await walked(spans, trades, trades, pieceRows)
        const wanted = trades.filter((trade) => spans.some((one) => within(one, trade)))
        expect([...ids].sort()).toEqual(wanted.filter(({ invalid }) => !invalid).map(({ id }) => id))
        expect(asks).toBe(0)
        expect(ledger.filter(({ verdict }) => verdict !== 'rows')).toEqual([])
        expect(union(ledger)).toEqual(spans)
        for (const one of spans) {
          const own = ledger.filter((row) => row.startMs >= one.startMs && row.endMs <= one.endMs)
          const invalid = wanted.filter((trade) => trade.invalid && within(one, trade))
          expect(own.reduce((sum, row) => sum + row.skipped, 0)).toBe(invalid.length)
        }
      },
    )
    await fc.assert(property, runs)
  })

  test('records left out before and after the span are no matter of it', async () => {
    const trades = Array.from({ length: 20 }, (_, i): ListedTrade => {
      return { id: String(100 + i), timeMs: START_MS + 50 * i, invalid: i === 2 || i === 17 }
    })
    const { ids, ledger, asks } = await walked([span(400, 600)], trades)
    expect(ids).toEqual(['108', '109', '110', '111'])
    expect(asks).toBe(0)
    expect(ledger.reduce((sum, row) => sum + row.skipped, 0)).toBe(0)
  })
})

describe('records left out', () => {
  /** Trades as `id @ ms`, an invalid record with a minus. */
  const listed = (...words: readonly string[]): ListedTrade[] =>
    words.map((word) => {
      const [id = '', at] = word.replace('-', '').split('@')
      return { id, timeMs: START_MS + Number(at), ...(word.startsWith('-') ? { invalid: true } : {}) }
    })
  const said = (ledger: readonly LedgerRow[]): unknown[] =>
    ledger
      .toSorted((a, b) => a.startMs - b.startMs)
      .map((row) => [row.startMs - START_MS, row.verdict, row.firstId, row.lastId, row.rows, row.skipped])

  test('before a jump of ids count before it, those behind it behind it', async () => {
    const trades = listed('1@100', '-2@120', '-3@130', '4@140', '-7@200', '8@210')
    const { ledger } = await walked([file], trades)
    expect(said(record([], ledger).put)).toEqual([
      [0, 'rows', '1', '4', 2, 2],
      [141, 'no-trades', '5', '6', 0, 0],
      [200, 'rows', '7', '8', 1, 1],
    ])
  })

  test('right beside a jump end and begin it', async () => {
    const trades = listed('1@100', '-2@120', '-5@180', '6@210')
    const { ledger } = await walked([file], trades)
    expect(said(record([], ledger).put)).toEqual([
      [0, 'rows', '1', '2', 1, 1],
      [121, 'no-trades', '3', '4', 0, 0],
      [180, 'rows', '5', '6', 1, 1],
    ])
  })

  test('of the half of a file that comes late are found there, and nobody is asked for them', async () => {
    const trades = listed('1@100', '2@110', '5@140', '6@150', '-3@120', '4@130', '7@160', '8@170')
    const { ids, ledger, asks } = await walked([file], trades, trades, 2)
    expect(asks).toBe(0)
    expect(ids).toHaveLength(7)
    expect(said(record([], ledger).put)).toEqual([[0, 'rows', '1', '8', 7, 1]])
  })
})

describe('a jump of ids that REST does not explain', () => {
  const trades = Array.from({ length: 12 }, (_, i): ListedTrade => {
    return { id: String(100 + i), timeMs: START_MS + 50 * i }
  })
  /** The file lacks the ids 104 and 105. */
  const held = trades.filter(({ id }) => id !== '104' && id !== '105')
  const hole = span(151, 300)

  test.each([
    ['refuses', new RefusedError('no such page')],
    ['garbles', new MalformedError('cut')],
  ] as const)(
    'because it %s that page: the file counts, and the run stays open by name',
    async (_, error) => {
      const facts = { fetch: () => Promise.reject(error) }
      const { ids, ledger, open } = await walked([file], trades, held, 4, facts)
      expect(ids).toEqual(held.map(({ id }) => id))
      expect(open).toEqual([
        {
          span: hole,
          reason:
            'the archive lacks ids from 104 to 105, and whether the API has them is not known: ' +
            error.message,
        },
      ])
      const around = [span(0, 151), span(300, 1_000)]
      expect(union(ledger)).toEqual(around)
      expect(ledger.every(({ verdict }) => verdict === 'rows')).toBe(true)
    },
  )

  test('within one millisecond it leaves that open', async () => {
    const together = trades.map((trade) => ({ ...trade, timeMs: START_MS + 400 }))
    const missing = together.filter(({ id }) => id !== '104')
    const facts = { fetch: () => Promise.reject(new RefusedError('no')) }
    const { ids, ledger, open } = await walked([file], together, missing, 4, facts)
    expect(ids).toHaveLength(11)
    const [left, ...more] = open
    expect(more).toEqual([])
    expect(union(ledger, left ? [left.span] : [])).toEqual([file])
  })

  test.each([
    ['it does not reach back so far', { reachMs: 86_400_000 }],
    ['it answers only with a key, and there is none', { lacksKey: new UserError('no key') }],
  ] as const)('because %s: the word of the archive does, and nobody else is named', async (_, facts) => {
    const fetch = (): never => {
      throw new UserError('it answers only with an API key')
    }
    const { ids, ledger, open } = await walked([file], trades, held, 4, { ...facts, fetch })
    expect(ids).toEqual(held.map(({ id }) => id))
    expect(open).toEqual([])
    expect(union(ledger)).toEqual([file])
    const reason = 'the archive does not have the ids 104 to 105; the API was not asked'
    expect(ledger.filter(({ verdict }) => verdict !== 'rows')).toMatchObject([
      { ...hole, verdict: 'no-trades', firstId: '104', lastId: '105', asked: 0, reason },
    ])
  })

  test('of a file that is too large to be held back, is told of too', async () => {
    const rows = { ...emptyRows(tradeTable), count: 100_000 }
    const base = { ledger: [], extractedAtMs: 0, source: 'archive', span: file, refused: null } as const
    const open = [{ span: hole, reason: 'nobody knows' }]
    async function* steps(): AsyncGenerator<Step, null> {
      yield { ...base, rows, open: [] }
      yield { ...base, rows: emptyRows(tradeTable), open }
      return null
    }
    const told: OpenSpan[] = []
    for await (const step of settledAtEnd(tradeTable, steps())) told.push(...step.open)
    expect(told).toEqual(open)
  })
})
