// Trades and rates of a made-up market in memory, as REST would answer them: by time or by id, in pages, with
// ids that jump and invalid records that are left out and named.
import type { Dataset, Rows } from '../../src/core/dataset.ts'
import type { SourceName } from '../../src/core/ledger.ts'
import type { Series } from '../../src/core/series.ts'
import type { Answer, Source } from '../../src/core/source.ts'
import type { Span } from '../../src/core/span.ts'
import { judge } from '../../src/core/verify.ts'
import type { Chance } from './chance.ts'
import { type Row, rate, toRows } from './pages.ts'

/** A record of the exchange: a trade, an invalid one (which has only its id), or a rate. */
export type Tick = { readonly id: bigint; readonly timeMs: number; readonly invalid?: true }

export type TickSource = { readonly source: Source; pages(): number }

export type TickSourceOptions = {
  readonly dataset: Dataset
  readonly ticks: readonly Tick[]
  readonly pageRows: number
  readonly name: SourceName
  nowMs(): number
  /** Runs before each answer: it may wait, or throw what the exchange client would throw. */
  before(): Promise<void>
}

/** Ticks as a source of pages. */
export function tickSource(options: TickSourceOptions): TickSource {
  const { dataset, name, nowMs, pageRows, ticks } = options
  let pages = 0
  const source: Source = {
    name,
    page: () => ({ rows: pageRows, weight: 2 }),
    nowMs,
    async fetch(series, window): Promise<Answer> {
      pages += 1
      await options.before()
      const { fromId, limit, span } = window
      const servedAtMs = nowMs()
      const known = ticks.filter(({ timeMs }) => timeMs <= servedAtMs)
      const found = known
        .filter(({ id, timeMs }) =>
          fromId === undefined ? timeMs >= span.startMs && timeMs < span.endMs : id >= BigInt(fromId),
        )
        .slice(0, limit)
      const rows = tickRows(dataset, series, found)
      judge(dataset, dataset.table(series), window, rows)
      const invalid = found.filter((tick) => tick.invalid)
      const skippedIds = invalid.map(({ id }) => `${id}`)
      const skippedTimesMs = invalid.map(({ timeMs }) => timeMs)
      return { rows, servedAtMs, ...(dataset.order === 'id' ? { skippedIds, skippedTimesMs } : {}) }
    },
  }
  return { source, pages: () => pages }
}

/** The rows that a store must hold of ticks. */
export function tickRows(dataset: Dataset, series: Series, ticks: readonly Tick[]): Rows {
  const valid = ticks.filter(({ invalid }) => !invalid)
  const record = dataset.order === 'id' ? aggregate : ({ timeMs }: Tick): Row => rate(timeMs)
  return toRows(dataset.table(series), valid.map(record))
}

function aggregate({ id, timeMs }: Tick): Row {
  return {
    agg_trade_id: `${id}`,
    price: `${id}.5`,
    quantity: '1',
    first_trade_id: `${id}`,
    last_trade_id: `${id}`,
    trade_time: timeMs,
    is_buyer_maker: Number(id % 2n),
  }
}

/** Trades of a span: some share a millisecond, some ids nobody has, some records are invalid. */
export function randomTrades(chance: Chance, span: Span, count: number): Tick[] {
  const ticks: Tick[] = []
  const step = Math.max(1, Math.floor((2 * (span.endMs - span.startMs)) / count))
  let id = BigInt(chance.one([1, 1_000, 9_007_199_254_740_991]))
  for (let timeMs = span.startMs; ticks.length < count && timeMs < span.endMs; ) {
    const invalid = ticks.length > 0 && chance.happens(0.03)
    ticks.push({ id, timeMs, ...(invalid ? { invalid: true } : {}) })
    id += chance.happens(0.03) ? BigInt(chance.whole(2, 6)) : 1n
    timeMs += chance.happens(0.3) ? 0 : chance.whole(1, step)
  }
  return ticks
}

/** Rates of a span: every eight, four or one hours, some milliseconds late. */
export function randomRates(chance: Chance, span: Span): Tick[] {
  const HOUR_MS = 3_600_000
  const ticks: Tick[] = []
  for (let timeMs = span.startMs; timeMs < span.endMs; ) {
    ticks.push({ id: BigInt(ticks.length), timeMs: timeMs + chance.whole(0, 47) })
    timeMs += chance.one([8, 8, 8, 4, 4, 1]) * HOUR_MS
  }
  return ticks
}
