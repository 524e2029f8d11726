// What of the events stands in the log, in words: a pass's first line says what begins, its last what came of
// it.
import type { PetrosaEvent, Summary } from '../core/events.ts'
import { seriesKey } from '../core/series.ts'
import { isoTime, spanText } from '../core/span.ts'
import { errorLine, exitCodes, PetrosaError } from '../errors.ts'
import type { Log } from './log.ts'

/** More symbols than this are counted, not listed. */
const MOST_NAMED = 10

/** Writes an event into the log, at the level that it deserves. */
export function logEvent(log: Log, event: PetrosaEvent): void {
  switch (event.type) {
    case 'pass-started':
      logBeginning(log, event)
      return
    case 'pass-planned':
      log.info(event.seriesToDo === 0 ? 'nothing to fetch' : 'planned', {
        series: event.seriesToDo,
        rows: event.rowsToDo,
        requests: event.requestsToDo,
      })
      return
    case 'scan-started':
      log.info('looking for gaps', { series: event.series })
      return
    case 'series-scanned':
      log.debug('looked through', { series: seriesKey(event.series), open_gaps: event.openGaps })
      return
    case 'page-fetched':
      log.debug('page fetched', {
        series: seriesKey(event.series),
        span: spanText(event.span),
        rows: event.rows,
      })
      return
    case 'rows-checked':
      log.debug('rows checked', { series: seriesKey(event.series), rows: event.rows })
      return
    case 'page-retried':
      logRetry(log, event)
      return
    case 'batch-written':
      logWrite(log, event)
      return
    case 'hole-settled':
      logHole(log, event)
      return
    case 'span-unsettled': {
      const { series, span, reason } = event.unsettled
      log.warning('not settled', { series: seriesKey(series), span: spanText(span), reason })
      return
    }
    case 'series-done':
      log.debug('series done', { series: seriesKey(event.series), rows: event.rows })
      return
    case 'exchange-paused':
      log.warning(event.reason, { host: event.host, until: isoTime(event.untilMs) })
      return
    case 'warning':
      log.warning(event.message, event.fields)
      return
    case 'note':
      log.info(event.message, event.fields)
      return
    case 'defect':
      logDefect(log, event)
      return
    case 'pass-ended':
    case 'pass-failed':
      logSummary(log, event.summary)
      return
    case 'scan-ended':
    case 'weight':
    case 'request':
    case 'pass-due':
    case 'store-read':
    case 'archive-taken':
    case 'failure':
    case 'series-filled':
    case 'series-surveyed':
    case 'series-followed':
    case 'pass-served':
    case 'series-left':
      return
  }
}

type Told<T extends PetrosaEvent['type']> = Extract<PetrosaEvent, { type: T }>

function logBeginning(log: Log, { command, series, startMs }: Told<'pass-started'>): void {
  const symbols = [...new Set(series.map((one) => one.symbol))]
  const periods = [...new Set(series.map((one) => one.period ?? ''))].join(',')
  log.info(`${command} begins`, {
    symbols: symbols.length > MOST_NAMED ? symbols.length : symbols,
    period: periods,
    start_date: startMs === null ? 'goes on from what is stored' : isoTime(startMs),
  })
}

function logHole(log: Log, { series, row }: Told<'hole-settled'>): void {
  const fields = { series: seriesKey(series), span: spanText(row), reason: row.reason }
  log.debug(`no candles: ${row.verdict}`, fields)
}

function logRetry(log: Log, { host, attempt, pauseMs, reason }: Told<'page-retried'>): void {
  log.debug('asking again', { host, attempt, pause_ms: Math.round(pauseMs), reason })
}

function logWrite(log: Log, { rows, written, changed, durationMs }: Told<'batch-written'>): void {
  log.debug('written', { rows, new: written, changed, duration_ms: Math.round(durationMs) })
}

/** That of a pass is an error in its summary; one that a request met would be in the log nowhere else. */
function logDefect(log: Log, { error, met }: Told<'defect'>): void {
  if (met !== undefined) log.error(errorLine(error), { met_by: met })
  log.debug('defect', { stack: error instanceof Error ? error.stack : String(error) })
}

function logSummary(log: Log, summary: Summary): void {
  // That it was told to stop is nobody's fault.
  const isStopped = summary.exitCode === exitCodes.interrupted || summary.exitCode === exitCodes.terminated
  for (const error of summary.errors) log[isStopped ? 'warning' : 'error'](error)
  const fields = {
    series: summary.series,
    rows_fetched: summary.rowsFetched,
    rows_written: summary.rowsWritten,
    rows_changed: summary.rowsChanged,
    requests: summary.requests,
    weight: summary.weight,
    archives: summary.archives,
    unsettled: summary.unsettled.length,
    duration_seconds: Math.round(summary.durationMs) / 1_000,
    exit_code: summary.exitCode,
  }
  if (summary.exitCode === exitCodes.done) log.info(`${summary.command} done`, fields)
  else log.warning(`${summary.command} ${endings[summary.exitCode] ?? 'failed'}`, fields)
}

/** How a pass that is not done ended, by its exit code. */
const endings: Readonly<Record<number, string>> = {
  [exitCodes.open]: 'done, with something open',
  [exitCodes.unavailable]: 'ended early',
  [exitCodes.interrupted]: 'was interrupted',
  [exitCodes.terminated]: 'was interrupted',
}

/** An error that ended the program, as its last word in the log. */
export function logFailure(log: Log, line: string, error: unknown): void {
  log.error(line)
  if (!(error instanceof PetrosaError) && error instanceof Error) log.debug('defect', { stack: error.stack })
}
