// What verify says of archives that were published anew since their rows were taken in, or that are gone.
import { type Comparison, republishedOf } from '../republished.ts'
import type { Series } from '../series.ts'
import type { VerifyFinding } from './findings.ts'

export type ArchiveCheck = Comparison & { readonly series: Series }

/** A note for each archive that is another one now. Throws UnavailableError, UserError, StoppedError. */
export async function republished(check: ArchiveCheck): Promise<VerifyFinding[]> {
  const found = await republishedOf(check)
  return found.map(({ record, file, sha256, problem }) => ({
    series: check.series,
    span: file.span,
    check: 'archive',
    severity: 'note',
    repaired: false,
    stored: `${record.name.split('/').at(-1)} with sha256 ${record.sha256}`,
    expected:
      sha256 === null
        ? `a checksum, but ${problem}`
        : `sha256 ${sha256}: published anew; --refresh takes it in`,
  }))
}
