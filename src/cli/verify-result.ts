// The result of verify: for scripts every finding that was kept; for people the errors one by one, then the
// notes counted by series and check.
import type { Summary } from '../core/events.ts'
import { seriesKey } from '../core/series.ts'
import { isoTime } from '../core/span.ts'
import type { FindingCount, VerifyFinding } from '../core/verification/findings.ts'
import type { VerifyOutcome } from '../core/verification/verify-run.ts'
import type { ExitCode } from '../errors.ts'
import { counted, thousands } from '../observe/progress.ts'
import { cutToWidth, wrapToWidth } from '../observe/terminal.ts'
import type { CommandResult } from './command.ts'
import { nothingText } from './stored-series.ts'
import { minuteText, textTable } from './text-table.ts'

/** What --archives came to: how many were compared. */
export type ArchiveLook = { readonly checked: number }

export type Verified = {
  readonly summary: Summary
  readonly outcome: VerifyOutcome
  readonly sample: { readonly share: number; readonly seed: number } | null
  /** Null where archives were not asked for. */
  readonly archives: ArchiveLook | null
  readonly repair: boolean
  /** Whether the store holds nothing at all. */
  readonly isEmpty: boolean
}

/** More errors than this are counted, not listed; --json has those that were kept. */
const MOST_LISTED = 20

/** Lines of notes by series; where there were more they are told by check alone. */
const MOST_NOTED = 15

/** Width that texts are broken to. */
const COLUMNS = 80
const INDENT = 2

/** The result of the command. */
export function verifyResult(verified: Verified): CommandResult {
  const { archives, outcome, sample, summary } = verified
  const { asked, findings, rowsChecked } = outcome
  const kept = inOrder(findings.kept())
  const [errors, notes] = [findings.total('error'), findings.total('note')]
  const fields = {
    rows_checked: rowsChecked,
    findings: kept.map(findingJson),
    error_findings: errors,
    note_findings: notes,
    findings_left_out: errors + notes - kept.length,
    sample: sample && { share: sample.share, seed: sample.seed },
    pages_compared: asked.pages,
    rows_compared: asked.rows,
    archives_checked: archives?.checked ?? null,
  }
  return { summary, fields, text: verifyText(verified, kept), exitCode: summary.exitCode as ExitCode }
}

const severities = { error: 0, note: 1 } as const

/** Errors first, then by series and time. */
function inOrder(kept: readonly VerifyFinding[]): VerifyFinding[] {
  const key = (one: VerifyFinding): string => seriesKey(one.series)
  return [...kept].sort(
    (a, b) =>
      severities[a.severity] - severities[b.severity] ||
      (key(a) < key(b) ? -1 : Number(key(a) > key(b))) ||
      a.span.startMs - b.span.startMs,
  )
}

function findingJson(finding: VerifyFinding): Record<string, unknown> {
  const { check, expected, repaired, series, severity, span, stored } = finding
  return {
    series: seriesKey(series),
    time: isoTime(span.startMs),
    check,
    severity,
    stored,
    expected,
    repaired,
  }
}

function verifyText(verified: Verified, kept: readonly VerifyFinding[]): string {
  const { outcome, summary } = verified
  if (summary.series === 0) return nothingText(verified.isEmpty)
  const { findings } = outcome
  const errors = findings.total('error')
  const repaired = errors - findings.unrepaired
  const listed = kept.filter(({ severity }) => severity === 'error').slice(0, MOST_LISTED)
  const head =
    `verify: ${thousands(summary.series)} series, ${counted(outcome.rowsChecked, 'row')} checked: ` +
    `${counted(errors, 'error')}${repaired > 0 ? ` (${thousands(repaired)} repaired)` : ''}, ` +
    `${counted(findings.total('note'), 'note')}`
  const lines = [
    ...wrapToWidth(head, COLUMNS, INDENT),
    ...askedLines(verified),
    ...listed.flatMap(errorLines),
    ...(errors > listed.length
      ? [`${thousands(errors - listed.length)} more errors; --json lists them`]
      : []),
    ...notesLines(findings.counts()),
    ...summary.unsettled
      .slice(0, MOST_LISTED)
      .flatMap(({ series, span, reason }) =>
        wrapToWidth(
          `not compared: ${seriesKey(series)} ${isoTime(span.startMs)} … ${reason}`,
          COLUMNS,
          INDENT,
        ),
      ),
    ...adviceLines(verified),
  ]
  return `${lines.join('\n')}\n`
}

