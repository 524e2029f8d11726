// How far a scan of the stored series is: in a terminal one line that is redrawn, in a pipe a log line now
// and then.
import type { Clock } from '../core/retry.ts'
import type { Log } from './log.ts'
import { every, LOG_MS, type Progress, TICK_MS, thousands } from './progress.ts'
import type { Terminal } from './terminal.ts'

/** Follows scans by their events, until it is stopped. */
export function startScanProgress(terminal: Terminal, log: Log, clock: Clock): Progress {
  let [total, done, loggedMs] = [0, 0, 0]
  let ticking: (() => void) | null = null
  const stop = (): void => {
    if (!ticking) return
    ticking()
    ticking = null
    terminal.status('')
  }
  const tick = (): void => {
    if (terminal.isTerminal) terminal.status(`${thousands(done)}/${thousands(total)} series looked through`)
    else if (clock.monotonicMs() - loggedMs >= LOG_MS) {
      loggedMs = clock.monotonicMs()
      log.info('under way', { series_done: done, series_total: total })
    }
  }
  const tell: Progress['tell'] = (event) => {
    if (event.type === 'scan-started') {
      stop()
      total = event.series
      done = 0
      loggedMs = clock.monotonicMs()
      if (total > 0) ticking = every(clock, TICK_MS, tick)
    } else if (event.type === 'series-scanned') done += 1
    else if (event.type === 'scan-ended') stop()
  }
  return { tell, stop }
}
