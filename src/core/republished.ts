// Which of the archives that were taken in are other ones now: the exchange corrects old files (reference
// 8.7), and the checksum beside each says so.
import { MalformedError, RefusedError } from '../errors.ts'
import type { ArchiveFile, ArchiveRecord, ArchiveSource } from './archive.ts'
import { advance } from './calendar.ts'

export type Comparison = {
  readonly archives: Pick<ArchiveSource, 'checksum'>
  /** The archives of a series that were taken in. */
  readonly records: readonly ArchiveRecord[]
  /** Checksums in flight. */
  readonly workers: number
  readonly signal: AbortSignal
}

/** An archive that is another one now; `sha256` is null where it has no good checksum any more. */
export type Republished = {
  readonly record: ArchiveRecord
  readonly file: ArchiveFile
  readonly sha256: string | null
  /** Why there is no checksum; '' where there is one. */
  readonly problem: string
}

/**
 * The archives whose checksum is not the remembered one, in order of their spans, at one request for each
 * record. Throws UnavailableError, UserError, StoppedError.
 */
export async function republishedOf(comparison: Comparison): Promise<Republished[]> {
  const { records, signal, workers } = comparison
  const found: Republished[] = []
  const queue = [...records]
  const work = async (): Promise<void> => {
    for (let record = queue.shift(); record; record = queue.shift()) {
      signal.throwIfAborted()
      const one = await compare(comparison, record)
      if (one) found.push(one)
    }
  }
  await Promise.all(Array.from({ length: workers }, () => work()))
  return found.sort((a, b) => a.file.span.startMs - b.file.span.startMs)
}

async function compare({ archives }: Comparison, record: ArchiveRecord): Promise<Republished | null> {
  const file = fileOf(record)
  try {
    const sha256 = await archives.checksum(file)
    return sha256 === record.sha256 ? null : { record, file, sha256, problem: '' }
  } catch (error) {
    if (!(error instanceof RefusedError || error instanceof MalformedError)) throw error
    return { record, file, sha256: null, problem: error.message }
  }
}

/** The file that a record is of: its name ends in a month or a day. Throws where it does not: a defect. */
export function fileOf({ name, bytes }: Pick<ArchiveRecord, 'name' | 'bytes'>): ArchiveFile {
  const [, year, month, day] = /-(\d{4})-(\d{2})(?:-(\d{2}))?\.zip$/.exec(name) ?? []
  if (year === undefined || month === undefined) throw new Error(`no archive of a month or a day: ${name}`)
  const startMs = Date.UTC(Number(year), Number(month) - 1, Number(day ?? 1))
  const endMs = advance(day === undefined ? '1M' : '1d', startMs, 1)
  return { key: name, unit: day === undefined ? 'month' : 'day', span: { startMs, endMs }, bytes }
}
