// Funding rates of the futures markets. Their interval changes with time and symbol, and the exchange posts
// them some milliseconds after the hour (reference 10): the time is kept as sent, and no grid is assumed.
import type { Dataset, Flaw, Rows, Table } from '../core/dataset.ts'

const fundingTable: Table = {
  name: 'funding_rates',
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

/** What a rate is that says nothing of its type: older answers, COIN-M, and the archives. */
const fill = { rate_type: 'Regular', mark_price: null } as const

export const funding: Dataset = {
  name: 'funding',
  markets: ['um', 'cm'],
  order: 'time',
  tables: [fundingTable],
  table: () => fundingTable,
  rest: () => ({
    kind: 'objects',
    fields: {
      fundingTime: 'funding_time',
      rateType: 'rate_type',
      fundingRate: 'funding_rate',
      markPrice: 'mark_price',
    },
    fill,
  }),
  query: (series, { span, limit }) => ({
    symbol: series.symbol,
    startTime: String(span.startMs),
    endTime: String(span.endMs - 1),
    limit: String(limit),
  }),
  flaw: fundingFlaw,
  // Its interval is told by the times themselves; the file has no mark price.
  archive: () => ({
    folder: 'fundingRate',
    columns: ['funding_time', null, 'funding_rate'],
    fill,
    daily: () => false,
  }),
}

const [TIME, TYPE] = [0, 1] as const
const types: readonly unknown[] = ['Regular', 'Special']

/** What no rate can be: one of an unknown type. */
function fundingFlaw(rows: Rows): Flaw | null {
  for (let row = 0; row < rows.count; row += 1) {
    const type = rows.columns[TYPE]?.[row]
    if (!types.includes(type)) return { row, problem: `an unknown type of rate: ${JSON.stringify(type)}` }
    if (!(Number(rows.columns[TIME]?.[row]) > 0)) return { row, problem: 'a funding time before 1970' }
  }
  return null
}
