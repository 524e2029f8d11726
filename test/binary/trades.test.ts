// Trades as a user fetches them: what futures answer for and what they do not, keys, the fewest requests, and
// passes that follow each other while trades come in, with nothing lost between them.
import { afterAll, afterEach, describe, expect, test } from 'bun:test'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/core/calendar.ts'
import { isoTime, type Span } from '../../src/core/span.ts'
import { RIG_API_KEY, WITHDRAWN_API_KEY } from '../rig/api-key.ts'
import { type Bench, bench, NO_LIMITS, plainSymbol } from '../rig/bench.ts'
import { differences } from '../rig/compare-store.ts'
import { expectedMarkers, expectedTrades, type TradeKind } from '../rig/expected-trades.ts'
import { type Run, removeWorkFolders, tail } from '../rig/run-petrosa.ts'
import { type SpawnedExchange, spawnExchange } from '../rig/spawn-exchange.ts'
import type { SymbolSpec } from '../rig/symbol-spec.ts'

afterAll(removeWorkFolders)
const running: SpawnedExchange[] = []
afterEach(() => Promise.all(running.splice(0).map((exchange) => exchange.stop())))

const nowMs = Date.parse('2024-03-22T13:37:30Z')
const lastMinuteMs = Date.parse('2024-03-22T13:37Z')
const keyed = { env: { BINANCE_API_KEY: RIG_API_KEY } }
const kinds = ['agg', 'raw'] as const
const datasets = { agg: 'agg-trades', raw: 'trades' } as const

async function exchangeOf(...symbols: readonly SymbolSpec[]): Promise<SpawnedExchange> {
  const exchange = await spawnExchange({ symbols, clock: { manualMs: nowMs }, limits: NO_LIMITS })
  running.push(exchange)
  return exchange
}

const traded = (symbol: string, perMinute: number, rest: Partial<SymbolSpec> = {}): SymbolSpec =>
  plainSymbol(symbol, {
    listedAtMs: nowMs - 60 * DAY_MS,
    trades: { perMinute, firstId: 5e9, firstAggId: 3e9 },
    ...rest,
  })

const wordsOf = ({ market, symbol }: SymbolSpec, kind: TradeKind, ...more: string[]): string[] => [
  ...['trades', '--market', market, '--kind', kind, '--symbols', symbol],
  ...more,
]

/** What of a span is not as the exchange has it. */
const lacking = (at: Bench, spec: SymbolSpec, kind: TradeKind, span: Span): Promise<string[]> =>
  differences(at.contents, [{ spec, dataset: datasets[kind], spans: [span], closedBeforeMs: span.endMs }])

/** Requests for pages, without the clock and the list of symbols. */
const pagesOf = (run: Run): number => run.result().requests - 2

