// What can lie in the bulk archives and how it is called (reference 8.2): one folder a symbol (and period) of
// a dataset, in it one zip a day or a month, beside each its CHECKSUM. Names only: which of them are there at
// a time is told by archive-shelf.ts.
import { advance, floorToPeriod } from '../../src/core/calendar.ts'
import { type DatasetName, datasetNames, type Market, type Period, periods } from '../../src/core/series.ts'
import type { Span } from '../../src/core/span.ts'
import { hasFundingRates, hasTrades } from './archive-csv-trades.ts'
import { feedOf, liveTime, type SymbolSpec, spanAfter } from './symbol-spec.ts'

export type Frequency = 'daily' | 'monthly'

/** A folder that holds files and no further folder. */
export type ArchiveFolder = {
  /** From `data/` on, with a slash at the end. */
  readonly path: string
  /** What every file name in it begins with: `BTCUSDT-1m-`. */
  readonly stem: string
  readonly spec: SymbolSpec
  readonly dataset: DatasetName
  readonly period: Period | null
  readonly frequency: Frequency
}

export type ArchiveFile = {
  readonly folder: ArchiveFolder
  /** The key of the zip: folder, stem, date, `.zip`. */
  readonly key: string
  /** The day or month of its date. */
  readonly span: Span
  /** What of it has rows: ends where trading ended. */
  readonly rows: Span
}

type Naming = {
  readonly folder: string
  readonly frequencies: readonly Frequency[]
  readonly markets: readonly Market[]
  readonly periodic: boolean
  /** Klines of all kinds are named by symbol and period alone, the others by the dataset too. */
  readonly inName: boolean
}

const both: readonly Frequency[] = ['daily', 'monthly']
const futures: readonly Market[] = ['um', 'cm']
const all: readonly Market[] = ['spot', 'um', 'cm']
const candles = (folder: string, markets: readonly Market[]): Naming => ({
  folder,
  frequencies: both,
  markets,
  periodic: true,
  inName: false,
})
const ticks = (folder: string): Naming => ({
  folder,
  frequencies: both,
  markets: all,
  periodic: false,
  inName: true,
})

const namings: Readonly<Record<DatasetName, Naming>> = {
  klines: candles('klines', all),
  'mark-price-klines': candles('markPriceKlines', futures),
  'index-price-klines': candles('indexPriceKlines', futures),
  'premium-index-klines': candles('premiumIndexKlines', futures),
  trades: ticks('trades'),
  'agg-trades': ticks('aggTrades'),
  funding: { ...ticks('fundingRate'), frequencies: ['monthly'], markets: futures },
}

const roots = { spot: 'data/spot', um: 'data/futures/um', cm: 'data/futures/cm' } as const
/** Daily files end at 1d; seconds are for spot alone. */
const monthlyOnly: ReadonlySet<Period | null> = new Set<Period | null>(['3d', '1w', '1M'])
/** Months are written so that file systems without upper case tell them from minutes. */
const periodName = (period: Period): string => (period === '1M' ? '1mo' : period)

/**
 * The name under which a dataset of a symbol is filed, or null where it is not: on COIN-M index prices stand
 * under the pair, and only perpetual contracts have premium indexes.
 */
function filedAs(spec: SymbolSpec, dataset: DatasetName): string | null {
  if (spec.market !== 'cm') return spec.symbol
  if (dataset === 'index-price-klines') return spec.symbol.split('_')[0] ?? spec.symbol
  const perpetualOnly = dataset === 'premium-index-klines' || dataset === 'funding'
  return perpetualOnly && !spec.symbol.endsWith('_PERP') ? null : spec.symbol
}

function periodsOf(market: Market, naming: Naming, frequency: Frequency): readonly (Period | null)[] {
  if (!naming.periodic) return [null]
  return periods.filter(
    (period) =>
      (market === 'spot' || period !== '1s') && (frequency === 'monthly' || !monthlyOnly.has(period)),
  )
}

/** The folder of a series, whether anything is in it or not; null for what is never filed. */
export function archiveFolder(
  spec: SymbolSpec,
  dataset: DatasetName,
  period: Period | null,
  frequency: Frequency,
): ArchiveFolder | null {
  const naming = namings[dataset]
  const name = filedAs(spec, dataset)
  const known =
    name !== null &&
    naming.markets.includes(spec.market) &&
    naming.frequencies.includes(frequency) &&
    periodsOf(spec.market, naming, frequency).includes(period)
  if (!known) return null
  const inside = period === null ? name : `${name}/${periodName(period)}`
  const path = `${roots[spec.market]}/${frequency}/${naming.folder}/${inside}/`
  const stem = `${name}-${naming.inName ? naming.folder : periodName(period ?? '1d')}-`
  return { path, stem, spec, dataset, period, frequency }
}

