// What verify finds: what it can find, how much each matters, and a list that keeps a bounded number of
// findings and counts the rest. Errors are for somebody to act on; notes are the unusual that may well be so.
import type { IdRange } from '../id.ts'
import { type Series, seriesKey } from '../series.ts'
import { meet, type Span } from '../span.ts'

export const checkNames = [
  'value',
  'order',
  'rules',
  'day',
  'ids',
  'sum',
  'exchange',
  'archive',
  'flat',
  'zero',
  'close-time',
  'misaligned',
  'times',
  'trade-ids',
  'behind',
] as const
export type CheckName = (typeof checkNames)[number]

export type Severity = 'error' | 'note'

/** One finding about rows of a series. */
export type VerifyFinding = {
  readonly series: Series
  /** The places or times that it is about; it is told by where that begins. */
  readonly span: Span
  readonly check: CheckName
  readonly severity: Severity
  /** What is stored, and what was expected, in words; null where nothing is, or nothing was. */
  readonly stored: string | null
  readonly expected: string | null
  /** Whether the exchange's rows have been put in the place of what was wrong. */
  readonly repaired: boolean
  /** The ids of the trades that it is about, and of those beside what is missing. */
  readonly ids?: IdRange
  /** The series that it was compared with, where that may be the wrong one. */
  readonly partner?: Series
}

/** A finding of a series that its finder need not name. */
export type Found = Pick<VerifyFinding, 'span' | 'check' | 'severity' | 'stored' | 'expected' | 'ids'>

/** Errors and notes that are kept to be listed; the rest is counted. */
export const MOST_ERRORS = 1_000
export const MOST_NOTES = 1_000

/** Notes of one check of one series that are kept, so that a quiet symbol leaves room for others. */
export const MOST_NOTES_ALIKE = 100

/** How often a check has found something in a series, and where first. */
export type FindingCount = {
  readonly series: Series
  readonly check: CheckName
  readonly severity: Severity
  readonly count: number
  readonly firstMs: number
  readonly lastMs: number
}

/** Keeps findings: the first of them, errors and notes apart, and the number of all. */
export class Findings {
  readonly #kept: Record<Severity, VerifyFinding[]> = { error: [], note: [] }
  readonly #counts = new Map<string, FindingCount>()
  /** Errors that were repaired, those that are not kept too. */
  #repaired = 0

  add(finding: VerifyFinding): void {
    const alike = this.#count(finding, 1)
    if (finding.repaired && finding.severity === 'error') this.#repaired += 1
    const kept = this.#kept[finding.severity]
    const hasRoom =
      finding.severity === 'error'
        ? kept.length < MOST_ERRORS
        : kept.length < MOST_NOTES && alike <= MOST_NOTES_ALIKE
    if (hasRoom) kept.push(finding)
  }

  /** Whether the same row is kept with the same words already. */
  knows({ check, severity, span, stored, series }: VerifyFinding): boolean {
    const key = seriesKey(series)
    return this.#kept[severity].some(
      (one) =>
        one.check === check &&
        one.span.startMs === span.startMs &&
        one.stored === stored &&
        seriesKey(one.series) === key,
    )
  }

  /** What is kept: errors first, each in the order in which it was found. */
  kept(): readonly VerifyFinding[] {
    return [...this.#kept.error, ...this.#kept.note]
  }

  /** How much was found, by series and check, in the order of finding. */
  counts(): readonly FindingCount[] {
    return [...this.#counts.values()].filter(({ count }) => count > 0)
  }

  total(severity: Severity): number {
    return this.counts().reduce((sum, one) => sum + (one.severity === severity ? one.count : 0), 0)
  }

  /** Errors that nothing was done about. */
  get unrepaired(): number {
    return this.total('error') - this.#repaired
  }

  /** Kept errors for which `judge` has something else now: repaired, or a note. */
  revise(judge: (finding: VerifyFinding) => VerifyFinding): void {
    const before = this.#kept.error
    this.#kept.error = []
    for (const finding of before) {
      const revised = judge(finding)
      if (revised.repaired && !finding.repaired) this.#repaired += 1
      if (revised.severity === 'error') {
        this.#kept.error.push(revised)
        continue
      }
      this.#count(finding, -1)
      this.add(revised)
    }
  }

  /** Counts a finding, or takes it back; how many there are of its kind. */
  #count({ series, check, severity, span }: VerifyFinding, by: 1 | -1): number {
    const key = `${seriesKey(series)} ${check} ${severity}`
    const at = span.startMs
    const known = this.#counts.get(key) ?? { series, check, severity, count: 0, firstMs: at, lastMs: at }
    const firstMs = Math.min(known.firstMs, at)
    const lastMs = Math.max(known.lastMs, at)
    this.#counts.set(key, { ...known, count: known.count + by, firstMs, lastMs })
    return known.count + by
  }
}

/** Whether two findings are about the same: the same check of the same series, and times in common. */
export function sameMatter(a: VerifyFinding, b: VerifyFinding): boolean {
  const same = a.check === b.check && seriesKey(a.series) === seriesKey(b.series)
  return same && meet([a.span], [b.span]).length > 0
}