describe('what futures answer for', () => {
  test.each(['um', 'cm'] as const)(
    '%s: without a start, aggregates of the last day, and nothing is open',
    async (market) => {
      const spec = traded('DAYUSDT', 1, { market })
      const at = await bench(await exchangeOf(spec))
      const run = await at.run(wordsOf(spec, 'agg'))
      expect(tail(run)).toStartWith('exit 0')
      const [first] = await at.contents.ledger({
        market,
        dataset: 'agg-trades',
        symbol: spec.symbol,
        period: null,
      })
      const startMs = first?.startMs ?? 0
      expect(nowMs - startMs).toBeLessThan(DAY_MS)
      expect(nowMs - startMs).toBeGreaterThan(DAY_MS - 2 * MINUTE_MS)
      expect(await lacking(at, spec, 'agg', { startMs, endMs: lastMinuteMs })).toEqual([])
    },
  )

  test.each([
    ['agg', 30 * HOUR_MS, DAY_MS],
    ['raw', 31 * DAY_MS, 29 * DAY_MS],
  ] as const)(
    '%s: what is older stays open, by name, and the rest is stored',
    async (kind, backMs, reachMs) => {
      const spec = traded('OLDUSDT', kind === 'agg' ? 1 : 0.05, { market: 'um' })
      const exchange = await exchangeOf(spec)
      const at = await bench(exchange)
      const startMs = lastMinuteMs - backMs
      const run = await at.run(wordsOf(spec, kind, '--start', isoTime(startMs)), keyed)
      expect(tail(run)).toStartWith('exit 3')
      const [open, ...more] = run.result().unsettled
      expect(more).toEqual([])
      expect(open).toMatchObject({ series: `um/${datasets[kind]}/OLDUSDT`, start: isoTime(startMs) })
      expect(open?.reason).toBe('the API does not reach back so far; --source auto takes the archives')
      const fromMs = Date.parse(open?.end ?? '')
      expect(Math.abs(fromMs - (nowMs - reachMs))).toBeLessThanOrEqual(2 * MINUTE_MS)
      expect(await lacking(at, spec, kind, { startMs: fromMs, endMs: lastMinuteMs })).toEqual([])
      // It stays wanted, is named again, and costs nothing.
      await exchange.setNowMs(nowMs + 5_000)
      const again = await at.run(wordsOf(spec, kind), keyed)
      expect(tail(again)).toStartWith('exit 3')
      expect(again.result().unsettled).toMatchObject([{ start: isoTime(startMs) }])
      expect(pagesOf(again)).toBe(0)
    },
  )

  test.each(['um', 'cm'] as const)(
    '%s: single trades need a key, and the error says which',
    async (market) => {
      const spec = traded('KEYUSDT', 0.5, { market })
      const at = await bench(await exchangeOf(spec))
      const words = wordsOf(spec, 'raw')
      const without = await at.run(words)
      expect(tail(without)).toStartWith('exit 2')
      expect(without.result().errors.join()).toContain('answers only with an API key; set BINANCE_API_KEY')
      const bad = await at.run(words, { env: { BINANCE_API_KEY: WITHDRAWN_API_KEY } })
      expect(tail(bad)).toStartWith('exit 2')
      expect(bad.result().errors.join()).toContain('does not accept the API key')
      expect(bad.stdout + bad.stderr).not.toContain(WITHDRAWN_API_KEY)
      const good = await at.run(words, keyed)
      expect(tail(good)).toStartWith('exit 0')
      const span = { startMs: lastMinuteMs - DAY_MS, endMs: lastMinuteMs }
      expect(await lacking(at, spec, 'raw', span)).toEqual([])
    },
  )

  test('aggregates need none', async () => {
    const spec = traded('FREEUSDT', 0.5, { market: 'um' })
    const at = await bench(await exchangeOf(spec))
    expect(tail(await at.run(wordsOf(spec, 'agg', '--lookback-hours', '2')))).toStartWith('exit 0')
  })
})

describe('the fewest requests: spot', () => {
  const spec = traded('MANYUSDT', 600)
  /** A span that begins at noon and holds exactly `rows` trades, more of which follow. */
  const spanOf = (kind: TradeKind, rows: number): Span => {
    const startMs = Date.parse('2024-03-21T12:00Z')
    const [, ...columns] = expectedTrades(spec, kind, { startMs, endMs: startMs + 10 * MINUTE_MS }).columns
    const times = columns[4] ?? []
    let last = rows - 1
    // Trades of one millisecond cannot be told apart by time.
    while (times[last] === times[last + 1]) last += 1
    return { startMs, endMs: Number(times[last]) + 1 }
  }
  /** Aggregates: the first page, its proof, and pages until a later trade is seen. */
  const aggregatePages = (rows: number): number => Math.max(3, 2 + Math.floor(rows / 1_000))
  /** Single trades: an aggregate names the first, and pages begin with the trade before it. */
  const rawPages = (rows: number): number => 2 + Math.floor((rows + 1) / 1_000)

  test.each(kinds.flatMap((kind) => [1, 990, 998, 1_010, 1_990, 3_456].map((rows) => [kind, rows] as const)))(
    '%s: about %d trades',
    async (kind, about) => {
      const at = await bench(await exchangeOf(spec))
      const span = spanOf(kind, about)
      const rows = expectedTrades(spec, kind, span).count
      const run = await at.run(
        wordsOf(spec, kind, '--start', isoTime(span.startMs), '--end', isoTime(span.endMs)),
      )
      expect(tail(run)).toStartWith('exit 0')
      expect(run.result().rows_written).toBe(rows)
      expect(pagesOf(run)).toBe(kind === 'agg' ? aggregatePages(rows) : rawPages(rows))
      expect(await lacking(at, spec, kind, span)).toEqual([])
    },
  )
})

