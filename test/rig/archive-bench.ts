// A market with archives for tests of the compiled program, small enough that a run takes a second: some days
// around the change to microseconds, on a morning when yesterday's files are not there yet.
import { isoTime, type Span } from '../../src/core/span.ts'
import { NO_LIMITS } from './bench.ts'
import type { Expectation } from './compare-store.ts'
import type { ProcessOptions } from './exchange-process.ts'
import type { Run } from './run-petrosa.ts'
import { type SpawnedExchange, spawnExchange } from './spawn-exchange.ts'
import type { SymbolSpec } from './symbol-spec.ts'

/** An hour before the files of the ninth are published, half a minute past. */
export const ARCHIVED_NOW_MS = Date.parse('2025-01-10T08:00:30Z')
/** Fifteen days over the turn of the year: those of December are in milliseconds. */
export const archivedDays: Span = {
  startMs: Date.parse('2024-12-26T00:00Z'),
  endMs: Date.parse('2025-01-10T00:00Z'),
}

/** An exchange with these symbols at that time. */
export function archivedExchange(
  symbols: readonly SymbolSpec[],
  options: Partial<ProcessOptions> = {},
): Promise<SpawnedExchange> {
  return spawnExchange({ symbols, clock: { manualMs: ARCHIVED_NOW_MS }, limits: NO_LIMITS, ...options })
}

/** The flags that ask for the minutes of symbols in a span. */
export const minutesOf = (symbols: readonly string[], span: Span = archivedDays): string[] => [
  ...['--symbols', symbols.join(), '--period', '1m'],
  ...['--start', isoTime(span.startMs), '--end', isoTime(span.endMs)],
]

/** What is stored of symbols once their minutes in spans were fetched. */
export const minutesStored = (
  specs: readonly SymbolSpec[],
  spans: readonly Span[] = [archivedDays],
): Expectation[] => specs.map((spec) => ({ spec, period: '1m', spans, closedBeforeMs: ARCHIVED_NOW_MS }))

/** What a run's log warns of. */
export const warnings = (run: Run): string[] =>
  run.log.filter(({ level }) => level === 'WARNING').map(({ message }) => message)
