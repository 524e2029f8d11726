// Gaps for people: a table with the open ones first, a timeline of each series for up to a
// screen of them, and a last line that says what to do.
import type { Summary } from '../core/events.ts'
import { isOpen, openRows } from '../core/gap.ts'
import { seriesKey } from '../core/series.ts'
import { isoTime, type Span, spanText } from '../core/span.ts'
import { counted, thousands } from '../observe/progress.ts'
import type { SeriesOutcome } from './gap-pass.ts'
import { type ListedGap, listedGaps } from './gaps-json.ts'
import { nothingText } from './stored-series.ts'
import { endOf, minuteText, namedTable, textTable, wrapped } from './text-table.ts'
import { timeline } from './timeline.ts'

/** More gaps, series and reasons than these are counted, not shown; --json has all. */
const MOST_GAPS = 20
const MOST_TIMELINES = 10
const MOST_REASONS = 5
/** Cells of a timeline, and the columns of its two dates. */
const CELLS = 30
const DATES = 23

export type GapsReport = {
  readonly outcomes: readonly SeriesOutcome[]
  readonly summary: Summary
  /** Whether the exchange was asked. */
  readonly asked: boolean
  /** Whether the store holds nothing at all. */
  readonly isEmpty: boolean
  /** Columns that its tables may have. */
  readonly columns: number
}

/** The whole text of the command. */
export function gapsText(report: GapsReport): string {
  const { outcomes, summary } = report
  if (outcomes.length === 0) return nothingText(report.isEmpty)
  const gaps = listedGaps(outcomes)
  const tables = [gapTable(gaps, report.columns), timelines(outcomes, report.columns)]
  const parts = [...tables, reasonsText(summary), wrapped(lastLine(report, gaps))]
  return parts.filter((part) => part !== '').join('\n')
}

function gapTable(gaps: readonly ListedGap[], columns: number): string {
  if (gaps.length === 0) return ''
  const shown = gaps.slice(0, MOST_GAPS)
  const rows = shown.map((gap) => [
    minuteText(isoTime(gap.span.startMs)),
    minuteText(isoTime(gap.span.endMs)),
    gap.rowsMissing === 0 ? '?' : thousands(gap.rowsMissing),
    gap.filled ? 'filled' : gap.verdict,
  ])
  const names = shown.map(({ series }) => seriesKey(series))
  const lines = namedTable(['series', 'from (UTC)', 'to', 'rows', 'verdict'], names, rows, columns)
    .trimEnd()
    .split('\n')
  const withIds = lines.flatMap((line, i) => {
    const ids = shown[i - 1]?.ids
    return ids ? [line, `  ids ${ids.firstId} to ${ids.lastId}`] : [line]
  })
  const more = gaps.length - shown.length
  if (more > 0) withIds.push(`${counted(more, 'more gap')}; --json lists all`)
  return `${withIds.join('\n')}\n`
}

/** The timelines of the series with gaps first. */
function timelines(outcomes: readonly SeriesOutcome[], columns: number): string {
  const left = ({ gaps }: SeriesOutcome): number => gaps.filter((gap) => !gap.filled).length
  const open = ({ gaps }: SeriesOutcome): number => gaps.filter((gap) => isOpen(gap) && !gap.filled).length
  const known = outcomes.flatMap((outcome) => {
    const { span } = outcome.scanned
    return span ? [{ outcome, span }] : []
  })
  const ranked = known.toSorted(
    (a, b) => open(b.outcome) - open(a.outcome) || left(b.outcome) - left(a.outcome),
  )
  const shown = ranked.slice(0, MOST_TIMELINES)
  const room = columns - CELLS - DATES - 4
  const rows = shown.map(({ outcome, span }) => {
    const gaps = outcome.gaps.filter((gap) => !gap.filled)
    return [endOf(seriesKey(outcome.series), room), timeline(span, gaps, CELLS), dates(span)]
  })
  const more = known.length - shown.length
  const note = more > 0 ? `${thousands(more)} more series\n` : ''
  return textTable(['series', '', ''], rows).split('\n').slice(1).join('\n') + note
}

const dates = (span: Span): string =>
  `${isoTime(span.startMs).slice(0, 10)} … ${isoTime(span.endMs).slice(0, 10)}`

/** Why something is still open, as far as the pass knows. */
export function reasonsText({ unsettled, errors }: Summary): string {
  const texts = unsettled.map((one) => `open: ${seriesKey(one.series)} ${spanText(one.span)}: ${one.reason}`)
  const more = texts.length - MOST_REASONS
  const lines = [...errors, ...texts.slice(0, MOST_REASONS)]
  if (more > 0) lines.push(`open: ${thousands(more)} more; --json lists all`)
  return wrapped(lines.map((line) => `${line}\n`).join(''))
}

function lastLine({ asked, outcomes, summary }: GapsReport, gaps: readonly ListedGap[]): string {
  const open = gaps.filter((gap) => isOpen(gap) && !gap.filled)
  const filled = outcomes.reduce((sum, one) => sum + one.filled, 0)
  const done = asked
    ? `${counted(filled, 'gap')} filled, ${counted(summary.rowsWritten, 'new row')}, ` +
      `${counted(summary.requests, 'request')}, weight ${thousands(summary.weight)}; `
    : ''
  if (open.length > 0) {
    const rows = openRows(open)
    const what = `${counted(open.length, 'gap')} open${rows > 0 ? `, ${counted(rows, 'row')} missing` : ''}`
    return asked
      ? `${done}${what}: ask again later with petrosa gaps --fill\n`
      : `${what}: petrosa gaps --fill fetches what can be fetched\n`
  }
  if (gaps.some((gap) => !gap.filled)) return `${done}no gap is open: nobody has rows for the others\n`
  return `${done}no gaps\n`
}
