// A source of candles in memory: what a list of candles, or the rig's market, would answer over REST, with a
// record of what was asked. Its clock is handed in, so that candles close and late ones appear as time moves.
import { decodeArrays } from '../../src/binance/decode.ts'
import { advance } from '../../src/core/calendar.ts'
import type { Rows, Window } from '../../src/core/dataset.ts'
import type { Period, Series } from '../../src/core/series.ts'
import type { Listing, Source } from '../../src/core/source.ts'
import { judge } from '../../src/core/verify.ts'
import { klines, klineWire } from '../../src/datasets/klines.ts'
import { pageBytes, type SymbolSpec } from './market.ts'
import { candle, toRows } from './pages.ts'

/** One request as the source saw it. */
export type Ask = {
  readonly series: Series
  readonly window: Window
  readonly hurried: boolean
  readonly atMs: number
}

export type MemorySource = {
  readonly source: Source
  /** Every request so far, in order. */
  readonly asks: readonly Ask[]
  /** Most requests that were under way at once. */
  mostAtOnce(): number
}

export type MemorySourceOptions = {
  /** The exchange's clock, epoch ms. */
  nowMs(): number
  /** Rows of a page. */
  readonly pageRows: number
  /** The rows of a window as they stand at `nowMs`, unfinished candle included. */
  answer(series: Series, window: Window, nowMs: number): Rows
  /** Runs before each answer: it may wait, or throw what the exchange client would throw. */
  before?(ask: Ask): Promise<void>
}

/** A source that answers from memory. A page costs a weight of 2. */
export function memorySource(options: MemorySourceOptions): MemorySource {
  const asks: Ask[] = []
  let running = 0
  let most = 0
  const source: Source = {
    name: 'rest',
    page: (_series, places) => ({ rows: Math.min(places ?? Infinity, options.pageRows), weight: 2 }),
    nowMs: options.nowMs,
    async fetch(series, window, hurried = false) {
      const ask = { series, window, hurried, atMs: options.nowMs() }
      asks.push(ask)
      running += 1
      most = Math.max(most, running)
      try {
        await options.before?.(ask)
        const servedAtMs = options.nowMs()
        const rows = options.answer(series, window, servedAtMs)
        judge(klines, klines.table(series), window, rows)
        return { rows, servedAtMs }
      } finally {
        running -= 1
      }
    },
  }
  return { source, asks, mostAtOnce: () => most }
}

/**
 * A candle of a list: it closes one period after it opens, and is there at once, unless it says otherwise.
 */
export type ListedCandle = {
  readonly openMs: number
  readonly closeMs?: number
  /** When the exchange begins to show it, epoch ms. */
  readonly shownMs?: number
}

/** Answers from a list of candles, ascending: the oldest of a window, or the newest as COIN-M does. */
export function fromList(
  candles: readonly ListedCandle[],
  period: Period,
  newest = false,
): MemorySourceOptions['answer'] {
  return (series, { span, limit }, nowMs) => {
    const found = candles
      .filter(({ openMs, shownMs = 0 }) => openMs >= span.startMs && openMs < span.endMs && shownMs <= nowMs)
      .filter(({ openMs }) => openMs <= nowMs)
      .slice(...(newest ? [-limit] : [0, limit]))
    const records = found.map(({ openMs, closeMs = advance(period, openMs, 1) - 1 }) =>
      candle(openMs, { close_time: closeMs }),
    )
    return toRows(klines.table(series), records)
  }
}

/** Answers from the rig's market, through the real decoder. */
export function fromMarket(specs: readonly SymbolSpec[]): MemorySourceOptions['answer'] {
  return (series, { span, limit }, nowMs) => {
    const spec = specs.find(({ symbol }) => symbol === series.symbol)
    if (!spec || series.period === null) throw new Error(`the market has no ${series.symbol}`)
    const wanted = { startMs: span.startMs, lastMs: span.endMs - 1, limit, newest: false }
    const { body } = pageBytes(spec, series.period, wanted, nowMs)
    return decodeArrays(body, klines.table(series).columns, klineWire)
  }
}

/** What the exchange says of a symbol that trades on spot; `facts` say otherwise. */
export function listing(symbol: string, facts: Partial<Listing> = {}): Listing {
  const trading = facts.trading ?? true
  return {
    symbol,
    trading,
    status: trading ? 'TRADING' : 'BREAK',
    base: symbol.slice(0, 3),
    quote: 'USDT',
    listedAtMs: null,
    endsAtMs: null,
    ...facts,
  }
}
