// Trades in memory as a source and as archives: what a list of trades would answer over REST, and files of
// them in any order, with a record of what was asked.
import type { ArchiveFile, ArchivePiece, OpenArchive } from '../../src/core/archive.ts'
import { pickRows, type Rows, type Window } from '../../src/core/dataset.ts'
import { compareIds } from '../../src/core/id.ts'
import type { Series } from '../../src/core/series.ts'
import type { Answer, Source } from '../../src/core/source.ts'
import type { Span } from '../../src/core/span.ts'
import { judge, siftInvalid } from '../../src/core/verify.ts'
import { aggTrades } from '../../src/datasets/trades.ts'

export const tradeSeries: Series = { market: 'spot', dataset: 'agg-trades', symbol: 'BTCUSDT', period: null }
export const tradeTable = aggTrades.table(tradeSeries)

/** A trade of a list; `invalid` ones keep their id and their time only. */
export type ListedTrade = { readonly id: string; readonly timeMs: number; readonly invalid?: boolean }

/** Trades as rows of the table. */
export function tradeRows(trades: readonly ListedTrade[]): Rows {
  return {
    count: trades.length,
    columns: [
      trades.map(({ id }) => id),
      trades.map(({ invalid }) => (invalid ? '0' : '1.5')),
      trades.map(({ invalid }) => (invalid ? '0' : '2')),
      trades.map(({ id, invalid }) => (invalid ? '-1' : id)),
      trades.map(({ id, invalid }) => (invalid ? '-1' : id)),
      trades.map(({ timeMs }) => timeMs),
      trades.map(() => 0),
    ],
  }
}

export type TradeSource = { readonly source: Source; readonly asks: readonly Window[] }

/** A source that answers from a list of trades in order of id. */
export function tradeSource(
  trades: readonly ListedTrade[],
  nowMs: number,
  pageRows: number,
  facts: Partial<Source> = {},
): TradeSource {
  const asks: Window[] = []
  const source: Source = {
    name: 'rest',
    page: () => ({ rows: pageRows, weight: 4 }),
    nowMs: () => nowMs,
    async fetch(_series, window): Promise<Answer> {
      asks.push(window)
      const { fromId, limit, span } = window
      const fits = ({ id, timeMs }: ListedTrade): boolean =>
        fromId === undefined ? timeMs >= span.startMs && timeMs < span.endMs : compareIds(id, fromId) >= 0
      const all = tradeRows(trades.filter(fits).slice(0, limit))
      const sifted = siftInvalid(aggTrades, tradeTable, all)
      judge(aggTrades, tradeTable, window, sifted.rows)
      return { ...sifted, servedAtMs: nowMs }
    },
    ...facts,
  }
  return { source, asks }
}

/** An archive of `span` that holds `trades`, in pieces of `pieceRows` in the order given, each sorted. */
export function tradeArchive(span: Span, trades: readonly ListedTrade[], pieceRows: number): OpenArchive {
  const file: ArchiveFile = { key: 'data/spot/daily/aggTrades/x.zip', unit: 'day', span, bytes: 1 }
  return {
    file,
    sha256: '00',
    async *pieces(): AsyncGenerator<ArchivePiece> {
      for (let from = 0; from < trades.length; from += pieceRows) {
        const some = [...trades.slice(from, from + pieceRows)].sort((a, b) => compareIds(a.id, b.id))
        const once = some.filter((trade, i) => trade.id !== some[i - 1]?.id)
        yield siftInvalid(aggTrades, tradeTable, pickRows(tradeRows(once), [...once.keys()]))
      }
    },
    close: async () => undefined,
  }
}