/** The order of a listing: that of the bytes. */
export const compareKeys = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

/** Every folder of the datasets named, in the order of a listing. */
export function archiveFolders(
  specs: readonly SymbolSpec[],
  datasets: readonly DatasetName[] = datasetNames,
): readonly ArchiveFolder[] {
  const byPath = new Map<string, ArchiveFolder>()
  for (const spec of specs) {
    for (const dataset of datasets) {
      for (const frequency of both) {
        for (const period of periodsOf(spec.market, namings[dataset], frequency)) {
          const folder = archiveFolder(spec, dataset, period, frequency)
          // Contracts of one pair share the folder of its index.
          if (folder && !byPath.has(folder.path)) byPath.set(folder.path, folder)
        }
      }
    }
  }
  return [...byPath.values()].sort((a, b) => compareKeys(a.path, b.path))
}

const lengths: Readonly<Record<Frequency, Period>> = { daily: '1d', monthly: '1M' }
const dateLengths: Readonly<Record<Frequency, number>> = { daily: 10, monthly: 7 }

/** The file of a folder whose day or month `timeMs` lies in. */
export function fileAt(folder: ArchiveFolder, timeMs: number): ArchiveFile {
  const startMs = floorToPeriod(lengths[folder.frequency], timeMs)
  const endMs = advance(lengths[folder.frequency], startMs, 1)
  const date = new Date(startMs).toISOString().slice(0, dateLengths[folder.frequency])
  // Futures answer flat candles after the end over REST; nobody files them.
  const rowsEndMs = Math.min(endMs, folder.spec.endsAtMs ?? Infinity)
  return {
    folder,
    key: `${folder.path}${folder.stem}${date}.zip`,
    span: { startMs, endMs },
    rows: { startMs, endMs: rowsEndMs },
  }
}

/** The file of a folder that has this key, or null when the name is none of its. */
export function fileOf(folder: ArchiveFolder, key: string): ArchiveFile | null {
  const date = key.slice(folder.path.length + folder.stem.length, -'.zip'.length)
  const startMs = Date.parse(`${date}${folder.frequency === 'monthly' ? '-01' : ''}T00:00Z`)
  if (Number.isNaN(startMs)) return null
  const file = fileAt(folder, startMs)
  return file.key === key ? file : null
}

/** The files of a folder from that of its first row to that of `lastMs`, oldest first. */
export function* filesOf(folder: ArchiveFolder, lastMs: number): Generator<ArchiveFile> {
  const { spec, period } = folder
  const firstMs = period === null ? spec.listedAtMs : floorToPeriod(period, spec.listedAtMs)
  const endMs = Math.min(lastMs, (spec.endsAtMs ?? Infinity) - 1)
  for (let file = fileAt(folder, firstMs); file.span.startMs <= endMs; ) {
    yield file
    file = fileAt(folder, file.span.endMs)
  }
}

/** Whether no candle of a folder is longer than a day. */
export const isMadeOfDays = (folder: ArchiveFolder): boolean => !monthlyOnly.has(folder.period)

/**
 * When the last candle must have closed to stand in a file that is published at `publishedAtMs`: weeks that
 * reach over the end of a month are left out while they run (binance-public-data, issue 298).
 */
export function finishedRows(file: ArchiveFile, publishedAtMs: number): Span {
  const { period } = file.folder
  if (period === null || isMadeOfDays(file.folder)) return file.rows
  return { ...file.rows, endMs: Math.min(file.rows.endMs, floorToPeriod(period, publishedAtMs)) }
}

/** Whether a folder has rows of `span`; no file is without any. */
export function hasRows(folder: ArchiveFolder, span: Span): boolean {
  const { spec, dataset, period } = folder
  if (span.startMs >= span.endMs) return false
  if (dataset === 'funding') return hasFundingRates(spec, span)
  if (period === null) return hasTrades(spec, span)
  const feed = feedOf(spec)
  const live = liveTime(feed, period)
  const placeMs = floorToPeriod(period, span.startMs)
  const firstMs = placeMs === span.startMs ? placeMs : advance(period, placeMs, 1)
  const next = live[spanAfter(live, firstMs)]
  return next !== undefined && Math.max(firstMs, floorToPeriod(period, next.startMs)) < span.endMs
}
