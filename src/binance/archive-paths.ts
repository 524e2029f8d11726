// Where the archives are: the key of the file of a series and a date, and back (reference 8.2). Files of
// klines lie in a folder of their period and do not say what kind of kline they are, so the folder counts.
import type { ArchiveFile } from '../core/archive.ts'
import { DAY_MS } from '../core/calendar.ts'
import type { Market, Period, Series } from '../core/series.ts'
import type { Span } from '../core/span.ts'

export type ArchiveUnit = ArchiveFile['unit']

const marketFolders: Readonly<Record<Market, string>> = {
  spot: 'spot',
  um: 'futures/um',
  cm: 'futures/cm',
}
const unitFolders: Readonly<Record<ArchiveUnit, string>> = { month: 'monthly', day: 'daily' }

const ZIP = '.zip'
const CHECKSUM = '.CHECKSUM'

/** A month is `1mo` in paths, since some file systems do not tell 1m from 1M. */
const periodName = (period: Period): string => (period === '1M' ? '1mo' : period)

/** `data/spot/monthly/klines/`: what the folders of the symbols lie in. */
export function symbolsPrefix(market: Market, folder: string, unit: ArchiveUnit): string {
  return `data/${marketFolders[market]}/${unitFolders[unit]}/${folder}/`
}

/** What the keys of all files of a series and unit begin with, up to the date. */
export function filePrefix(series: Series, folder: string, unit: ArchiveUnit): string {
  const { market, symbol, period } = series
  const parent = `${symbolsPrefix(market, folder, unit)}${symbol}/`
  if (period === null) return `${parent}${symbol}-${folder}-`
  return `${parent}${periodName(period)}/${symbol}-${periodName(period)}-`
}

/** The folder that a key or the beginning of one is in, with its slash. */
export function folderOf(key: string): string {
  return key.slice(0, key.lastIndexOf('/') + 1)
}

/** `2024-01` or `2024-01-31`: the month or day, UTC, that `timeMs` lies in. */
export function dateText(unit: ArchiveUnit, timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, unit === 'month' ? 7 : 10)
}

/** The key of the file of the month or day that `timeMs` lies in. */
export function archiveKey(series: Series, folder: string, unit: ArchiveUnit, timeMs: number): string {
  return `${filePrefix(series, folder, unit)}${dateText(unit, timeMs)}${ZIP}`
}

export function checksumKey(key: string): string {
  return `${key}${CHECKSUM}`
}

/** The name of the file without its folder: `BTCUSDT-1m-2024-01.zip`. */
export function fileName(key: string): string {
  return key.slice(key.lastIndexOf('/') + 1)
}

const datePattern = /^(\d{4})-(\d{2})(?:-(\d{2}))?$/

/** The month or day that a text names, or null. */
function parseDate(unit: ArchiveUnit, text: string): Span | null {
  const match = datePattern.exec(text)
  if (!match || (match[3] === undefined) !== (unit === 'month')) return null
  const [year, month, day] = [Number(match[1]), Number(match[2]) - 1, Number(match[3] ?? 1)]
  const startMs = Date.UTC(year, month, day)
  // A 31st of February is another day to Date.
  if (dateText(unit, startMs) !== text) return null
  return { startMs, endMs: unit === 'month' ? Date.UTC(year, month + 1) : startMs + DAY_MS }
}

/**
 * The month or day of the zip `key`, whose keys begin with `prefix` (of filePrefix); null for anything else
 * that may lie in the folder.
 */
export function parseKey(key: string, prefix: string, unit: ArchiveUnit): Span | null {
  if (!key.startsWith(prefix) || !key.endsWith(ZIP)) return null
  return parseDate(unit, key.slice(prefix.length, -ZIP.length))
}

/** A key as the path of a URL: symbols may be in any script (reference 11). */
export function encodeKey(key: string): string {
  return key.split('/').map(encodeURIComponent).join('/')
}
