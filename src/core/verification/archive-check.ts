// Which archives were published anew since their rows were taken in: the exchange corrects old files
// (reference 8.7), and the checksum beside each says so.
import { MalformedError, RefusedError } from '../../errors.ts'
import type { ArchiveFile, ArchiveRecord, ArchiveSource } from '../archive.ts'
import { advance } from '../calendar.ts'
import type { Series } from '../series.ts'
import type { VerifyFinding } from './findings.ts'

export type ArchiveCheck = {
  readonly archives: Pick<ArchiveSource, 'checksum'>
  readonly series: Series
  /** The archives of the series that were taken in. */
  readonly records: readonly ArchiveRecord[]
  /** Checksums in flight. */
  readonly workers: number
  readonly signal: AbortSignal
}

/** A note for each archive that is another one now. Throws UnavailableError, UserError, StoppedError. */
export async function republished(check: ArchiveCheck): Promise<VerifyFinding[]> {
  const found: VerifyFinding[] = []
  const queue = [...check.records]
  const work = async (): Promise<void> => {
    for (let record = queue.shift(); record; record = queue.shift()) {
      check.signal.throwIfAborted()
      const finding = await compare(check, record)
      if (finding) found.push(finding)
    }
  }
  await Promise.all(Array.from({ length: check.workers }, () => work()))
  return found.sort((a, b) => a.span.startMs - b.span.startMs)
}

async function compare(
  { archives, series }: ArchiveCheck,
  record: ArchiveRecord,
): Promise<VerifyFinding | null> {
  const file = fileOf(record)
  const note = { series, span: file.span, check: 'archive', severity: 'note', repaired: false } as const
  const stored = `${record.name.split('/').at(-1)} with sha256 ${record.sha256}`
  try {
    const sha256 = await archives.checksum(file)
    if (sha256 === record.sha256) return null
    return { ...note, stored, expected: `sha256 ${sha256}: published anew; --refresh takes it in` }
  } catch (error) {
    if (!(error instanceof RefusedError || error instanceof MalformedError)) throw error
    return { ...note, stored, expected: `a checksum, but ${error.message}` }
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
