// What the archives owe: which files there are of a series, and the rows of one, piece by piece, so that a
// month of trades needs no more memory than a day. Nothing of a file is handed out before its checksum
// agreed.
import type { Rows } from './dataset.ts'
import type { DatasetName, Market, Series } from './series.ts'
import type { Span } from './span.ts'

/**
 * Rows of one piece, at most. A piece ends earlier where its bytes fill their block. No store's batch is so
 * small that a piece, and what is left of the one before it, would be cut: what is cut has to be copied.
 */
export const ARCHIVE_PIECE_ROWS = 8_000

export type ArchiveFile = {
  /** `data/spot/monthly/klines/BTCUSDT/1m/BTCUSDT-1m-2024-01.zip`, not percent-encoded. */
  readonly key: string
  readonly unit: 'month' | 'day'
  /** The whole month or day, UTC. */
  readonly span: Span
  /** The size of the zip, by the listing. */
  readonly bytes: number
}

/**
 * Rows of one archive, at most ARCHIVE_PIECE_ROWS of them, in the order of their key, each key once. Pieces
 * of one file may overlap: some old files interleave two halves of their month (reference 8.7).
 */
export type ArchivePiece = {
  readonly rows: Rows
  /** The ids of invalid records that were left out. */
  readonly skippedIds: readonly string[]
  /** Their times, in the same order, epoch ms. */
  readonly skippedTimesMs: readonly number[]
}

export type OpenArchive = {
  readonly file: ArchiveFile
  /** Of the zip, as its .CHECKSUM says. */
  readonly sha256: string
  /**
   * The rows, once. Throws MalformedError for a file that is not what it should be, wherever that shows:
   * what was handed out before is not to be trusted either. StoppedError when told to stop.
   */
  pieces(): AsyncGenerator<ArchivePiece, void, undefined>
  /** Gives memory or the temporary file back. May be called again, and before all pieces are taken. */
  close(): Promise<void>
}

export type ArchiveSource = {
  readonly name: 'archive'
  /**
   * The files of a series that are published and overlap `span`: days and months, in the order of their
   * keys. Empty for a dataset without archives. Throws UnavailableError, UserError or StoppedError.
   */
  list(series: Series, span: Span): Promise<readonly ArchiveFile[]>
  /** The sha256 that the exchange says the file has now. Throws as `open` does. */
  checksum(file: ArchiveFile): Promise<string>
  /**
   * Downloads a file, compares it with its .CHECKSUM (and once more where they differ), and opens the zip.
   * Throws RefusedError where the file is not there or not what its checksum says, MalformedError where the
   * zip is no good, UnavailableError where the host is out of reach, UserError or DiskFullError where there
   * is no place for a large file, StoppedError.
   */
  open(series: Series, file: ArchiveFile): Promise<OpenArchive>
  /**
   * The names of all symbols (pairs, for index prices) that have archives of `dataset` on `market`, sorted:
   * delisted ones too. Throws as `list` does.
   */
  symbols(market: Market, dataset: DatasetName): Promise<readonly string[]>
  /** What was asked for so far: requests in all, zips downloaded whole, and their bytes. */
  spent(): { readonly requests: number; readonly archives: number; readonly bytes: number }
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
