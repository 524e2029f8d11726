// Every dataset, once: its tables in every store, its flag and its tests follow from this list.
import type { Dataset, Table } from '../core/dataset.ts'
import type { DatasetName } from '../core/series.ts'
import { funding } from './funding.ts'
import { klines } from './klines.ts'
import { indexPriceKlines, markPriceKlines, premiumIndexKlines } from './price-klines.ts'
import { aggTrades, trades } from './trades.ts'

export const datasets: readonly Dataset[] = [
  klines,
  funding,
  aggTrades,
  trades,
  markPriceKlines,
  indexPriceKlines,
  premiumIndexKlines,
]

/** The dataset of that name, or undefined while the program has none. */
export function datasetNamed(name: DatasetName): Dataset | undefined {
  return datasets.find((dataset) => dataset.name === name)
}

/** Every table of every dataset. */
export const allTables: readonly Table[] = datasets.flatMap((dataset) => dataset.tables)
