// Rows and pages for the contract suite, written as one object a row, and two made-up tables in the shapes of
// trades and funding rates, so that ids, flags and nulls are held before those datasets exist.

import type { ArchiveRecord } from '../../src/core/archive.ts'
import { advance } from '../../src/core/calendar.ts'
import type { Rows, Table, Value } from '../../src/core/dataset.ts'
import { type LedgerRow, ledgerRow, type SourceName } from '../../src/core/ledger.ts'
import type { Series } from '../../src/core/series.ts'
import type { Page } from '../../src/core/store.ts'
import { allTables } from '../../src/datasets/all.ts'
import { klines } from '../../src/datasets/klines.ts'

/** A row by the names of its columns; what is not named is null. */
export type Row = Readonly<Record<string, Value>>

export const MINUTE_MS = 60_000
/** 2024-02-29T00:00:00Z, the day most cases are set in. */
export const DAY_0_MS = Date.UTC(2024, 1, 29)
/** When the pages of the cases were fetched, unless they say otherwise. */
export const FETCHED_MS = Date.UTC(2024, 2, 1, 12, 0, 0, 123)

/** Keyed by an id, placed by a time that is not in the key, with a flag and decimals that may be null. */
export const tradesLike: Table = {
  name: 'contract_trades',
  dataset: 'trades',
  period: null,
  columns: [
    { name: 'trade_id', kind: 'id' },
    { name: 'price', kind: 'decimal' },
    { name: 'quantity', kind: 'decimal' },
    { name: 'quote_quantity', kind: 'decimal', nullable: true },
    { name: 'base_quantity', kind: 'decimal', nullable: true },
    { name: 'trade_time', kind: 'time' },
    { name: 'is_buyer_maker', kind: 'flag' },
  ],
  keyLength: 1,
  timeColumn: 5,
}

/** Keyed by a time and a text. */
export const fundingLike: Table = {
  name: 'contract_funding',
  dataset: 'funding',
  period: null,
  columns: [
    { name: 'funding_time', kind: 'time' },
    { name: 'rate_type', kind: 'text' },
    { name: 'funding_rate', kind: 'decimal' },
    { name: 'mark_price', kind: 'decimal', nullable: true },
  ],
  keyLength: 2,
  timeColumn: 0,
}

/** Every table that the suite prepares. */
export const contractTables: readonly Table[] = [...allTables, tradesLike, fundingLike]

/** The table of a series, the made-up ones for trades and funding rates. */
export function tableOf(series: Series): Table {
  if (series.dataset === 'trades') return tradesLike
  if (series.dataset === 'funding') return fundingLike
  return klines.table(series)
}

/** A series of one-minute spot klines, unless `facts` say otherwise. */
export function klineSeries(symbol: string, facts: Partial<Series> = {}): Series {
  return { market: 'spot', dataset: 'klines', symbol, period: '1m', ...facts }
}

export function tradeSeries(symbol: string): Series {
  return { market: 'spot', dataset: 'trades', symbol, period: null }
}

export function fundingSeries(symbol: string): Series {
  return { market: 'um', dataset: 'funding', symbol, period: null }
}

/** A candle that opens at `openMs`, with values that differ from candle to candle. */
export function candle(openMs: number, facts: Row = {}): Row {
  const place = Math.floor(openMs / MINUTE_MS) % 100_000
  return {
    open_time: openMs,
    close_time: openMs + MINUTE_MS - 1,
    open_price: `${place}.5`,
    high_price: `${place + 2}.00000001`,
    low_price: `${place}`,
    close_price: `${place + 1}.12345678`,
    volume: `0.${1 + (place % 9)}`,
    quote_asset_volume: `${place + 1}000000.000001`,
    number_of_trades: place,
    taker_buy_base_asset_volume: '0',
    taker_buy_quote_asset_volume: '0.00000001',
    ...facts,
  }
}

/** `count` candles of one minute from `startMs` on. */
export function candles(startMs: number, count: number): Row[] {
  return Array.from({ length: count }, (_, i) => candle(startMs + i * MINUTE_MS))
}

export function trade(id: string, timeMs: number, facts: Row = {}): Row {
  return {
    trade_id: id,
    price: '64000.01',
    quantity: '0.001',
    quote_quantity: '64.00001',
    base_quantity: null,
    trade_time: timeMs,
    is_buyer_maker: 1,
    ...facts,
  }
}

export function rate(timeMs: number, facts: Row = {}): Row {
  return {
    funding_time: timeMs,
    rate_type: 'Regular',
    funding_rate: '-0.00012345',
    mark_price: '1.5',
    ...facts,
  }
}

/** `records` column by column, in the order of the table. */
export function toRows(table: Table, records: readonly Row[]): Rows {
  const columns = table.columns.map(({ name }) => records.map((record) => record[name] ?? null))
  return { count: records.length, columns }
}

/** The rows of a page, one object a row. */
export function toRecords(table: Table, rows: Rows): Row[] {
  return Array.from({ length: rows.count }, (_, i) =>
    Object.fromEntries(table.columns.map(({ name }, column) => [name, rows.columns[column]?.[i] ?? null])),
  )
}

export type PageFacts = {
  readonly token?: number
  readonly source?: SourceName
  readonly extractedAtMs?: number
  readonly ledger?: readonly LedgerRow[]
  readonly fresh?: boolean
  readonly archives?: readonly ArchiveRecord[]
}

/**
 * A page of a series from REST, fetched at FETCHED_MS, not fresh, that settles the span from its first row to
 * the end of its last one; `facts` say otherwise.
 */
export function page(series: Series, records: readonly Row[], facts: PageFacts = {}): Page {
  const table = tableOf(series)
  const { source = 'rest', extractedAtMs = FETCHED_MS, fresh = false } = facts
  const rows = toRows(table, records)
  const ledger = facts.ledger ?? settled(series, rows, source, extractedAtMs)
  const archives = facts.archives && { archives: facts.archives }
  const under = facts.token === undefined ? {} : { token: facts.token }
  return { series, table, rows, source, extractedAtMs, ledger, fresh, ...archives, ...under }
}

function settled(series: Series, rows: Rows, source: SourceName, checkedAtMs: number): LedgerRow[] {
  const timesMs = (rows.columns[tableOf(series).timeColumn] ?? []).map(Number)
  const lastMs = timesMs.at(-1)
  if (timesMs[0] === undefined || lastMs === undefined) return []
  const endMs = series.period === null ? lastMs + 1 : advance(series.period, lastMs, 1)
  return [ledgerRow({ startMs: timesMs[0], endMs }, 'rows', { rows: rows.count, source, checkedAtMs })]
}