describe('pass after pass', () => {
  test.each(kinds)(
    '%s: every minute, also quiet ones: nothing is lost, and each costs a page or two',
    async (kind) => {
      const firstAggId = 3_000_000_000
      const spec = traded('QUIETUSDT', 0.4, {
        listedAtMs: nowMs - 2 * HOUR_MS,
        trades: { perMinute: 0.4, firstAggId, markers: [50, 53, 54].map((after) => firstAggId + after) },
      })
      const exchange = await exchangeOf(spec)
      const at = await bench(exchange)
      expect(tail(await at.run(wordsOf(spec, kind, '--lookback-hours', '3')))).toStartWith('exit 0')
      const span = { startMs: lastMinuteMs - 3 * HOUR_MS, endMs: lastMinuteMs }
      for (let minute = 1; minute <= 24; minute += 1) {
        await exchange.setNowMs(nowMs + minute * MINUTE_MS)
        const run = await at.run(wordsOf(spec, kind))
        expect(tail(run)).toStartWith('exit 0')
        // A second one where trades came and none has followed them yet.
        expect(pagesOf(run)).toBeLessThanOrEqual(2)
      }
      const all = { ...span, endMs: span.endMs + 24 * MINUTE_MS }
      expect(await lacking(at, spec, kind, all)).toEqual([])
      if (kind === 'raw') return
      const ledger = await at.contents.ledger({
        market: 'spot',
        dataset: 'agg-trades',
        symbol: 'QUIETUSDT',
        period: null,
      })
      expect(ledger.map(({ verdict }) => verdict)).toEqual(['unlisted', 'rows'])
      expect(expectedMarkers(spec, all)).toHaveLength(3)
      expect(ledger.reduce((sum, row) => sum + row.skipped, 0)).toBe(3)
    },
    30_000,
  )

  test('a jump of ids of this hour stays open until a minute has passed', async () => {
    const whole = traded('JUMPUSDT', 4, { listedAtMs: nowMs - HOUR_MS, trades: { perMinute: 4 } })
    const times = expectedTrades(whole, 'raw', { startMs: 0, endMs: nowMs }).columns[5] ?? []
    // Within a millisecond a jump has no time of its own.
    const after = times.findIndex((timeMs, id) => id >= 300 && timeMs !== times[id + 1])
    const spec: SymbolSpec = { ...whole, trades: { perMinute: 4, jumps: [{ after, size: 5 }] } }
    const exchange = await exchangeOf(spec)
    const at = await bench(exchange)
    const first = await at.run(wordsOf(spec, 'raw', '--lookback-hours', '2'))
    expect(tail(first)).toStartWith('exit 3')
    expect(first.result().unsettled).toHaveLength(1)
    expect(first.result().unsettled[0]?.reason).toContain('younger than an hour; ask again in a minute')
    const soon = await at.run(wordsOf(spec, 'raw'))
    expect(tail(soon)).toStartWith('exit 3')
    await exchange.setNowMs(nowMs + 61_000)
    expect(tail(await at.run(wordsOf(spec, 'raw')))).toStartWith('exit 0')
    const ledger = await at.contents.ledger({
      market: 'spot',
      dataset: 'trades',
      symbol: 'JUMPUSDT',
      period: null,
    })
    expect(ledger.find(({ verdict }) => verdict === 'no-trades')).toMatchObject({
      firstId: String(after + 1),
      lastId: String(after + 5),
    })
    const span = { startMs: nowMs - 2 * HOUR_MS, endMs: lastMinuteMs + MINUTE_MS }
    expect(await lacking(at, spec, 'raw', span)).toEqual([])
    expect(pagesOf(await at.run(wordsOf(spec, 'raw')))).toBe(0)
  })

  test.each(kinds)('%s: of a symbol that was delisted nothing more is asked for', async (kind) => {
    const endsAtMs = nowMs - 5 * HOUR_MS
    const spec = traded('OVERUSDT', 1, { status: 'BREAK', endsAtMs })
    const exchange = await exchangeOf(spec)
    const at = await bench(exchange)
    const startMs = nowMs - 10 * HOUR_MS
    const words = wordsOf(spec, kind, '--start', isoTime(startMs))
    expect(tail(await at.run(words))).toStartWith('exit 0')
    expect(await lacking(at, spec, kind, { startMs, endMs: nowMs })).toEqual([])
    for (const laterMs of [0, 3 * HOUR_MS]) {
      await exchange.setNowMs(nowMs + laterMs)
      const again = await at.run(words)
      expect(tail(again)).toStartWith('exit 0')
      expect(pagesOf(again)).toBe(0)
    }
  })
})
