// Everything that listens to events, started and stopped together.
import type { LogLevel, Tell } from '../core/events.ts'
import { errorLine } from '../errors.ts'
import type { World } from '../world.ts'
import { startLog } from './log.ts'
import { startProgress } from './progress.ts'
import { startScanProgress } from './scan-progress.ts'
import { logEvent, logFailure } from './story.ts'
import { Terminal } from './terminal.ts'

export type Observers = {
  readonly tell: Tell
  /** Has every event told to `listener` too, from now on. */
  listen(listener: Tell): void
  setLevel(level: LogLevel): void
  /** The error that ended the program. */
  failed(error: unknown): void
  /** Stops the progress line; resolves when everything is written. */
  stop(): Promise<void>
}

export type ObserverOptions = {
  readonly command: string
  readonly level: LogLevel
  /** Null: pretty in a terminal, else json. */
  readonly format: 'pretty' | 'json' | null
}

/** Log and progress for a run of a command. */
export function startObservers(world: World, { command, level, format: asked }: ObserverOptions): Observers {
  const terminal = new Terminal(world.stderr)
  const format = asked ?? (world.stderr.isTerminal ? 'pretty' : 'json')
  const log = startLog(terminal, { level, format, logger: `petrosa.${command}`, nowMs: world.nowMs })
  const progresses = [startProgress(terminal, log, world), startScanProgress(terminal, log, world)]
  const listeners: Tell[] = [(event) => logEvent(log, event), ...progresses.map(({ tell }) => tell)]
  return {
    tell: (event) => {
      for (const listener of listeners) listener(event)
    },
    listen: (listener) => void listeners.push(listener),
    setLevel: log.setLevel,
    failed: (error) => logFailure(log, errorLine(error), error),
    stop: () => {
      for (const progress of progresses) progress.stop()
      return terminal.flushed()
    },
  }
}
