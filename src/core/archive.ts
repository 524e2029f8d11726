// What the bulk archives owe: which files there are of a series, and the rows of one, checked. A month or a
// day of a series is one file, published once it is over.
import type { Rows } from './dataset.ts'
import type { DatasetName, Market, Series } from './series.ts'
import type { Span } from './span.ts'

export type ArchiveFile = {
  /** data/spot/monthly/klines/…, not percent-encoded. */
  readonly key: string
  readonly unit: 'month' | 'day'
  /** The whole UTC month or day. */
  readonly span: Span
  /** Of the zip, by the listing. */
  readonly bytes: number
}

/** Rows of one archive, in order of their key, each key once. */
export type ArchivePiece = {
  readonly rows: Rows
  /** The ids of invalid records that were left out. */
  readonly skippedIds: readonly string[]
}

/** An archive that is in hand, and whose checksum agreed. */
export type OpenArchive = {
  readonly file: ArchiveFile
  readonly sha256: string
  /** Its rows in the order of the file. Throws MalformedError where the file is not what it should be. */
  pieces(): AsyncGenerator<ArchivePiece>
  close(): Promise<void>
}

export type ArchiveSource = {
  readonly name: 'archive'
  /** What is published of a series and overlaps `span`: months and days, by key. */
  list(series: Series, span: Span): Promise<readonly ArchiveFile[]>
  /** The sha256 that the exchange says the file has now (its .CHECKSUM). */
  checksum(file: ArchiveFile): Promise<string>
  /**
   * Downloads, compares with .CHECKSUM (once more where it differs), opens the zip. Throws RefusedError: bad
   * for good, or not there (404). UnavailableError: host out of reach. UserError: no place for a large file.
   * StoppedError.
   */
  open(series: Series, file: ArchiveFile): Promise<OpenArchive>
  /** Names of all symbols that have archives of this dataset on this market, delisted ones too. */
  symbols(market: Market, dataset: DatasetName): Promise<readonly string[]>
  readonly spent: () => { readonly requests: number; readonly archives: number; readonly bytes: number }
}

/** One bulk archive whose rows were taken in. Its key is series and name. */
export type ArchiveRecord = {
  /** The series' key (core/series.ts). */
  readonly series: string
  /** The file's key. */
  readonly name: string
  readonly sha256: string
  readonly bytes: number
  readonly takenAtMs: number
}
