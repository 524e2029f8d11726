// What a command gets and gives back, and how its result leaves the program: one line of JSON, or text for
// people.
import type { ArchiveReach } from '../core/archive-reach.ts'
import type { LogLevel, Summary, Tell, Unsettled } from '../core/events.ts'
import { seriesKey } from '../core/series.ts'
import { isoTime } from '../core/span.ts'
import type { Trace } from '../core/trace.ts'
import type { ExitCode } from '../errors.ts'
import type { ResolvedRun } from '../settings/resolve.ts'
import type { SettingName, Settings } from '../settings/table.ts'
import type { World } from '../world.ts'

export type CommandContext = ResolvedRun & {
  readonly world: World
  readonly command: string
  readonly startedAtMs: number
  readonly startedMs: number
  readonly tell: Tell
  /** Follows a piece of work. */
  readonly trace: Trace
  /** Has every event told to `listener` too. */
  readonly listen: (listener: Tell) => void
  /** The settings as they are now: --config and the files of variables are read again. Throws UserError. */
  readonly resolveAgain: () => Promise<ResolvedRun>
  readonly setLogLevel: (level: LogLevel) => void
  /** What is known of the archives, where several passes share it. */
  readonly archiveReach?: ArchiveReach
}

/** Requests, their weight and archives that a command spent. */
export type Spent = { readonly requests: number; readonly weight: number; readonly archives: number }

/** What a command found: what its JSON adds to the common fields, the text for people, and how it ends. */
export type CommandResult = {
  readonly summary?: Summary
  readonly fields?: Readonly<Record<string, unknown>>
  readonly errors?: readonly string[]
  /** What it asked of the exchange, where no summary says it. */
  readonly spent?: Spent
  readonly text: string
  readonly exitCode: ExitCode
}

export type CommandRun = (context: CommandContext) => Promise<CommandResult>

/**
 * A setting that the command has and that has a default or was given. A missing one is a defect of the
 * command's list.
 */
export function need<K extends SettingName>(settings: Settings, name: K): NonNullable<Settings[K]> {
  const value = settings[name]
  if (value === null || value === undefined) throw new Error(`the command has no setting ${name}`)
  return value
}

/** The common fields of every result (interface.md, section 4), then what the command adds. */
export function resultJson(context: CommandContext, result: Omit<CommandResult, 'text'>): string {
  const { command, startedAtMs, startedMs, world } = context
  const durationMs = world.monotonicMs() - startedMs
  const common = summaryJson({ command, startedAtMs, durationMs }, result.summary, result.errors)
  return JSON.stringify({ ...common, ...(result.summary ? {} : result.spent), ...result.fields })
}

/** What stands in every result of a run; nothing was done where there is no summary. */
export function summaryJson(
  { command, startedAtMs, durationMs }: Pick<Summary, 'command' | 'startedAtMs' | 'durationMs'>,
  summary?: Summary,
  errors: readonly string[] = [],
): Readonly<Record<string, unknown>> {
  return {
    command,
    started_at: isoTime(startedAtMs),
    duration_seconds: Math.round(durationMs) / 1_000,
    series: summary?.series ?? 0,
    rows_fetched: summary?.rowsFetched ?? 0,
    rows_written: summary?.rowsWritten ?? 0,
    rows_changed: summary?.rowsChanged ?? 0,
    gaps_found: summary?.gapsFound ?? 0,
    gaps_filled: summary?.gapsFilled ?? 0,
    requests: summary?.requests ?? 0,
    weight: summary?.weight ?? 0,
    archives: summary?.archives ?? 0,
    unsettled: (summary?.unsettled ?? []).map(unsettledJson),
    errors: [...(summary?.errors ?? []), ...errors],
  }
}

function unsettledJson({ series, span, reason }: Unsettled): Record<string, string> {
  return { series: seriesKey(series), start: isoTime(span.startMs), end: isoTime(span.endMs), reason }
}
