// Archives of candles in memory: months and days of a list of candles, in small pieces, with faults by file.
// What was listed and opened is on record.
import type { ArchiveFile, ArchivePiece, ArchiveSource } from '../../src/core/archive.ts'
import { advance, DAY_MS, floorToPeriod } from '../../src/core/calendar.ts'
import type { Rows } from '../../src/core/dataset.ts'
import { seriesKey } from '../../src/core/series.ts'
import { isoTime, type Span } from '../../src/core/span.ts'
import { klines } from '../../src/datasets/klines.ts'
import { MalformedError, RefusedError } from '../../src/errors.ts'
import { candle, klineSeries, toRows } from './pages.ts'

/**
 * hidden: not published. gone: listed, but not there. garbled: a piece in the middle is refused. unsorted:
 * the halves of the file come in turns.
 */
export type MemoryArchiveFault = 'hidden' | 'gone' | 'garbled' | 'unsorted'

export type MemoryArchivesOptions = {
  /** When candles open, epoch ms, ascending; each has the length of `period`. */
  readonly opensMs: readonly number[]
  readonly period: '1h' | '1m'
  /** Those of them that no file has. */
  readonly lackingMs: ReadonlySet<number>
  /** By the beginning of a file's key: `month 2024-02`, `day 2024-02-03`. */
  readonly faults: ReadonlyMap<string, MemoryArchiveFault>
  /** Files that end later are not published. */
  readonly publishedUntilMs: number
  /** Rows of a piece. */
  readonly pieceRows: number
}

export type MemoryArchives = {
  readonly source: ArchiveSource
  /** The keys of the files that were opened, in order. */
  readonly opened: string[]
  /** How often something was listed. */
  listings(): number
  /** Files that are open now. */
  held(): number
  /** Whether a file is published that should have the candle. */
  isFiled(openMs: number): boolean
}

/** The archives of one series of klines. */
export function memoryArchives(options: MemoryArchivesOptions): MemoryArchives {
  const files = filesOf(options)
  const opened: string[] = []
  let listings = 0
  let held = 0
  const source: ArchiveSource = {
    name: 'archive',
    list: async (_series, span) => {
      listings += 1
      return files.filter((file) => file.span.endMs > span.startMs && file.span.startMs < span.endMs)
    },
    checksum: async (file) => `sha256 of ${file.key}`,
    open: async (series, file) => {
      opened.push(`${seriesKey(series)} ${file.key}`)
      const fault = options.faults.get(file.key)
      if (fault === 'gone') throw new RefusedError(`no ${file.key}: not published`)
      held += 1
      let isOpen = true
      return {
        file,
        sha256: `sha256 of ${file.key}`,
        async *pieces() {
          const all = piecesOf(file, options)
          for (const [i, piece] of all.entries()) {
            await Promise.resolve()
            if (fault === 'garbled' && i === Math.floor(all.length / 2))
              throw new MalformedError(`${file.key}: line ${i} is not what it should be`)
            yield piece
          }
        },
        async close() {
          if (isOpen) held -= 1
          isOpen = false
        },
      }
    },
    symbols: async () => ['A'],
    spent: () => ({ requests: 0, archives: opened.length, bytes: 0 }),
  }
  const isFiled = (openMs: number): boolean =>
    !options.lackingMs.has(openMs) && files.some(({ span }) => openMs >= span.startMs && openMs < span.endMs)
  return { source, opened, listings: () => listings, held: () => held, isFiled }
}

/** The name of a file, by which faults name it too. */
export const memoryKey = (unit: ArchiveFile['unit'], startMs: number): string =>
  `${unit} ${isoTime(startMs).slice(0, unit === 'month' ? 7 : 10)}`

function filesOf({ opensMs, faults, publishedUntilMs }: MemoryArchivesOptions): ArchiveFile[] {
  const found = new Map<string, ArchiveFile>()
  const add = (unit: ArchiveFile['unit'], span: Span): void => {
    const key = memoryKey(unit, span.startMs)
    if (span.endMs <= publishedUntilMs && faults.get(key) !== 'hidden')
      found.set(key, { key, unit, span, bytes: 1 })
  }
  for (const openMs of opensMs) {
    const dayMs = floorToPeriod('1d', openMs)
    const monthMs = floorToPeriod('1M', openMs)
    add('day', { startMs: dayMs, endMs: dayMs + DAY_MS })
    add('month', { startMs: monthMs, endMs: advance('1M', monthMs, 1) })
  }
  return [...found.values()].sort((a, b) => (a.key < b.key ? -1 : 1))
}

function piecesOf(file: ArchiveFile, options: MemoryArchivesOptions): ArchivePiece[] {
  const { lackingMs, faults, opensMs, period, pieceRows } = options
  const own = opensMs.filter(
    (openMs) => openMs >= file.span.startMs && openMs < file.span.endMs && !lackingMs.has(openMs),
  )
  const half = Math.ceil(own.length / 2)
  const order =
    faults.get(file.key) === 'unsorted'
      ? own.slice(0, half).flatMap((openMs, i) => own.slice(half + i, half + i + 1).concat(openMs))
      : own
  const pieces: ArchivePiece[] = []
  for (let from = 0; from < order.length; from += pieceRows) {
    const some = order.slice(from, from + pieceRows).sort((a, b) => a - b)
    pieces.push({ rows: candleRows(some, period), skippedIds: [], skippedTimesMs: [] })
  }
  return pieces
}

/** The rows of candles that open at these times. */
export function candleRows(opensMs: readonly number[], period: '1h' | '1m'): Rows {
  const records = opensMs.map((openMs) => candle(openMs, { close_time: advance(period, openMs, 1) - 1 }))
  return toRows(klines.table(klineSeries('A', { period })), records)
}
