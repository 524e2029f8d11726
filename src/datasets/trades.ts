// Trades: each by itself (`trades`), and those of one order at one price as one (`agg-trades`). Ids run on,
// so they tell whether any is missing; a time may be shared by many.
import type { Column, Dataset, Flaw, Rows, Table } from '../core/dataset.ts'
import { comparison, negativity } from '../core/row-comparison.ts'
import type { Market } from '../core/series.ts'

const tradeTable: Table = {
  name: 'trades',
  dataset: 'trades',
  period: null,
  columns: [
    { name: 'trade_id', kind: 'id' },
    { name: 'price', kind: 'decimal' },
    { name: 'quantity', kind: 'decimal' },
    // Spot and USD-M send the quote quantity, COIN-M the base quantity instead (reference 5).
    { name: 'quote_quantity', kind: 'decimal', nullable: true },
    { name: 'base_quantity', kind: 'decimal', nullable: true },
    { name: 'trade_time', kind: 'time' },
    { name: 'is_buyer_maker', kind: 'flag' },
  ],
  keyLength: 1,
  timeColumn: 5,
}

const aggTradeColumns: readonly Column[] = [
  { name: 'agg_trade_id', kind: 'id' },
  { name: 'price', kind: 'decimal' },
  { name: 'quantity', kind: 'decimal' },
  { name: 'first_trade_id', kind: 'id' },
  { name: 'last_trade_id', kind: 'id' },
  { name: 'trade_time', kind: 'time' },
  { name: 'is_buyer_maker', kind: 'flag' },
]

const aggTradeTable: Table = {
  name: 'agg_trades',
  dataset: 'agg-trades',
  period: null,
  columns: aggTradeColumns,
  keyLength: 1,
  timeColumn: 5,
}

type Query = Dataset['query']

/** By id where one is given: bounds on the time must not be mixed with it (reference 4). */
const byIdOrTime: Query = ({ symbol }, { span, limit, fromId }): Record<string, string> => {
  if (fromId !== undefined) return { symbol, fromId, limit: String(limit) }
  const bounds = { startTime: String(span.startMs), endTime: String(span.endMs - 1) }
  return { symbol, ...bounds, limit: String(limit) }
}

/** Single trades cannot be asked for by time: without an id the newest are answered. */
const byId: Query = ({ symbol }, { limit, fromId }): Record<string, string> => {
  if (fromId !== undefined) return { symbol, fromId, limit: String(limit) }
  return { symbol, limit: String(limit) }
}

/** What nobody sends on a market: trades of COIN-M have a base quantity, all others a quote quantity. */
const unsent = (market: Market): Readonly<Record<string, null>> =>
  market === 'cm' ? { quote_quantity: null } : { base_quantity: null }

export const trades: Dataset = {
  name: 'trades',
  markets: ['spot', 'um', 'cm'],
  order: 'id',
  tables: [tradeTable],
  table: () => tradeTable,
  rest: (market: Market) => ({
    kind: 'objects',
    fields: {
      id: 'trade_id',
      price: 'price',
      qty: 'quantity',
      [market === 'cm' ? 'baseQty' : 'quoteQty']: market === 'cm' ? 'base_quantity' : 'quote_quantity',
      time: 'trade_time',
      isBuyerMaker: 'is_buyer_maker',
    },
    fill: unsent(market),
  }),
  query: byId,
  flaw: tradeFlaw,
  archive: (market) => {
    const own = market === 'cm' ? 'base_quantity' : 'quote_quantity'
    const columns = ['trade_id', 'price', 'quantity', own, 'trade_time', 'is_buyer_maker']
    // Spot tells of the best match too.
    return {
      folder: 'trades',
      columns: market === 'spot' ? [...columns, null] : columns,
      fill: unsent(market),
      daily: () => true,
    }
  },
}

export const aggTrades: Dataset = {
  name: 'agg-trades',
  markets: ['spot', 'um', 'cm'],
  order: 'id',
  tables: [aggTradeTable],
  table: () => aggTradeTable,
  rest: () => ({
    kind: 'objects',
    fields: {
      a: 'agg_trade_id',
      p: 'price',
      q: 'quantity',
      f: 'first_trade_id',
      l: 'last_trade_id',
      T: 'trade_time',
      m: 'is_buyer_maker',
    },
    fill: {},
  }),
  query: byIdOrTime,
  flaw: aggTradeFlaw,
  archive: (market) => {
    const columns = aggTradeColumns.map((column) => column.name)
    const all = market === 'spot' ? [...columns, null] : columns
    return { folder: 'aggTrades', columns: all, fill: {}, daily: () => true }
  },
  // Records that the audit of 2022 found invalid keep their id and lose all else (reference 3.2): a price of
  // zero would poison every minimum.
  invalid: (rows, row) => rows.columns[FIRST]?.[row] === '-1' && rows.columns[LAST]?.[row] === '-1',
}

const [ID, PRICE, FIRST, LAST] = [0, 1, 3, 4] as const

/** What no trade can be: one without an id, or at a negative price. */
function tradeFlaw(rows: Rows): Flaw | null {
  const [idIsNegative, priceIsNegative] = [negativity(rows, ID), negativity(rows, PRICE)]
  for (let row = 0; row < rows.count; row += 1) {
    if (idIsNegative(row)) return { row, problem: 'a negative id' }
    if (priceIsNegative(row)) return { row, problem: 'a negative price' }
  }
  return null
}

/** The same of an aggregate, whose trades end where or after they begin. */
function aggTradeFlaw(rows: Rows): Flaw | null {
  const flaw = tradeFlaw(rows)
  if (flaw) return flaw
  const [firstIsNegative, firstToLast] = [negativity(rows, FIRST), comparison(rows, FIRST, LAST)]
  for (let row = 0; row < rows.count; row += 1) {
    if (firstIsNegative(row)) return { row, problem: 'a negative id of its first trade' }
    if (firstToLast(row) > 0) return { row, problem: 'its first trade comes after its last' }
  }
  return null
}