function askedLines({ archives, outcome, repair, sample, summary }: Verified): string[] {
  const { asked } = outcome
  const lines: string[] = []
  if (sample) {
    const share = Number((sample.share * 100).toPrecision(12))
    lines.push(`a sample of ${share}% was compared with the exchange (--seed ${sample.seed})`)
  }
  if (sample || repair) {
    lines.push(
      `${counted(asked.pages, 'page')} fetched again, ${counted(asked.rows, 'row')}, ` +
        `weight ${thousands(summary.weight)}`,
    )
  }
  if (repair) lines.push(`${counted(asked.written, 'row')} inserted, ${thousands(asked.changed)} replaced`)
  if (archives) lines.push(`${counted(archives.checked, 'archive')} compared by checksum`)
  return lines.flatMap((line) => wrapToWidth(line, COLUMNS, INDENT))
}

function errorLines({ check, expected, repaired, series, span, stored }: VerifyFinding): string[] {
  const time = minuteText(isoTime(span.startMs))
  const lines = [`error ${check}: ${seriesKey(series)} ${time}${repaired ? ' (repaired)' : ''}`]
  lines.push(`${' '.repeat(INDENT)}stored: ${stored ?? 'nothing'}`)
  lines.push(`${' '.repeat(INDENT)}expected: ${expected ?? 'nothing: the exchange has no such row'}`)
  return lines.flatMap((line) => wrapToWidth(line, COLUMNS, 2 * INDENT))
}

/** Notes by series and check; by check alone where that would be a long list. */
function notesLines(counts: readonly FindingCount[]): string[] {
  const notes = counts.filter(({ severity }) => severity === 'note')
  if (notes.length === 0) return []
  const checks = [...new Set(notes.map(({ check }) => check))]
  const rows =
    notes.length <= MOST_NOTED
      ? notes.map((one) => noteRow([one], seriesKey(one.series)))
      : checks.map((check) => {
          const alike = notes.filter((one) => one.check === check)
          return noteRow(
            alike,
            alike.length === 1 ? seriesOfFirst(alike) : `${thousands(alike.length)} series`,
          )
        })
  const table = textTable(['notes', 'found', 'first', 'series'], rows).trimEnd().split('\n')
  return table.map((line) => cutToWidth(line, COLUMNS))
}

const seriesOfFirst = ([first]: readonly FindingCount[]): string => (first ? seriesKey(first.series) : '')

function noteRow(alike: readonly FindingCount[], series: string): string[] {
  const count = alike.reduce((sum, one) => sum + one.count, 0)
  const firstMs = Math.min(...alike.map((one) => one.firstMs))
  return [alike[0]?.check ?? '', thousands(count), isoTime(firstMs).slice(0, 10), series]
}

function adviceLines({ outcome, repair, summary }: Verified): string[] {
  const { findings } = outcome
  if (findings.unrepaired === 0 && summary.unsettled.length === 0)
    return findings.total('error') === 0 ? ['no errors'] : ['every error is repaired']
  const lines: string[] = []
  if (findings.unrepaired > 0 && !repair)
    lines.push('--repair asks the exchange about these errors, and takes its rows')
  if (findings.unrepaired > 0 && repair)
    lines.push('what only the store has is never deleted; look at it, and at the errors that are left')
  if (summary.unsettled.length > 0) lines.push('what was not compared may be asked for again')
  return lines
}
