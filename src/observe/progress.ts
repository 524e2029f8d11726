// How far a pass is: in a terminal one line that is redrawn, in a pipe a log line now and then.
import type { PetrosaEvent } from '../core/events.ts'
import type { Clock } from '../core/retry.ts'
import type { Log } from './log.ts'
import type { Terminal } from './terminal.ts'

/** The terminal is redrawn at most so often, and so often also without news; the log gets a line so often. */
const REDRAW_MS = 100
export const TICK_MS = 500
export const LOG_MS = 10_000

export type Progress = { readonly tell: (event: PetrosaEvent) => void; readonly stop: () => void }

/** Follows a pass by its events, until it is stopped. */
export function startProgress(terminal: Terminal, log: Log, clock: Clock): Progress {
  const { monotonicMs, nowMs } = clock
  let startedMs = monotonicMs()
  let drawnMs = 0
  let loggedMs = startedMs
  let [seriesToDo, seriesDone, rowsToDo, rows] = [0, 0, 0, 0]
  const weights = new Map<string, { used: number; limit: number }>()
  let pausedUntilMs = 0
  /** Passes that run: several, where several jobs are served. */
  let running = 0

  const facts = (): { rate: number; leftSeconds: number | null } => {
    const seconds = (monotonicMs() - startedMs) / 1_000
    const rate = seconds > 0 ? rows / seconds : 0
    return { rate, leftSeconds: rate > 0 && rowsToDo > rows ? (rowsToDo - rows) / rate : null }
  }
  const draw = (): void => {
    const { rate, leftSeconds } = facts()
    const weight = [...weights.values()].map(({ used, limit }) => `${used}/${limit}`).join(' ')
    const paused = pausedUntilMs > nowMs() ? `paused ${Math.ceil((pausedUntilMs - nowMs()) / 1_000)} s` : ''
    const parts = [
      `${seriesDone}/${seriesToDo} series`,
      `${thousands(rows)} rows`,
      `${thousands(Math.round(rate))} rows/s`,
      weight ? `weight ${weight}` : '',
      paused || (leftSeconds === null ? '' : `${duration(leftSeconds)} left`),
    ]
    terminal.status(parts.filter((part) => part !== '').join(' · '))
  }
  const say = (): void => {
    const { rate, leftSeconds } = facts()
    log.info('under way', {
      series_done: seriesDone,
      series_total: seriesToDo,
      rows,
      rows_per_second: Math.round(rate),
      weight_used: Object.fromEntries(
        [...weights].map(([host, { used, limit }]) => [host, `${used}/${limit}`]),
      ),
      seconds_left: leftSeconds === null ? null : Math.round(leftSeconds),
    })
  }
  const tick = (): void => {
    if (terminal.isTerminal) draw()
    else if (monotonicMs() - loggedMs >= LOG_MS) {
      loggedMs = monotonicMs()
      say()
    }
  }
  let ticking: (() => void) | null = null
  const begin = (): void => {
    startedMs = monotonicMs()
    loggedMs = startedMs
    seriesToDo = seriesDone = rowsToDo = rows = 0
    stop()
  }
  const stop = (): void => {
    ticking?.()
    ticking = null
    terminal.status('')
  }

  const tell = (event: PetrosaEvent): void => {
    if (event.type === 'pass-planned') {
      if (running === 0) begin()
      running += 1
      seriesToDo += event.seriesToDo
      rowsToDo += event.rowsToDo
      if (seriesToDo > 0) ticking ??= every(clock, TICK_MS, tick)
    } else if (event.type === 'page-fetched' || event.type === 'rows-checked') rows += event.rows
    else if (event.type === 'series-done') seriesDone += 1
    else if (event.type === 'weight') weights.set(event.host, event)
    else if (event.type === 'exchange-paused') pausedUntilMs = event.untilMs
    else if (event.type === 'pass-ended') {
      running -= 1
      if (running === 0) stop()
    }
    if (ticking && terminal.isTerminal && monotonicMs() - drawnMs >= REDRAW_MS) {
      drawnMs = monotonicMs()
      draw()
    }
  }
  return { tell, stop }
}

/** Calls `work` every `ms` by the clock, until what it gives back is called. */
export function every(clock: Clock, ms: number, work: () => void): () => void {
  const stopped = new AbortController()
  const loop = async (): Promise<void> => {
    await clock.wait(ms, stopped.signal)
    // A clock may let a pause run to its end although it is stopped.
    while (!stopped.signal.aborted) {
      work()
      await clock.wait(ms, stopped.signal)
    }
  }
  loop().catch(() => undefined)
  return () => stopped.abort()
}

/** 1234567 as 1,234,567. */
export function thousands(value: number): string {
  return value.toLocaleString('en-US')
}

/** `1 row`, `2,880 rows`: a number with its noun. */
export function counted(value: number, noun: string): string {
  return `${thousands(value)} ${noun}${value === 1 ? '' : 's'}`
}

/** Seconds as people say them: 45 s, 3 min, 2 h 5 min. */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
