// The result of a pass for people: one line of numbers, then what is open and what to do.
import type { Refreshed, Summary } from '../core/events.ts'
import { seriesKey } from '../core/series.ts'
import { spanText } from '../core/span.ts'
import type { ExitCode } from '../errors.ts'
import { counted, thousands } from '../observe/progress.ts'
import type { CommandResult } from './command.ts'

/** More open spans than this are counted, not listed; --json has them all. */
const MOST_LISTED = 20

/** A pass's summary as the result of its command; `isRefresh`: it took in what was published anew. */
export function passResult(summary: Summary, isRefresh = false): CommandResult {
  const { unsettled } = summary
  const seconds = (summary.durationMs / 1_000).toFixed(1)
  const lines = [
    `${summary.command}: ${thousands(summary.series)} series, ` +
      `${counted(summary.rowsFetched, 'row')} fetched ` +
      `(${thousands(summary.rowsWritten)} new, ${thousands(summary.rowsChanged)} changed)`,
    `${summary.archives > 0 ? `${counted(summary.archives, 'archive')}, ` : ''}` +
      `${counted(summary.requests, 'request')}, weight ${thousands(summary.weight)}, ${seconds} s`,
    ...(isRefresh ? refreshLines(summary.refreshed ?? []) : []),
    ...unsettled
      .slice(0, MOST_LISTED)
      .map((one) => `open: ${seriesKey(one.series)} ${spanText(one.span)}: ${one.reason}`),
    ...(unsettled.length > MOST_LISTED
      ? [`open: ${unsettled.length - MOST_LISTED} more; --json lists all`]
      : []),
    ...(unsettled.length > 0
      ? ['run the same command again, also without --start: what is open comes first']
      : []),
  ]
  const fields = isRefresh ? { fields: { refreshed: (summary.refreshed ?? []).map(refreshedJson) } } : {}
  return { summary, ...fields, text: `${lines.join('\n')}\n`, exitCode: summary.exitCode as ExitCode }
}

/** What came of --refresh for people: a line an archive, of so many. */
export function refreshLines(refreshed: readonly Refreshed[], most = MOST_LISTED): string[] {
  if (refreshed.length === 0) return ['no archive was published anew']
  const more = refreshed.length - most
  return [
    ...refreshed.slice(0, most).map(({ archive, rowsWritten, rowsChanged }) => {
      const name = archive.split('/').at(-1)
      return `published anew: ${name}: ${thousands(rowsWritten)} new, ${thousands(rowsChanged)} changed`
    }),
    ...(more > 0 ? [`published anew: ${more} more; --json lists all`] : []),
  ]
}

/** An archive that was published anew, as --json has it. */
export function refreshedJson({ series, archive, rowsWritten, rowsChanged }: Refreshed): object {
  return { series: seriesKey(series), archive, rows_written: rowsWritten, rows_changed: rowsChanged }
}
