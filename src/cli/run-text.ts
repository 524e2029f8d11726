// The report of petrosa run, for people: a line a job, then the gaps, then what is open or failed and what to
// do. It fits a screen of 80 columns and 24 lines, whatever was run.
import type { Summary, Unsettled } from '../core/events.ts'
import { seriesKey } from '../core/series.ts'
import { isoTime, meet, union } from '../core/span.ts'
import { exitCodes } from '../errors.ts'
import { counted, thousands } from '../observe/progress.ts'
import { cutToWidth, wrapToWidth } from '../observe/terminal.ts'
import type { ListedGap } from './gaps-json.ts'
import { refreshLines } from './pass-result.ts'
import type { Stage } from './run-outcome.ts'
import { COLUMNS, minuteText, roomBeside, textTable, wrapped } from './text-table.ts'

/** More of each than these are counted, not shown; --json has all. */
const MOST_JOBS = 7
const MOST_ERRORS = 2
const MOST_OPEN = 3
const MOST_REFRESHED = 3
/** Lines of one error: its advice stands at the end. */
const MOST_ERROR_LINES = 3
/** Columns of a job's name: the others need the rest. */
const NAME_COLUMNS = 44

export type RunReport = {
  readonly stages: readonly Stage[]
  /** The gaps that are open now. */
  readonly gaps: readonly ListedGap[]
  readonly summary: Summary
  /** Whether archives that were published anew were to be taken in again. */
  readonly isRefresh: boolean
}

/** The whole text of the command. */
export function runText(report: RunReport): string {
  const lines = [
    ...jobLines(report.stages),
    ...gapLines(report.summary),
    ...(report.isRefresh ? refreshLines(report.summary.refreshed ?? [], MOST_REFRESHED) : []),
    ...errorLines(report.summary),
    ...openLines(report),
    wrapped(lastLine(report)),
  ]
  return lines.map((line) => `${line}\n`).join('')
}

/** A line a job, those that need somebody first. */
function jobLines(stages: readonly Stage[]): string[] {
  const rank = ({ exitCode }: Stage): number =>
    exitCode === exitCodes.done ? 2 : exitCode === exitCodes.open ? 1 : 0
  const shown =
    stages.length > MOST_JOBS ? stages.toSorted((a, b) => rank(a) - rank(b)).slice(0, MOST_JOBS) : stages
  const rows = shown.map((stage) => [
    thousands(stage.result?.summary?.series ?? 0),
    thousands(stage.result?.summary?.rowsWritten ?? 0),
    thousands(stage.result?.summary?.rowsChanged ?? 0),
    ['failed', 'open', 'done'][rank(stage)] ?? '',
  ])
  const head = ['series', 'new', 'changed', '']
  const room = Math.min(NAME_COLUMNS, roomBeside(head, rows))
  const named = rows.map((row, i) => [cutToWidth(shown[i]?.job.name ?? '', room), ...row])
  const lines = textTable(['job', ...head], named)
    .trimEnd()
    .split('\n')
  const more = stages.length - shown.length
  return more > 0 ? [...lines, `${counted(more, 'more job')}; --json has all`] : lines
}

function gapLines({ gapsFound = 0, gapsFilled = 0 }: Summary): string[] {
  return gapsFound === 0 ? [] : [`gaps: ${thousands(gapsFound)} found open, ${thousands(gapsFilled)} filled`]
}

function errorLines({ errors }: Summary): string[] {
  const lines = errors
    .slice(0, MOST_ERRORS)
    .flatMap((error) => wrapToWidth(error, COLUMNS, 2).slice(0, MOST_ERROR_LINES))
  const more = errors.length - MOST_ERRORS
  return more > 0 ? [...lines, `${counted(more, 'more error')}; --json has all`] : lines
}

function openLines(report: RunReport): string[] {
  const texts = report.gaps.map(({ series, span, rowsMissing, verdict }) => {
    const rows = rowsMissing > 0 ? `${counted(rowsMissing, 'row')} ` : ''
    return `open: ${seriesKey(series)} ${minuteText(isoTime(span.startMs))} ${rows}${verdict}`
  })
  const others = besideGaps(report).map(
    ({ series, span, reason }) => `open: ${seriesKey(series)} ${minuteText(isoTime(span.startMs))} ${reason}`,
  )
  const all = [...texts, ...others]
  const lines = all.slice(0, MOST_OPEN).map((text) => cutToWidth(text, COLUMNS))
  const more = all.length - MOST_OPEN
  return more > 0 ? [...lines, `${counted(more, 'more open span')}; --json has all`] : lines
}

/** What could not be settled and is no part of a gap that is told. */
function besideGaps({ gaps, summary }: RunReport): Unsettled[] {
  const bySeries = Map.groupBy(gaps, ({ series }) => seriesKey(series))
  const told = new Map([...bySeries].map(([key, some]) => [key, union(some.map(({ span }) => span))]))
  return summary.unsettled.filter(
    ({ series, span }) => meet([span], told.get(seriesKey(series)) ?? []).length === 0,
  )
}

function lastLine(report: RunReport): string {
  const { gaps, stages, summary } = report
  const done =
    `${counted(summary.rowsWritten, 'new row')}, ${counted(summary.requests, 'request')}, ` +
    `weight ${thousands(summary.weight)}, ${(summary.durationMs / 1_000).toFixed(1)} s: `
  const failed = stages.filter(({ exitCode }) => exitCode !== exitCodes.done && exitCode !== exitCodes.open)
  if (summary.exitCode === exitCodes.done) return `${done}all is stored or settled`
  if (failed.length > 0) return `${done}${counted(failed.length, 'job')} failed`
  const open = gaps.length + besideGaps(report).length
  return open > 0 ? `${done}${counted(open, 'span')} open, run it again later` : `${done}not all was done`
}
