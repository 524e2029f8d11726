// Everything that listens to events, started and stopped together.
import type { LogLevel, Tell } from '../core/events.ts'
import { type Trace, untraced } from '../core/trace.ts'
import { errorLine } from '../errors.ts'
import type { World } from '../world.ts'
import { startLog } from './log.ts'
import { startProgress } from './progress.ts'
import { startScanProgress } from './scan-progress.ts'
import { logEvent, logFailure } from './story.ts'
import { Terminal } from './terminal.ts'
import { startTelemetry, type Telemetry } from './tracing.ts'

export type Observers = {
  readonly tell: Tell
  /** Has every event told to `listener` too, from now on. */
  listen(listener: Tell): void
  setLevel(level: LogLevel): void
  /** The error that ended the program. */
  failed(error: unknown): void
  readonly trace: Trace
  /** The world with requests that say which piece of work they are a part of, where that is followed. */
  readonly world: World
  /** Stops the progress line; resolves when everything is written, and sent where somebody collects it. */
  stop(): Promise<void>
}

export type ObserverOptions = {
  readonly command: string
  readonly level: LogLevel
  /** Null: pretty in a terminal, else json. */
  readonly format: 'pretty' | 'json' | null
  /** Whether the command stays up. */
  readonly isServing: boolean
  /** Whether metrics have the symbol as a label. */
  readonly perSymbol: boolean
}

/** Log, progress and telemetry for a run of a command. */
export async function startObservers(world: World, options: ObserverOptions): Promise<Observers> {
  const { command, level, format: asked, isServing, perSymbol } = options
  const terminal = new Terminal(world.stderr)
  const format = asked ?? (world.stderr.isTerminal ? 'pretty' : 'json')
  let telemetry: Telemetry | null = null
  const log = startLog(terminal, {
    level,
    format,
    logger: `petrosa.${command}`,
    nowMs: world.nowMs,
    place: () => telemetry?.ids() ?? null,
    also: (...line) => telemetry?.log(...line),
  })
  const logged: Tell = (event) => logEvent(log, event)
  telemetry = await startTelemetry(world, { command, isServing, perSymbol, tell: logged })
  const progresses = [startProgress(terminal, log, world), startScanProgress(terminal, log, world)]
  const listeners: Tell[] = [logged, ...progresses.map(({ tell }) => tell)]
  if (telemetry) listeners.push(telemetry.tell)
  return {
    tell: (event) => {
      for (const listener of listeners) listener(event)
    },
    listen: (listener) => void listeners.push(listener),
    setLevel: log.setLevel,
    failed: (error) => logFailure(log, errorLine(error), error),
    trace: telemetry?.trace ?? untraced,
    world: telemetry ? askingWith(world, telemetry.headers) : world,
    async stop() {
      for (const progress of progresses) progress.stop()
      await telemetry?.stop()
      await terminal.flushed()
    },
  }
}

/** `world`, with the headers of the piece of work that asks added to every request. */
function askingWith(world: World, headers: Telemetry['headers']): World {
  return {
    ...world,
    fetch: (url, init) => world.fetch(url, { ...init, headers: { ...plainHeaders(init), ...headers() } }),
  }
}

/** Headers as an object; they nearly always are one. */
function plainHeaders({ headers = {} }: BunFetchRequestInit = {}): object {
  const isPlain = Object.getPrototypeOf(headers) === Object.prototype
  return isPlain ? headers : Object.fromEntries(new Headers(headers).entries())
}
